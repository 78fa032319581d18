"""What the CSV files of a package hold, in a few numbers: for agents, reviews and reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from mle_smith.sandbox.untrusted import UntrustedError, read_csv

_MAX_ROWS = 200_000
_MAX_TOP = 200
_CELL = 200


def describe_folder(folder: Path, *, top: int = 12, head: int = 3) -> dict[str, Any]:
    """Facts of every file below `folder`, by relative path, sorted.

    CSV files get rows, columns (name, dtype, missing, distinct, top values) and their first rows;
    other files their size.
    """
    facts: dict[str, Any] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        is_table = path.suffix == ".csv"
        facts[name] = describe_csv(path, top=top, head=head) if is_table else {}
        facts[name]["bytes"] = path.stat().st_size
    return facts


def describe_csv(path: Path, *, top: int = 12, head: int = 3) -> dict[str, Any]:
    """Rows, columns and first rows of a CSV; only the first 200,000 rows are counted closely."""
    try:
        frame = read_csv(path, nrows=_MAX_ROWS, low_memory=False)
    except UntrustedError as error:
        return {"error": str(error)}
    with path.open("rb") as file:
        lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    return {
        "rows": len(frame) if len(frame) < _MAX_ROWS else lines - 1,
        "columns": [_describe_column(frame[name], min(top, _MAX_TOP)) for name in frame.columns],
        "head": frame.head(head).to_csv(index=False),
    }


def _describe_column(column: pd.Series, top: int) -> dict[str, Any]:
    counts = column.value_counts(sort=True)
    ranked = sorted(counts.items(), key=lambda item: (-int(item[1]), str(item[0])))[:top]
    number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return {
        "name": str(column.name),
        "dtype": _dtype(column),
        "missing": int(column.isna().sum()),
        "distinct": len(counts),
        "top": [[str(value)[:_CELL], int(count)] for value, count in ranked],
        "minimum": _number(column.min()) if number and len(counts) else None,
        "maximum": _number(column.max()) if number and len(counts) else None,
    }


def _number(value: float) -> float | int:
    return int(value) if float(value).is_integer() else round(float(value), 6)


def _dtype(column: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    if pd.api.types.is_integer_dtype(column):
        return "integer"
    return "float" if pd.api.types.is_numeric_dtype(column) else "text"
