"""Marks in how cells are written, or in which are empty; a habit of writing is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mle_smith.checks import Layer
from tests.support.checked import errors
from tests.support.tasks import TARGET, Task, make_task

Marked = Callable[[pd.Series, np.ndarray], pd.Series]

FORMS: dict[str, tuple[str, Marked]] = {
    "blanks": ("place", lambda cells, marked: cells.where(~marked, cells + " ")),
    "needless zeros": ("mass", lambda cells, marked: cells.where(~marked, cells + "00")),
    "needless signs": ("mass", lambda cells, marked: cells.where(~marked, "+" + cells)),
    "fewer digits": (
        "height",
        lambda cells, marked: cells.where(
            ~marked, cells.astype(float).round().map("{:.0f}".format)
        ),
    ),
    "capitals": ("place", lambda cells, marked: cells.where(~marked, cells.str.upper())),
}


def written(task: Task, how: str, by: Callable[[pd.DataFrame], np.ndarray]) -> None:
    """Write cells in the form, where `by` says so of the rows with their targets."""
    column, change = FORMS[how]
    for frame, whole in ((task.test, task.whole), (task.train, task.train)):
        frame[column] = change(frame[column].astype(str), by(whole))


@pytest.mark.parametrize("how", FORMS)
def test_a_form_that_tells_the_class_is_caught(how: str, tmp_path: Path) -> None:
    task = make_task("binary")
    written(task, how, lambda rows: (rows[TARGET] == "yes").to_numpy() & (rows["id"] % 5 > 0))
    assert "L15" in errors(task.write(tmp_path / "task"))


@pytest.mark.parametrize("how", FORMS)
def test_a_form_that_an_input_explains_is_sound(how: str, tmp_path: Path) -> None:
    task = make_task("binary")
    written(task, how, lambda rows: (rows["grade"] >= 4).to_numpy())
    assert errors(task.write(tmp_path / "task")) == set()


@pytest.mark.parametrize("how", FORMS)
def test_a_form_of_some_rows_at_random_is_sound(how: str, tmp_path: Path) -> None:
    task = make_task("binary")
    written(task, how, lambda rows: (rows["id"] * 7919 % 10 < 3).to_numpy())
    assert errors(task.write(tmp_path / "task")) == set()


@pytest.mark.parametrize("explained", [True, False])
def test_empty_cells_that_only_the_target_explains(explained: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    for frame, whole in ((task.test, task.whole), (task.train, task.train)):
        cause = whole["height"] if explained else whole[TARGET]
        draw = np.random.default_rng(len(whole)).uniform(size=len(whole))
        frame.loc[(cause.rank(pct=True) > 0.6).to_numpy() & (draw < 0.9), "mass"] = np.nan
    assert errors(task.write(tmp_path / "task")) == (set() if explained else {"L15"})


@pytest.mark.parametrize(("lost", "wrong"), [(0.15, False), (0.45, True)])
def test_cells_that_test_rows_lack(lost: float, wrong: bool, tmp_path: Path) -> None:
    task = make_task("binary")
    draw = np.random.default_rng(0).uniform(size=len(task.test))
    task.test.loc[draw < lost, "mass"] = np.nan
    found = errors(task.write(tmp_path / "task"), Layer.PREPARATION)
    assert ("P10" in found) == wrong
