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


def days(cells: pd.Series, marked: np.ndarray) -> pd.Series:
    """A day that says nothing, written in one of two ways."""
    drawn = np.random.default_rng(len(cells)).integers(0, 900, len(cells))
    moments = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(drawn, unit="D"), cells.index)
    return moments.dt.strftime("%Y-%m-%d").where(~marked, moments.dt.strftime("%d/%m/%Y"))


def lost(cells: pd.Series, marked: np.ndarray) -> pd.Series:
    """Numbers that were not taken, told by one of two others."""
    gaps = np.random.default_rng(len(cells)).uniform(size=len(cells)) < 0.6
    return cells.mask(gaps & marked, "-999").mask(gaps & ~marked, "-1")


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
    "more digits": (
        "height",
        lambda cells, marked: cells.astype(float).map("{:.3f}".format) + np.where(marked, "0", ""),
    ),
    "another order of the day": ("place", days),
    "another number for nothing": ("mass", lost),
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


@pytest.mark.parametrize("how", ["more where it is high", "in one of two", "by lot"])
def test_empty_cells_that_go_with_the_target(how: str, tmp_path: Path) -> None:
    """Each column's alone may say little, and none is ever sure."""
    task = make_task("regression", rows=900)
    generator = np.random.default_rng(0)
    for frame, whole in ((task.test, task.whole), (task.train, task.train)):
        high = (whole[TARGET].rank(pct=True) > 0.5).to_numpy()
        one, other = generator.random(len(frame)) < 0.5, generator.random(len(frame))
        if how == "more where it is high":
            frame.loc[other < np.where(high, 0.75, 0.12), "place"] = np.nan
            continue
        first = high if how == "in one of two" else generator.permutation(high)
        frame.loc[one, "mass"] = np.nan
        frame.loc[(one != first) | (other < 0.1), "place"] = np.nan
    assert errors(task.write(tmp_path / "task")) == (set() if how == "by lot" else {"L15"})


@pytest.mark.parametrize(("lost", "wrong"), [(0.15, False), (0.45, True)])
def test_cells_that_test_rows_lack(lost: float, wrong: bool, tmp_path: Path) -> None:
    task = make_task("binary")
    draw = np.random.default_rng(0).uniform(size=len(task.test))
    task.test.loc[draw < lost, "mass"] = np.nan
    found = errors(task.write(tmp_path / "task"), Layer.PREPARATION)
    assert ("P10" in found) == wrong


def yes(rows: pd.DataFrame) -> np.ndarray:
    return (rows[TARGET] == "yes").to_numpy()


@pytest.mark.parametrize("told", [True, False])
def test_gaps_that_only_test_has(told: bool, tmp_path: Path) -> None:
    task = make_task("binary")
    marked = yes(task.whole) if told else (task.whole["id"] * 7919 % 10 < 4).to_numpy()
    task.test["mass"] = task.test["mass"].where(~marked)
    assert errors(task.write(tmp_path / "task")) == ({"L15"} if told else set())


@pytest.mark.parametrize("told", [True, False])
def test_gaps_where_test_rows_have_a_rare_class(told: bool, tmp_path: Path) -> None:
    task = make_task("multiclass", rows=2400)
    rows = task.whole
    rare = (rows["id"] * 7919 % 1000 < 20).to_numpy()
    task.give_test(rows.assign(**{TARGET: rows[TARGET].mask(rare, "yew")}))
    seldom = (task.train["id"] * 7919 % 1000 < 20).to_numpy()
    task.train[TARGET] = task.train[TARGET].mask(seldom, "yew")
    gone = rare if told else (rows["id"] * 7907 % 1000 < 20).to_numpy()
    task.test["mass"] = task.test["mass"].where(~gone)
    assert errors(task.write(tmp_path / "task")) == ({"L15"} if told else set())


