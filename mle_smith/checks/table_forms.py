"""Tables in other forms than they were found in: lines of text as columns, two tables joined.

What is printed in a notebook or a log is a table as well, and a database may keep ids and results
apart. Both are looked through like any other table.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import islice, permutations

import pandas as pd

from mle_smith.checks.decoding.readers import SideTable
from mle_smith.checks.features import plain

_FEWEST_LINES = 20
_MOST_LINES = 100_000
_MOST_TABLES = 12
"""Tables, the largest, of which any two may be joined."""
_MOST_JOINS = 40
_MOST_COLUMNS = 40
_KEY = 0.95
"""Share of distinct cells from which on a column names the rows of its table."""
_MET = 0.5
"""Part of the keys of either table that the other one knows."""


def lines_as_tables(
    tables: Sequence[SideTable], texts: Sequence[tuple[str, str]]
) -> Iterator[SideTable]:
    """What is written in columns: in tables of one column of text, and in texts."""
    for table in tables:
        if len(table.frame.columns) == 1:
            cells = table.frame.iloc[:_MOST_LINES, 0].dropna().astype(str)
            yield from _in_columns(table.name, cells.tolist())
    for name, text in texts:
        yield from _in_columns(name, list(islice(text.splitlines(), _MOST_LINES)))


def _in_columns(name: str, lines: Sequence[str]) -> Iterator[SideTable]:
    """The largest set of lines of as many words each, or the columns in which the lines stand."""
    parts = pd.Series([line.split() for line in lines], dtype=object)
    sizes = parts.map(len)
    usual = sizes[sizes >= 2].mode()
    if usual.empty:
        return
    alike = parts[sizes == usual.iloc[0]]
    if len(alike) >= max(_FEWEST_LINES, 0.5 * (sizes >= 2).sum()):
        yield SideTable(name, pd.DataFrame(alike.tolist(), dtype="str"))
        return
    padded = [line for line in lines if "  " in line.strip()]
    if len(padded) >= max(_FEWEST_LINES, 0.9 * len(lines)):
        text = io.StringIO("\n".join(line.rstrip("\n") for line in padded))
        frame = pd.read_fwf(text, header=None, dtype=str, keep_default_na=False, infer_nrows=500)
        if len(frame.columns) > 1:
            yield SideTable(name, frame)


def joined(tables: Sequence[SideTable], ids: pd.Series[str]) -> Iterator[SideTable]:
    """Tables with test ids, and beside each row that of another table which a third column names.

    Args:
        tables: all that were found.
        ids: of the test rows.
    """
    if len(tables) < 2:
        return
    known = set(plain(ids))
    largest = sorted(tables, key=lambda table: -len(table.frame))[:_MOST_TABLES]
    cells = {id(table): _key_columns(table.frame) for table in largest}
    pairs = (
        SideTable(f"{one.name} and {other.name}", _merged(one.frame, other.frame, ours, theirs))
        for one, other in permutations(largest, 2)
        if any(known & values for values in cells[id(one)].values())
        for ours, theirs in _meeting(cells[id(one)], cells[id(other)])
    )
    yield from islice(pairs, _MOST_JOINS)


def _key_columns(frame: pd.DataFrame) -> dict[str, set[str]]:
    """The cells of the columns that name the rows of a table."""
    found = {}
    for column in frame.columns[:_MOST_COLUMNS]:
        values = plain(frame[column].dropna().astype(str))
        if len(values) >= _FEWEST_LINES and values.nunique() >= _KEY * len(values):
            found[column] = set(values)
    return found


def _meeting(one: dict[str, set[str]], other: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    for ours, mine in one.items():
        for theirs, its in other.items():
            if len(mine & its) >= _MET * min(len(mine), len(its)):
                yield ours, theirs


def _merged(one: pd.DataFrame, other: pd.DataFrame, ours: str, theirs: str) -> pd.DataFrame:
    key = plain(one[ours].astype(str))
    beside = other.set_axis(plain(other[theirs].astype(str))).drop(columns=theirs)
    beside = beside[~beside.index.duplicated()].reindex(key).set_axis(one.index)
    return pd.concat([one, beside.add_prefix("joined ")], axis=1)
