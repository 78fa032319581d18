"""What a forest learns on train rows from numbers that should say nothing, tried on the test rows.

One question in place of a hundred, and what train rows say counts as well: a few dozen test rows
are enough to see what all rows follow.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from mle_smith.checks.association import Goal
from mle_smith.checks.dependence import (
    MIN_ROWS,
    NONE,
    SHUFFLES,
    Dependence,
    above_shuffled,
    signal_of,
    telling,
)
from mle_smith.checks.features import Floats

_MAX_FIT_ROWS = 4_000
_TOLD_BY = 4
"""Columns that the forest is given: those that go with the target most closely in train."""
_BINS = 8


def transferred(numbers: Floats, goal: Goal, seed: int, how: str) -> Dependence:
    """How far a forest on `numbers` foretells the answers of rows it has not seen.

    Args:
        numbers: a row for each train row and then for each test row; NaN where there is none.
        goal: the target.
        seed: of the forest and of the shuffles.
        how: what is asked, in words.

    Returns:
        Standard errors against shuffled answers, and the squared correlation as effect.
    """
    signal = signal_of(goal)
    cut = goal.feature.train_rows
    known = np.flatnonzero(goal.train_known & np.isfinite(numbers[:cut]).any(axis=1))
    known = known[np.unique(np.linspace(0, len(known) - 1, _MAX_FIT_ROWS).astype(int))]
    if len(known) < 2 * MIN_ROWS or len(signal.rows) < MIN_ROWS or signal.rows.shape[1] == 0:
        return NONE
    filled = np.nan_to_num(numbers, nan=-1.0)
    wanted = goal.matrix[:cut][known][:, telling(goal)]
    closeness = [_closeness(column, wanted) for column in filled[known].T]
    filled = filled[:, np.argsort(closeness, kind="stable")[::-1][:_TOLD_BY]]
    forest = ExtraTreesRegressor(100, min_samples_leaf=8, random_state=seed)
    forest.fit(filled[known], wanted if wanted.shape[1] > 1 else wanted[:, 0])
    said = forest.predict(filled[cut:]).reshape(signal.rows.shape)
    return _agreement(said - said.mean(axis=0), signal.rows - signal.rows.mean(axis=0), seed, how)


def _closeness(values: Floats, wanted: Floats) -> float:
    """Variance of the target between stretches of the values, by that within them (F)."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, values, side="right")
    used, codes = np.unique(bins, return_inverse=True)
    if len(used) < 2:
        return 0.0
    counts = np.bincount(codes)
    centred = wanted - wanted.mean(axis=0)
    between = sum(float((np.bincount(codes, c) ** 2 / counts).sum()) for c in centred.T)
    within = float((centred**2).sum()) - between
    return between / (len(used) - 1) / max(within / max(1, len(values) - len(used)), 1e-12)


def _agreement(said: Floats, true: Floats, seed: int, how: str) -> Dependence:
    """Product of two centred tables against that of shuffled ones."""
    size = float((said**2).sum() * (true**2).sum())
    there = float((said * true).sum())
    if size <= 0 or there <= 0:
        return NONE
    generator = np.random.default_rng(seed)
    drawn = [float((said * generator.permutation(true)).sum()) for _ in range(SHUFFLES)]
    return Dependence(above_shuffled(there, drawn), there**2 / size, how)
