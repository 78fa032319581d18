"""Structure, preparation and rebuild: planted defects are caught, examples pass."""

from __future__ import annotations

import gzip
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

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
from tests.support.tasks import TARGET, make_task

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


def test_a_sample_without_predictions_is_a_finding_and_no_crash(tmp_path: Path) -> None:
    task = make_task("regression")
    task.sample = task.sample[["id"]]
    checked = check_package(task.write(tmp_path / "task", LocalSandbox()))
    assert "S10" in errors(checked)
    assert "M08" in {n.code for n in checked.not_run}
