"""Do test rows lie exactly on a line between other rows, as synthetic minority oversampling draws?

Defect L12: who fills up a rare class before the split (SMOTE and its kin) puts rows between a test
row and its neighbour into train, or tests on a row that lies between two train rows. In three or
more continuous columns no measured row lies on such a line but by chance, which is counted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.linalg import qr  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.check import Measured, Outcome
from mle_smith.checks.features import Floats, Ints, decimal_steps, evenly_spaced
from mle_smith.checks.nearness import neighbours
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity

_NEAREST = 20
_MAX_ASKED = 1_000
_FEWEST_COLUMNS = 3
_FEWEST_VALUES = 20
"""Different values of a column that is taken for continuous."""
_STRAIGHT = 1e-5
"""How far the cosine of two directions may be from 1 to be worth measuring."""
_LOG_LUCK = -3.0
"""Log10 of the chance that any of the triples that are looked at lies on a line."""


def interpolated_row_findings(subject: Subject) -> Iterator[Outcome]:
    """Test rows on a line with a train row and another row; an error where they are many."""
    columns = _continuous(subject)
    if len(columns) < _FEWEST_COLUMNS:
        return
    table = np.stack(columns, axis=1)
    cut, goal, limits = len(subject.train_rows), subject.goals[0], subject.thresholds
    places = np.array(evenly_spaced(len(table) - cut, _MAX_ASKED)) + cut
    classes = goal.codes if goal.classes else np.zeros(len(table), dtype=np.int64)
    steps = np.stack([_steps(column) for column in columns], axis=1)
    scaled = table / table.std(axis=0)
    found: set[int] = set()
    for label in np.unique(classes[places]):
        rows = np.flatnonzero(classes == label)
        asked = places[classes[places] == label]
        for space in (scaled, table):  # whoever interpolates may or may not scale before
            near = _nearest(space, rows, asked)
            found.update(_on_lines(table, scaled, near, asked, steps, cut))
    yield Measured("L12", {"interpolated_rows": len(found), "of_rows": len(places)})
    if len(found) >= max(limits.duplicate_rows, limits.duplicate_share * len(places)):
        yield Finding(
            code="L12",
            severity=Severity.ERROR,
            blame=Blame.REFACTOR,
            message=f"{len(found)} of {len(places)} test rows lie exactly on a line between two "
            f"other rows, one of them in train, in {len(columns)} columns: rows were interpolated "
            "(oversampled) before the split. Split first, and oversample train alone.",
            evidence={"rows": len(found), "of_rows": len(places), "columns": len(columns)},
        )


def _continuous(subject: Subject) -> list[Floats]:
    """Continuous columns without gaps, of which none is a linear sum of others."""
    columns = [
        feature.number
        for feature in subject.inputs
        if feature.number is not None
        and feature.distinct >= _FEWEST_VALUES
        and not feature.missing.any()
    ]
    if not columns:
        return []
    table = np.stack(columns, axis=1)
    centred = (table - table.mean(axis=0)) / table.std(axis=0)
    _, upper, order = qr(centred, mode="economic", pivoting=True)
    sizes = np.abs(np.diag(upper))
    return [columns[n] for n, size in zip(order, sizes, strict=False) if size > 1e-6 * sizes[0]]


def _steps(column: Floats) -> Floats:
    """What each cell was rounded to, but a value that comes back is of no finer step than all."""
    _, places, counts = np.unique(column, return_inverse=True, return_counts=True)
    steps = decimal_steps(column)
    often = counts[places] > 1
    return np.asarray(np.where(often, np.maximum(steps, np.ptp(column) / len(counts)), steps))


def _nearest(space: Floats, rows: Ints, asked: Ints) -> list[Ints]:
    """For each asked row those of `rows` that lie nearest to it, itself and its equals left out."""
    if len(rows) <= _NEAREST:
        return [rows[:0] for _ in asked]
    near, distances = neighbours(
        space[asked].astype(np.float32), space[rows].astype(np.float32), _NEAREST
    )
    return [
        rows[places][(rows[places] != row) & (lengths > 0)]
        for row, places, lengths in zip(asked, near, distances, strict=True)
    ]


def _on_lines(
    table: Floats, scaled: Floats, near: list[Ints], asked: Ints, steps: Floats, cut: int
) -> Iterator[int]:
    """Asked rows that are on a line with two rows near them, not both of them test's.

    Args:
        table: numbers by row and column.
        scaled: the same in standard deviations.
        near: for each asked row those near to it.
        asked: which are asked about.
        steps: what each number was rounded to.
        cut: the first row of test.
    """
    luck = _LOG_LUCK - np.log10(len(asked) * _NEAREST**2)
    for row, others in zip(asked, near, strict=True):
        ways = scaled[others] - scaled[row]
        moved = (np.abs(ways) > 0).sum(axis=1) >= _FEWEST_COLUMNS
        others, ways = others[moved], ways[moved]
        ways /= np.linalg.norm(ways, axis=1, keepdims=True)
        straight = np.abs(np.triu(ways @ ways.T, 1)) > 1 - _STRAIGHT
        for one, other in np.argwhere(straight):
            three = np.array([row, others[one], others[other]])
            if three[1:].min() < cut and _log_chance(table[three], steps[three]) <= luck:
                yield int(row)
                break


def _log_chance(points: Floats, steps: Floats) -> float:
    """Log10 of the chance that three points lie on a line as they do; 0 where they do not."""
    sides = [np.linalg.norm((points[k - 1] - points[k - 2]) / steps.max(axis=0)) for k in range(3)]
    between = int(np.argmax(sides))  # which lies across from the longest side was drawn
    middle, one, other = points[between], points[between - 1], points[between - 2]
    way, part, step = other - one, middle - one, steps[between]
    share = float((way / step) @ (part / step)) / max(float(((way / step) ** 2).sum()), 1e-300)
    tolerance = step + 1e-12 * (np.abs(one) + np.abs(other))
    if np.any(np.abs(part - share * way) > tolerance):
        return 0.0
    chances = np.minimum(1.0, 2 * tolerance / np.abs(way).clip(1e-300))
    return float(np.sort(np.log10(chances))[1:].sum())  # one column only says where on the line
