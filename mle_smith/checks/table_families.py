"""Many files of one kind, such as a record for each row, as the one table or text that they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import pandas as pd

from mle_smith.checks.decoding.readers import SideTable
from mle_smith.checks.features import evenly_spaced

_MANY = 40
"""Files of one kind from which on they are taken together."""
_LOOKED_INTO = 20
"""Of them, those that are searched by themselves as well."""
_MOST_FIELDS = 200
_MOST_CHARACTERS = 2_000_000


def gathered(tables: Sequence[SideTable]) -> Iterator[SideTable]:
    """The tables; of many of one kind a few, and all of them as one, with a row for each file.

    Of one kind are files of one folder whose tables have the same columns and number of rows. A
    table of several rows becomes one row: its cells by the names in its first column.
    """
    families: dict[tuple[object, ...], list[SideTable]] = defaultdict(list)
    for table in tables:
        path = PurePosixPath(table.name)
        families[(path.parent, path.suffix, *table.frame.columns, len(table.frame))].append(table)
    for family in families.values():
        if len(family) < _MANY:
            yield from family
            continue
        for place in evenly_spaced(len(family), _LOOKED_INTO):
            yield family[place]
        if family[0].frame.size <= _MOST_FIELDS:
            folder = PurePosixPath(family[0].name).parent.as_posix()
            yield SideTable(f"{folder}/*", pd.DataFrame(map(_as_row, family), dtype="str"))


def gathered_texts(texts: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The texts by name; of many of one folder and kind a few, and all of them as one."""
    families: dict[tuple[object, ...], list[tuple[str, str]]] = defaultdict(list)
    for name, text in texts:
        path = PurePosixPath(name)
        families[path.parent, path.suffix].append((name, text))
    for (folder, _), family in families.items():
        if len(family) < _MANY:
            yield from family
            continue
        for place in evenly_spaced(len(family), _LOOKED_INTO):
            yield family[place]
        lines = (f"{PurePosixPath(name).stem} {' '.join(text.split())}" for name, text in family)
        whole = "\n".join(lines)
        if len(whole) <= _MOST_CHARACTERS:
            yield f"{folder}/*", whole


def _as_row(table: SideTable) -> dict[str, object]:
    path = PurePosixPath(table.name)
    row: dict[str, object] = {
        "its path": path.relative_to("public").as_posix(),
        "its name": path.stem,
    }
    names = [str(name) for name in table.frame.iloc[:, 0]]
    if len(table.frame) == 1:
        return row | dict(zip(map(str, table.frame.columns), table.frame.iloc[0], strict=True))
    for column in table.frame.columns[1:]:
        row |= dict(zip((f"{name} {column}" for name in names), table.frame[column], strict=True))
    return row
