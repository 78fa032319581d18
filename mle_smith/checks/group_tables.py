"""Does a table of groups hold means or sums of the target that test rows are part of?

Defect L8. Less the train rows of its group, a sum or a mean over all rows is one of test answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mle_smith.checks.decoding.readers import SideTable
from mle_smith.checks.features import Feature, Floats, Ints, numbers_of, plain

_MOST_TABLES = 20
_MOST_COLUMNS = 30
_KNOWN = 0.9
"""Groups of the rows that a table has to have."""


class OfGroups(NamedTuple):
    """A number that a table says of each group."""

    column: str
    groups: str
    """The input whose values are the groups."""
    codes: Ints
    """The group of each row."""
    values: Floats
    """The number of each row's group; NaN where the table has none."""


def told_of_groups(tables: Sequence[SideTable], inputs: Sequence[Feature]) -> Iterator[OfGroups]:
    """Numbers of tables that have one row for each value of an input."""
    named = [f for f in inputs if 2 <= f.distinct <= len(f.codes) / 2]
    for table in sorted(tables, key=lambda table: -len(table.frame))[:_MOST_TABLES]:
        frame = table.frame[table.frame.columns[:_MOST_COLUMNS]]
        for key in frame.columns:
            names = plain(frame[key].astype(str))
            if len(names) < 2 or names.duplicated().any():
                continue
            places = dict(zip(names, range(len(names)), strict=True))
            for feature in named:
                cells = plain(feature.text.fillna("")).map(places)
                if cells.notna().mean() < _KNOWN:
                    continue
                rows, known = cells.fillna(0).to_numpy().astype(int), cells.notna().to_numpy()
                for column in frame.columns.drop(key):
                    numbers = numbers_of(frame[column])
                    if numbers is not None:
                        values = np.where(known, numbers[rows], np.nan)
                        what = f"{column} of {table.name}"
                        yield OfGroups(what, feature.name, feature.codes + 1, values)
