"""L12: rows that were interpolated (oversampled) before the split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors

from tests.support.checked import errors
from tests.support.tasks import TARGET, Task, make_task

MEASURED = ["height", "mass", "depth", "reach"]


def _task() -> tuple[Task, pd.DataFrame]:
    task = make_task("binary", rows=900)
    generator = np.random.default_rng(3)
    for name in MEASURED[2:]:
        for frame in (task.train, task.test):
            frame[name] = generator.gamma(4.0, size=len(frame)).round(3)
    return task, pd.concat([task.train, task.whole], ignore_index=True)


def _synthetic(rows: pd.DataFrame, count: int, digits: int) -> pd.DataFrame:
    """Rows between each of some rows and one of its five nearest, as SMOTE draws them."""
    generator = np.random.default_rng(4)
    table = rows[MEASURED].to_numpy(dtype=float)
    _, near = (
        NearestNeighbors(n_neighbors=6)
        .fit(table / table.std(axis=0))
        .kneighbors(table / table.std(axis=0))
    )
    base = generator.integers(0, len(rows), count)
    other = near[base, generator.integers(1, 6, count)]
    part = generator.random((count, 1))
    made = rows.iloc[base].reset_index(drop=True)
    made[MEASURED] = (table[base] + part * (table[other] - table[base])).round(digits)
    return made


@pytest.mark.parametrize(
    ("before", "share", "digits"), [(True, 1.0, 12), (True, 0.3, 6), (False, 1.0, 12)]
)
def test_a_rare_class_filled_up(before: bool, share: float, digits: int, tmp_path: Path) -> None:
    task, rows = _task()
    cut = len(task.train)
    if before:
        rare = rows[rows[TARGET] == "yes"]
        rows = pd.concat([rows, _synthetic(rare, int(share * len(rare)), digits)])
        rows = rows.sample(frac=1, random_state=0).reset_index(drop=True)
        train, test = rows[: len(rows) * 3 // 4], rows[len(rows) * 3 // 4 :]
    else:
        train, test = rows[:cut], rows[cut:]
        rare = train[train[TARGET] == "yes"]
        train = pd.concat([train, _synthetic(rare, int(share * len(rare)), digits)])
    ids = np.random.default_rng(1).permutation(len(train) + len(test))
    task.train = train.assign(id=ids[: len(train)])
    task.give_test(test.assign(id=ids[len(train) :])[[*task.test.columns, TARGET]])
    assert ("L12" in errors(task.write(tmp_path / "task"))) is before


@pytest.mark.parametrize("of_what", ["a sum", "a grid"])
def test_columns_that_lie_on_lines_by_nature(of_what: str, tmp_path: Path) -> None:
    task, rows = _task()
    for frame in (task.train, task.test):
        if of_what == "a sum":
            frame["depth"] = 3 * frame["height"] - 7 + 2 * frame["mass"]
            frame["reach"] = frame["mass"] / 7
        else:
            for name in MEASURED:
                frame[name] = (4 * frame[name] / rows[name].max()).round(1)
    assert "L12" not in errors(task.write(tmp_path / "task"))
