"""Answers that stand in other test rows, some steps away in time, are found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mle_smith.checks.thresholds import Thresholds
from tests.support.checked import errors
from tests.support.tasks import TARGET, Task, make_task


def hand_on(task: Task, steps: int, share: float, *, over_test: bool) -> None:
    """A column of the target so many rows before, in some rows of test, or up to train's end."""
    generator = np.random.default_rng(3)
    known = pd.concat([task.train[TARGET], task.answers[TARGET]], ignore_index=True)
    past = known.shift(steps)
    cut = len(task.train)
    late = np.arange(len(known)) >= cut + (0 if over_test else max(0, steps))
    past = past.mask(late & (generator.random(len(known)) > share))
    past = past.fillna(round(float(known[:cut].mean()), 3))
    task.train["past"], task.test["past"] = past[:cut].to_numpy(), past[cut:].to_numpy()


@pytest.mark.parametrize(
    ("steps", "share", "over_test"),
    [(1, 1.0, True), (3, 0.1, True), (-1, 1.0, True), (2, 0.0, False)],
)
def test_answers_in_rows_before_and_after(
    steps: int, share: float, over_test: bool, tmp_path: Path
) -> None:
    task = make_task("temporal", rows=1200)
    hand_on(task, steps, share, over_test=over_test)
    subject = task.write(tmp_path / "task")
    assert ("L10" in errors(subject)) == over_test
    # Of a long table statistics see some rows; the next row is then not the next one seen.
    some = replace(subject, thresholds=Thresholds(max_stat_rows=100))
    assert ("L10" in errors(some)) == over_test
