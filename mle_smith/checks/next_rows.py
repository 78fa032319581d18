"""Does the row before or after, in the order of a column, tell the target of a row?

Defects L8 and L10. A column that holds the target of the row before, a total that runs on, a mean
of the history so far: none says much of its own row, but together with the next row, which stands
in one of the public files, it gives the target away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mle_smith.checks.association import Goal, column_skill
from mle_smith.checks.derived import fit_of
from mle_smith.checks.features import Feature, Floats, Ints
from mle_smith.checks.hidden import alone_of
from mle_smith.checks.standing import standing
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity

_FEWEST_ROWS = 60
_FEWEST_PLACES = 5
_MOST_ORDERS = 10
_MOST_SERIES = 40
_MOST_COLUMNS = 30
_REPEATED = 0.02
"""Rows that may share their place with another one of their series."""
_WITHIN = 0.7
"""Rows that have a neighbour in their series."""
_SCREEN = 0.75
"""Rank correlation, as a part of the greatest that the target allows."""


class _Sequence(NamedTuple):
    """Rows in an order."""

    names: tuple[str, ...]
    later: Ints
    """The row that comes next in the same series; -1 for the last one."""
    place: Floats
    """The how manieth of its series a row is, from 1."""


class _Beside(NamedTuple):
    """What a column and its neighbour in the sequence make."""

    column: str
    how: str
    feature: Feature


def next_row_findings(subject: Subject) -> Iterator[Finding]:
    """Columns whose neighbouring cells foretell the target; nothing for a split by time.

    What is later is there to be foretold from what came before, which a solver is given.
    """
    if subject.temporal:
        return
    whole, limits = subject.in_full, subject.thresholds
    for goal in whole.goals:
        least = limits.suspect_class_skill if goal.classes else limits.suspect_skill
        for sequence in _sequences(whole.inputs):
            for beside in _beside(whole.inputs, sequence, goal):
                if column_skill(beside.feature, goal, subject.seed) < least - limits.skill_margin:
                    continue
                rule = alone_of(subject.seed)
                made = [beside.feature]
                found = standing(
                    made, rule, whole.inputs, goal, subject.seed, least, limits.rest_ratio
                )
                if found is None:
                    continue
                yield Finding(
                    code="L10",
                    severity=Severity.ERROR,
                    blame=Blame.DESIGN,
                    message=f"{beside.how} of {beside.column!r}, in the order of "
                    f"{' and '.join(map(repr, sequence.names))}, foretells {goal.feature.name!r} "
                    f"with skill {found.alone:.3f}, the inputs as they are with {found.rest:.3f}: "
                    "the rows beside it tell a row's target. Drop it.",
                    evidence={
                        "columns": [beside.column],
                        "order": list(sequence.names),
                        "skill": round(found.alone, 4),
                        "skill_of_inputs": round(found.rest, 4),
                        "exploit": f"{beside.how} of {beside.column}",
                        "repair": {"drop_columns": [beside.column]},
                    },
                )
                return


def _sequences(inputs: Sequence[Feature]) -> Iterator[_Sequence]:
    """Orders of all rows, and of those of one thing, in which (nearly) each row has its place."""
    orders = [f for f in inputs if f.quantity is not None and f.distinct >= _FEWEST_PLACES]
    orders = sorted(orders, key=lambda f: (f.time is None, -f.distinct))[:_MOST_ORDERS]
    series = [f for f in inputs if 2 <= f.distinct <= len(f.codes) / 3]
    series = sorted(series, key=lambda f: -f.distinct)[:_MOST_SERIES]
    for order in orders:
        if order.distinct >= (1 - _REPEATED) * len(order.codes):
            yield _sequence(order, None)
            continue
        for thing in series:
            if order.distinct * thing.distinct < (1 - _REPEATED) * len(order.codes):
                break
            pairs = order.codes.astype(np.int64) * (thing.distinct + 1) + thing.codes
            if thing is not order and len(np.unique(pairs)) >= (1 - _REPEATED) * len(pairs):
                yield _sequence(order, thing)


def _sequence(order: Feature, thing: Feature | None) -> _Sequence:
    values = order.quantity
    assert values is not None  # only such columns give an order
    series = np.zeros(len(values), dtype=np.int64) if thing is None else thing.codes
    rows = np.lexsort((values, series))
    same = series[rows[1:]] == series[rows[:-1]]
    later = np.full(len(rows), -1)
    later[rows[:-1][same]] = rows[1:][same]
    starts = np.r_[True, ~same]
    place = np.arange(len(rows)) - np.maximum.accumulate(np.where(starts, np.arange(len(rows)), 0))
    places = np.empty(len(rows))
    places[rows] = place + 1.0
    names = (order.name,) if thing is None else (order.name, thing.name)
    return _Sequence(names, later, places)


def _beside(inputs: Sequence[Feature], sequence: _Sequence, goal: Goal) -> Iterator[_Beside]:
    """The next row's cell, steps to it and from the row before, and what a mean so far hides."""
    last = sequence.later < 0
    earlier = np.full(len(last), -1)
    earlier[sequence.later[~last]] = np.flatnonzero(~last)
    if last.mean() > 1 - _WITHIN or len(last) < _FEWEST_ROWS:
        return
    for feature in [f for f in inputs if f.name not in sequence.names][:_MOST_COLUMNS]:
        if feature.distinct < 2:
            continue
        if feature.number is None or feature.distinct <= 10:
            cells = feature.text.to_numpy(dtype=object)[sequence.later]
            cells[last] = None
            text = pd.Series(cells, dtype="str")
            made = Feature(feature.name, text, feature.train_rows)
            yield _Beside(feature.name, "the next row's value", made)
            continue
        now = feature.number
        then, before = np.where(last, np.nan, now[sequence.later]), now[earlier].copy()
        first = earlier < 0
        before[first] = np.nan
        total = now * sequence.place
        steps = {
            "the next row's value": then,
            "the step to the next row": then - now,
            "the step from the row before": now - before,
            "what the row adds to the mean so far": total - (sequence.place - 1) * before,
        }
        for how, values in steps.items():
            usual = float(np.nanmedian(values))
            filled = np.where(np.isnan(values), usual, values)
            if fit_of(filled[~np.isnan(values)], goal, ~np.isnan(values)) < _SCREEN:
                continue
            text = pd.Series(filled).map(repr).astype("str")
            yield _Beside(feature.name, how, Feature(feature.name, text, feature.train_rows))
