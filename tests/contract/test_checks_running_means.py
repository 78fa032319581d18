"""L10: running means and sums of the target over rows that are asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mle_smith.checks import Layer, check_package
from tests.support.checked import errors
from tests.support.tasks import TARGET, Task, make_task

_MADE: dict[str, tuple[Callable[[pd.Series], pd.Series], bool]] = {
    "around": (lambda y: y.rolling(9, center=True, min_periods=1).mean().round(3), True),
    "wide": (lambda y: y.rolling(25, center=True, min_periods=1).mean(), True),
    "ahead": (lambda y: y[::-1].rolling(4, min_periods=1).sum()[::-1].round(2), True),
    "past": (lambda y: y.shift(1).rolling(6).mean().bfill().round(4), False),
    "fading": (lambda y: y.ewm(alpha=0.2, adjust=False).mean().round(5), True),
}


def _give(task: Task, values: pd.Series) -> None:
    cut = len(task.train)
    task.train["level"], task.test["level"] = values[:cut].to_numpy(), values[cut:].to_numpy()


def _target(task: Task) -> pd.Series:
    return pd.concat([task.train[TARGET], task.answers[TARGET]], ignore_index=True)


@pytest.mark.parametrize("how", list(_MADE))
def test_means_over_later_test_rows(how: str, tmp_path: Path) -> None:
    task = make_task("temporal", rows=900)
    _give(task, _MADE[how][0](_target(task)))
    assert "L10" in errors(task.write(tmp_path / "task"))


@pytest.mark.parametrize("how", list(_MADE))
def test_means_where_rows_were_divided_at_random(how: str, tmp_path: Path) -> None:
    """A mean of the past alone leaves a row's own answer to be foretold."""
    task = make_task("temporal", rows=900)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    rows["level"] = _MADE[how][0](rows[TARGET])
    late = np.random.default_rng(0).random(len(rows)) < 0.25
    task.train = rows[~late].reset_index(drop=True)
    task.test = task.test.assign(level=0.0)
    task.give_test(rows[late][[*task.test.columns, TARGET]])
    subject = task.write(tmp_path / "task", told=False)
    found = check_package(subject, layers={Layer.LEAKAGE}).findings
    assert any("first_step" in f.evidence for f in found) is _MADE[how][1]


@pytest.mark.parametrize("how", ["of train", "of an input"])
def test_means_that_tell_nothing(how: str, tmp_path: Path) -> None:
    task = make_task("temporal", rows=900)
    if how == "of train":
        known = _target(task).where(np.arange(900) < len(task.train))
        _give(task, known.shift(1).rolling(6, min_periods=1).mean().ffill().bfill().round(3))
    else:
        mass = pd.concat([task.train["mass"], task.test["mass"]], ignore_index=True)
        _give(task, mass.rolling(5, center=True, min_periods=1).mean().round(3))
    assert errors(task.write(tmp_path / "task")) == set()


def test_columns_that_are_mostly_zero_are_no_means_of_each_other(tmp_path: Path) -> None:
    """Rain and hail: where neither falls, each is the mean of the other's zeros."""
    task = make_task("temporal", rows=1600)
    generator = np.random.default_rng(6)
    rain, hail = (
        np.where(generator.random(1600) < 0.015, generator.gamma(2, 3, 1600), 0.0).round(2)
        for _ in range(2)
    )
    cut = len(task.train)
    task.train[TARGET], task.answers[TARGET] = rain[:cut], rain[cut:]
    _give(task, pd.Series(hail))
    found = check_package(task.write(tmp_path / "task"), layers={Layer.LEAKAGE}).findings
    assert not any("first_step" in f.evidence for f in found)
