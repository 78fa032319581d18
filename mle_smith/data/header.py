"""Where a table begins and what its columns are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

from mle_smith.data.cells import (
    is_date,
    is_missing_text,
    is_number,
    is_plain_number,
    quantity_share,
)

Row = list[str]

_A = TypeVar("_A")
_B = TypeVar("_B")

_COMMENT = ("#", "%", "//")
_BODY_ROWS = 300


class Header(NamedTuple):
    """The rows before the data, and the names they give."""

    skip_rows: int
    header_rows: int
    names: tuple[str, ...]
    """Unique. Without a header: `column_1`, `column_2`, …"""
    notes: tuple[str, ...] = ()


def find_header(rows: Sequence[Row], width: int, *, presumed: bool = True) -> Header:
    """The header of a table whose rows mostly have `width` cells.

    Args:
        rows: the first rows of the file, from its first line; empty lines are empty rows.
        width: cells of most rows.
        presumed: what to take a first row for that could be either, names or data.
    """
    start = _first_row(rows, width)
    notes = [f"{start} lines before the table left out"] if start else []
    body = _body(rows, start + 1)
    if start >= len(rows) or not _is_header(rows[start], body, presumed=presumed):
        if commented := _commented_header(rows, start, width):
            return Header(start - 1, 1, commented, tuple(notes))
        return Header(start, 0, default_names(width), (*notes, "no header"))
    top = rows[start]
    second = rows[start + 1] if start + 1 < len(rows) else []
    if _is_sub_header(top, second, _body(rows, start + 2), width):
        joined = _joined(_padded(top, width), _padded(second, width))
        return Header(start, 2, unique_names(joined), (*notes, "2 header rows joined"))
    given = _padded(top, width)
    if _has_row_names(rows, start, width):
        given = ["", *top]
        notes.append("the first column has no name in the header")
    if len(given) > 1:
        given[0] = given[0].lstrip("#% ")
    names = unique_names(given)
    renamed = [n for n, g in zip(names, given, strict=True) if tidy(g) and n != tidy(g)]
    notes += [f"duplicate column name renamed to {name}" for name in renamed]
    return Header(start, 1, names, tuple(notes))


def default_names(count: int) -> tuple[str, ...]:
    """Names that only count: `column_1`, `column_2` and so on."""
    return tuple(f"column_{i}" for i in range(1, count + 1))


def tidy(name: str) -> str:
    """A name on one line, without quotes around it, blanks at its ends or control characters."""
    printable = "".join(c if c.isprintable() else " " for c in name)
    return re.sub(r"\s+", " ", printable).strip().strip('"').strip()


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Tidy names, `column_N` for empty ones, `_2`, `_3`, … after ones that occurred before."""
    taken = {tidy(name) for name in names}
    used: set[str] = set()
    result = []
    for position, name in enumerate(names, start=1):
        base = tidy(name) or f"column_{position}"
        unique, count = base, 1
        while unique in used or (count > 1 and unique in taken):
            count += 1
            unique = f"{base}_{count}"
        used.add(unique)
        result.append(unique)
    return tuple(result)


def joined_mark(row: Row) -> Row:
    """A row whose comment mark stands alone, with the mark put to the first cell."""
    alone = len(row) > 1 and row[0].strip() in _COMMENT
    return [row[0].strip() + row[1], *row[2:]] if alone else row


def _first_row(rows: Sequence[Row], width: int) -> int:
    """Index of the first row of the table, its header if it has one."""
    marked = sum(row[:1] != [] and row[0].startswith(_COMMENT) for row in rows)
    comments = marked < len(rows) / 10
    for index, row in enumerate(rows):
        filled = sum(bool(cell.strip()) for cell in row)
        if not filled or (comments and row[0].startswith(_COMMENT) and filled != width):
            continue
        blank_follows = index + 1 < len(rows) and not any(c.strip() for c in rows[index + 1])
        if width > 1 and filled == 1 and (width > 2 or blank_follows):
            continue  # a title
        if len(row) < width / 2:
            continue
        if comments and row[0].startswith(_COMMENT) and is_number(row[0].lstrip("#%/ ")):
            continue
        return index
    return len(rows)


def _body(rows: Sequence[Row], start: int) -> list[Row]:
    return [row for row in rows[start : start + _BODY_ROWS] if any(c.strip() for c in row)]


def _column(body: Sequence[Row], position: int) -> list[str]:
    return [row[position] for row in body if position < len(row)]


