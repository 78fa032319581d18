"""Structure, preparation and rebuild: planted defects are caught, examples pass."""

from __future__ import annotations

import gzip
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mle_smith.checks import Checked, Layer, Subject, check_package
from mle_smith.checks.registry import CHECKS
from mle_smith.checks.streamed import evenly_spaced_rows, megabytes_held
from mle_smith.checks.subject import read_table
from mle_smith.checks.thresholds import Thresholds
from mle_smith.sandbox.untrusted import extent
from mle_smith.values import Severity
from tests.support.local import LocalSandbox
from tests.support.packages import Example, Kind, change
from tests.support.tasks import TARGET, Task, make_task

WriteExample = Callable[[Kind], Example]


def errors(checked: Checked) -> set[str]:
    return {f.code for f in checked.findings if f.severity is Severity.ERROR}


def test_examples_are_sound_and_every_check_runs(example_package: Example) -> None:
    root = example_package.paths.root
    checked = check_package(Subject(root, raw=example_package.raw, sandbox=LocalSandbox()))
    assert errors(checked) == set()
    assert checked.sound
    assert {n.code for n in checked.not_run} <= {"L10"}  # no column dates the rows


def test_what_cannot_be_asked_is_said(example: WriteExample) -> None:
    package = example("binary").paths
    shutil.rmtree(package.private)
    checked = check_package(Subject(package.root))
    reasons = {n.code: n.reason for n in checked.not_run}
    assert "no sandbox was given" in reasons["M08"]
    assert "the raw data were not given" in reasons["P01"]
    assert reasons["L06"] == "private/ has no answers"
    assert "S01" in errors(checked)


def test_a_table_past_the_memory_of_checks_is_no_defect(example: WriteExample) -> None:
    package = example("binary").paths
    small = Thresholds(max_table_mb=megabytes_held(extent(package.answers)))
    checked = check_package(Subject(package.root, sandbox=LocalSandbox(), thresholds=small))
    reasons = {n.code: n.reason for n in checked.not_run}
    assert "public/test.csv: would take some" in reasons["S02"]
    assert "would take some" in reasons["L01"]
    assert not errors(checked) & {"S01", "S02"}


def test_of_a_large_train_table_rows_are_drawn(example: WriteExample) -> None:
    package = example("binary").paths
    small = Thresholds(stream_mb=0.001)
    subject = Subject(package.root, thresholds=small)
    assert subject.train_count == len(pd.read_csv(package.public / "train.csv"))
    assert "S02" not in errors(check_package(subject, [Layer.STRUCTURE]))


