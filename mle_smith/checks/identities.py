"""Is a quantity a sum, a difference, a product or a ratio of inputs?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mle_smith.checks.association import Goal
from mle_smith.checks.features import Feature, Floats, Ints

_MAX_ROWS = 2_000
_MAX_COLUMNS = 60
_FEWEST_ROWS = 40


class Identity(NamedTuple):
    """An equation that gives the target."""

    columns: tuple[str, ...]
    formula: str
    residual: float
    """What it misses, in standard deviations of the target."""


def find_identity(features: Sequence[Feature], goal: Goal, tolerance: float) -> Identity | None:
    """The sum (or product) of the fewest inputs that is the target within the tolerance.

    Rows with missing cells are left out; fitted on train rows, judged on test rows.
    """
    columns = {f.name: f.quantity for f in features if f.quantity is not None and f.distinct > 2}
    usable = {n: v for n, v in columns.items() if v is not None and np.isnan(v).mean() < 0.3}
    names = list(usable)[:_MAX_COLUMNS]
    if not names:
        return None
    table = np.stack([usable[n] for n in names], axis=1)
    found = _fit(table, goal.values, goal, names, tolerance, " + ", "{:.6g} * {}")
    if found is not None:
        return found
    positive = [k for k in range(len(names)) if np.nanmin(table[:, k]) > 0]
    if not positive or not np.nanmin(goal.values) > 0:
        return None
    return _fit(
        np.log(table[:, positive]),
        np.log(goal.values),
        goal,
        [names[k] for k in positive],
        tolerance,
        " * ",
        "{1}^{0:.6g}",
    )


def _fit(
    table: Floats,
    target: Floats,
    goal: Goal,
    names: Sequence[str],
    tolerance: float,
    joined: str,
    term: str,
) -> Identity | None:
    complete = ~np.isnan(table).any(axis=1) & ~np.isnan(target)
    head = goal.feature.of_train(complete).nonzero()[0][:_MAX_ROWS]
    tail = goal.feature.of_test(complete).nonzero()[0][:_MAX_ROWS] + goal.feature.train_rows
    if len(head) < max(_FEWEST_ROWS, 3 * len(names)) or len(tail) < 10:
        return None
    spread = table[head].std(axis=0)
    moving = np.flatnonzero(spread > 1e-12 * (1 + np.abs(table[head]).max(axis=0)))
    scale = float(target[head].std())
    if scale <= 0 or len(moving) == 0:
        return None
    best = _residual(table, target, head, tail, moving, scale)
    if best > tolerance:
        return None
    for column in sorted(moving.tolist(), key=lambda k: float(spread[k])):
        fewer = moving[moving != column]
        if len(fewer) and _residual(table, target, head, tail, fewer, scale) <= max(
            tolerance / 3, 2 * best
        ):
            moving = fewer
    weights = _solve(table[np.ix_(head, moving)], target[head])[:-1]
    terms = [term.format(w, names[int(k)]) for w, k in zip(weights, moving, strict=True)]
    residual = _residual(table, target, head, tail, moving, scale)
    return Identity(tuple(names[int(k)] for k in moving), joined.join(terms), residual)


def _residual(
    table: Floats, target: Floats, head: Ints, tail: Ints, columns: Ints, scale: float
) -> float:
    weights = _solve(table[np.ix_(head, columns)], target[head])
    guess = np.column_stack([table[np.ix_(tail, columns)], np.ones(len(tail))]) @ weights
    return float(np.sqrt(np.mean((guess - target[tail]) ** 2)) / scale)


def _solve(columns: Floats, target: Floats) -> Floats:
    """Weights of the columns and an intercept, by least squares on standardised columns."""
    centre, spread = columns.mean(axis=0), columns.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    scaled = np.column_stack([(columns - centre) / spread, np.ones(len(columns))])
    weights, *_ = np.linalg.lstsq(scaled, target, rcond=1e-10)
    weights[:-1] /= spread
    weights[-1] -= float((weights[:-1] * centre).sum())
    return np.asarray(weights)
