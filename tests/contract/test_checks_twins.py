"""Copies of train rows in test are caught, however they were edited; chance matches pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mle_smith.checks import Layer, check_package
from tests.support.checked import errors
from tests.support.tasks import TARGET, Task, make_task


def copied(task: Task, share: float) -> pd.DataFrame:
    rows = task.whole
    count = round(share * len(rows))
    source = task.train.sample(count, random_state=1)
    rows.iloc[:count, 1:] = source[rows.columns[1:]].to_numpy()
    return rows.sample(frac=1, random_state=2)


@pytest.mark.parametrize("kind", ["binary", "regression"])
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_copies_of_train_rows_are_caught(kind: str, share: float, tmp_path: Path) -> None:
    task = make_task(kind)
    task.give_test(copied(task, share))
    assert "L01" in errors(task.write(tmp_path / "task"))


@pytest.mark.parametrize("jitter", [1e-4, 1e-3])
def test_copies_with_jitter_and_another_case_are_caught(jitter: float, tmp_path: Path) -> None:
    task = make_task("regression", rows=1200)
    rows = copied(task, 0.2)
    generator = np.random.default_rng(0)
    for column in ("height", "mass"):
        spread = rows[column].std() * jitter
        rows[column] = rows[column] + generator.normal(0, spread, len(rows))
    rows["place"] = rows["place"].str.upper() + " "
    task.give_test(rows)
    assert "L02" in errors(task.write(tmp_path / "task"))


def test_rows_of_coarse_columns_that_meet_by_chance_are_no_copies(tmp_path: Path) -> None:
    task = make_task("multiclass", rows=2000)
    task.train = task.train.drop(columns=["height", "mass"])
    task.test = task.test.drop(columns=["height", "mass"])
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.LEAKAGE})
    assert not {f.code for f in checked.findings} & {"L01", "L02"}


@pytest.mark.parametrize("edit", ["one column", "words"])
def test_copies_that_were_edited_are_caught(edit: str, tmp_path: Path) -> None:
    task = make_task("multiclass", rows=900)
    generator = np.random.default_rng(0)
    words = np.array([f"w{k}" for k in range(400)])
    for frame in (task.train, task.test):
        frame["remark"] = [" ".join(generator.choice(words, 12)) for _ in range(len(frame))]
    rows = task.whole
    source = task.train.sample(20, random_state=1)
    kept = rows.loc[:19, "height"].to_numpy()
    rows.loc[:19, rows.columns[1:]] = source[rows.columns[1:]].to_numpy()
    if edit == "one column":
        rows.loc[:19, "height"] = kept
    else:
        rows.loc[:19, "height"] = kept
        rows.loc[:19, "remark"] = rows.loc[:19, "remark"].str.replace(r"^\S+", "indeed", regex=True)
    task.give_test(rows.sample(frac=1, random_state=2))
    assert "L02" in errors(task.write(tmp_path / "task"))


@pytest.mark.parametrize("copies", [0, 15])
def test_copies_with_two_columns_in_other_units(copies: int, tmp_path: Path) -> None:
    task = make_task("binary")
    generator = np.random.default_rng(0)
    for frame in (task.train, task.test):
        for k in range(8):
            frame[f"count{k}"] = generator.poisson(3, len(frame))
    rows = task.whole
    source = task.train.sample(copies, random_state=1)[rows.columns[1:]]
    source["height"], source["mass"] = source["height"] * 2.54, source["mass"] / 1000
    rows.loc[rows.index[:copies], rows.columns[1:]] = source.to_numpy()
    task.give_test(rows.sample(frac=1, random_state=2))
    assert errors(task.write(tmp_path / "task")) == ({"L02"} if copies else set())


def coarse(together: bool) -> Task:
    """Rows of which many are twins by nature; `together`: each with its twins on one side."""
    task = make_task("multiclass", rows=4000)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    rows["height"], rows["mass"] = rows["height"].round(), rows["mass"] // 10
    inputs = [c for c in rows.columns if c != "id"]
    units = rows.groupby(inputs).ngroup() if together else pd.Series(np.arange(len(rows)))
    late = np.random.default_rng(0).random(units.max() + 1) < 0.25
    task.train = rows[~late[units]].reset_index(drop=True)
    task.give_test(rows[late[units]].reset_index(drop=True))
    return task


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("copies", [0, 20])
def test_twins_that_the_split_keeps_on_one_side(
    copies: int, together: bool, tmp_path: Path
) -> None:
    task = coarse(together)
    extra = task.whole.sample(copies, random_state=1)
    extra["id"] = [f"new-{k}" for k in range(copies)]
    task.train = pd.concat([task.train, extra], ignore_index=True).sample(frac=1, random_state=2)
    # Among twins by lot, twenty more are nothing.
    expected = {"L01"} if together and copies else set()
    assert errors(task.write(tmp_path / "task")) == expected


@pytest.mark.parametrize("copies", [0, 100])
def test_copies_in_which_one_column_was_changed_beside_twins(copies: int, tmp_path: Path) -> None:
    task = coarse(together=True)
    rows = task.whole
    source = task.train.sample(copies, random_state=1)
    places = rows.index[:copies]
    rows.loc[places, rows.columns[1:]] = source[rows.columns[1:]].to_numpy()
    rows.loc[places, "grade"] = 6 + np.arange(copies) % 3
    task.give_test(rows)
    assert errors(task.write(tmp_path / "task")) == ({"L02"} if copies else set())


def test_copies_with_jitter_in_the_target_too_are_caught(tmp_path: Path) -> None:
    task = make_task("regression")
    rows = task.whole
    generator = np.random.default_rng(0)
    copies = rows.sample(40, random_state=1)
    for column in ("height", "mass", TARGET):
        copies[column] += generator.normal(0, 0.01 * rows[column].std(), len(copies))
    copies["id"] = range(10_000, 10_040)
    task.train = pd.concat([task.train, copies[task.train.columns]])
    assert "L02" in errors(task.write(tmp_path / "task"))


@pytest.mark.parametrize("across", [True, False])
def test_rows_that_a_join_made_several_of(across: bool, tmp_path: Path) -> None:
    """They differ in who assessed them, and train has such rows of its own as well."""
    task = make_task("regression")
    rows = task.whole
    for frame in (task.train, rows):
        frame["assessor"] = np.arange(len(frame)) % 3
    task.give_test(rows)
    again = pd.concat([task.train.sample(90, random_state=1), rows.sample(45 * across)])
    again = again.assign(
        assessor=(again["assessor"] + 1) % 3, id=range(10_000, 10_000 + len(again))
    )
    task.train = pd.concat([task.train, again[task.train.columns]])
    assert errors(task.write(tmp_path / "task")) == ({"L02"} if across else set())


@pytest.mark.parametrize("copies", [0, 40])
def test_copies_across_groups(copies: int, tmp_path: Path) -> None:
    """Each person has twins in his own rows; those of test persons in train are copies."""
    task = make_task("grouped")
    rows = task.whole
    twins = task.train.sample(120, random_state=1)
    ours = rows.sample(copies, random_state=1).assign(person="p999")
    again = pd.concat([twins, ours])[task.train.columns]
    again["id"] = range(10_000, 10_000 + len(again))
    task.train = pd.concat([task.train, again])
    found = errors(task.write(tmp_path / "task"))
    assert bool(found & {"L01", "L02"}) == bool(copies)


@pytest.mark.parametrize("joined", [1, 2, 3])
@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_rows_that_were_joined_to_several_others(kind: str, joined: int, tmp_path: Path) -> None:
    """They are the same in all columns but those that came with the join."""
    task = make_task(kind)
    generator = np.random.default_rng(3)
    again = task.train.sample(len(task.test) // 2, random_state=0)
    rows = pd.concat([task.whole.iloc[len(again) :], again], ignore_index=True)
    task.give_test(rows.assign(id=task.test["id"]))
    for number in range(joined):
        for frame in (task.train, task.test):
            frame[f"joined{number}"] = generator.integers(0, 50, len(frame))
    assert "L02" in errors(task.write(tmp_path / "task"))


def test_an_experiment_that_tries_all_settings_passes(tmp_path: Path) -> None:
    """Two of its settings hardly matter, so that many rows differ in nothing else but these."""
    task = make_task("regression", rows=1200)
    generator = np.random.default_rng(4)
    of_setting = generator.normal(50, 10, (12, 4, 2)).round(2)
    kinds = generator.normal(20, 5, (12, 3)).round(1)

    def tried(count: int) -> pd.DataFrame:
        shape, glass, coat = (generator.integers(0, many, count) for many in (12, 4, 2))
        rows = pd.DataFrame(kinds[shape], columns=["width", "height", "area"])
        rows = rows.assign(glass=glass, coat=coat)
        rows[["turned", "run"]] = generator.integers(1, 6, (count, 2))
        step = 0.01 * generator.integers(0, 20, count)
        return rows.assign(**{TARGET: (of_setting[shape, glass, coat] + step).round(2)})

    task.train = tried(len(task.train)).assign(id=task.train["id"].to_numpy())
    task.give_test(tried(len(task.test)).assign(id=task.test["id"].to_numpy()))
    assert "L02" not in errors(task.write(tmp_path / "task"))
