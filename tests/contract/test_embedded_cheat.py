"""The embedded cheat finds what is planted, on every kind of task, and nothing where nothing is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mle_smith.models.embedded.cheat import exploit, ideas
from mle_smith.models.embedded.tester import understand
from mle_smith.package.grade import grade
from mle_smith.package.layout import PackagePaths
from mle_smith.package.tables import describe_folder
from mle_smith.sandbox.job import Job, Mount, Role
from tests.support.local import LocalSandbox
from tests.support.packages import Example, Kind

Plant = Callable[[PackagePaths, str], None]


def score(example: Example, idea: str, folder: Path) -> float | None:
    """What the exploit scores, higher being better; None where it gives up."""
    paths, sandbox = example.paths, LocalSandbox()
    structure = describe_folder(paths.public, top=200)
    task = understand((paths.public / "description.md").read_text(), structure)
    out = folder / f"out-{idea}"
    out.mkdir()
    job = Job(
        role=Role.SOLVE,
        code=exploit(task, idea, seed=0),
        mounts=(Mount(source=paths.public, target="/in/public"),),
        outputs=("submission.csv",),
    )
    result = sandbox.run(job, out)
    if not result.artefacts:
        assert result.exit_code == 1, result.stderr
        assert "Traceback" not in result.stderr
        return None
    (graded,) = grade(paths.metric, paths.answers, [out / "submission.csv"], sandbox)
    assert graded.valid, graded.error
    assert graded.score is not None
    return graded.score if graded.higher_is_better else -graded.score


def rewrite(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    change(pd.read_csv(path)).to_csv(path, index=False)


def copy_rows(paths: PackagePaths, target: str) -> None:
    """Half of the test rows stand in train, too, in capitals and with a far digit changed."""
    answered = pd.read_csv(paths.public / "test.csv").merge(pd.read_csv(paths.answers), on="id")
    copies = answered.head(len(answered) // 2).copy()
    copies["id"] += 10_000_000
    copies["place"] = copies["place"].str.upper()
    copies["length"] *= 1 + 1e-9
    rewrite(paths.public / "train.csv", lambda train: pd.concat([train, copies[train.columns]]))


def sort_ids(paths: PackagePaths, target: str) -> None:
    """Ids rise with the target, in train and in test."""
    train = pd.read_csv(paths.public / "train.csv")
    answers = pd.read_csv(paths.answers)
    both = pd.concat([train[["id", target]], answers[["id", target]]])
    ranks = both.sort_values(target, kind="stable")["id"]
    new = dict(zip(ranks, np.arange(len(ranks)), strict=True))
    for name in ("train.csv", "test.csv", "sample_submission.csv"):
        rewrite(paths.public / name, lambda table: table.assign(id=table["id"].map(new)))
    rewrite(paths.answers, lambda table: table.assign(id=table["id"].map(new)))


def blank_out(paths: PackagePaths, target: str) -> None:
    """A cell is missing where the target is above the middle, or of the first class."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        values = table["id"].map(known)
        high = values > values.median() if values.dtype.kind in "if" else values == values.min()
        return table.assign(width=table["width"].fillna(1.0).mask(high))

    train = pd.read_csv(paths.public / "train.csv")
    answers = pd.read_csv(paths.answers)
    known = pd.concat([train[["id", target]], answers[["id", target]]]).set_index("id")[target]
    for name in ("train.csv", "test.csv"):
        rewrite(paths.public / name, change)


def leave_file(paths: PackagePaths, target: str) -> None:
    """The answers lie in a JSON file by id."""
    answers = pd.read_csv(paths.answers)
    found = {
        str(row.id): getattr(row, "_2", row[2]) for row in answers[["id", target]].itertuples()
    }
    (paths.public / "cache.json").write_text(json.dumps(found, default=float))


@pytest.mark.parametrize(
    ("kind", "idea", "plant"),
    [
        ("multiclass", "lookup", copy_rows),
        ("regression", "lookup", copy_rows),
        ("regression", "order", sort_ids),
        ("binary", "order", sort_ids),
        ("binary", "form", blank_out),
        ("multiclass", "leftovers", leave_file),
        ("regression", "leftovers", leave_file),
    ],
)
def test_an_exploit_finds_what_is_planted(
    example: Callable[[Kind], Example], tmp_path: Path, kind: Kind, idea: str, plant: Plant
) -> None:
    clean, spoiled = tmp_path / "clean", tmp_path / "spoiled"
    clean.mkdir()
    spoiled.mkdir()
    written = example(kind)
    without = [score(written, "sample", clean), score(written, idea, clean)]
    before = max(value for value in without if value is not None)
    plant(written.paths, written.manifest.formulation.targets[0])
    after = score(written, idea, spoiled)
    best = 0.0 if kind == "regression" else 1.0
    assert after is not None
    assert after > before + 0.2 * (best - before)


def test_ideas_follow_the_files(example: Callable[[Kind], Example]) -> None:
    public = example("binary").paths.public
    for table in ("train.csv", "test.csv"):
        whole = pd.read_csv(public / table).select_dtypes("number").dropna(axis=1)
        whole.to_csv(public / table, index=False)
    assert "form" not in ideas(describe_folder(public))
    whole.assign(word="x").to_csv(public / "test.csv", index=False)
    assert "form" in ideas(describe_folder(public))
    whole.to_csv(public / "test.csv", index=False)
    assert "leftovers" not in ideas(describe_folder(public))
    (public / "extra.txt").write_text("x")
    assert "leftovers" in ideas(describe_folder(public))
