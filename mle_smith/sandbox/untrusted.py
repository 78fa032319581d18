"""Reading on the host what sandboxed code or a participant wrote, with bounds on all of it.

The one place for it. Files are opened without following links and looked at before a parser sees
them. Nothing is unpickled or unpacked; formats that can swell when they are decoded (Parquet, npz,
archives) are for another sandbox.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import stat
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import pandas as pd

MAX_TABLE_BYTES = 512 * 2**20
MAX_LINE = 1_000_000
"""Bytes. A longer line may pass up to twice this."""
MAX_COLUMNS = 20_000
MAX_CELLS = 100_000_000
"""A cell costs 20 bytes and more in memory, even an empty one that costs one on disk."""
MAX_TEXT_BYTES = 4 * 2**20
"""A description, or a program."""
MAX_JSON_BYTES = 4 * 2**20
"""A byte of JSON (`[[],[],…`) can cost 25 in memory."""
MAX_JSON_DEPTH = 64


class UntrustedError(Exception):
    """What was read is no such thing, or past a bound; the message says which, as a predicate."""


def open_plain(path: Path, most_bytes: int | None) -> IO[bytes]:
    """Open a regular file of at most that size; None for any.

    Raises:
        UntrustedError: it is missing, a link, no regular file, or larger.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        why = (
            "is a link, not a file" if path.is_symlink() else f"cannot be opened ({error.strerror})"
        )
        raise UntrustedError(why) from error
    state = os.fstat(descriptor)
    reason = "is not a regular file" if not stat.S_ISREG(state.st_mode) else ""
    if not reason and most_bytes is not None and state.st_size > most_bytes:
        reason = f"is larger than {_size(most_bytes)}"
    if reason:
        os.close(descriptor)
        raise UntrustedError(reason)
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """The content of a regular file of at most that size. Raises UntrustedError."""
    with open_plain(path, most_bytes) as file:
        return file.read(most_bytes)


def read_text(
    path: Path,
    most_bytes: int = MAX_TEXT_BYTES,
    *,
    errors: Literal["strict", "replace"] = "strict",
) -> str:
    """The text of a regular file of at most that size. Raises UntrustedError."""
    try:
        return read_bytes(path, most_bytes).decode("utf-8", errors=errors)
    except UnicodeDecodeError as error:
        raise UntrustedError(f"is not UTF-8 text (at byte {error.start})") from error


def read_head(path: Path, lines: int) -> str:
    """The first lines of a table, however large the rest is. Raises UntrustedError."""
    with open_plain(path, MAX_TABLE_BYTES) as file:
        taken = [_line(file) for _ in range(lines)]
    return b"".join(taken).decode("utf-8", errors="replace")


def read_csv(path: Path, *, most_bytes: int = MAX_TABLE_BYTES, **arguments: Any) -> pd.DataFrame:
    """A comma-separated file as `pandas.read_csv` reads it, never unpacked.

    Args:
        path: the file.
        most_bytes: its size at the most.
        arguments: of `pandas.read_csv`.

    Raises:
        UntrustedError: it is no regular file, past a bound, or no table.
    """
    with open_plain(path, most_bytes) as file:
        _check_size(file)
        _check_header(file)
        file.seek(0)
        try:
            frame: pd.DataFrame = pd.read_csv(file, compression=None, **arguments)
        except (ValueError, OverflowError) as error:
            # Broken rows, an empty file and bytes that are no UTF-8 are ValueErrors, too.
            raise UntrustedError(f"cannot be read as CSV: {str(error)[:300]}") from error
        return frame


class Extent(NamedTuple):
    """How much a comma-separated file holds, at the most: commas in quotes count as well."""

    size: int
    """Bytes."""
    rows: int
    cells: int


def extent(path: Path, most_bytes: int | None = None) -> Extent:
    """Measure a comma-separated file of any length, a megabyte at a time.

    Raises:
        UntrustedError: it is no regular file, larger than `most_bytes`, binary, or has an endless
            line.
    """
    with open_plain(path, most_bytes) as file:
        return _extent(file)


def parse_json(text: str | bytes, *, most_bytes: int = MAX_JSON_BYTES) -> Any:
    """The value of a JSON document of finite numbers.

    Raises:
        UntrustedError: it is larger or deeper than bounds allow, or no such document.
    """
    if len(text) > most_bytes:
        raise UntrustedError(f"is larger than {_size(most_bytes)}")
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise UntrustedError(f"is nested deeper than {MAX_JSON_DEPTH}") from error
    except ValueError as error:
        raise UntrustedError(f"is not JSON: {str(error)[:300]}") from error
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return value
    raise UntrustedError(f"is nested deeper than {MAX_JSON_DEPTH}")


def _check_size(file: IO[bytes]) -> None:
    """Refuse binary files, endless lines and too many cells before a parser sees them."""
    _extent(file, MAX_CELLS)


def _extent(file: IO[bytes], most_cells: int | None = None) -> Extent:
    size, rows, cells = 0, 0, 0
    while chunk := file.read(MAX_LINE):
        if b"\0" in chunk:
            raise UntrustedError("is binary, not CSV text")
        ends = chunk.count(b"\n") + chunk.count(b"\r")
        if len(chunk) == MAX_LINE and not ends:
            raise UntrustedError(f"has a line longer than {_size(MAX_LINE)}")
        size += len(chunk)
        rows += ends
        cells += chunk.count(b",") + ends
        if most_cells is not None and cells > most_cells:
            raise UntrustedError(f"has more than {most_cells} cells")
    return Extent(size, rows, cells)


def _check_header(file: IO[bytes]) -> None:
    """Refuse more columns than anything needs. A quoted name may go over several lines."""
    file.seek(0)
    start = io.StringIO(file.read(2 * MAX_LINE).decode("utf-8", errors="replace"), newline="")
    csv.field_size_limit(max(csv.field_size_limit(), 2 * MAX_LINE))
    try:
        names = next(csv.reader(start), [])
    except csv.Error as error:
        raise UntrustedError(f"cannot be read as CSV: {error}") from error
    if not start.read(1) and file.read(1):
        raise UntrustedError(f"has a header longer than {_size(2 * MAX_LINE)}")
    if len(names) > MAX_COLUMNS:
        raise UntrustedError(f"has {len(names)} columns; at most {MAX_COLUMNS} are read")


def _line(file: IO[bytes]) -> bytes:
    line = file.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise UntrustedError(f"has a line longer than {_size(MAX_LINE)}")
    return line


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:30]} is too large")
    return number


def _size(count: int) -> str:
    return f"{count / 2**20:g} MiB" if count % 2**20 == 0 else f"{count} bytes"
