"""Which tables of a data set to make tasks of: the richest, with those that continue it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

_WORTHLESS = frozenset({"empty", "constant"})
LEAST_ROWS = 60
"""Rows below which a table cannot be divided into train and test in earnest."""


def choices(dataset: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], ...]]:
    """Sets of tables to try, best first; the tables of a set have the same columns.

    Copies, subsets and aggregates of another table come after all others: with the table that
    they are made from they would show its answers.
    """
    tables = {str(t["name"]): t for t in dataset["tables"]}
    derived = {
        r["first"]
        for r in dataset.get("relations", ())
        if r["kind"] in {"copy", "subset", "aggregate"} and r["second"] in tables
    }
    sets: list[list[str]] = []
    for name in tables:
        if name in derived:
            continue
        home = next((s for s in sets if _stacks(dataset, tables, s[0], name)), None)
        if home is None:
            sets.append([name])
        else:
            home.append(name)
    found = [tuple(tables[n] for n in names) for names in sets]
    found = [f for f in found if sum(t["rows"] for t in f) >= LEAST_ROWS and _width(f[0]) >= 2]
    return sorted(found, key=lambda f: (-richness(f), f[0]["name"]))


def _stacks(dataset: Mapping[str, Any], tables: Mapping[str, Any], first: str, second: str) -> bool:
    """Whether two tables are related as having the same columns, and do have them."""
    related = any(
        r["kind"] == "same_columns" and {r["first"], r["second"]} == {first, second}
        for r in dataset.get("relations", ())
    )
    names = [sorted(c["name"].casefold() for c in tables[n]["columns"]) for n in (first, second)]
    return related or (names[0] == names[1] and len(names[0]) >= 3)


def _width(table: Mapping[str, Any]) -> int:
    return sum(c["kind"] not in _WORTHLESS and c["missing"] < 0.95 for c in table["columns"])


def richness(tables: Sequence[Mapping[str, Any]]) -> float:
    """Columns that tell something, weighed by the size of the table."""
    rows = sum(int(t["rows"]) for t in tables)
    return min(_width(tables[0]), 60) * math.log10(max(10, rows))