def _is_header(row: Row, body: Sequence[Row], *, presumed: bool) -> bool:
    if not body:
        return not any(is_number(cell) for cell in row)
    offset = 1 if len(row) + 1 == len(body[0]) and len(row) > 1 else 0
    if _counts_up(row):
        return True
    score = sum(_vote(c, _column(body, i + offset)) for i, c in enumerate(row[:500]))
    return score > 0 or (score == 0 and presumed)


def _vote(cell: str, column: Sequence[str]) -> float:
    """How much one cell of the first row speaks for being a name of the column below it."""
    quantities = quantity_share(column)
    if not cell.strip():
        return -0.2
    if is_number(cell) or is_date(cell):
        return -2.0 if quantities > 0.5 else -0.5
    if quantities >= 0.8:
        return 0.0 if is_missing_text(cell) else 2.0
    present = Counter(column)
    if cell in present:
        return -1.5
    if len(cell) > 40 or not re.search(r"[^\W\d_]", cell):
        return 0.0
    return 0.7 if len(present) < len(column) / 2 else 0.5


def _counts_up(row: Row) -> bool:
    """Whether the row names years or steps: text, then numbers that rise evenly."""
    numbers = [cell.strip() for cell in row if is_plain_number(cell)]
    if len(numbers) < 4 or is_number(row[0]) or not all(n.isdigit() for n in numbers):
        return False
    values = [int(n) for n in numbers]
    return {b - a for a, b in pairwise(values)} == {1}


def _commented_header(rows: Sequence[Row], start: int, width: int) -> tuple[str, ...] | None:
    if not start or not rows[start - 1] or not rows[start - 1][0].startswith(("#", "%")):
        return None
    cells = [rows[start - 1][0].lstrip("#% "), *rows[start - 1][1:]]
    cells = [cell for cell in cells if cell] if not cells[0] else cells
    return unique_names(cells) if len(cells) == width else None


def _has_row_names(rows: Sequence[Row], start: int, width: int) -> bool:
    """Whether the header lacks a name for the first column (as R writes tables)."""
    full = any(cell.strip() for cell in _column(_body(rows, start + 1), width - 1))
    return full and len(rows[start]) == width - 1 and bool(rows[start][-1].strip())


def _is_sub_header(top: Row, second: Row, body: Sequence[Row], width: int) -> bool:
    if len(second) != width or not body or any(is_number(c) or is_date(c) for c in second):
        return False
    quantities = [quantity_share(_column(body, i)) > 0.8 for i in range(width)]
    spoken = [bool(cell.strip()) and not is_missing_text(cell) for cell in second]
    against = [i for i in range(width) if quantities[i] and second[i].strip()]
    numeric = [i for i in range(width) if quantities[i]]
    gaps = [i for i in range(width) if not _padded(top, width)[i].strip()]
    if len(gaps) >= max(2, 0.15 * width):
        filled = sum(spoken[i] for i in gaps)
        repeated = any(second[i] in _column(body, i) for i in gaps if quantities[i])
        return filled >= 0.7 * len(gaps) and (bool(against) or not numeric) and not repeated
    fresh = [i for i in against if spoken[i] and second[i] not in _column(body, i)]
    return len(numeric) >= 2 and len(fresh) >= max(2, 0.6 * len(numeric))


def _joined(top: Sequence[str], second: Sequence[str]) -> list[str]:
    """One name from a group's name, which stands over its first column, and the column's own."""
    gaps = sum(not tidy(name) for name in top)
    if not gaps:
        return [
            f"{tidy(a)} ({tidy(b).strip('()[]')})" if tidy(b) else a for a, b in _zip(top, second)
        ]
    groups: list[tuple[int, str]] = []
    for position, name in enumerate(top):
        continues = not tidy(name) and tidy(second[position]) and groups
        groups.append(groups[-1] if continues else (position, tidy(name)))
    sizes = Counter(start for start, _ in groups)
    alone = Counter(tidy(s) for (g, _), s in _zip(groups, second) if sizes[g] == 1)
    generic = {name for name, count in alone.items() if count > 1}
    names = []
    for (start, group), own in _zip(groups, second):
        own = "" if sizes[start] == 1 and tidy(own) in generic else tidy(own)
        names.append(f"{group}: {own}" if group and own else group or own)
    return names


def _zip(first: Sequence[_A], second: Sequence[_B]) -> list[tuple[_A, _B]]:
    return list(zip(first, second, strict=True))


def _padded(row: Row, width: int) -> Row:
    return (row + [""] * width)[:width]
