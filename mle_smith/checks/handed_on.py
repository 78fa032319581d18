"""Does a column of other test rows hold the answer of a test row, some steps earlier or later?

Defect L10 of tasks over time. A test set is given as a whole: a column of the target's past, made
over test rows too, hands each answer on to the row after it; a column of its future, to the row
before. Test rows whose past ends before the first answer, or that lie far enough apart, do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mle_smith.checks.association import Goal
from mle_smith.checks.features import Feature, Floats, Ints, Mask
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity

_FARTHEST = 48
"""Steps that are looked back and ahead: two days of hours."""
_FEWEST = 5
_FEWEST_CHANGES = 10
_COMMON = 0.05
"""Share of rows that have an answer which then tells nothing: rows without rain, say."""
_LEAST = 0.03
_TIMES_CHANCE = 3.0
"""An answer stands so much more often at one distance than at any other."""
_ALL = 0.98
"""Of classes that seldom change, a column of the past must tell when."""


class _Handed(NamedTuple):
    steps: int
    rows: int
    share: float


def answers_handed_on(subject: Subject, series: list[Ints]) -> Iterator[Finding]:
    """Columns whose cells in other test rows are the answers.

    Args:
        subject: a task whose rows are divided in time.
        series: all rows, train's first, of each series in the order of time.
    """
    for goal in subject.goals:
        cut = goal.feature.train_rows
        tests = [rows[rows >= cut] for rows in series]
        for feature in subject.inputs:
            found = _handed_on(feature, goal, tests)
            if found is None:
                continue
            where = f"{abs(found.steps)} rows {'later' if found.steps > 0 else 'earlier'}"
            yield Finding(
                code="L10",
                severity=Severity.ERROR,
                blame=Blame.DESIGN,
                message=f"{feature.name!r} holds the answer of {found.share:.0%} of test rows, "
                f"{where} in time ({found.rows} rows): who reads the whole of test.csv has them. "
                "Drop it, or leave out the test rows that show another one's answer.",
                evidence={
                    "columns": [feature.name],
                    "steps": found.steps,
                    "rows": found.rows,
                    "exploit": f"{feature.name!r} {where}",
                    "repair": {"drop_columns": [feature.name]},
                },
            )


def _handed_on(feature: Feature, goal: Goal, series: list[Ints]) -> _Handed | None:
    answers, cells = _comparable(feature, goal)
    if cells is None:
        return None
    asked = _telling_rows(answers, goal, series)
    rows, of_series = _in_line(series)
    close = 1e-9 * float(np.nanmax(np.abs(answers), initial=1.0))  # fewer digits were written

    def held(step: int) -> tuple[int, int]:
        """Asked rows whose answer stands so many rows later (or before), of how many there are."""
        late, early = slice(abs(step), None), slice(0, max(0, len(rows) - abs(step)))
        here, there = (rows[early], rows[late]) if step > 0 else (rows[late], rows[early])
        kept = asked[here] & (of_series[late] == of_series[early])
        same = np.abs(answers[here] - cells[there]) <= close
        return int((same & kept).sum()), int(kept.sum())

    steps = [step for step in range(-_FARTHEST, _FARTHEST + 1) if step]
    counts = {step: held(step) for step in steps}
    shares = {step: same / possible for step, (same, possible) in counts.items() if possible}
    if len(shares) < 2:
        return None
    best = max(shares, key=lambda step: (shares[step], -abs(step)))
    usual = max(share for step, share in shares.items() if step != best)
    count, share = counts[best][0], shares[best]
    if goal.classes:
        handed = count >= _FEWEST_CHANGES and share >= _ALL and (share - usual) * count >= _FEWEST
    else:
        handed = count >= _FEWEST and share >= max(_LEAST, _TIMES_CHANCE * usual)
    return _Handed(best, count, share) if handed else None


def _in_line(series: list[Ints]) -> tuple[Ints, Ints]:
    """All rows, series after series, and the number of the series of each."""
    lengths = [len(rows) for rows in series]
    return np.concatenate(series), np.repeat(np.arange(len(series)), lengths)


def _comparable(feature: Feature, goal: Goal) -> tuple[Floats, Floats | None]:
    """Answers and cells as numbers that are equal where they are; None where they never are."""
    if goal.feature.number is not None:
        return goal.feature.number, feature.number
    if feature.number is not None:
        return goal.values, None
    codes = {text: float(code) for code, text in enumerate(goal.feature.plain_text.unique())}
    answers, cells = (
        f.plain_text.map(codes).to_numpy(dtype=np.float64) for f in (goal.feature, feature)
    )
    return answers, None if np.isnan(cells).all() else cells


def _telling_rows(answers: Floats, goal: Goal, series: list[Ints]) -> Mask:
    """Rows whose answer is no foregone conclusion: rare ones, and of classes those that change."""
    asked = np.zeros(len(answers), dtype=bool)
    if goal.classes:
        for rows in series:
            asked[rows[1:]] = answers[rows[1:]] != answers[rows[:-1]]
        return asked & ~np.isnan(answers)
    rows = np.concatenate(series)
    _, places, counts = np.unique(answers[rows], return_inverse=True, return_counts=True)
    asked[rows] = (counts <= max(1, _COMMON * len(rows)))[places]
    return asked & ~np.isnan(answers)
