"""Links between rows that join rows of like target are told; links by lot pass."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse  # type: ignore[import-untyped]  # has no stubs

from tests.support.checked import errors
from tests.support.local import LocalSandbox
from tests.support.tasks import TARGET, Task, make_task


def of_little_else(task: Task) -> None:
    """Without the inputs that foretell the target."""
    task.train = task.train.drop(columns=["height", "mass"])
    task.test = task.test.drop(columns=["height", "mass"])


def neighbours(task: Task, by_lot: bool, each: int) -> tuple[pd.Series[int], np.ndarray]:
    """The ids of all rows, and for each row the places of some others of like target."""
    generator = np.random.default_rng(0)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    order = generator.permutation(len(rows)) if by_lot else rows[TARGET].argsort().to_numpy()
    place = np.argsort(order)
    steps = generator.integers(1, 8, (len(rows), each)) * generator.choice([-1, 1], each)
    return rows["id"], order[(place[:, None] + steps).clip(0, len(rows) - 1)]


@pytest.mark.parametrize("by_lot", [True, False])
@pytest.mark.parametrize(
    "how", ["a table", "a column", "a column of kinds and ids", "a matrix", "a matrix of pairs"]
)
def test_links_of_like_rows(how: str, by_lot: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    of_little_else(task)
    ids, other = neighbours(task, by_lot, 3)
    one, cut = np.repeat(np.arange(len(ids)), 3), len(task.train)
    matrix = sparse.coo_matrix((np.ones(len(one)), (one, other.ravel())), (len(ids), len(ids)))
    if how.startswith("a column"):
        named = ids.astype("str").to_numpy()[other[:, 0]]
        if how == "a column of kinds and ids":
            named = "case/" + named
        task.train["follows"], task.test["follows"] = named[:cut], named[cut:]
    subject = task.write(tmp_path / "task", LocalSandbox())
    if how == "a table":
        pairs = {"from": ids.to_numpy()[one], "to": ids.to_numpy()[other.ravel()]}
        pd.DataFrame(pairs).to_csv(subject.paths.public / "links.csv", index=False)
    elif not how.startswith("a column"):
        stored = matrix.tocsr() if how == "a matrix" else matrix
        sparse.save_npz(subject.paths.public / "similar.npz", stored)
    found = errors(subject)
    assert ("L16" in found) is not by_lot
    assert not by_lot or found == set()


@pytest.mark.parametrize("by_lot", [True, False])
def test_links_of_some_rows_only(by_lot: bool, tmp_path: Path) -> None:
    task = make_task("regression", rows=1000)
    ids, other = neighbours(task, by_lot, 1)
    named = pd.Series(ids.astype("str").to_numpy()[other[:, 0]])
    named[np.random.default_rng(1).random(len(named)) > 0.2] = None
    cut = len(task.train)
    task.train["reply"], task.test["reply"] = named[:cut].to_numpy(), named[cut:].to_numpy()
    assert errors(task.write(tmp_path / "task")) == (set() if by_lot else {"L16"})


@pytest.mark.parametrize("by_lot", [True, False])
def test_names_whose_number_tells(by_lot: bool, tmp_path: Path) -> None:
    """No name is on both sides: how many rows it has in its own file tells all the same."""
    task = make_task("binary")
    generator = np.random.default_rng(0)
    rows = task.whole
    of_little_else(task)
    for side, frame, whole in (("a", task.train, task.train), ("b", task.test, rows)):
        often = (whole[TARGET] == "yes").to_numpy()
        often = generator.permutation(often) if by_lot else often
        few, many = np.arange(len(frame)) // 2, generator.integers(0, len(frame) // 14, len(frame))
        names = np.where(often, 5_000 + many, few)
        frame["party"] = [hashlib.md5(f"{side}{n}".encode()).hexdigest()[:7] for n in names]
    assert errors(task.write(tmp_path / "task")) == (set() if by_lot else {"L16"})
