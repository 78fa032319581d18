"""Columns whose cell in the next row tells the target are told; those that say nothing pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.checked import errors
from tests.support.tasks import TARGET, Task, make_task


def in_lines(task: Task, how: str, by_lot: bool) -> None:
    """Give the rows places on some lines, and a column that tells of the rows there."""
    generator = np.random.default_rng(2)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    told = rows[TARGET]
    if by_lot:
        told = told.sample(frac=1, random_state=0).reset_index(drop=True)
    numbers = pd.Series(pd.factorize(told)[0]) if told.dtype == "str" else told
    line = pd.Series(generator.integers(0, 12, len(rows)))
    place = pd.Series(generator.random(len(rows))).groupby(line).rank().astype(int)
    order = pd.DataFrame({"line": line, "place": place}).sort_values(["line", "place"]).index
    by_line = numbers[order].groupby(line[order])
    column: pd.Series = {
        "the target of the row before": lambda: told[order].groupby(line[order]).shift(1),
        "a total": lambda: by_line.cumsum().round(4),
        "a mean so far": lambda: (by_line.cumsum() / place[order]).round(6),
    }[how]()
    cut = len(task.train)
    for name, cells in (
        ("line", "L" + line.astype(str)),
        ("place", place),
        ("history", column.sort_index()),
    ):
        task.train[name], task.test[name] = cells[:cut].to_numpy(), cells[cut:].to_numpy()


@pytest.mark.parametrize("by_lot", [True, False])
@pytest.mark.parametrize("kind", ["binary", "regression"])
@pytest.mark.parametrize("how", ["the target of the row before", "a total", "a mean so far"])
def test_what_the_next_row_tells(how: str, kind: str, by_lot: bool, tmp_path: Path) -> None:
    task = make_task(kind)
    in_lines(task, how, by_lot)
    found = errors(task.write(tmp_path / "task"))
    assert found == (set() if by_lot else {"L10"})
