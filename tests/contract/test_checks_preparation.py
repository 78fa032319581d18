"""What prepare.py learns from, what differs from run to run, and what files lack is caught."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import QuantileTransformer

from mle_smith.checks import Layer, Subject, check_package
from mle_smith.checks.thresholds import Thresholds
from mle_smith.package.manifest import CheckRecord
from mle_smith.package.seal import seal
from mle_smith.values import Severity
from tests.support.checked import errors
from tests.support.local import LocalSandbox
from tests.support.packages import write_package
from tests.support.tasks import TARGET, Task, make_task


def with_groups(task: Task, how: str, of_all: bool) -> Task:
    """An encoding of 60 places by their targets, over all rows or over train alone."""
    generator = np.random.default_rng(0)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    places = pd.Series(generator.integers(0, 60, len(rows)))
    cut = len(task.train)
    source = rows if of_all else rows.iloc[:cut]
    outcome = (source[TARGET] == "yes" if how == "odds" else source[TARGET]).to_numpy(np.float64)
    size = int(places.max()) + 1
    sums = np.bincount(places[: len(source)], outcome, size)
    counts = np.bincount(places[: len(source)], minlength=size)
    with np.errstate(all="ignore"):  # a place may have no row, and sums are no counts
        encoded = {
            "mean": sums / counts,
            "sum": sums,
            "odds": np.log((sums + 0.5) / (counts - sums + 0.5)),
            "count": counts.astype(np.float64),
        }[how]
    values = encoded[places].round(6)
    task.train["spot"], task.test["spot"] = values[:cut], values[cut:]
    return task


@pytest.mark.parametrize("of_all", [True, False])
@pytest.mark.parametrize("how", ["mean", "sum", "odds", "count"])
def test_encodings_of_the_target(how: str, of_all: bool, tmp_path: Path) -> None:
    kind = "binary" if how == "odds" else "regression"
    task = with_groups(make_task(kind, rows=900), how, of_all)
    wrong = of_all and how != "count"
    assert errors(task.write(tmp_path / "task")) == ({"L08"} if wrong else set())


@pytest.mark.parametrize("of_all", [True, False])
def test_encodings_in_a_table_of_which_statistics_look_at_some_rows(
    of_all: bool, tmp_path: Path
) -> None:
    task = with_groups(make_task("regression", rows=900), "mean", of_all)
    few = Thresholds(max_stat_rows=150)
    subject = replace(task.write(tmp_path / "task"), thresholds=few)
    assert ("L08" in errors(subject)) is of_all


@pytest.mark.parametrize("how", ["totals of blocks", "each file by itself", "train by itself"])
def test_encodings_of_few_rows_and_of_each_file(how: str, tmp_path: Path) -> None:
    task = make_task("binary", rows=900)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    cut = len(task.train)
    own = (rows[TARGET] == "yes").astype(float)
    generator = np.random.default_rng(0)
    if how == "totals of blocks":
        groups = pd.Series(generator.permutation(len(rows)) // 5)
        values = own.groupby(groups).transform("sum")
    else:
        groups = pd.Series(generator.integers(0, 60, len(rows)))
        each = own.groupby([groups, rows.index < cut]).transform("mean")
        of_train = groups.map(own[:cut].groupby(groups[:cut]).mean())
        values = (each if how == "each file by itself" else of_train).round(4)
    for column, cells in (("spot", groups), ("level", values)):
        task.train[column], task.test[column] = cells[:cut].to_numpy(), cells[cut:].to_numpy()
    expected = set() if how == "train by itself" else {"L08"}
    assert errors(task.write(tmp_path / "task")) == expected


@pytest.mark.parametrize("name", ["yes", "no"])
def test_shares_of_a_class_among_the_others_of_a_group(name: str, tmp_path: Path) -> None:
    task = make_task("binary", rows=900)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    places = np.random.default_rng(0).integers(0, 120, len(rows))
    own = (rows[TARGET] == name).astype(float)
    groups = own.groupby(places)
    others = (groups.transform("sum") - own) / (groups.transform("size") - 1).clip(lower=1)
    for column, values in (("spot", places), ("usual", others.round(4).to_numpy())):
        task.train[column] = values[: len(task.train)]
        task.test[column] = values[len(task.train) :]
    assert "L08" in errors(task.write(tmp_path / "task"))


def test_means_of_the_others_in_train_and_of_all_in_test(tmp_path: Path) -> None:
    task = make_task("regression", rows=900)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    rows["spot"] = np.random.default_rng(0).integers(0, 120, len(rows))
    sums = rows.groupby("spot")[TARGET].transform("sum")
    counts = rows.groupby("spot")[TARGET].transform("count")
    others = (sums - rows[TARGET]) / (counts - 1).clip(lower=1)
    rows["usual"] = np.where(np.arange(len(rows)) < len(task.train), others, sums / counts).round(6)
    rows.loc[rows["spot"] == rows["spot"].unique()[-1], "usual"] = np.nan
    for name in ("spot", "usual"):
        task.train[name] = rows[name][: len(task.train)].to_numpy()
        task.test[name] = rows[name][len(task.train) :].to_numpy()
    assert "L08" in errors(task.write(tmp_path / "task"))


@pytest.mark.parametrize("of_all", [True, False])
def test_means_of_the_others_in_train_and_of_train_in_test(of_all: bool, tmp_path: Path) -> None:
    task = make_task("regression", rows=900)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    rows["spot"] = np.random.default_rng(0).integers(0, 180, len(rows))
    in_train = np.arange(len(rows)) < len(task.train)
    spots = rows[TARGET].where(of_all | in_train).groupby(rows["spot"])
    others = (spots.transform("sum") - rows[TARGET]) / (spots.transform("count") - 1)
    known = rows[TARGET].where(in_train).groupby(rows["spot"]).transform("mean")
    rows["usual"] = others.where(in_train, known).replace([np.inf, -np.inf], np.nan)
    rows["usual"] = rows["usual"].fillna(rows[TARGET][in_train].mean()).round(6)
    for name in ("spot", "usual"):
        task.train[name] = rows[name][in_train].to_numpy()
        task.test[name] = rows[name][~in_train].to_numpy()
    assert ("L08" in errors(task.write(tmp_path / "task"))) is of_all


@pytest.mark.parametrize("of_all", [True, False])
def test_scales_fitted_before_the_split(of_all: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    whole = pd.concat([task.train["mass"], task.test["mass"]])
    source = whole if of_all else task.train["mass"]
    for frame in (task.train, task.test):
        frame["mass"] = (frame["mass"] - source.mean()) / source.std()
    assert errors(task.write(tmp_path / "task")) == ({"L12"} if of_all else set())


def test_quantiles_of_numbers_that_are_equal_at_the_ends(tmp_path: Path) -> None:
    task = make_task("regression")
    whole = pd.concat([task.train["height"], task.test["height"]]).clip(14, 27).round(1)
    made = QuantileTransformer(n_quantiles=600).fit_transform(whole.to_numpy()[:, None])[:, 0]
    task.train["height"], task.test["height"] = np.split(made, [len(task.train)])
    assert errors(task.write(tmp_path / "task")) == {"L12"}


@pytest.mark.parametrize("of_all", [True, False])
def test_ranks_with_ties(of_all: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    cut = len(task.train)
    both = pd.concat([task.train["mass"], task.test["mass"]]).round(0)
    ranks = (
        both.rank(pct=True)
        if of_all
        else both.map(both.iloc[:cut].rank(pct=True).groupby(both.iloc[:cut]).first()).fillna(0.5)
    )
    task.train["mass"], task.test["mass"] = ranks.to_numpy()[:cut], ranks.to_numpy()[cut:]
    assert errors(task.write(tmp_path / "task")) == ({"L12"} if of_all else set())


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("scaled = StandardScaler().fit_transform(df[INPUTS])", True),
        ("scaler = StandardScaler().fit(train[INPUTS])", False),
        ("df = df.fillna(df.mean(numeric_only=True))", True),
        ("test = test.fillna(train.mean(numeric_only=True))", False),
        ("usual = train['y'].mean(); test = test.fillna(usual.mean())", False),
        ("both = pd.concat([train, test]); df = df.fillna(both.mean())", True),
        ("both = pd.concat([train, test]); low = both['mass'].min()", True),
        (
            "both = pd.concat([train, test]); n = both['place'].map(both['place'].value_counts())",
            True,
        ),
        ("both = pd.concat([old, new]); n = both['place'].value_counts()", False),
        ("df['level'] = df.groupby('place')['target'].transform('mean')", True),
        ("scaler = StandardScaler().fit(pd.concat([train[INPUTS], test[INPUTS]]))", True),
        ("df[INPUTS] = (df[INPUTS] - df[INPUTS].mean()) / df[INPUTS].std()", True),
        ("low = df[c].median(); df[c] = df[c] - low", True),
        ("df[c] = (df[c] - df[c].min()) / (df[c].max() - df[c].min())", True),
        ("df[INPUTS] = df[INPUTS].apply(lambda one: one / one.std())", True),
        ("df[name] = df[c].map(df[c].value_counts())", True),
        ("train[c] = (train[c] - train[c].mean()) / train[c].std()", False),
        ("df[c] = df[c] - df[c].min()", False),
        ("df = df[df[c] > df[c].quantile(0.1)]", False),
        ("df['n'] = df[c].map(df[c].value_counts()); df = df[df['n'] > 4]", False),
        ("df['first'] = df.groupby('place')['target'].transform('first')", False),
        ("cut = df['day'].quantile(0.8); df['late'] = df['day'] > cut", False),
    ],
)
def test_what_prepare_learns_from(line: str, wrong: bool, tmp_path: Path) -> None:
    subject = make_task("binary").write(tmp_path / "task")
    subject.paths.prepare.write_text(f"def prepare(raw, public, private):\n    {line}\n")
    assert errors(subject) == ({"L12"} if wrong else set())


@pytest.mark.parametrize("how", ["a middle", "no number of them", "robust", "robust in train"])
def test_values_that_were_made_of_all_rows(how: str, tmp_path: Path) -> None:
    task = make_task("regression", rows=600)
    generator = np.random.default_rng(0)
    whole, cut = pd.concat([task.train, task.test], ignore_index=True), len(task.train)
    if how.startswith("robust"):
        values = pd.Series(generator.gamma(2.0, size=len(whole)))
        seen = values[:cut] if "train" in how else values
        values = (values - seen.median()) / (seen.quantile(0.75) - seen.quantile(0.25))
    else:
        values = pd.Series(generator.permutation(len(whole)) % 5 + 0.0)
        lacking = generator.random(len(whole)) < 0.1
        middle = float(values[~lacking].mean()) if how == "a middle" else 2.0
        values = values.mask(lacking, middle)
    task.train["level"], task.test["level"] = values[:cut].to_numpy(), values[cut:].to_numpy()
    found = errors(task.write(tmp_path / "task"))
    assert found == ({"L12"} if how in ("a middle", "robust") else set())


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_files_that_test_rows_name(share: float, tmp_path: Path) -> None:
    task = make_task("binary")
    generator = np.random.default_rng(0)
    for frame in (task.train, task.test):
        frame["clip"] = [f"clips/c{n}.dat" for n in generator.integers(10**9, size=len(frame))]
    subject = task.write(tmp_path / "task", LocalSandbox())
    (subject.paths.public / "clips").mkdir()
    for frame, lacking in ((task.train, 0.0), (task.test, share)):
        for name in frame["clip"].iloc[round(lacking * len(frame)) :]:
            (subject.paths.public / name).write_bytes(generator.bytes(8))
    found = errors(subject, Layer.PREPARATION)
    assert found == ({"P10"} if share else set())


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("rng = np.random.default_rng()", True),
        ("rng = np.random.default_rng(0)", False),
        ("train = train.sample(frac=1)", True),
        ("train = train.sample(frac=1, random_state=3)", False),
        ("folds = np.random.default_rng(SEED + 3).integers(0, 5, 9)", False),
        ("names = list({str(c) for c in INPUTS})", True),
        ("names = sorted({str(c) for c in INPUTS})", False),
        ("names = sorted(list(set(INPUTS)))", False),
        ("names = list({*INPUTS} - {*TARGETS})", True),
        ("names = sorted({*INPUTS} - {*TARGETS})", False),
        ("kept = set(INPUTS) & set(df.columns); train = train[[c for c in kept]]", True),
        ("kept = set(INPUTS); train = train[[c for c in INPUTS if c in kept]]", False),
        ("names = list(set(INPUTS)); names.sort()", False),
        ("names = list(set(INPUTS).difference(TARGETS)); train = train[names]", True),
        ("text = ', '.join(set(INPUTS))", True),
        ("raise ValueError(', '.join(set(INPUTS)))", False),
        ("lost = list(set(INPUTS) - set(df))\n    if lost: raise ValueError(f'no {lost}')", False),
        ("lost = list(set(INPUTS) - set(df))\n    train = train.drop(columns=lost)", True),
        ("lost = ', '.join(sorted(set(INPUTS)))", False),
        ("few = len([c for c in set(INPUTS) if c]) < 3", False),
        ("memory = Path(tempfile.gettempdir()) / 'split.npy'", True),
        ("raw = Path.home() / 'data'", True),
        ("limit = int(os.environ.get('LIMIT', 5))", True),
        ("train = train[['id', *set(INPUTS)]]", True),
        ("train = train[['id', *sorted(set(INPUTS))]]", False),
        ("df = pd.concat([pd.read_csv(p) for p in raw.glob('*.csv')])", True),
        ("df = pd.concat([pd.read_csv(p) for p in sorted(raw.glob('*.csv'))])", False),
        ("seed = int(time.time())", True),
        ("began = time.time()\n    print(f'{time.time() - began} s')", False),
        ("began = time.time()\n    print(began)\n    seed = int(began)", True),
        ("draw = np.random\n    order = draw.permutation(9)", True),
        ("import numpy.random as draw\n    order = draw.permutation(9)", True),
        ("draw = np.random.default_rng(0)\n    order = draw.permutation(9)", False),
        (
            "kept = {*INPUTS}\n    train = train[[c for c in kept]]\n\n\n"
            "def other():\n    kept = INPUTS",
            True,
        ),
        ("rows = train_test_split(df, test_size=0.3)", True),
        ("order = np.argsort([id(row) for row in df.itertuples()])", True),
        ("file = gzip.open(public / 'train.csv.gz', 'wb')", True),
        ("file = gzip.open(raw / 'train.csv.gz', 'rt')", False),
        ("file = gzip.GzipFile(public / 'train.csv.gz', 'wb', mtime=0)", False),
        ("data = gzip.compress(data)", True),
        ("data = gzip.compress(data, mtime=0)", False),
        ("train.to_csv(public / 'train.csv.gz', index=False)", True),
        ("train.to_csv(public / 'x.csv.gz', compression={'method': 'gzip', 'mtime': 0})", False),
    ],
)
def test_what_differs_from_run_to_run(line: str, wrong: bool, tmp_path: Path) -> None:
    subject = make_task("binary").write(tmp_path / "task")
    subject.paths.prepare.write_text(f"def prepare(raw, public, private):\n    {line}\n")
    assert errors(subject, Layer.PREPARATION) == ({"P13"} if wrong else set())


@pytest.mark.parametrize(
    ("seen", "found"), [(("weight",), Severity.WARNING), (("length",), Severity.ERROR)]
)
def test_scales_that_were_seen_in_the_raw_data(
    seen: tuple[str, ...], found: Severity, tmp_path: Path
) -> None:
    """Whoever made the task had them at hand; who has the package alone cannot tell."""
    example = write_package(tmp_path, "regression")
    public = example.paths.public
    tables = {name: pd.read_csv(public / name) for name in ("train.csv", "test.csv")}
    weights = pd.concat([table["weight"] for table in tables.values()])
    for name, table in tables.items():
        table["weight"] = (table["weight"] - weights.mean()) / weights.std()
        table.to_csv(public / name, index=False)
    record = CheckRecord(code="L12", severity=Severity.INFO, numbers={"columns": list(seen)})
    seal(example.paths.root, example.manifest.model_copy(update={"checks": (record,)}))
    checked = check_package(Subject(example.paths.root), layers={Layer.LEAKAGE})
    assert [f.severity for f in checked.findings if f.code == "L12"] == [found]
