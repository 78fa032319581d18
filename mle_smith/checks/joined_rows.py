"""Are test rows train rows that were joined with something else?

Defect L2. A join with a table of several rows for each, or a record that is written once a stage,
gives rows that are the same in all columns but a few. Which columns these are is learned from the
train rows that are closest to some test rows; how many rows would be the same in all the others by
chance is estimated as for exact copies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from mle_smith.checks.association import Goal
from mle_smith.checks.features import Feature, Ints, evenly_spaced
from mle_smith.checks.matches import (
    codes_of,
    copies_finding,
    exact_matches,
    expected_matches,
)
from mle_smith.checks.subject import Subject
from mle_smith.values import Finding

_MAX_COLUMNS = 40
_MOST_JOINED = 3
"""Columns in which the rows differ."""
_FEWEST_LEFT = 2
"""Columns in which they are the same, beside the target."""
_OF_ONE_TARGET = 0.5
"""Of the rows that are the same in the other inputs, those whose target is the same, too."""
_OF_SEVERAL = 0.15
"""Of the test rows, where they differ in more than one column. Of many coarse columns, measured in
a sound package, 0.08 at 20 times what a tree of the columns expects."""
_CANDIDATES = 5
_MAX_ASKED = 400
_MAX_CELLS = 2e8
"""That are compared. Time: a fifth of a second."""


def joined_rows(subject: Subject, goal: Goal) -> Iterator[Finding]:
    """Test rows that equal train rows in all columns but one, two or three."""
    limits = subject.thresholds
    varied = [feature for feature in subject.inputs if feature.distinct > 1][:_MAX_COLUMNS]
    total, train_rows = len(subject.test_rows), goal.feature.train_rows
    if len(varied) <= _FEWEST_LEFT or not total or not train_rows:
        return
    columns = [codes_of(feature) for feature in varied]
    equal = len(exact_matches([*columns, goal.codes], train_rows).test)
    for places in _differing(columns, goal.codes, train_rows):
        others = [column for place, column in enumerate(columns) if place not in places]
        copies = exact_matches([*others, goal.codes], train_rows)
        rows = len(copies.test)
        least = limits.joined_share if len(places) == 1 else _OF_SEVERAL
        if rows - equal < max(2, least * total):
            continue
        if rows < _OF_ONE_TARGET * len(exact_matches(others, train_rows).test):
            continue  # settings that were tried again and again, as in an experiment
        chance = expected_matches([*others, goal.codes], train_rows, copies)
        if rows >= limits.joined_factor * max(chance, 1.0):
            names = _named([varied[place] for place in places])
            numbers: dict[str, object] = {
                "rows": rows,
                "expected_by_chance": round(chance, 2),
                "all_columns_but": names,
            }
            what = f"equal a train row in all columns but {names}"
            yield copies_finding("L02", what, rows - chance, total, numbers, limits)
            return


def _named(features: Sequence[Feature]) -> str:
    *first, last = [repr(feature.name) for feature in features]
    return f"{', '.join(first)} and {last}" if first else last


def _differing(columns: Sequence[Ints], target: Ints, train_rows: int) -> list[tuple[int, ...]]:
    """Sets of columns in which test rows most often differ from the train row closest to them."""
    most = int(_MAX_CELLS / (train_rows * len(columns)))
    asked = np.asarray(evenly_spaced(len(target) - train_rows, min(_MAX_ASKED, max(50, most))))
    apart = np.zeros((len(asked), train_rows), dtype=np.uint8)
    for column in columns:
        apart += column[train_rows:][asked][:, None] != column[:train_rows][None, :]
    apart[target[train_rows:][asked][:, None] != target[:train_rows][None, :]] = len(columns)
    closest = apart.argmin(axis=1)
    few = apart[np.arange(len(asked)), closest]
    bound = min(_MOST_JOINED, len(columns) - _FEWEST_LEFT)
    table = np.stack(columns, axis=1)
    sets = Counter(
        tuple(np.flatnonzero(table[train_rows + row] != table[near]).tolist())
        for row, near, size in zip(asked, closest, few, strict=True)
        if 1 <= size <= bound
    )
    return [places for places, _ in sets.most_common(_CANDIDATES)]