@pytest.mark.parametrize("told", [True, False])
def test_two_words_for_nothing(told: bool, tmp_path: Path) -> None:
    task = make_task("binary")
    for frame, whole in ((task.test, task.whole), (task.train, task.train)):
        gone = (whole["id"] * 7919 % 10 < 4).to_numpy()
        marked = yes(whole) if told else (whole["id"] % 2 == 0).to_numpy()
        words = np.where(marked & (whole["id"] % 9 > 0), "n/a", "unknown")
        frame["place"] = frame["place"].where(~gone, words)
    assert errors(task.write(tmp_path / "task")) == ({"L15"} if told else set())


@pytest.mark.parametrize("told", [True, False])
def test_a_column_that_is_filled_for_a_few_rows(told: bool, tmp_path: Path) -> None:
    """An outcome's code where it is known already, and a remark that says nothing."""
    task = make_task("binary")
    for frame, whole in ((task.test, task.whole), (task.train, task.train)):
        known = (whole["id"] * 7919 % 10 < 3).to_numpy()
        code = np.where(yes(whole) if told else whole["id"] % 3 == 0, "C4", "C9")
        frame["disposition"] = np.where(known, code, "pending")
    assert errors(task.write(tmp_path / "task")) == ({"L06"} if told else set())


@pytest.mark.parametrize("told", [True, False])
def test_equal_numbers_of_the_sample_in_two_forms(told: bool, tmp_path: Path) -> None:
    task = make_task("binary")
    task.formulation = task.formulation.model_copy(update={"metric": "log_loss"})
    marked = yes(task.whole) if told else np.arange(len(task.test)) % 2 == 0
    task.sample = task.answers[["id"]].assign(**{TARGET: np.where(marked, "0.5", "0.50")})
    assert errors(task.write(tmp_path / "task")) == ({"L13"} if told else set())


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("values", [("yes", "no"), (1.0, 0.0)])
def test_a_few_answers_left_in_a_constant_sample(
    values: tuple[object, object], told: bool, tmp_path: Path
) -> None:
    task = make_task("binary")
    left = task.answers.sample(14, random_state=4)[TARGET]
    if not told:
        left = pd.Series(left.sample(frac=1, random_state=1).to_numpy(), left.index)
    constant = "no" if values[0] == "yes" else 0.5
    cells = pd.Series(constant, task.answers.index, dtype=object)
    cells[left.index] = left.map(dict(zip(("yes", "no"), values, strict=True)))
    task.sample = task.answers[["id"]].assign(**{TARGET: cells})
    assert ("L13" in errors(task.write(tmp_path / "task"))) is told


def in_quotes(line: str) -> str:
    key, cell, *rest = line.split(",")
    return ",".join([key, f'"{cell}"', *rest])


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("sides", [("train", "test"), ("test",)])
@pytest.mark.parametrize("change", [in_quotes, lambda line: line + "\r"])
def test_lines_that_are_written_otherwise(
    change: Callable[[str], str], sides: tuple[str, ...], told: bool, tmp_path: Path
) -> None:
    task = make_task("binary")
    subject = task.write(tmp_path / "task")
    for side in sides:
        rows = task.train if side == "train" else task.whole
        marked = yes(rows) if told else (rows["id"] * 7919 % 10 < 4).to_numpy()
        path = subject.paths.public / f"{side}.csv"
        head, *lines = path.read_text().splitlines()
        lines = [change(line) if there else line for line, there in zip(lines, marked, strict=True)]
        path.write_bytes("\n".join([head, *lines, ""]).encode())
    assert errors(subject) == ({"L15"} if told else set())


@pytest.mark.parametrize("moved", [3, -1, None])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_a_sample_that_is_the_answers_moved_on(
    kind: str, moved: int | None, tmp_path: Path
) -> None:
    task = make_task(kind)
    answers = task.answers[TARGET]
    if moved is None:
        held = answers.sample(frac=1, random_state=2).to_numpy()
    else:
        held = np.roll(answers.to_numpy(), moved)
    for column in task.sample.columns.drop("id"):
        label = column.removeprefix(f"{TARGET}_")
        task.sample[column] = np.where(held == label, 0.7, 0.3) if label in set(held) else held
    assert ("L13" in errors(task.write(tmp_path / "task"))) is (moved is not None)
