"""Is the target in some cells of a column, such as those that were filled in afterwards?

Over all rows such a column foretells little. On the rows that have a value, and on those whose
value is one of few that occur again and again among many, it is judged like any other column: by
what it foretells, and what all others foretell there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from mle_smith.checks.association import (
    Goal,
    column_skill,
    encoded,
    joint_skill,
    mean_of_nearest,
)
from mle_smith.checks.features import Feature, Ints
from mle_smith.checks.standing import Standing, reordered

_FEWEST_TRAIN, _FEWEST_TEST = 40, 15
_MANY_VALUES = 40
_OFTEN = 8
_TIMES_THE_USUAL = 5.0
_MOST_FILLS = 100
_WIDTH = 15
"""Nearest rows that are asked what a value means."""
_SAID = 0.75
"""Part of the skill that they have where a frequent value is one of the scale."""
_SHARE = (0.05, 0.8)
"""Of the rows that have a value: with more of them the column is judged by all rows."""


def standing_where_known(
    features: Sequence[Feature], goal: Goal, least: float, most: float, seed: int
) -> Iterator[tuple[Feature, Standing, float]]:
    """Columns whose few values foretell the target of their rows far better than all others do.

    Args:
        features: the inputs.
        goal: the target.
        least: skill below which none is named.
        most: part of the errors of the others that it leaves at most.
        seed: of trees.

    Yields:
        The column, the skills on the rows that have a value, and the share of these rows.
    """
    parts = [(f, _with_value(f), False) for f in features]
    parts += [(f, rows, True) for f in features for rows in _filled_in(f)]
    for feature, rows, filled in parts:
        cut = int((rows < feature.train_rows).sum())
        share = len(rows) / len(feature.text)
        enough = cut >= _FEWEST_TRAIN and len(rows) - cut >= _FEWEST_TEST
        if not enough or not _SHARE[0] <= share <= _SHARE[1]:
            continue
        part = replace(goal, feature=reordered(goal.feature, rows, cut))
        if part.feature.distinct < 2:
            continue
        alone = column_skill(reordered(feature, rows, cut), part, seed)
        if alone < least:
            continue
        others = [reordered(f, rows, cut) for f in features if f.name != feature.name]
        found = Standing(alone, joint_skill(others, part, seed))
        if found.ratio <= most and not (filled and _said_by_others(feature, goal, rows, alone)):
            yield feature, found, share


def _said_by_others(feature: Feature, goal: Goal, rows: Ints, alone: float) -> bool:
    """Whether the column's other values, the nearest, say nearly as much of the target there.

    The ends of a scale occur often too; they mean what the values beside them mean.
    """
    values, asked = encoded(feature), np.zeros(len(feature.text), dtype=bool)
    asked[rows] = True
    known = feature.of_train(~asked & goal.known & ~feature.missing)
    if known.sum() < _WIDTH:
        return False
    near = mean_of_nearest(
        feature.of_train(values)[known],
        feature.of_train(goal.matrix)[known],
        feature.of_test(values),
        _WIDTH,
    )
    said = near.argmax(axis=1) if goal.classes else near[:, 0]
    return goal.skill(said, feature.of_test(asked)) >= _SAID * alone


def _with_value(feature: Feature) -> Ints:
    """Rows whose cell is filled, and with something else than the usual text."""
    there = ~feature.missing
    if feature.number is None and there.any():
        texts = feature.plain_text.where(pd.Series(there, index=feature.text.index))
        there &= (texts != texts.mode()[0]).to_numpy()
    return np.flatnonzero(there)


def _filled_in(feature: Feature) -> Iterator[Ints]:
    """Rows whose number is one of a few that stand out by how often they occur.

    All of these, and all but the commonest: a zero, say, may honestly be frequent.
    """
    if feature.number is None or feature.distinct < _MANY_VALUES:
        return
    known = ~feature.missing
    counts = np.bincount(feature.codes[known], minlength=feature.distinct)
    often = counts >= max(_OFTEN, _TIMES_THE_USUAL * float(np.median(counts)))
    for kept in (often, often & (np.arange(len(often)) != counts.argmax())):
        if 2 <= kept.sum() <= _MOST_FILLS:
            yield np.flatnonzero(known & kept[feature.codes])
