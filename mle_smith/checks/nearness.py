"""Rows as points, how near they lie to each other, and in how many dimensions.

How near the nearest of four neighbours is, against the fourth, depends on the density of points
nowhere, but on their dimension: the ratio, raised to it, is spread as three of four uniform numbers
have it. So a table tells by its own train rows how rare a close pair is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.association import Goal
from mle_smith.checks.features import Feature, Floats, Ints
from mle_smith.checks.matches import Matches, agreeing
from mle_smith.checks.thresholds import Thresholds

_PROBED = 1_500
_QUANTILES = (0.5, 0.2, 0.1, 0.05, 0.02)
_FEWEST_BELOW = 5
_MOST_DIMENSIONS = 8.0
JITTER = 0.04
"""Standard deviations by which the target of a near copy may differ: it may have jitter too."""


def nearness(distances: Floats) -> Floats:
    """Of four sorted distances each, the least as a part of the largest; 1 where all are 0."""
    further = distances[:, 3]
    return np.asarray(np.where(further > 0, distances[:, 0] / np.where(further > 0, further, 1), 1))


def dimension_of(head: NDArray[np.float32]) -> float:
    """In how many dimensions train rows lie, by the closest pairs that they honestly have.

    The least of several estimates, so that a table with close pairs of its own expects such.
    """
    rows = np.unique(np.linspace(0, len(head) - 1, _PROBED).astype(int))
    closest, distances = neighbours(head[rows], head, nearest=5)
    itself = closest == rows[:, None]
    itself[~itself.any(axis=1), -1] = True  # among many equal rows it is not found
    others = distances[~itself].reshape(len(rows), 4)
    ratios = np.sort(nearness(others))
    least = _MOST_DIMENSIONS
    for quantile in _QUANTILES:
        place = int(quantile * len(ratios))
        if place < _FEWEST_BELOW or ratios[place] >= 1:
            continue
        if ratios[place] <= 0:
            return 0.0
        usual = 1 - (1 - quantile) ** (1 / 3)
        least = min(least, float(np.log(usual) / np.log(ratios[place])))
    return least


def crowd_of_copies(
    goal: Goal,
    head: NDArray[np.float32],
    rows: Ints,
    found: tuple[Ints, Floats],
    limits: Thresholds,
) -> int | None:
    """Test rows far closer to a train row than train rows lie to each other; None for no crowd.

    Args:
        goal: the target, which most copies must have in common with what they are copies of.
        head: the train rows as points.
        rows: the test rows that are asked.
        found: of each the four nearest train rows, and their distances.
        limits: how little chance may have to do with it.
    """
    closest, distances = found
    ratios = nearness(distances)
    chance = 1 - (1 - np.minimum(ratios, 1.0) ** dimension_of(head)) ** 3
    order = np.argsort(chance)[: max(3, len(rows) // 2)]
    counts = np.arange(1, len(order) + 1)
    luck = binom.logsf(counts - 1, len(rows), chance[order].clip(1e-30, 1)) / np.log(10)
    luck[:2] = 0.0  # one pair, or two, may be what they are: twins by nature
    best = int(luck.argmin())
    if luck[best] > limits.crowd_log_chance:
        return None
    members = order[: best + 1]
    matches = Matches(rows[members], closest[members, 0])
    agreement = float(agreeing(goal, matches, JITTER).mean())
    return len(members) if agreement >= limits.near_agreement else None


def embedding(features: Sequence[Feature], seed: int) -> NDArray[np.float32]:
    """Rows as points: numbers standardised, each other value a random direction of length 1."""
    generator = np.random.default_rng(seed)
    blocks = []
    for feature in features:
        values = feature.quantity
        if feature.distinct < 2:
            continue
        if values is None:
            codes = pd.factorize(feature.plain_text)[0]
            directions = generator.normal(size=(int(codes.max(initial=0)) + 2, 4))
            directions /= np.linalg.norm(directions, axis=1, keepdims=True)
            blocks.append(directions[codes])
            continue
        centre, spread = np.nanmedian(values), np.nanstd(values)
        scaled = np.clip((values - centre) / (spread or 1.0), -8, 8)
        blocks.append(np.nan_to_num(scaled, nan=-9.0)[:, None])
    if not blocks:
        return np.zeros((len(features[0].codes), 0), dtype=np.float32)
    return np.concatenate(blocks, axis=1).astype(np.float32)


def neighbours(
    asked: NDArray[np.float32], head: NDArray[np.float32], nearest: int = 4
) -> tuple[Ints, Floats]:
    """For each asked point its nearest points of `head`, and their distances, which rise."""
    chosen, found = [], []
    lengths = (head**2).sum(axis=1)
    for start in range(0, len(asked), 200):
        part = asked[start : start + 200]
        squares = lengths - 2.0 * (part @ head.T)
        near = np.argpartition(squares, nearest - 1, axis=1)[:, :nearest]
        distances = np.linalg.norm(head[near].astype(np.float64) - part[:, None, :], axis=2)
        order = distances.argsort(axis=1, kind="stable")
        chosen.append(np.take_along_axis(near, order, axis=1))
        found.append(np.take_along_axis(distances, order, axis=1))
    return np.concatenate(chosen).astype(np.int64), np.concatenate(found)
