"""Splits that tell, hide or test nothing: L9, L10, L11, M1, M2, M9, M10, M11, M14."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.detection.catalogue import Strength, plants
from benchmarks.detection.specimen import NotApplicableError, Specimen, honest_skill


def _divided_anew(specimen: Specimen, swapped: float) -> None:
    """As many test rows as said change places with train rows, at random."""
    rows, cut = specimen.everything, len(specimen.train)
    count = max(5, round(swapped * (len(rows) - cut)))
    out = specimen.rng.choice(cut, min(count, cut // 2), replace=False)
    back = cut + specimen.rng.choice(len(rows) - cut, min(count, len(rows) - cut), replace=False)
    size = min(len(out), len(back))
    order = np.arange(len(rows))
    order[out[:size]], order[back[:size]] = back[:size], out[:size]
    ids = rows["id"].to_numpy()
    fresh = rows.iloc[order].reset_index(drop=True)
    fresh["id"] = ids
    specimen.train = fresh.iloc[:cut][list(specimen.train.columns)].reset_index(drop=True)
    specimen.give_test(fresh.iloc[cut:])


@plants("L9", "groups torn")
def groups_torn(specimen: Specimen, strength: Strength) -> None:
    """5, 20, 100 % of the test rows of a grouped split change places with train rows."""
    groups = specimen.split["group_columns"]
    if specimen.split["kind"] != "grouped" or not set(groups) <= set(specimen.inputs):
        raise NotApplicableError("no grouped split by public columns")
    _divided_anew(specimen, strength.of(0.05, 0.2, 1.0))


def _entities(
    specimen: Specimen, rows_each: int, told: float
) -> tuple[list[str], NDArray[np.float64]]:
    """Rows of one entity have like targets: sorted by target with noise, cut into entities."""
    rows = specimen.everything
    values = pd.Series(specimen.signal(rows)).rank(method="first", pct=True).to_numpy()
    if specimen.classes:
        values = specimen.rng.permutation(len(rows)) / len(rows) * 0.9 + specimen.signal(rows)
        values = pd.Series(values).rank(pct=True).to_numpy()
    noise = np.sqrt(1 / told - 1) * values.std()
    if specimen.classes:
        away = specimen.rng.random(len(rows)) > told
        noisy = np.where(away, specimen.rng.random(len(rows)), values)
    else:
        noisy = values + specimen.rng.normal(0, noise, len(rows))
    place = np.empty(len(rows), dtype=np.int64)
    place[np.argsort(noisy)] = np.arange(len(rows)) // rows_each
    names = specimen.rng.permutation(10_000 + int(place.max()) + 1)[: int(place.max()) + 1]
    return [f"P{names[k]:05d}" for k in place], noisy


def _beats_the_inputs(specimen: Specimen, told: float) -> None:
    """What tells no more than the inputs do is no shortcut."""
    if honest_skill(specimen.package) > told - 0.25:
        raise NotApplicableError("the inputs foretell the target about as well")


@plants("L9", "persons on both sides")
def persons(specimen: Specimen, strength: Strength) -> None:
    """A random split of persons (5 to 10 rows each), who decide 60, 80, 95 % of the target."""
    if specimen.split["kind"] == "grouped" or specimen.temporal:
        raise NotApplicableError("the split is not at random")
    if len(specimen.train) + len(specimen.test) < 150:
        raise NotApplicableError("too few rows")
    told = strength.of(0.6, 0.8, 0.95)
    _beats_the_inputs(specimen, told)
    names, _ = _entities(specimen, int(specimen.rng.integers(5, 11)), told)
    cut = len(specimen.train)
    specimen.add_input("participant", names[:cut], names[cut:], "who was asked")


@plants("L9", "machines on both sides")
def machines(specimen: Specimen, strength: Strength) -> None:
    """The same with numbers of machines under a name that says nothing, 12 to 25 rows each."""
    if specimen.split["kind"] == "grouped" or specimen.temporal:
        raise NotApplicableError("the split is not at random")
    if len(specimen.train) + len(specimen.test) < 400:
        raise NotApplicableError("too few rows")
    told = strength.of(0.6, 0.8, 0.95)
    _beats_the_inputs(specimen, told)
    names, _ = _entities(specimen, int(specimen.rng.integers(12, 26)), told)
    cut = len(specimen.train)
    numbers = [name[1:].lstrip("0") or "0" for name in names]
    specimen.add_input("k7", numbers[:cut], numbers[cut:], "a number")


@plants("L10", "shuffled over time")
def shuffled_over_time(specimen: Specimen, strength: Strength) -> None:
    """5, 20, 100 % of the test rows of a split by time change places with train rows."""
    times = specimen.split["time_columns"]
    if not specimen.temporal or not times or not set(times) <= set(specimen.inputs):
        raise NotApplicableError("no split by public times")
    _divided_anew(specimen, strength.of(0.05, 0.2, 1.0))


@plants("L10", "series divided at random")
def series_at_random(specimen: Specimen, strength: Strength) -> None:
    """Rows of a slow series (neighbours correlate by 0.9, 0.95, 0.99) are divided at random."""
    if specimen.temporal or specimen.split["kind"] == "grouped" or specimen.classes:
        raise NotApplicableError("no random split of a quantity")
    _beats_the_inputs(specimen, strength.of(0.8, 0.9, 0.98))
    rows = specimen.everything
    values = specimen.signal(rows)
    steps, steady = specimen.rng.normal(size=len(rows)), strength.of(0.9, 0.95, 0.99)
    series = np.zeros(len(rows))
    for k in range(1, len(rows)):
        series[k] = steady * series[k - 1] + np.sqrt(1 - steady**2) * steps[k]
    moment = np.empty(len(rows))
    moment[np.argsort(values, kind="stable")] = np.argsort(series, kind="stable")
    dates = pd.Timestamp("2019-03-01") + pd.to_timedelta(moment * 6, unit="h")
    cells = pd.Series(dates).dt.strftime("%Y-%m-%d %H:%M").tolist()
    cut = len(specimen.train)
    specimen.add_input("observed_at", cells[:cut], cells[cut:], "when it was observed")


@plants("L10", "future values")
def future_values(specimen: Specimen, strength: Strength) -> None:
    """In a split by time a column holds the target of the next row (noise 0.2, 0.05, 0)."""
    if not specimen.temporal or specimen.classes:
        raise NotApplicableError("no quantity over time")
    times = specimen.split["time_columns"]
    if not times or not set(times) <= set(specimen.inputs):
        raise NotApplicableError("rows are not dated in public")
    rows = specimen.everything
    keys = [pd.to_numeric(rows[c], errors="coerce") for c in times]
    keys = [
        pd.to_datetime(rows[c], errors="coerce").astype("int64") if k.isna().any() else k
        for c, k in zip(times, keys, strict=True)
    ]
    order = np.lexsort([np.asarray(k) for k in keys][::-1])
    values = specimen.signal(rows)
    later = np.empty(len(rows))
    later[order] = np.append(values[order][1:], values[order][-1])
    later = later + strength.of(0.2, 0.05, 0.0) * specimen.rng.normal(0, values.std(), len(rows))
    cut = len(specimen.train)
    specimen.add_input("expected", later[:cut].round(5), later[cut:].round(5), "what was expected")


@plants("L11", "public source")
def public_source(specimen: Specimen, strength: Strength) -> None:
    """Source and description name where everybody can look the answers up."""
    address = strength.of(
        "see our archive at openml.org",
        "openml:41021",
        "https://www.kaggle.com/datasets/someone/table",
    )
    if strength is Strength.WEAK:
        specimen.description += f"\nThe data: {address}.\n"
        return
    specimen.manifest["provenance"]["source"] = address
    specimen.description += f"\nThe data are `{address}`.\n"


@plants("M1", "class only in test")
def class_only_in_test(specimen: Specimen, strength: Strength) -> None:
    """Train has no row of one class: the rarest, a middle one, the most frequent but one."""
    _without(specimen, strength, of_train=True)


@plants("M1", "class not in test")
def class_not_in_test(specimen: Specimen, strength: Strength) -> None:
    """The same with test."""
    _without(specimen, strength, of_train=False)


def _without(specimen: Specimen, strength: Strength, *, of_train: bool) -> None:
    if not specimen.classes or len(specimen.labels) < 3:
        raise NotApplicableError("fewer than three classes")
    counts = specimen.train[specimen.target].value_counts()
    place = strength.of(-1, len(counts) // 2, 1)
    label = str(counts.index[place])
    if of_train:
        specimen.train = specimen.train[specimen.train[specimen.target] != label].reset_index(
            drop=True
        )
    else:
        rows = specimen.whole
        specimen.give_test(rows[rows[specimen.target] != label])


@plants("M1", "other spelling")
def other_spelling(specimen: Specimen, strength: Strength) -> None:
    """Classes are spelled otherwise in the answers than in train: one, half, all of them."""
    if (
        not specimen.classes
        or pd.to_numeric(pd.Series(specimen.labels), errors="coerce").notna().any()
    ):
        raise NotApplicableError("classes are numbers")
    count = strength.of(1, max(1, len(specimen.labels) // 2), len(specimen.labels))
    chosen = {label: f"{label}_" for label in specimen.labels[:count]}
    specimen.answers[specimen.target] = specimen.answers[specimen.target].replace(chosen)


@plants("M2", "accuracy of a rare class")
def accuracy_of_a_rare_class(specimen: Specimen, strength: Strength) -> None:
    """The rare class is thinned out to 4, 2, 1 % and the metric is accuracy."""
    if not specimen.classes or len(specimen.labels) != 2:
        raise NotApplicableError("not two classes")
    share = strength.of(0.04, 0.02, 0.01)
    rows = specimen.whole
    counts = rows[specimen.target].value_counts()
    rare = str(counts.index[-1])
    for side in ("train", "test"):
        frame = specimen.train if side == "train" else rows
        members = np.flatnonzero((frame[specimen.target] == rare).to_numpy())
        common = len(frame) - len(members)
        most = max(2, round(share * common / (1 - share)))
        if most > len(members) or common < 60:
            raise NotApplicableError("too few rows")
        gone = specimen.rng.permutation(members)[most:]
        kept = frame.drop(index=frame.index[gone]).reset_index(drop=True)
        if side == "train":
            specimen.train = kept
        else:
            specimen.give_test(kept)
    _accuracy(specimen)


_ACCURACY = '''"""Accuracy: higher is better, 1 is perfect."""

import pandas as pd

HIGHER_IS_BETTER = True
ID = "id"
TARGET = {target!r}


class InvalidSubmissionError(ValueError):
    """The submission cannot be scored."""


def _keys(values: pd.Series) -> pd.Series:
    return values.astype(str).str.strip().str.replace(r"[.]0+$", "", regex=True)


def validate_submission(submission: pd.DataFrame, ground_truth: pd.DataFrame) -> None:
    """Raise InvalidSubmissionError unless the submission can be scored."""
    if ID not in submission or TARGET not in submission:
        raise InvalidSubmissionError("columns are missing")
    given, wanted = _keys(submission[ID]), _keys(ground_truth[ID])
    if submission[ID].isna().any() or given.duplicated().any() or set(given) != set(wanted):
        raise InvalidSubmissionError("the ids are not those of the test rows")
    if submission[TARGET].isna().any():
        raise InvalidSubmissionError("a prediction is missing")


def evaluate(y_true: pd.DataFrame, y_pred: pd.DataFrame) -> float:
    """Return the share of right answers."""
    validate_submission(y_pred, y_true)
    given = pd.Series(_keys(y_pred[TARGET]).to_numpy(), index=_keys(y_pred[ID]))
    return float((given.loc[_keys(y_true[ID])].to_numpy() == _keys(y_true[TARGET]).to_numpy()).mean())
'''


def _accuracy(specimen: Specimen) -> None:
    """Make accuracy the metric, everywhere it is named."""
    specimen.metric = _ACCURACY.format(target=specimen.target)
    was = specimen.manifest["metric"]
    start = specimen.description.index("## Metric")
    end = specimen.description.index("## ", start + 5)
    text = "## Metric\n\n`accuracy` (Accuracy): higher is better.\n\n    the share of right answers\n\n"
    specimen.description = specimen.description[:start] + text + specimen.description[end:]
    was.update(
        name="accuracy", higher_is_better=True, best=1.0, formula="the share of right answers"
    )
    specimen.plan["metric"] = "accuracy"
    common = str(specimen.train[specimen.target].mode()[0])
    specimen.sample = specimen.sample[["id"]].assign(**{specimen.target: common})
    specimen.manifest["submission"].update(
        columns=[specimen.target], prediction="label", positive=None
    )
    if specimen.manifest["ladder"]:
        specimen.manifest["ladder"] = None


@plants("M9", "a column missing or too many")
def sample_columns(specimen: Specimen, strength: Strength) -> None:
    """The sample has another column than the answers: a further one, a misspelt one, none."""
    first = next(c for c in specimen.sample.columns if c != "id")
    if strength is Strength.WEAK:
        specimen.sample["score"] = "0"
    elif strength is Strength.MEDIUM:
        specimen.sample = specimen.sample.rename(columns={first: "prediction"})
    else:
        specimen.sample = specimen.sample[["id"]]


@plants("M10", "test rows without inputs")
def rows_without_inputs(specimen: Specimen, strength: Strength) -> None:
    """2, 10, 40 % of the test rows have no input at all."""
    count = max(2, round(strength.of(0.02, 0.1, 0.4) * len(specimen.test)))
    rows = specimen.rng.choice(len(specimen.test), count, replace=False)
    specimen.test.loc[rows, specimen.inputs] = ""


@plants("M10", "a column empty in test")
def column_empty_in_test(specimen: Specimen, strength: Strength) -> None:
    """An important column is empty in 60, 90, 100 % of the test rows and filled in train."""
    full = [c for c in specimen.inputs if (specimen.train[c] != "").mean() > 0.9]
    if not full:
        raise NotApplicableError("no full column")
    name = str(specimen.rng.choice(full))
    away = specimen.rng.random(len(specimen.test)) < strength.of(0.6, 0.9, 1.0)
    specimen.test[name] = specimen.test[name].mask(away, "")


@plants("M10", "a column of train alone")
def column_of_train_alone(specimen: Specimen, strength: Strength) -> None:
    """One, a third, nearly all of the inputs are not in test."""
    if len(specimen.inputs) < 2:
        raise NotApplicableError("one input only")
    many = len(specimen.inputs)
    count = strength.of(1, max(1, many // 3), many - 1)
    specimen.test = specimen.test.drop(
        columns=list(specimen.rng.permutation(specimen.inputs)[:count])
    )


@plants("M10", "files that are not there")
def files_not_there(specimen: Specimen, strength: Strength) -> None:
    """A column names a file for each row; those of 10, 40, 100 % of the test rows are lacking."""
    rows = specimen.everything
    if len(rows) > 3000:
        raise NotApplicableError("too many rows for a file each")
    cut = len(specimen.train)
    names = [f"clips/c{specimen.rng.integers(10**8):08d}.dat" for _ in range(len(rows))]
    away = specimen.rng.random(len(rows)) < strength.of(0.1, 0.4, 1.0)
    away[:cut] = False
    for name, gone in zip(names, away, strict=True):
        path = specimen.paths.public / name
        path.parent.mkdir(exist_ok=True)
        if not gone:
            path.write_bytes(specimen.rng.bytes(24))
    specimen.add_input("clip", names[:cut], names[cut:], "the recording")
    specimen.mention("clips/", "the recordings named in `clip`")


@plants("M10", "keys that are not there")
def keys_not_there(specimen: Specimen, strength: Strength) -> None:
    """Inputs are in another table by a key; those of 10, 40, 100 % of the test rows are lacking."""
    rows = specimen.everything
    cut = len(specimen.train)
    keys = specimen.rng.permutation(10 * len(rows))[: len(rows)]
    away = specimen.rng.random(len(rows)) < strength.of(0.1, 0.4, 1.0)
    away[:cut] = False
    table = pd.DataFrame({"visit": keys, "pulse": specimen.rng.normal(70, 9, len(rows)).round(1)})
    specimen.add_file("visits.csv", table[~away].to_csv(index=False), "the visits named in `visit`")
    specimen.add_input(
        "visit", [str(k) for k in keys[:cut]], [str(k) for k in keys[cut:]], "the visit"
    )


@plants("M11", "solved")
def solved(specimen: Specimen, strength: Strength) -> None:
    """The target becomes a plain rule of two inputs, as any model finds (0.5, 0.2, 0 % aside)."""
    columns = [c for c in specimen.numeric() if specimen.train[c].nunique() > 8]
    if (
        not specimen.classes
        or len(columns) < 2
        or len(specimen.train) < 150
        or len(specimen.labels) != 2
    ):
        raise NotApplicableError("needs two classes and two numeric inputs")
    rows = specimen.everything
    values = np.stack(
        [pd.to_numeric(rows[c], errors="coerce").rank(pct=True).fillna(0.5) for c in columns[:2]]
    )
    drive = values[0] > np.median(values[0])
    label = np.where(drive, specimen.labels[0], specimen.labels[1])
    wrong = specimen.rng.random(len(rows)) < strength.of(0.005, 0.002, 0.0)
    label = np.where(wrong, specimen.rng.permutation(label), label)
    twin = values[0] + 0.001 * specimen.rng.normal(size=len(rows))
    cut = len(specimen.train)
    specimen.train[specimen.target] = label[:cut]
    fresh = specimen.whole
    fresh[specimen.target] = label[cut:]
    specimen.give_test(fresh)
    specimen.add_input(
        "second_reading", twin[:cut].round(5), twin[cut:].round(5), "the same, read again"
    )


@plants("M14", "few test rows")
def few_test_rows(specimen: Specimen, strength: Strength) -> None:
    """15, 10, 6 test rows are left."""
    rows = specimen.whole
    count = strength.of(15, 10, 6)
    if len(rows) <= count:
        raise NotApplicableError("as small as it is")
    specimen.give_test(rows.iloc[specimen.rng.permutation(len(rows))[:count]])


@plants("M14", "one answer")
def one_answer(specimen: Specimen, strength: Strength) -> None:
    """One answer lies 40, 100, 1,000 standard deviations out, where errors are squared."""
    if specimen.classes or specimen.manifest["metric"]["name"] != "rmse":
        raise NotApplicableError("of quantities by squared errors")
    rows = specimen.whole
    values = rows[specimen.target].astype(float)
    far = values.mean() + strength.of(40, 100, 1000) * values.std()
    rows.loc[specimen.rng.integers(len(rows)), specimen.target] = f"{far:.6g}"
    specimen.give_test(rows)


@plants("M14", "noise")
def noise(specimen: Specimen, strength: Strength) -> None:
    """Answers are drawn at random in 90, 97, 100 % of all rows, so that no gap can be shown."""
    share = strength.of(0.9, 0.97, 1.0)
    fresh = specimen.whole
    for frame in (specimen.train, fresh):
        rows = specimen.rng.permutation(len(frame))[: round(share * len(frame))]
        source = specimen.rng.permutation(rows)
        frame.loc[rows, specimen.targets] = frame.loc[source, specimen.targets].to_numpy()
    specimen.give_test(fresh)
