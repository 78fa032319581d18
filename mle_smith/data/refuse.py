"""When no task can be made of a data set, and what to say then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NoReturn

from mle_smith.data.tables import FileEntry, Kind, TableProfile
from mle_smith.data.unpack import shown
from mle_smith.errors import MLESmithError, RefusedError

MIN_ROWS = 20
"""Fewer rows cannot be divided into a train and a test side that mean anything."""

_NUMBERED = frozenset({Kind.FLOAT})


def refuse_without_table(
    name: str, entries: Sequence[FileEntry], failures: Sequence[MLESmithError]
) -> NoReturn:
    """Say why a data set has no table.

    Raises:
        MLESmithError: what went wrong with the file that looked most like a table.
        RefusedError: there was nothing that looked like a table.
    """
    if failures:
        raise failures[0]
    counts = Counter(entry.role for entry in entries)
    roles = ", ".join(f"{n} {role}" for role, n in sorted(counts.items())) or "no files"
    noted = next((f" ({e.path}: {e.note})" for e in entries if e.note), "")
    raise RefusedError(
        f"{name}: holds no table, only {roles}{noted}; "
        "add the data as CSV, Parquet or .xlsx and try again",
        code="data.no_table",
    )


def refuse_hopeless(tables: Sequence[TableProfile]) -> None:
    """Refuse a data set in which no table holds anything to learn.

    Raises:
        RefusedError: the reason of the largest table.
    """
    reasons = {table.spec.name: hopeless(table) for table in tables}
    if all(reasons.values()):
        largest = max(tables, key=lambda t: t.rows * len(t.columns))
        reason = reasons[largest.spec.name]
        if reason:
            raise RefusedError(reason[1], code=reason[0])


def hopeless(table: TableProfile) -> tuple[str, str] | None:
    """Why nothing can be learned from a table, as code and message; None if something may."""
    file = shown(table.spec.path)
    varying = [c for c in table.columns if c.kind not in {Kind.EMPTY, Kind.CONSTANT}]
    if len(table.columns) < 2:
        return "data.one_column", (
            f"{file}: has only one column, {table.spec.columns[0]}, so there is nothing to predict "
            "it from; check the delimiter, or add the columns that go with it"
        )
    if table.rows < 2:
        return (
            "data.one_row",
            f"{file}: has {table.rows} row(s) of data; add the rest and try again",
        )
    if table.rows < MIN_ROWS:
        return "data.few_rows", (
            f"{file}: has {table.rows} rows, and a task needs {MIN_ROWS} at the least; "
            "add more and try again"
        )
    if not varying:
        return "data.constant", (
            f"{file}: every column has the same value in all {table.rows:,} rows, so there is "
            "nothing to predict; check that the right file was named"
        )
    if len(varying) < 2:
        return "data.one_varying", (
            f"{file}: only the column {varying[0].name} varies, so there is nothing to predict it "
            "from; add columns that describe the rows"
        )
    if all(c.unique and c.kind not in _NUMBERED for c in varying):
        return "data.all_unique", (
            f"{file}: no value of any column occurs twice in {table.rows:,} rows, so it holds only "
            "identifiers and texts; add a column that can be predicted, a class or a measurement"
        )
    return None
