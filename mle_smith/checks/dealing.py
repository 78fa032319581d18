"""Is a class dealt out evenly over an order, as whoever interleaves the classes does?

One row in so many is then of the class, with no more deviation than rounding brings. How many
orders deviate as little is counted exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mle_smith.checks.features import Floats

_NEVER_SO_EVEN = 0.36
"""Deviation, in standard deviations of its middle, that one order in 2,000 stays below
(Kolmogorov's distribution): with more, none is counted."""
_CENTRES = 25
"""Places of the band that deviations lie in, about, that differ: so often is it tried."""


class Evenness(NamedTuple):
    """How evenly a class is dealt."""

    chance: float
    """Part of all orders that deal it as evenly."""
    effect: float
    """Share of its variance that the rows since the last one of the class explain."""


def evenness(column: Floats) -> Evenness:
    """How evenly the ones of a column of zeros and ones lie in its order."""
    rows, members = len(column), int(column.sum())
    share = members / max(1, rows)
    even = share * np.arange(rows + 1)
    path = np.concatenate([[0.0], np.cumsum(column)]) - even
    low, high = float(path.min()), float(path.max())
    if not 0 < share < 1 or high - low > 2 * _NEVER_SO_EVEN * np.sqrt(rows * share * (1 - share)):
        return Evenness(1.0, 0.0)
    chance = min(1.0, _CENTRES * chance_within(rows, members, low, high))
    return Evenness(chance, _told_by_gaps(column))


def _told_by_gaps(column: Floats) -> float:
    """Variance between rows that are equally far behind the last one, less what chance gives."""
    places = np.arange(len(column))
    last = np.maximum.accumulate(np.where(column > 0, places, -1))
    since = (places[1:] - last[:-1])[last[:-1] >= 0]
    told = column[len(column) - len(since) :]
    sizes = np.bincount(since)
    means = np.bincount(since, told) / sizes.clip(min=1)
    spread = float(((told - told.mean()) ** 2).sum())
    explained = float((sizes * (means - told.mean()) ** 2).sum()) / max(spread, 1e-12)
    by_chance = ((sizes > 0).sum() - 1) / max(1, len(told) - 1)
    return max(0.0, explained - float(by_chance))


def chance_within(rows: int, members: int, low: float, high: float) -> float:
    """Part of the orders whose beginnings have no fewer, and no more, members than even ones.

    Counted row by row: `low` (at most 0) and `high` (at least 0) are differences in members.
    """
    even = members / rows * np.arange(rows + 1)
    first = np.ceil(even + low - 1e-9).clip(0).astype(int)
    last = np.floor(even + high + 1e-9).clip(max=members).astype(int)
    kept = np.zeros(members + 2)
    kept[0] = 1.0
    for row in range(rows):
        low, high = first[row], last[row] + 1
        taken = kept[low:high] * (members - np.arange(low, high)) / (rows - row)
        kept[low:high] -= taken
        kept[low + 1 : high + 1] += taken
        kept[: first[row + 1]] = 0.0
        kept[last[row + 1] + 1 :] = 0.0
    return float(kept[members])
