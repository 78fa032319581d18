"""How the rows of a text are divided into cells: delimiter, quotes, blanks.

Each candidate divides a sample; the one that gives the most regular rows of the most cell-like
cells wins (the idea of CleverCSV: van den Burg et al. 2019, "Wrangling messy CSV files by
detecting row and type patterns"). Rows are then as pandas will see them.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import NamedTuple

from mle_smith.data.cells import is_date, is_missing_text, is_number, is_word

SPACES = r"\s+"
_COMMON = (",", "\t", ";", "|", SPACES)
_ODD = (":", "~", "^", "!", "&", "*", "@", "#", "=", "\x01", "\x1f", "\x1e", "§", "¦", "¬", "/")
_SCORED_ROWS = 300
_WHOLE = 0.97


class Dialect(NamedTuple):
    """How to divide a text into cells."""

    delimiter: str
    quoting: bool = True
    quotechar: str = '"'
    skip_initial_space: bool = False
    escape: str | None = None


class Shape(NamedTuple):
    """How regular the rows of a text are."""

    cells: int
    """Cells of most rows."""
    regular: float
    """Share of rows with that number."""


def detect_dialect(text: str) -> Dialect:
    """The dialect of a sample of text; a comma when nothing divides it."""
    for group in (_COMMON, _ODD):
        scored = [(_score(text, dialect), -i, dialect) for i, dialect in _candidates(text, group)]
        score, _, best = max(scored, default=(0.0, 0, Dialect(",")))
        if score > 0.05:
            return best._replace(skip_initial_space=_blanks_follow(text, best))
    return Dialect(",")


def split_rows(text: str, dialect: Dialect, limit: int | None = None) -> list[list[str]]:
    """Rows of cells; an empty line is an empty row. Cells keep their blanks."""
    if dialect.delimiter == SPACES:
        cell = re.compile(r'"[^"\n]*"|\S+' if dialect.quoting else r"\S+")
        lines = re.split(r"\r\n|\n|\r", text)[:limit]
        return [[c.strip('"') if dialect.quoting else c for c in cell.findall(x)] for x in lines]
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quotechar if dialect.quoting else None,
        quoting=csv.QUOTE_MINIMAL if dialect.quoting else csv.QUOTE_NONE,
        skipinitialspace=dialect.skip_initial_space,
        escapechar=dialect.escape,
    )
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if limit and len(rows) >= limit:
                break
    except csv.Error:  # a cell past the csv module's size limit: the quotes do not close
        return rows
    return rows


def shape(rows: list[list[str]]) -> Shape:
    """The usual width of the rows that hold anything, and how usual it is."""
    counts = Counter(len(row) for row in rows if any(cell.strip() for cell in row))
    if not counts:
        return Shape(0, 0.0)
    cells, rows_of_it = max(counts.items(), key=lambda item: (item[1], item[0]))
    return Shape(cells, rows_of_it / counts.total())


def _candidates(text: str, delimiters: tuple[str, ...]) -> list[tuple[int, Dialect]]:
    present = [d for d in delimiters if (" " if d == SPACES else d) in text]
    if SPACES in delimiters and SPACES not in present and "\t" in text:
        present.append(SPACES)
    return [(i, _with_quotes(text, delimiter)) for i, delimiter in enumerate(present)]


def _with_quotes(text: str, delimiter: str) -> Dialect:
    """Whether quote characters enclose cells, or are just part of the text."""
    for quote in ('"', "'"):
        if quote not in text:
            continue
        opened, whole = _quoted_cells(text, delimiter, quote, rf"[^{quote}]++|{quote}{quote}")
        # An apostrophe opens cells by chance ('tis); it must be the rule to count as a quote.
        if opened and whole >= _WHOLE * opened and (quote == '"' or whole >= 5):
            return Dialect(delimiter, quotechar=quote)
        if opened and quote == '"':
            opened, whole = _quoted_cells(text, delimiter, quote, r'[^"\\]++|\\.|""')
            if whole >= _WHOLE * opened:
                return Dialect(delimiter, escape="\\")
            return Dialect(delimiter, quoting=False)
    return Dialect(delimiter)


def _quoted_cells(text: str, delimiter: str, quote: str, inside: str) -> tuple[int, int]:
    """Cells that begin with a quote, and how many of them a quote ends as well."""
    edge = delimiter if delimiter == SPACES else re.escape(delimiter)
    cell = re.compile(
        rf"(?:^|{edge})[ ]*"
        rf"(?:(?P<whole>{quote}(?:{inside})*+{quote})(?=[ ]*(?:{edge}|\r|$))|{quote})",
        re.MULTILINE | re.DOTALL,
    )
    found = [match["whole"] is not None for match in cell.finditer(text)]
    return len(found), sum(found)


def _score(text: str, dialect: Dialect) -> float:
    rows = [row for row in split_rows(text, dialect, _SCORED_ROWS) if any(c.strip() for c in row)]
    if not rows or shape(rows).cells < 2:
        return 0.0
    widths = Counter(len(row) for row in rows)
    pattern = sum(count * (width - 1) / width for width, count in widths.items())
    pattern /= len(widths) * len(rows)
    cells = [cell for row in rows[:100] for cell in row[:200]]
    quality = sum(_cell_quality(cell) for cell in cells) / len(cells)
    if dialect.delimiter == SPACES:
        # Words are separated by spaces too; only tables of numbers are taken for divided by them.
        quality *= sum(is_number(c) or is_missing_text(c) for c in cells) / len(cells) > 0.4
    if dialect.delimiter in _ODD:
        lines = [dialect.delimiter.join(row) for row in rows]
        quality *= sum(is_number(x) or is_date(x) for x in lines) < len(lines) / 2
    return pattern * quality


def _cell_quality(cell: str) -> float:
    if is_missing_text(cell) or is_number(cell) or is_date(cell):
        return 1.0
    if any(delimiter in cell for delimiter in ",;\t|"):
        return 0.1
    return 0.9 if is_word(cell) else 0.3


def _blanks_follow(text: str, dialect: Dialect) -> bool:
    if dialect.delimiter in {SPACES, "\t"}:
        return False
    rows = split_rows(text, dialect, _SCORED_ROWS)
    cells = [cell for row in rows for cell in row[1:] if cell.strip()]
    return bool(cells) and sum(cell.startswith(" ") for cell in cells) > 0.9 * len(cells)
