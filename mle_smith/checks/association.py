"""How well inputs foretell the target, out of sample, on one scale.

A *skill* is 0 for the best constant and 1 for perfect. For classes it is the share of the
constant's errors that are avoided; for quantities it is R² on the ranks of the target, which
neither outliers nor monotone transformations change. Everything is fitted on train rows and
measured on test rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata  # type: ignore[import-untyped]  # has no stubs
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mle_smith.checks.features import Feature, Floats, Ints, Mask

MAX_FIT_ROWS = 4_000
"""Train rows that the model of all columns is fitted on."""
_WORTH_SMOOTHING = 0.7
_ABSENT = -1e30
_WIDTHS = (10, 40)
"""Rows that are averaged for a smooth curve: as few as follow it, as many as even out noise."""


@dataclass(frozen=True)
class Goal:
    """The target as something to foretell: class codes, or ranks of a quantity."""

    feature: Feature
    classes: bool
    plain: bool = False
    """Whether a quantity is asked by its values (without the outer hundredths), not its ranks."""

    @cached_property
    def codes(self) -> Ints:
        """Class codes (of a quantity: codes of its distinct values); -1 missing."""
        return self.feature.codes

    @cached_property
    def values(self) -> Floats:
        """The quantity; of classes their codes, of which only equality means anything."""
        number = self.feature.number
        if self.classes or number is None:
            return self.codes.astype(np.float64)
        return number

    @cached_property
    def ranks(self) -> Floats:
        """Ranks of the quantity, 0 to 1, over train and test rows; NaN where missing."""
        ranks = rankdata(self.values, nan_policy="omit") / max(1, len(self.values))
        return np.asarray(ranks, dtype=np.float64)

    @cached_property
    def scaled(self) -> Floats:
        """The quantity on the scale that it is asked on."""
        if not self.plain or not self.known.any():
            return self.ranks
        low, high = np.nanquantile(self.values, [0.01, 0.99])
        return np.asarray(np.clip(self.values, low, high), dtype=np.float64)

    @property
    def fit_values(self) -> NDArray[np.float64] | Ints:
        """What a model is fitted to."""
        return self.codes if self.classes else self.scaled

    @cached_property
    def known(self) -> Mask:
        """Rows whose target is filled."""
        return self.codes >= 0

    @cached_property
    def train_known(self) -> Mask:
        """The same, of the train rows."""
        return np.asarray(self.feature.of_train(self.known))

    @cached_property
    def matrix(self) -> Floats:
        """Rows by columns of variance: one-hot classes, or the quantity."""
        if not self.classes:
            middle = float(np.nanmean(self.scaled)) if self.plain and self.known.any() else 0.5
            return np.nan_to_num(self.scaled, nan=middle)[:, None]
        return np.asarray(np.eye(self.feature.distinct + 1)[self.codes][:, :-1])

    def skill(self, predicted: NDArray[np.float64] | Ints, asked: Mask | None = None) -> float:
        """Skill of predictions for the test rows (class codes, or ranks), or for those asked."""
        known = self.feature.of_test(self.known)
        if asked is not None:
            known = known & asked
        truth = self.feature.of_test(np.asarray(self.fit_values))[known]
        guess = predicted[known]
        if len(truth) == 0:
            return 0.0
        if self.classes:
            constant = np.bincount(truth).max() / len(truth)
            return _part((truth == guess).mean() - constant, 1 - constant)
        spread = float(((truth - truth.mean()) ** 2).sum())
        return _part(spread - float(((truth - guess) ** 2).sum()), spread)


def _part(gained: float, possible: float) -> float:
    return max(0.0, float(gained / possible)) if possible > 0 else 0.0


def correlation(one: Floats, other: Floats) -> float:
    """Pearson's correlation; 0 where one of them is constant."""
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / size if size > 0 else 0.0


def encoded(feature: Feature) -> Floats:
    """The column as one row of numbers that trees can split; missing below all others."""
    values = feature.quantity
    if values is None:
        return feature.codes.astype(np.float64)
    lowest = np.nanmin(values) if not np.isnan(values).all() else 0.0
    return np.nan_to_num(values, nan=lowest - 1 - abs(lowest))


def column_skill(feature: Feature, goal: Goal, seed: int) -> float:
    """Skill of the best simple rule on one column alone."""
    if feature.distinct < 2:
        return 0.0
    if feature.quantity is not None and feature.distinct > 10:
        return number_skill(encoded(feature), goal, seed)
    return group_skill(feature.codes, goal)


def number_skill(values: Floats, goal: Goal, seed: int) -> float:
    """Skill of the best curve through one number of each row (NaN allowed).

    A tree finds any curve, but follows noise; where it finds much, smoother ones are tried, or a
    noisy copy of the target would pass for less than it is.
    """
    found = tree_skill(values[:, None], goal, seed)
    if found < _WORTH_SMOOTHING:
        return found
    return max(found, *_smooth_skills(values, goal))


