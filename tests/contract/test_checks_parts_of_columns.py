"""A target in some cells of a column, in some bits of a number, or in a quotient is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest

from tests.support.checked import errors
from tests.support.tasks import TARGET, Task, make_task

Make: TypeAlias = Callable[[np.ndarray, np.random.Generator], Any]


def in_both(task: Task, name: str, make: Make, *, by_lot: bool) -> None:
    """An input made of the target's codes, or of codes by lot, a twentieth of them wrong."""
    generator = np.random.default_rng(5)
    for frame, rows in ((task.train, task.train), (task.test, task.whole)):
        target = rows[TARGET]
        steps = target if target.dtype == "str" else (target.rank(pct=True) * 15.99).astype(int)
        codes = pd.factorize(steps, sort=True)[0]
        if by_lot:
            codes = generator.permutation(codes)
        off = generator.random(len(codes)) < 0.05
        codes[off] = generator.permutation(codes)[off]
        frame[name] = make(codes, generator)


def status_word(codes: np.ndarray, generator: np.random.Generator) -> list[str]:
    """Other bits are counters and flags."""
    noise = generator.integers(0, 2**28, len(codes))
    return [f"0x{int(n) & ~(15 << 9) | int(c) << 9:07X}" for n, c in zip(noise, codes, strict=True)]


def long_number(codes: np.ndarray, generator: np.random.Generator) -> list[int]:
    """A digit in the middle of a number of eight."""
    upper, lower = generator.integers(100, 999, (2, len(codes)))
    return [int(n) for n in upper * 10**5 + (codes % 10) * 10**3 + lower]


@pytest.mark.parametrize("by_lot", [True, False])
@pytest.mark.parametrize(
    ("kind", "make"),
    [("multiclass", status_word), ("regression", status_word), ("multiclass", long_number)],
)
def test_a_target_in_a_part_of_a_number(
    kind: str, make: Make, by_lot: bool, tmp_path: Path
) -> None:
    task = make_task(kind)
    task.weaken()
    in_both(task, "state", make, by_lot=by_lot)
    assert errors(task.write(tmp_path / "task")) == (set() if by_lot else {"L06"})


@pytest.mark.parametrize("by_lot", [True, False])
def test_classes_in_the_quotient_of_two_columns(by_lot: bool, tmp_path: Path) -> None:
    task = make_task("binary")
    task.weaken()
    units = np.exp(np.random.default_rng(6).normal(3, 1, len(task.train) + len(task.test)))
    task.train["units"], task.test["units"] = np.split(units.round(1), [len(task.train)])
    in_both(task, "amount", lambda codes, lot: 20 + 30 * codes + lot.uniform(0, 29), by_lot=by_lot)
    for frame in (task.train, task.test):
        frame["amount"] = (frame["amount"] * frame["units"]).round(2)
    assert errors(task.write(tmp_path / "task")) == (set() if by_lot else {"L06"})


@pytest.mark.parametrize("how", ["by class", "by lot", "by the mean"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_gaps_that_were_filled_by_the_target(kind: str, how: str, tmp_path: Path) -> None:
    task = make_task(kind)
    generator = np.random.default_rng(7)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    column = pd.Series(generator.normal(100, 15, len(rows)).round(2))
    target = rows[TARGET]
    groups = target if kind != "regression" else pd.qcut(target, 10, labels=False)
    if how == "by lot":
        groups = groups.sample(frac=1, random_state=1).reset_index(drop=True)
    if how == "by the mean":
        groups = pd.Series(0, rows.index)
    fills = column.groupby(groups).transform("mean").round(4)
    gaps = generator.random(len(rows)) < 0.35
    column[gaps] = fills[gaps]
    task.train["level"] = column[: len(task.train)].to_numpy()
    task.test = task.test.assign(level=column[len(task.train) :].to_numpy())
    assert errors(task.write(tmp_path / "task")) == ({"L06"} if how == "by class" else set())


def test_the_ends_of_a_scale_are_no_fillings(tmp_path: Path) -> None:
    """Many reach either end, which goes with the class as the values beside it do."""
    task = make_task("binary", rows=2000)
    task.weaken()
    generator = np.random.default_rng(7)
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        mind = generator.normal(0, 1, len(whole)) + 2 * (whole[TARGET] == "yes") - 1
        frame["mind"] = mind.clip(-1.4, 1.4).round(3)
    assert errors(task.write(tmp_path / "task")) == set()


@pytest.mark.parametrize("by_lot", [True, False])
def test_the_mean_of_the_others_of_two_kinds(by_lot: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    rows["kind"] = np.where(np.random.default_rng(9).random(len(rows)) < 0.4, "new", "old")
    target = rows[TARGET].sample(frac=1, random_state=0).to_numpy() if by_lot else rows[TARGET]
    kinds = pd.Series(target).groupby(rows["kind"])
    rows["level"] = (kinds.transform("sum") - target) / (kinds.transform("size") - 1)
    for frame, part in (
        (task.train, rows[: len(task.train)]),
        (task.test, rows[len(task.train) :]),
    ):
        frame[["kind", "level"]] = part[["kind", "level"]].to_numpy()
    found = errors(task.write(tmp_path / "task"))
    assert ("L08" in found) is not by_lot
