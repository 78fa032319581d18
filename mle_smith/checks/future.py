"""Does an input go with the target's future, or its very moment, rather than with its past?

In a task over time yesterday's value may honestly be nearly all there is to know. What follows the
target more closely at its own time, or later, than at any time before was not known beforehand.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from mle_smith.checks.association import Goal, encoded
from mle_smith.checks.features import Feature, Floats, Ints

_LEADS = (1, 2, 3)
_MAX_LAG = 400
_MAX_ROWS = 4_000
_FEWEST = 60
_LEAVES = 16


class Timing(NamedTuple):
    """How closely an input follows the target, R², by when."""

    now: float
    later: float
    before: float


def series_order(times: Floats, feature_codes: list[Feature]) -> list[Ints] | None:
    """Rows of each series in the order of time; None where one column does not tell them apart."""
    if len(np.unique(times)) == len(times):
        return [np.argsort(times, kind="stable").astype(np.int64)]
    for feature in sorted(feature_codes, key=lambda f: f.distinct):
        if not 2 <= feature.distinct <= len(times) // _FEWEST:
            continue
        keys = pd.DataFrame({"t": times, "s": feature.codes})
        if keys.duplicated().mean() < 0.01:
            order = np.lexsort((times, feature.codes))
            cuts = np.flatnonzero(np.diff(feature.codes[order])) + 1
            return [part.astype(np.int64) for part in np.split(order, cuts)]
    return None


def timing(feature: Feature, goal: Goal, series: list[Ints]) -> Timing | None:
    """How the input goes with the target at its time, after it, and at the best time before."""
    if feature.number is None or goal.classes or feature.distinct < 20:
        return None
    longest = max(series, key=len)[-_MAX_ROWS:]
    values, target = feature.number[longest], goal.values[longest]
    if len(longest) < _FEWEST or np.isnan(values).mean() > 0.2:
        return None
    lags = range(1, min(_MAX_LAG, len(longest) // 3))
    return Timing(
        now=_fit(values, target),
        later=max(_fit(values[:-k], target[k:]) for k in _LEADS),
        before=max(_fit(values[k:], target[:-k]) for k in lags),
    )


def of_the_past(feature: Feature, goal: Goal, series: list[Ints]) -> bool:
    """Whether a column goes with the class of a time before at least as closely as with its own."""
    rows = max(series, key=len)[-_MAX_ROWS:]
    if len(rows) < _FEWEST:
        return False
    tree = DecisionTreeClassifier(max_leaf_nodes=_LEAVES, random_state=0)
    columns = encoded(feature)[rows][:, None]
    said, classes = tree.fit(columns, goal.codes[rows]).predict(columns), goal.codes[rows]
    lags = range(1, min(_MAX_LAG, len(rows) // 3))
    before = max(float((said[k:] == classes[:-k]).mean()) for k in lags)
    return before >= float((said == classes).mean())


def _fit(values: Floats, target: Floats) -> float:
    known = ~np.isnan(values) & ~np.isnan(target)
    if known.sum() < _FEWEST // 2:
        return 0.0
    one, other = values[known] - values[known].mean(), target[known] - target[known].mean()
    size = float((one**2).sum() * (other**2).sum())
    return float((one * other).sum()) ** 2 / size if size > 0 else 0.0
