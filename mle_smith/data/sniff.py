"""From a file of unknown make to the specs of the tables in it."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from mle_smith.data.arff import read_arff_head
from mle_smith.data.cells import is_number
from mle_smith.data.dialect import Shape, detect_dialect, shape, split_rows
from mle_smith.data.encoding import detect_encoding
from mle_smith.data.header import Header, find_header, joined_mark
from mle_smith.data.missing import missing_numbers, missing_texts
from mle_smith.data.numbers import code_columns, detect_notation
from mle_smith.data.read import csv_arguments, read_table
from mle_smith.data.tables import TableSpec
from mle_smith.data.unpack import open_file, shown
from mle_smith.errors import RefusedError, SourceError

MAX_COLUMNS = 5_000
"""Wider tables are refused: no one can describe that many columns to a participant."""
_SAMPLE_BYTES = 1 << 20
_LONGEST_LINE = 32 << 20
_ROWS = 1_000
_TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".psv"})


class Sniffed(NamedTuple):
    """How a table is read, what was odd about it, and what it holds."""

    spec: TableSpec
    notes: tuple[str, ...]
    frame: pd.DataFrame
    """As `read_table(spec, raw)` gives it."""


def sniff_csv(
    raw: Path, path: tuple[str, ...], name: str, *, keep_one_in: int = 1
) -> Sniffed | None:
    """Find out how to read a text file as a table; None if it is prose, not a table.

    Raises:
        SourceError: the file is not text, or damaged.
        RefusedError: it has more than `MAX_COLUMNS` columns.
    """
    with open_file(raw, path) as handle:
        encoding = detect_encoding(handle, shown(path))
    with open_file(raw, path) as handle:
        text = _sample(handle, encoding, shown(path))
    found = read_arff_head(text) or _layout(text, path)
    if found is None:
        return None
    about = {"name": name, "path": path, "encoding": encoding, "keep_one_in": keep_one_in}
    layout, notes = found
    spec = TableSpec(name=name, path=path, format="csv", columns=()).model_copy(
        update=layout | about
    )
    if keep_one_in > 1 and spec.surplus == "none":  # most rows are never looked at
        spec = spec.model_copy(update={"surplus": "skip_row"})
    if (mark := _comment_mark(text, spec)) is not None:
        spec = spec.model_copy(update={"comment": mark})
    spec, cells, more = read_as_text(spec, raw)
    spec = spec.model_copy(update=_header_agrees(spec, raw))
    spec, frame = _with_values(spec, cells, raw)
    return Sniffed(spec, (*notes, *more), frame)


def _sample(handle: IO[bytes], encoding: str, name: str) -> str:
    """Whole lines from the beginning of a text."""
    data = b""
    while len(data) < _LONGEST_LINE:
        block = handle.read(_SAMPLE_BYTES)
        data += block
        ended = len(block) < _SAMPLE_BYTES
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        text = decoder.decode(data, final=ended)
        if ended:
            return text
        if text.count("\n") + text.count("\r") >= 3:
            return text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    raise SourceError(
        f"{name}: has no line end in its first {_LONGEST_LINE >> 20} MB, so it is not a table of "
        "rows; check what it is, or rename it to its true type",
        code="source.no_rows",
    )


def _comment_mark(text: str, spec: TableSpec) -> str | None:
    """The sign that begins comment lines among the rows, if it occurs nowhere else in them."""
    lines = [line for line in text.splitlines()[spec.skip_rows + spec.header_rows :] if line]
    for mark in "#%":
        marked = sum(line.startswith(mark) for line in lines)
        if 0 < marked < len(lines) / 2 and sum(mark in line for line in lines) == marked:
            return mark
    return None


def _layout(text: str, path: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    dialect = detect_dialect(text[:_SAMPLE_BYTES])
    rows = split_rows(text[:_LONGEST_LINE], dialect, _ROWS)
    declared = _is_declared_table(path)
    usual = shape(rows)
    if not usual.cells or not (declared or _is_table(rows, usual)):
        return None
    check_width(usual.cells, shown(path))
    header, surplus = fit_header(rows, usual.cells, presumed=declared)
    layout = {
        "columns": header.names,
        "delimiter": dialect.delimiter,
        "quoting": dialect.quoting,
        "quotechar": dialect.quotechar,
        "escape": dialect.escape,
        "skip_initial_space": dialect.skip_initial_space,
        "header_rows": header.header_rows,
        "skip_rows": header.skip_rows,
        "surplus": surplus,
    }
    return layout, header.notes


def check_width(columns: int, name: str) -> None:
    """Refuse tables of more than `MAX_COLUMNS` columns."""
    if columns > MAX_COLUMNS:
        raise RefusedError(
            f"{name}: has {columns:,} columns, and at most {MAX_COLUMNS:,} can be made into a "
            "task; keep the columns that matter in a file of their own and try again",
            code="data.too_wide",
        )


def _is_declared_table(path: tuple[str, ...]) -> bool:
    suffixes = [s.lower() for s in PurePosixPath(path[-1]).suffixes]
    if suffixes and suffixes[-1] in {".gz", ".bz2", ".xz"}:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in _TABLE_SUFFIXES


def _is_table(rows: Sequence[list[str]], usual: Shape) -> bool:
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    if usual.cells > 1:
        return usual.regular > 0.9 and len(filled) >= 3
    cells = [row[0] for row in filled]
    return len(cells) >= 3 and sum(is_number(c) for c in cells) > 0.95 * len(cells)


def fit_header(
    rows: Sequence[list[str]], width: int, *, presumed: bool
) -> tuple[Header, Literal["none", "ignore", "skip_row"]]:
    """The header, after cells that stay empty at the ends of rows have been cut off."""
    rows = [joined_mark(row) for row in rows]
    header = find_header(rows, width, presumed=presumed)
    top = len(_trimmed(rows[header.skip_rows])) if header.skip_rows < len(rows) else 0
    if header.header_rows and top > width:  # most rows leave their last cells out
        header = find_header(rows, top, presumed=presumed)
        width = top
    body = rows[header.skip_rows + header.header_rows :]
    held = max((len(_trimmed(row)) for row in body if len(row) <= width), default=width)
    if header.header_rows:
        held = max(held, min(top, width))
    longer = [row for row in body if len(row) > held]
    if held < width:
        header = header._replace(names=header.names[:held])
    if not longer:
        return header, "none"
    if any(any(cell.strip() for cell in row[held:]) for row in longer):
        notes = (*header.notes, "rows with too many cells left out")
        return header._replace(notes=notes), "skip_row"
    return header, "ignore"


def _trimmed(row: list[str]) -> list[str]:
    end = len(row)
    while end and not row[end - 1].strip():
        end -= 1
    return row[:end]


def read_as_text(spec: TableSpec, raw: Path) -> tuple[TableSpec, pd.DataFrame, tuple[str, ...]]:
    """All cells as text, the spec corrected by what reading the whole file showed, and notes.

    Raises:
        SourceError: no correction makes it a table.
    """
    notes: list[str] = []
    cells = None
    while cells is None:
        try:
            cells = _text_frame(spec, raw)
        except ValueError as error:  # pandas' ParserError is one
            if "EOF inside string" in str(error) and spec.quoting:
                spec = spec.model_copy(update={"quoting": False, "escape": None})
                notes.append("quotes that do not close are plain text")
            elif spec.surplus != "skip_row":
                spec = spec.model_copy(update={"surplus": "skip_row"})
                notes.append("rows with too many cells left out")
            else:
                raise SourceError(
                    f"{shown(spec.path)}: cannot be divided into rows and columns ({error}); "
                    "check that it is one table, and export it as CSV again",
                    code="source.unreadable",
                ) from error
    if spec.quoting and _swallows_rows(cells, spec):
        spec = spec.model_copy(update={"quoting": False, "escape": None, "surplus": "skip_row"})
        notes.append("quotes that do not close are plain text")
        cells = _text_frame(spec, raw)
    return spec, cells, tuple(notes)


def _text_frame(spec: TableSpec, raw: Path) -> pd.DataFrame:
    arguments = csv_arguments(spec.model_copy(update={"header_names": False}))
    for name in ("na_values", "decimal", "thousands", "compression", "low_memory"):
        arguments.pop(name, None)
    with open_file(raw, spec.path) as handle:
        frame: pd.DataFrame = pd.read_csv(
            handle, **(arguments | {"dtype": str, "na_filter": False, "low_memory": False})
        )
    return frame


def _swallows_rows(cells: pd.DataFrame, spec: TableSpec) -> bool:
    """Whether some cell holds whole rows: its opening quote was just part of the text."""
    if len(spec.columns) < 2:
        return False
    inner = len(spec.columns) - 1
    for name in cells.columns:
        long = cells[name][cells[name].str.contains("\n", regex=False)]
        for cell in long.head(50):
            lines = str(cell).split("\n")[1:-1]
            if len(lines) > 2 and sum(x.count(spec.delimiter) == inner for x in lines) > 0.9 * len(
                lines
            ):
                return True
    return False


def _header_agrees(spec: TableSpec, raw: Path) -> dict[str, Any]:
    if spec.header_rows != 1:
        return {}
    arguments = csv_arguments(
        spec.model_copy(update={"header_names": True, "keep_one_in": 1, "na_texts": {}})
    )
    arguments.pop("compression", None)
    with open_file(raw, spec.path) as handle:
        try:
            read = pd.read_csv(handle, **(arguments | {"nrows": 0}))
        except ValueError:  # pandas takes another line for the header, or none
            return {}
    return {"header_names": tuple(read.columns) == spec.columns}


def _with_values(spec: TableSpec, cells: pd.DataFrame, raw: Path) -> tuple[TableSpec, pd.DataFrame]:
    texts = missing_texts(cells)
    notation = detect_notation(cells)
    spec = spec.model_copy(
        update={
            "na_values": texts.everywhere,
            "na_texts": texts.by_column,
            "decimal": notation.decimal,
            "thousands": notation.thousands,
            "text_columns": code_columns(cells),
        }
    )
    return with_na_codes(spec, read_table(spec, raw))


def with_na_codes(spec: TableSpec, frame: pd.DataFrame) -> tuple[TableSpec, pd.DataFrame]:
    """Find the numbers that stand for "no value", and take them out of the frame."""
    codes = {}
    for name in frame.columns:
        if pd.api.types.is_any_real_numeric_dtype(frame[name].dtype):
            values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
            if found := missing_numbers(values):
                codes[str(name)] = found
                frame[name] = frame[name].mask(frame[name].isin(found))
    return spec.model_copy(update={"na_codes": codes}), frame