def _smooth_skills(values: Floats, goal: Goal) -> Iterator[float]:
    """Skill of means of nearest rows and, for quantities, of curves that rise or fall."""
    known = goal.train_known
    filled = np.nan_to_num(values, nan=_ABSENT)
    head, tail = goal.feature.of_train(filled)[known], goal.feature.of_test(filled)
    rows = goal.feature.of_train(goal.matrix)[known]
    for width in _WIDTHS:
        if 2 * width <= len(head):
            near = mean_of_nearest(head, rows, tail, width)
            yield goal.skill(near.argmax(axis=1) if goal.classes else near[:, 0])
    if goal.classes or not np.isfinite(values).all():
        return
    curve = IsotonicRegression(increasing="auto", out_of_bounds="clip")
    target = goal.feature.of_train(np.asarray(goal.fit_values))[known]
    yield goal.skill(np.asarray(curve.fit(head, target).predict(tail)))


def mean_of_nearest(head: Floats, rows: Floats, tail: Floats, width: int) -> Floats:
    """For each number of `tail` the mean of `rows` over so many of `head` around it, and ties."""
    order = np.argsort(head, kind="stable")
    ordered = head[order]
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows[order], axis=0)])
    first = np.clip(np.searchsorted(ordered, tail) - width // 2, 0, len(head) - width)
    low = np.searchsorted(ordered, ordered[first], side="left")
    high = np.searchsorted(ordered, ordered[first + width - 1], side="right")
    return np.asarray((sums[high] - sums[low]) / (high - low)[:, None])


def group_skill(codes: Ints, goal: Goal) -> float:
    """Skill of giving each row what train rows of the same code have on average."""
    return goal.skill(group_prediction(codes, goal))


def group_prediction(codes: Ints, goal: Goal) -> NDArray[np.float64] | Ints:
    """For each test row the most frequent class, or the mean rank, of train rows of its code."""
    shifted = codes + 1
    feature = goal.feature
    size = int(shifted.max(initial=0)) + 1
    here = feature.of_train(shifted)[goal.train_known]
    rows = feature.of_train(goal.matrix)[goal.train_known]
    prior = rows.mean(axis=0) if len(rows) else np.zeros(goal.matrix.shape[1])
    sums = np.stack([np.bincount(here, rows[:, k], size) for k in range(rows.shape[1])], axis=1)
    counts = np.bincount(here, minlength=size)[:, None]
    means = (sums + 1e-6 * prior) / (counts + 1e-6)
    guess = means[feature.of_test(shifted)]
    return np.asarray(guess.argmax(axis=1) if goal.classes else guess[:, 0])


def tree_skill(columns: Floats, goal: Goal, seed: int, leaves: int = 128) -> float:
    """Skill of a tree of so many leaves on a few columns (rows by columns, NaN allowed)."""
    kind = DecisionTreeClassifier if goal.classes else DecisionTreeRegressor
    tree = kind(max_leaf_nodes=leaves, min_samples_leaf=3, random_state=seed)
    known = goal.train_known
    target = goal.feature.of_train(np.asarray(goal.fit_values))[known]
    if len(target) == 0:
        return 0.0
    tree.fit(goal.feature.of_train(columns)[known], target)
    return goal.skill(tree.predict(goal.feature.of_test(columns)))


def mask_skill(masks: NDArray[np.bool_], goal: Goal, seed: int) -> float:
    """Skill of the pattern of missing cells (rows by columns)."""
    return tree_skill(masks.astype(np.float64), goal, seed)


def joint_prediction(
    features: Sequence[Feature], goal: Goal, seed: int
) -> NDArray[np.float64] | Ints | None:
    """Test predictions of a forest on all given columns; None where there is nothing to fit."""
    columns = [encoded(feature) for feature in features if feature.distinct > 1]
    known = np.flatnonzero(goal.train_known)
    if not columns or len(known) < 10:
        return None
    stacked = np.stack(columns, axis=1)
    rows = known[np.unique(np.linspace(0, len(known) - 1, MAX_FIT_ROWS).astype(int))]
    kind = ExtraTreesClassifier if goal.classes else ExtraTreesRegressor
    forest = kind(
        n_estimators=30, min_samples_leaf=2, max_features=0.5, n_jobs=1, random_state=seed
    )
    target = goal.feature.of_train(np.asarray(goal.fit_values))[rows]
    forest.fit(goal.feature.of_train(stacked)[rows], target)
    return np.asarray(forest.predict(goal.feature.of_test(stacked)))


def joint_skill(features: Sequence[Feature], goal: Goal, seed: int) -> float:
    """Skill of a forest on all given columns."""
    predicted = joint_prediction(features, goal, seed)
    return 0.0 if predicted is None else goal.skill(predicted)
