"""Many small files of one kind, such as a record for each row, as the one table that they are.

What is not joined is searched file by file, so that none is passed over.
"""

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
    """The tables; of many small ones of one kind a few, and all of them joined.

    Of one kind are files of one folder whose tables have the same columns and number of rows. They
    are joined in two ways: with a row for each file (of a table of several rows its cells, by the
    names in its first column), and with the rows of all files below each other.
    """
    families: dict[tuple[object, ...], list[SideTable]] = defaultdict(list)
    for table in tables:
        path = PurePosixPath(table.name)
        families[(path.parent, path.suffix, *table.frame.columns, len(table.frame))].append(table)
    for family in families.values():
        first = family[0]
        if len(family) < _MANY or first.frame.size > _MOST_FIELDS:
            yield from family
            continue
        for place in evenly_spaced(len(family), _LOOKED_INTO):
            yield family[place]
        name = f"{PurePosixPath(first.name).parent.as_posix()}/*"
        yield SideTable(name, pd.DataFrame(map(_as_row, family), dtype="str"))
        if len(first.frame) > 1:
            yield SideTable(name, pd.concat([t.frame for t in family], ignore_index=True))


def gathered_texts(texts: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The texts by name; of many of one folder and kind a few, and all of them joined."""
    families: dict[tuple[object, ...], list[tuple[str, str]]] = defaultdict(list)
    for name, text in texts:
        path = PurePosixPath(name)
        families[path.parent, path.suffix].append((name, text))
    for (folder, _), family in families.items():
        if len(family) < _MANY or sum(len(text) for _, text in family) > _MOST_CHARACTERS:
            yield from family
            continue
        for place in evenly_spaced(len(family), _LOOKED_INTO):
            yield family[place]
        lines = (f"{PurePosixPath(name).stem} {' '.join(text.split())}" for name, text in family)
        yield f"{folder}/*", "\n".join(lines)


def _as_row(table: SideTable) -> dict[str, object]:
    path = PurePosixPath(table.name)
    row: dict[str, object] = {
        "its path": path.relative_to("public").as_posix(),
        "its name": path.stem,
    }
    if len(table.frame) == 1:
        return row | dict(zip(map(str, table.frame.columns), table.frame.iloc[0], strict=True))
    names = [str(name) for name in table.frame.iloc[:, 0]]
    for column in table.frame.columns[1:]:
        row |= dict(zip((f"{name} {column}" for name in names), table.frame[column], strict=True))
    return row