def test_a_table_read_compactly_is_the_same_table(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('id,text,number\n1,"a, ""b""\nc",\n02,"",1.50\n3,NA,x\n')
    whole = evenly_spaced_rows(path, None)
    pd.testing.assert_frame_equal(whole.frame, read_table(path, "table.csv", max_mb=1))
    assert whole.rows == 3


def test_checks_beside_each_other_say_the_same_in_the_same_order(example: WriteExample) -> None:
    package, took = example("multiclass"), list[str]()
    box = LocalSandbox()
    subjects = [Subject(package.paths.root, raw=package.raw, sandbox=box) for _ in range(2)]
    first = check_package(subjects[0], watch=lambda one: took.append(one.check.name))
    assert first == check_package(subjects[1])
    assert sorted(took) == sorted(check.name for check in CHECKS)


def append(path: Path, text: str) -> None:
    path.write_text(f"{path.read_text()}\n{text}")


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere.py"))
    path.symlink_to("elsewhere.py")


STRUCTURE: dict[str, tuple[str, Callable[[Example], object]]] = {
    "no description": ("S01", lambda e: e.paths.description.unlink()),
    "no train": ("S01", lambda e: (e.paths.public / "train.csv").unlink()),
    "an empty table": ("S02", lambda e: (e.paths.public / "test.csv").write_text("")),
    "ragged rows": ("S02", lambda e: (e.paths.public / "test.csv").write_text("a,b\n1,2\n1,2,3\n")),
    "bytes for text": ("S02", lambda e: e.paths.answers.write_bytes(b"id,y\n\xff\xfe,1\n")),
    "packed": ("S02", lambda e: e.paths.answers.write_bytes(gzip.compress(b"id,y\n1,1\n"))),
    "pickled": ("S02", lambda e: e.paths.answers.write_bytes(pickle.dumps({"id": [1]}))),
    "a million columns": (
        "S02",
        lambda e: (e.paths.public / "train.csv").write_text("\n".join([",".join("a" * 10**6)] * 2)),
    ),
    "an endless line": (
        "S02",
        lambda e: e.paths.sample_submission.write_text("id,y\n1," + "9" * 2_100_000),
    ),
    "more in private": ("S03", lambda e: (e.paths.private / "notes.txt").write_text("x")),
    "a link": ("S03", lambda e: (e.paths.public / "more.csv").symlink_to(e.paths.answers)),
    "prepare.py no Python": ("S04", lambda e: e.paths.prepare.write_text("def prepare(:")),
    "prepare.py too deep": ("S04", lambda e: append(e.paths.prepare, "X = " + "-" * 9_000 + "1\n")),
    "prepare.py too long": ("S04", lambda e: append(e.paths.prepare, "#" * (4 * 2**20))),
    "prepare.py a link": ("S04", lambda e: linked(e.paths.prepare)),
    "a call too deep": (
        "S07",
        lambda e: append(e.paths.metric, "X = int" + ".real" * 900 + "()\n"),
    ),
    "other arguments": ("S04", lambda e: change(e.paths.prepare, "(raw: Path", "(source: Path")),
    "no evaluate": ("S05", lambda e: change(e.paths.metric, "def evaluate(", "def score(")),
    "no direction": ("S05", lambda e: change(e.paths.metric, "HIGHER_IS_BETTER", "HIGHER")),
    "a process": ("S06", lambda e: change(e.paths.metric, "import re", "import re, subprocess")),
    "a stranger": ("S06", lambda e: change(e.paths.prepare, "import numpy", "import mle_smith.x")),
    "eval": ("S07", lambda e: change(e.paths.metric, "import re", "import re\neval('1')")),
    "raw is deleted": (
        "S07",
        lambda e: change(
            e.paths.prepare, "rng = ", "import shutil; shutil.rmtree(raw)\n    rng = "
        ),
    ),
    "a path": ("S08", lambda e: change(e.paths.prepare, "SEED = 20", "SEED = 20  # /home/ann/x")),
    "other ids": (
        "S09",
        lambda e: e.paths.sample_submission.write_text("id,outcome\n-1,0.5\n-2,0.5\n"),
    ),
    "an id twice": (
        "S09",
        lambda e: append(e.paths.sample_submission, e.paths.sample_submission.read_text()[11:]),
    ),
    "other columns": ("S10", lambda e: change(e.paths.sample_submission, "outcome", "guess")),
    "a direction of its own": (
        "S12",
        lambda e: change(e.paths.manifest, '"higher_is_better": true', '"higher_is_better": false'),
    ),
    "a positive class of its own": (
        "S12",
        lambda e: change(e.paths.manifest, '"positive": "yes"', '"positive": "no"'),
    ),
    "an empty cell": ("S10", lambda e: change(e.paths.sample_submission, "0.5", "")),
}


@pytest.mark.parametrize("name", STRUCTURE)
def test_defects_of_structure_are_caught(name: str, example: WriteExample) -> None:
    code, spoil = STRUCTURE[name]
    package = example("binary")
    spoil(package)
    checked = check_package(Subject(package.paths.root), layers={Layer.STRUCTURE})
    assert code in errors(checked)


def test_a_file_that_the_manifest_does_not_know_is_a_warning(example: WriteExample) -> None:
    package = example("binary")
    before = check_package(Subject(package.paths.root), layers={Layer.STRUCTURE})
    assert not [f for f in before.findings if f.code == "S11"]
    (package.paths.public / "more.txt").write_text("more")
    change(package.paths.sample_submission, "0.5", "0.25")
    checked = check_package(Subject(package.paths.root), layers={Layer.STRUCTURE})
    (found,) = [f for f in checked.findings if f.code == "S11"]
    assert found.severity is Severity.WARNING
    assert [d.split()[0] for d in found.evidence["differences"]] == [
        "public/more.txt",
        "public/sample_submission.csv",
    ]


REBUILD: dict[str, tuple[str, str, str]] = {
    "fails": ("P01", "rng = ", "raise OSError('x')\n    rng = "),
    "order of a set": ("P02", "*INPUTS, TARGET]]", "*{*INPUTS, TARGET}]]"),
    "no seed": ("P02", "default_rng(SEED)", "default_rng()"),
    "the clock": ("P02", "SEED = 20", "import time\nSEED = time.localtime().tm_gmtoff % 2**32"),
    "order of files": (
        "P02",
        "SEED = 20",
        "SEED = [p.name for p in Path(__file__).parent.parent.joinpath('raw').iterdir()][0]"
        ".__len__()",
    ),
    "another seed": ("P03", "SEED = 20", "SEED = 21"),
}


@pytest.mark.parametrize("name", REBUILD)
def test_files_that_cannot_be_rebuilt_are_caught(name: str, example: WriteExample) -> None:
    code, old, new = REBUILD[name]
    package = example("regression")
    (package.raw / "readme.txt").write_text("measured by hand")
    change(package.paths.prepare, old, new)
    subject = Subject(package.paths.root, raw=package.raw, sandbox=LocalSandbox())
    checked = check_package(subject, layers={Layer.PREPARATION})
    assert code in errors(checked)


def shared_ids(task: Task) -> None:
    task.train["id"] = task.test["id"].iloc[0]


def lost_class(task: Task) -> None:
    task.train = task.train[task.train[TARGET] != "ash"]


def hollow(task: Task) -> None:
    task.test["mass"] = float("nan")


def torn(task: Task) -> None:
    task.test.loc[0, "person"] = task.train["person"].iloc[0]


def early(task: Task) -> None:
    task.test.loc[3, "moment"] = "2020-01-01 05:00"


def phantom(task: Task) -> None:
    task.formulation = task.formulation.model_copy(update={"metric": "log_loss"})
    classes = [*sorted(task.train[TARGET].unique()), "yew"]
    task.sample = task.answers[["id"]].assign(**{f"{TARGET}_{c}": 0.25 for c in classes})


def unlike(task: Task) -> None:
    task.test = task.test.drop(columns="place")


def constant(task: Task) -> None:
    task.answers[TARGET] = 7.0


def few(task: Task) -> None:
    task.give_test(task.whole.head(12))


def repeated(task: Task) -> None:
    task.give_test(task.whole.iloc[[row % 9 for row in range(90)]].assign(id=range(5000, 5090)))


def few_of_two(task: Task) -> None:
    rows = task.whole.tail(90)
    rare = sorted(rows[TARGET].unique())[-1]
    task.give_test(rows[(rows[TARGET] != rare) | ((rows[TARGET] == rare).cumsum() <= 3)])


SPLIT: dict[str, tuple[str, str, Callable[[Task], None]]] = {
    "few test rows": ("P04", "regression", few),
    "repeated test rows": ("P04", "regression", repeated),
    "shared ids": ("P05", "binary", shared_ids),
    "a class of test alone": ("P07", "multiclass", lost_class),
    "three rows of one of two classes": ("P07", "binary", few_of_two),
    "a torn group": ("P08", "grouped", torn),
    "an early test row": ("P09", "temporal", early),
    "a column that test lacks": ("P10", "regression", hollow),
    "a constant target": ("P11", "regression", constant),
}


@pytest.mark.parametrize("name", SPLIT)
def test_defects_of_the_split_are_caught(name: str, tmp_path: Path) -> None:
    code, kind, spoil = SPLIT[name]
    task = make_task(kind)
    spoil(task)
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    # What is so different is told apart as well.
    assert errors(checked) - {"P14", "P15", "P16"} == {code}


def test_classes_that_no_row_has_are_caught(tmp_path: Path) -> None:
    task = make_task("multiclass")
    phantom(task)
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == {"P07"}


def test_inputs_that_only_train_has_are_caught(tmp_path: Path) -> None:
    task = make_task("regression")
    unlike(task)
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == {"P10"}


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_rows_of_a_batch_that_was_not_measured(share: float, tmp_path: Path) -> None:
    task = make_task("regression")
    chance = np.random.default_rng(0)
    for frame in (task.train, task.test):
        frame[[f"r{n}" for n in range(9)]] = chance.normal(size=(len(frame), 9)).round(3)
    first = round(len(task.test) * (1 - share))
    task.test.loc[first:, [f"r{n}" for n in range(9)]] = None
    task.test.loc[first:, list(task.formulation.inputs[1:])] = None
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == ({"P10"} if share else set())


@pytest.mark.parametrize(("lost", "found"), [(0, set()), (12, {"P10"}), (None, set())])
def test_rows_of_a_table_beside_the_rows(lost: int | None, found: set[str], tmp_path: Path) -> None:
    """Some rows of test lack theirs; where all do, the table is about train alone."""
    task = make_task("regression")
    rows = pd.concat([task.train["id"], task.test["id"].iloc[lost:] if lost is not None else None])
    task.files["details.csv"] = rows.to_frame().assign(depth=1.5).to_csv(index=False)
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == found


@pytest.mark.parametrize("kind", ["more rows", "a table of places"])
def test_a_table_of_more_rows_need_not_have_the_values_of_test_rows(
    kind: str, tmp_path: Path
) -> None:
    task = make_task("regression")
    more = task.train.drop(columns=["id", TARGET])
    if kind == "a table of places":
        for frame in (task.train, task.test):
            frame["site"] = [f"s{n % 40}" for n in frame["id"]]
        more = task.train[["site"]].drop_duplicates().assign(rain=1.5)
        task.test.loc[:9, "site"] = "elsewhere"
    task.files["more.csv"] = more.to_csv(index=False)
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == (set() if kind == "more rows" else {"P10", "P16"})


def test_a_column_that_was_to_be_left_out_is_caught(tmp_path: Path) -> None:
    task = make_task("regression")
    given = task.formulation.inputs[0]
    task.formulation = task.formulation.model_copy(
        update={"inputs": task.formulation.inputs[1:], "excluded": {given: "known too late"}}
    )
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == {"P12"}


def test_a_foreign_package_is_checked_without_its_formulation(tmp_path: Path) -> None:
    task = make_task("binary")
    frames = (task.test, task.answers, task.sample, task.train)
    for frame in frames:
        frame.insert(0, "row_key", [f"r{i}" for i in frame.pop("id")])
    subject = task.write(tmp_path / "task", told=False)
    assert subject.id_column == "row_key"
    assert subject.targets == (TARGET,)
    checked = check_package(subject, layers={Layer.LEAKAGE, Layer.PREPARATION})
    assert errors(checked) == set()
    assert pd.read_csv(subject.paths.answers).columns[0] == "row_key"


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("moved", [0.0, 2.0])
def test_rows_that_chance_has_not_divided(moved: float, told: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    number = task.train.drop(columns=["id", TARGET]).select_dtypes("number").columns[0]
    task.test[number] += moved * task.train[number].std()
    subject = task.write(tmp_path / "task", told=told)
    checked = check_package(subject, layers={Layer.PREPARATION})
    found = [f.severity for f in checked.findings if f.code == "P14"]
    assert found == ([Severity.ERROR if told else Severity.WARNING] if moved else [])


@pytest.mark.parametrize("scheme", ["rows/{:05d}.png", "{}-b"])
def test_numbered_names_tell_nothing_apart(scheme: str, tmp_path: Path) -> None:
    task = make_task("regression")
    for frame in (task.train, task.test):
        frame["picture"] = [scheme.format(number) for number in frame["id"]]
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert "P14" not in {f.code for f in checked.findings}


def record(task: Task, row: int, how: str) -> str:
    """The text of the file of a row; of test rows, which come later, some may be broken."""
    whole = json.dumps({"n": row, "readings": [row % 7, row % 11]})
    if row < len(task.train) or row % 8:
        return whole
    return {"cut": whole[:-9], "placeholder": "{}", "whole": whole}[how]


@pytest.mark.parametrize("how", ["cut", "placeholder", "whole"])
def test_files_of_test_rows_that_broke_off_or_hold_nothing(how: str, tmp_path: Path) -> None:
    task = make_task("regression")
    task.files = {f"rows/{n}.json": record(task, n, how) for n in range(600)}
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    found = [f.message for f in checked.findings if f.code == "P10"]
    told = {"cut": "broke off", "placeholder": "placeholder"}.get(how)
    assert [told in message for message in found if told] == ([True] if told else [])


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_answers_in_another_unit_or_code(kind: str, told: bool, tmp_path: Path) -> None:
    task = make_task(kind)
    if kind == "regression":
        task.answers[TARGET] *= 1000
    else:
        for frame in (task.train, task.answers):
            frame.loc[frame.index % 2 == 0, TARGET] = "no"
        task.answers[TARGET] = task.answers[TARGET].map({"yes": "no", "no": "yes"})
    checked = check_package(task.write(tmp_path / "task", told=told), layers={Layer.PREPARATION})
    found = [f.severity for f in checked.findings if f.code == "P15"]
    certain = told or kind == "regression"
    assert found == [Severity.ERROR if certain else Severity.WARNING]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(
    "how", ["recoded", "spelt otherwise", "shifted", "rare", "other things", "sound"]
)
def test_values_that_train_does_not_know(how: str, told: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    if how == "recoded":
        task.test["place"] = task.test["place"].map({"north": "N1", "south": "S1", "west": "west"})
    elif how in ("other things", "spelt otherwise"):
        task.train["place"] = (task.train["id"] % 30).map("C{:02}".format)
        other = how == "other things"
        task.test["place"] = (task.test["id"] % 30 + 40 * other).map(
            "C{:02}".format if other else "c-{:02}".format
        )
    elif how == "shifted":
        some = task.test["id"] % 5 == 0
        task.test["grade"] = task.test["grade"].astype(float).mask(some, task.test["mass"])
    elif how == "rare":  # most places have one row or two, by nature
        for frame in (task.train, task.test):
            frame["place"] = (frame["id"] * 7919 % 907).map("spot {}".format)
    checked = check_package(task.write(tmp_path / "task", told=told), layers={Layer.PREPARATION})
    found = [f.severity for f in checked.findings if f.code == "P16"]
    wrong = [Severity.ERROR if told else Severity.WARNING]
    assert found == (wrong if how in ("recoded", "spelt otherwise", "shifted") else [])


@pytest.mark.parametrize("as_text", [True, False])
def test_dates_that_were_compared_as_texts(as_text: bool, tmp_path: Path) -> None:
    """Test has the ends of all months."""
    task = make_task("regression")
    generator = np.random.default_rng(0)
    for frame, low, high in ((task.train, 1, 22), (task.test, 22, 29)):
        days = generator.integers(low if as_text else 1, high if as_text else 29, len(frame))
        months = generator.integers(1, 13, len(frame))
        frame["day"] = [f"{d:02}/{m:02}/2019" for d, m in zip(days, months, strict=True)]
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == ({"P14"} if as_text else set())


def test_groups_and_times_may_tell_rows_apart(tmp_path: Path) -> None:
    for kind in ("grouped", "temporal"):
        checked = check_package(make_task(kind).write(tmp_path / kind), {Layer.PREPARATION})
        assert "P14" not in {f.code for f in checked.findings}
        assert "P14" in {n.code for n in checked.not_run}


def test_a_sample_without_predictions_is_a_finding_and_no_crash(tmp_path: Path) -> None:
    task = make_task("regression")
    task.sample = task.sample[["id"]]
    checked = check_package(task.write(tmp_path / "task", LocalSandbox()))
    assert "S10" in errors(checked)
    assert "M08" in {n.code for n in checked.not_run}
