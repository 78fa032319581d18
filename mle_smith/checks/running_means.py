"""Is a column a running mean (or sum) of the target, over rows whose answers are asked for?

Defect L10. A mean over the rows before and after, or the past's mean that runs on over test rows:
the difference of two such cells, or what a cell has more than its known neighbours, is an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mle_smith.checks.association import Goal
from mle_smith.checks.features import Feature, Floats, Ints, decimal_steps
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity

_FARTHEST = 30
"""Steps back and ahead to which means may reach."""
_FEWEST = 40
_MOST = 3_000
_ALL = 0.9
"""Share of the cells that must be the mean: at the ends there are fewer rows to take it of."""
_COARSE = 0.1
"""Standard deviations that rounding may take up, for a match to say something."""
_LEAST_PART = 0.02
"""Weight of the newest row in a mean that fades."""


class _Mean(NamedTuple):
    how: str
    first: int
    """The earliest step that it reaches to; 0 is the row itself."""
    last: int


def running_means(subject: Subject, series: list[Ints]) -> Iterator[Finding]:
    """Columns that are running means of answers.

    Args:
        subject: a task whose rows have an order in time.
        series: all rows, train's first, of each series in the order of time.
    """
    for goal in subject.goals:
        if goal.classes and len(np.unique(goal.codes)) > 2:
            continue
        asked_from = goal.feature.train_rows if subject.temporal else 0
        rows = max((rows[rows >= asked_from] for rows in series), key=len)[:_MOST]
        for feature in subject.inputs:
            found = _mean_of(feature, goal, rows)
            if found is None or (not subject.temporal and not found.first <= 0 <= found.last):
                continue  # of a past that is known
            yield Finding(
                code="L10",
                severity=Severity.ERROR,
                blame=Blame.DESIGN,
                message=f"{feature.name!r} is {found.how} of {goal.feature.name!r} from row "
                f"{found.first:+d} to row {found.last:+d} in time, test rows included: from cells "
                "of neighbouring rows the answers follow. Drop it, or make it of train rows alone.",
                evidence={
                    "columns": [feature.name],
                    "first_step": found.first,
                    "last_step": found.last,
                    "exploit": f"differences of {feature.name!r} between neighbouring rows",
                    "repair": {"drop_columns": [feature.name]},
                },
            )


def _mean_of(feature: Feature, goal: Goal, rows: Ints) -> _Mean | None:
    """The running mean that a column is; None where it is none."""
    if feature.number is None or len(rows) < _FEWEST:
        return None
    number = goal.feature.number
    cells, answers = feature.number[rows], (goal.values if number is None else number)[rows]
    known = np.isfinite(cells)
    if known.mean() < _ALL or np.isnan(answers).any():
        return None
    step = float(decimal_steps(cells[known]).min())
    if step > _COARSE * float(cells[known].std()):
        return None
    return _even(cells, answers, step) or _fading(cells, answers, step)


def _even(cells: Floats, answers: Floats, step: float) -> _Mean | None:
    """Every row of a span has the same weight."""
    sums = np.r_[0.0, answers.cumsum()]
    places = np.arange(len(cells))
    values, counts = np.unique(cells[np.isfinite(cells)], return_counts=True)
    usual = values[counts.argmax()]  # of two columns of zeros each is the mean of the other
    for first in range(-_FARTHEST, _FARTHEST + 1):
        for last in range(first + 1, min(first + _FARTHEST, _FARTHEST) + 1):
            inside = places[max(0, -first) : len(cells) - max(0, last)]
            total = sums[inside + last + 1] - sums[inside + first]
            for how, made in (("the mean", total / (last + 1 - first)), ("the sum", total)):
                apart = (np.abs(made - usual) > step) | (cells[inside] != usual)
                if _equal(made[apart], cells[inside][apart], step):
                    return _Mean(how, first, last)
    return None


def _fading(cells: Floats, answers: Floats, step: float) -> _Mean | None:
    """Each cell is the cell before, moved by a part of the way towards an answer."""
    for last in range(-_FARTHEST, _FARTHEST + 1):
        inside = np.arange(max(1, -last), len(cells) - max(0, last))
        moved, way = np.diff(cells)[inside - 1], answers[inside + last] - cells[inside - 1]
        kept = np.isfinite(moved) & ((moved != 0) | (np.abs(way) > step))
        moved, way = moved[kept], way[kept]
        part = float(moved @ way) / max(float(way @ way), 1e-300)
        if part > _LEAST_PART and _equal(part * way, moved, 2 * step):
            return _Mean("the fading mean", -_FARTHEST, last)
    return None


def _equal(made: Floats, cells: Floats, step: float) -> bool:
    """Whether enough rows are compared, and nearly all are equal but for rounding."""
    return len(made) >= _FEWEST and float(np.mean(np.abs(made - cells) <= step)) >= _ALL
