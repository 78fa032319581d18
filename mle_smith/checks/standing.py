"""How much one input says against all others, measured on every row that has an answer.

A test set of some sixty rows measures a skill to a tenth, which is more than what parts a proxy
from an honest feature. So where the test set is small all rows, train and test, take their turn at
being foretold. Quantities are asked by their ranks and by their values: ranks stretch a crowd of
like values until small noise looks large, values hide what a long tail does not show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from mle_smith.checks.association import Goal, joint_skill
from mle_smith.checks.features import Feature, Floats, Ints

ENOUGH_ROWS = 1_000
"""Test rows that measure a skill to two hundredths by themselves."""
_FOLDS = 5
_FOLDED_ROWS = 3_000
_FAR = 6.0
"""A ratio on the test rows so many times too large is not measured on all rows. Time."""
_MARGIN = 0.2

Rule: TypeAlias = Callable[[Sequence[Feature], Goal], float]
"""How well some columns foretell a goal, learned on its train rows, judged on its test rows."""


class Standing(NamedTuple):
    """Skill of an input and of all others, on the scale where the input stands out most."""

    alone: float
    rest: float

    @property
    def ratio(self) -> float:
        """Errors that the input leaves, as a part of those that all others leave."""
        return (1 - self.alone) / max(1e-9, 1 - self.rest)


def standing(
    asked: Sequence[Feature],
    rule: Rule,
    others: Sequence[Feature],
    goal: Goal,
    seed: int,
    least: float,
    most: float,
) -> Standing | None:
    """The best standing on any scale; None below the least skill, or above the most of a ratio."""
    best: Standing | None = None
    first = Standing(rule(asked, goal), joint_skill(others, goal, seed))
    if first.alone < least - _MARGIN or first.ratio > _FAR * most:
        return None
    for scale in (goal,) if goal.classes else (goal, replace(goal, plain=True)):
        turns = list(_turns(scale, seed))
        alone = float(np.mean([rule([t.of(f) for f in asked], t.goal) for t in turns]))
        if alone < least:
            continue
        rest = float(np.mean([joint_skill([t.of(f) for f in others], t.goal, seed) for t in turns]))
        found = Standing(alone, rest)
        if found.ratio <= most and (best is None or found.ratio < best.ratio):
            best = found
    return best


class _Turn(NamedTuple):
    """One division of the rows: those that are learned from come first."""

    goal: Goal
    order: Ints | None
    cut: int

    def of(self, feature: Feature) -> Feature:
        """The column in the order of this division."""
        return feature if self.order is None else reordered(feature, self.order, self.cut)


def _turns(goal: Goal, seed: int) -> Iterator[_Turn]:
    feature = goal.feature
    rows = len(feature.text)
    if rows - feature.train_rows >= ENOUGH_ROWS:
        yield _Turn(goal, None, feature.train_rows)
        return
    kept = np.random.default_rng(seed).permutation(rows)[:_FOLDED_ROWS]
    for fold in range(_FOLDS):
        away = np.arange(len(kept)) % _FOLDS == fold
        order = np.concatenate([kept[~away], kept[away]])
        cut = int((~away).sum())
        yield _Turn(replace(goal, feature=reordered(feature, order, cut)), order, cut)


def reordered(feature: Feature, order: Ints, cut: int) -> Feature:
    """The same column with its rows in another order, the first `cut` of which are train rows."""
    cells = pd.Series(feature.text.to_numpy()[order], dtype=feature.text.dtype)
    return Feature(feature.name, cells, cut)


def stretches_apart(feature: Feature, goal: Goal, fewest: int, least: int) -> bool:
    """Whether each value of the column goes with a stretch of the quantity of its own.

    A grade of the target (small, medium, large) has this, whatever its values are called; no
    measurement has, for the target does not decide what is measured.
    """
    if goal.classes or not fewest <= feature.distinct <= len(feature.codes) // 4:
        return False
    known = goal.known & (feature.codes >= 0)
    if known.mean() < 0.9:
        return False
    codes, values = feature.codes[known], goal.values[known]
    table = pd.DataFrame({"code": codes, "value": values}).groupby("code")["value"]
    edges = table.agg(["min", "max", "nunique"]).sort_values(["min", "max"])
    wide = edges[edges["nunique"] >= least]
    if len(wide) < fewest or wide["nunique"].sum() < 0.5 * len(np.unique(values)):
        return False
    low: Floats = edges["min"].to_numpy(np.float64)
    high: Floats = edges["max"].to_numpy(np.float64)
    return bool((low[1:] >= high[:-1]).all())
