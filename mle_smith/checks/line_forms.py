"""How the lines of the tables are written, which no reader of tables shows.

Defect L15: quotes that need not be, other ends of lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from mle_smith.checks.cell_forms import Form
from mle_smith.checks.features import Feature, Ints
from mle_smith.checks.subject import Subject
from mle_smith.package.layout import TEST, TRAIN

_MAX_BYTES = 16 << 20
_MOST_KINDS = 4
_QUOTED = r'[,"\r\n]'


def line_forms(subject: Subject) -> Iterator[Form]:
    """Rows whose lines are longer than need be, by how much longer than most."""
    train = _surplus(subject.paths.public / TRAIN, subject.train)
    test = _surplus(subject.paths.public / TEST, subject.test)
    if train is None or test is None:
        return
    head, tail = train[subject.train_rows], test[subject.test_rows]
    surplus = np.concatenate([head, tail])
    kinds, counts = np.unique(surplus, return_counts=True)
    common = kinds[np.argsort(-counts, kind="stable")]
    lines = Feature("the row", pd.Series(surplus.astype(str), dtype="str"), len(head))
    if len(kinds) > 1:
        yield Form(lines, "with other quotes or ends", surplus != common[0], of_lines=True)
    for kind in common[1:_MOST_KINDS] if len(kinds) > 2 else ():
        how = f"longer than need be by {kind}"
        yield Form(lines, how, surplus == kind, of_lines=True)


def _surplus(path: Path, table: pd.DataFrame) -> Ints | None:
    """By row, the characters of the line beyond those that its cells need; None if unknown."""
    if path.stat().st_size > _MAX_BYTES:
        return None
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    lines = text.removesuffix("\n").split("\n")[1:]
    if len(lines) != len(table):
        return None  # cells of several lines, or blank lines
    needed = np.full(len(table), len(table.columns) - 1, dtype=np.int64)
    for name in table.columns:
        cells = table[name].fillna("")
        needed += cells.str.len().to_numpy(dtype=np.int64)
        quoted = cells.str.contains(_QUOTED, regex=True)
        if quoted.any():
            needed += (quoted * (cells.str.count('"') + 2)).to_numpy(dtype=np.int64)
    return np.array([len(line) for line in lines], dtype=np.int64) - needed
