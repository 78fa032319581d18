"""Blobs read as tables of text cells, whatever their format; nothing in them is executed."""

from __future__ import annotations

import contextlib
import io
import json
import pickletools
import re
import sqlite3
import struct
import tempfile
import warnings
import xml.etree.ElementTree as ElementTree
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.io import loadmat  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.decoding.containers import Blob
from mle_smith.checks.decoding.markup import (
    is_markup,
    is_page,
    page_as_lines,
    page_records,
    records,
)
from mle_smith.checks.decoding.pickles import arrays_of, document_of, unpickled

_FEWEST = 5
_ARFF = re.compile(r"(?im)^@data\s*$")
_ATTRIBUTE = re.compile(r"(?im)^@attribute\s+('[^']*'|\"[^\"]*\"|\S+)")
_MOST_CODES = 40
_SMALLEST = 1e-9
"""Numbers of an array are larger, or zero; bytes that are none seldom all are."""
_PROBED = 1_000
_PICKLED_AS_TEXT = re.compile(rb"\(?[(ldtI]|c\w")
"""The first letters of a pickle of protocol 0: a mark, a list, a dictionary, a number, a name."""
_MAX_COLUMNS = 400
_SCALARS = str | int | float
_MAX_NODES = 200_000
_SEPARATORS = (",", "\t", ";", "|")
_STRINGS = re.compile(rb"[\x20-\x7e]{3,}")


_GIVEN_UP = (
    *(ValueError, TypeError, LookupError, AttributeError, OSError, ArithmeticError),
    *(zipfile.BadZipFile, sqlite3.Error, ElementTree.ParseError, struct.error, zlib.error),
    *(RecursionError, NotImplementedError, EOFError),
)
"""What readers raise of a blob that is not of the format that its first bytes promise."""


class SideTable(NamedTuple):
    """A table that is neither train, test nor sample submission."""

    name: str
    frame: pd.DataFrame
    """Cells as text; missing where empty."""


def tables_of(blob: Blob) -> Iterator[SideTable]:
    """Every table that the blob can be read as.

    Raises:
        MemoryError: it holds more than there is.
    """
    frames: list[pd.DataFrame] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what readers say of odd files is of no interest here
        # What was read before a reader gave up is searched all the same.
        with contextlib.suppress(*_GIVEN_UP):
            frames.extend(_frames(blob.data))
    for frame in [*frames, *_turned(frames)]:
        if len(frame) >= 1 and 0 < len(frame.columns) <= _MAX_COLUMNS:
            frame.columns = _unique([str(c) for c in frame.columns])
            yield SideTable(blob.name, frame.reset_index(drop=True))


def _turned(frames: Sequence[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Tables of a few long rows, with rows and columns exchanged; their header is a row as well."""
    for frame in frames:
        if len(frame.columns) >= max(_FEWEST, 5 * len(frame)) and len(frame):
            yield pd.DataFrame([list(map(str, frame.columns)), *frame.to_numpy().tolist()]).T


def _unique(names: Sequence[str]) -> list[str]:
    return [name if name not in names[:k] else f"{name}.{k}" for k, name in enumerate(names)]


def _frames(data: bytes) -> Iterator[pd.DataFrame]:
    start = data[:512]
    if start.startswith(b"PAR1"):
        yield _as_text(pd.read_parquet(io.BytesIO(data)).reset_index())
    elif start.startswith(b"ARROW1"):
        yield _as_text(pd.read_feather(io.BytesIO(data)).reset_index())
    elif start.startswith(b"SQLite format 3\0"):
        yield from _database(data)
    elif start.startswith(b"\x93NUMPY"):
        yield from _array(np.load(io.BytesIO(data), allow_pickle=False))
    elif start[:1] == b"\x80":
        yield from _pickle(data)
    elif start.startswith(b"PK") and b"xl/workbook" in data:
        sheets = pd.read_excel(io.BytesIO(data), sheet_name=None, dtype=str, engine="openpyxl")
        yield from sheets.values()
    elif start.startswith(b"MATLAB 5.0"):
        arrays = {k: v for k, v in loadmat(io.BytesIO(data)).items() if not k.startswith("__")}
        yield from _same_length(
            {k: _flat(v) for k, v in arrays.items() if isinstance(v, np.ndarray)}
        )
    else:
        if _PICKLED_AS_TEXT.match(start) and data.endswith(b"."):
            with contextlib.suppress(ValueError):
                yield from _pickle(data)
        if (text := text_of(data)) is not None:
            yield from _texts(text)
        else:
            yield from _bare_numbers(data)


def text_of(data: bytes) -> str | None:
    """The blob as text; None for a binary one."""
    head = data[:65536]
    for mark, encoding in (
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"\xef\xbb\xbf", "utf-8-sig"),
    ):
        if head.startswith(mark):
            return data.decode(encoding, errors="replace")
    odd = sum(head.count(bytes([byte])) for byte in (*range(9), *range(14, 32)))
    return data.decode("utf-8", errors="replace") if odd <= len(head) // 200 else None


def strings_of(data: bytes) -> str:
    """What can be read in a binary blob: of a pickle what it loads, else runs of letters."""
    if data[:1] == b"\x80":
        try:
            loaded = [str(arg) for _, arg, _ in pickletools.genops(data) if arg is not None]
            return " ".join(loaded)
        except (ValueError, IndexError, KeyError, UnicodeError):
            pass
    return " ".join(m.group().decode() for m in _STRINGS.finditer(data))


def _pickle(data: bytes) -> Iterator[pd.DataFrame]:
    pickled = unpickled(data)
    columns = {f"column {k}": _cells(c) for k, c in enumerate(arrays_of(pickled))}
    yield from _same_length(columns)
    yield from _nodes(document_of(pickled))


def _texts(text: str) -> Iterator[pd.DataFrame]:
    stripped = text.lstrip()
    if stripped[:1] in ("{", "["):
        yield from _json(stripped)
    if is_page(stripped):
        with contextlib.suppress(ValueError):
            yield from _delimited(page_as_lines(text))
        yield from page_records(text)
        return
    if arff := _ARFF.split(text, maxsplit=1)[1:]:
        with contextlib.suppress(ValueError):
            yield _arff(text, arff[0])
    if is_markup(stripped):
        yield from records(text)
        return
    yield from _delimited(text)


def _delimited(text: str) -> Iterator[pd.DataFrame]:
    lines = [line for line in text.splitlines() if line.strip()]
    head = lines[:20]
    best = max(_SEPARATORS, key=lambda s: min((line.count(s) for line in head), default=0))
    separators = min((line.count(best) for line in head), default=0)
    if len(lines) < _FEWEST and separators < 5 * len(lines):
        return
    if separators == 0:
        if max(map(len, head)) <= 200:
            single = pd.Series(lines, dtype=str).str.strip()
            yield single.to_frame("line")
            yield single.iloc[1:].reset_index(drop=True).to_frame(str(single.iloc[0]))
        pieces = [re.split(r"[\s=:]+", line.strip()) for line in lines]
        widths = {len(p) for p in pieces}
        if len(widths) == 1 and 1 < widths.pop() <= 40:
            yield pd.DataFrame(pieces, dtype=str)
        return
    yield pd.read_csv(
        io.StringIO(text),
        sep=best,
        dtype=str,
        keep_default_na=False,
        na_values=[""],
        index_col=False,
        comment="#" if lines[0].startswith("#") else None,
        on_bad_lines="skip",
    )


def _arff(text: str, rows: str) -> pd.DataFrame:
    """The rows of an attribute-relation file: values in quotes of one kind, `?` for none."""
    names = [name.strip("'\"") for name in _ATTRIBUTE.findall(text)]
    return pd.read_csv(
        io.StringIO(rows),
        header=None,
        names=_unique(names) if names else None,
        dtype=str,
        keep_default_na=False,
        na_values=["?"],
        quotechar="'" if "'" in rows else '"',
        escapechar="\\",
        skipinitialspace=True,
        comment="%",
        on_bad_lines="skip",
    )


def _json(text: str) -> Iterator[pd.DataFrame]:
    try:
        yield from _nodes(json.loads(text))
        return
    except ValueError:
        pass
    rows = []
    for line in text.splitlines():
        if line.strip():
            rows.append(json.loads(line))
    yield from _nodes(rows)


def _nodes(document: Any) -> Iterator[pd.DataFrame]:
    """Lists and objects with many members of one kind, anywhere in the document."""
    stack, seen = [document], 0
    while stack and seen < _MAX_NODES:
        node = stack.pop()
        seen += 1
        children = list(node.values()) if isinstance(node, dict) else node
        if not isinstance(children, list):
            continue
        if len(children) >= _FEWEST:
            keys = [str(k) for k in node] if isinstance(node, dict) else None
            yield from _members(children, keys)
        stack.extend(child for child in children if isinstance(child, dict | list))
        if isinstance(node, dict):
            yield from _filed(node)
            columns = {k: v for k, v in node.items() if isinstance(v, list)}
            yield from _same_length({k: _cells(v) for k, v in columns.items()})


def _filed(node: dict[str, Any]) -> Iterator[pd.DataFrame]:
    """Lists under a few headings, as a table of each cell with its heading."""
    lists = {k: v for k, v in node.items() if isinstance(v, list) and v}
    cells = [(_cell(cell), k) for k, v in lists.items() for cell in v if isinstance(cell, _SCALARS)]
    if 1 < len(lists) < len(cells) and len(cells) >= _FEWEST:
        yield pd.DataFrame(cells, columns=["cell", "heading"], dtype=str)


def _members(children: list[Any], keys: list[str] | None) -> Iterator[pd.DataFrame]:
    named = {} if keys is None else {"key": keys}
    if not any(isinstance(c, dict | list) for c in children):
        yield pd.DataFrame({**named, "value": _cells(children)}, dtype=str)
    elif all(isinstance(c, dict) for c in children):
        rows = [flattened(c) for c in children]
        frame = pd.DataFrame(rows)
        if keys is not None:
            frame.insert(0, "key", keys, allow_duplicates=True)
        yield _as_text(frame)
    elif all(isinstance(c, list) and len(c) == len(children[0]) <= 40 for c in children):
        frame = pd.DataFrame([_cells(c) for c in children])
        yield frame if keys is None else frame.assign(key=keys)


def flattened(node: Any, name: str = "", depth: int = 0) -> dict[str, str]:
    """Scalars of a document by their path; of a list the first few."""
    if depth > 6:
        return {}
    found: dict[str, str] = {}
    pairs: Any = ()
    if isinstance(node, dict):
        pairs = node.items()
    elif isinstance(node, list):
        pairs = enumerate(node[:8])
    elif node is not None:
        return {name or "value": _cell(node)}
    for key, child in pairs:
        found |= flattened(child, f"{name}.{key}" if name else str(key), depth + 1)
    return found


def _database(data: bytes) -> Iterator[pd.DataFrame]:
    with tempfile.TemporaryDirectory(prefix="mle-side-") as folder:
        path = Path(folder) / "file.db"
        path.write_bytes(data)
        connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        try:
            query = "select name from sqlite_master where type = 'table'"
            for (name,) in connection.execute(query).fetchall()[:50]:
                quoted = str(name).replace('"', '""')
                yield _as_text(pd.read_sql_query(f'select * from "{quoted}"', connection))
        finally:
            connection.close()


def _bare_numbers(data: bytes) -> Iterator[pd.DataFrame]:
    """An array without a head, as numbers of each kind and width of which all are likely ones."""
    for kind, most in (("<f8", 1e12), ("<f4", 1e12), ("<i8", 1e7), ("<i4", 1e7)):
        width = np.dtype(kind).itemsize
        if len(data) % width or len(data) // width < _FEWEST:
            continue
        numbers = np.frombuffer(data, kind)
        # The first ones show it of nearly all blobs, which may be large.
        if _likely(numbers[:_PROBED], most) and _likely(numbers, most):
            yield from _array(numbers)
    if _FEWEST <= len(data) <= _MAX_NODES and len(set(data)) <= _MOST_CODES:
        yield from _array(np.frombuffer(data, "u1"))


def _likely(numbers: np.ndarray[Any, Any], most: float) -> bool:
    sizes = np.abs(numbers.astype(np.float64))
    return bool(((sizes == 0) | ((sizes > _SMALLEST) & (sizes < most))).all() and sizes.any())


def _array(array: np.ndarray[Any, Any]) -> Iterator[pd.DataFrame]:
    if array.dtype.names:
        yield _as_text(pd.DataFrame({n: array[n] for n in array.dtype.names}))
    elif array.ndim == 2 and array.shape[1] <= _MAX_COLUMNS:
        yield _as_text(pd.DataFrame(array))
    elif array.ndim <= 2 and array.size >= _FEWEST:
        yield pd.DataFrame({"value": _cells(array.ravel().tolist())})


def joined_arrays(tables: Sequence[SideTable]) -> Iterator[SideTable]:
    """Single columns of one archive, of the same length, as one table: ids beside answers."""
    homes: dict[tuple[str, int], dict[str, list[str]]] = defaultdict(dict)
    for table in tables:
        home, found, member = table.name.rpartition("!")
        if found and len(table.frame.columns) == 1:
            stem = PurePosixPath(member).stem
            homes[home, len(table.frame)][stem] = table.frame.iloc[:, 0].tolist()
    for (home, _), columns in homes.items():
        if len(columns) > 1:
            yield SideTable(home, pd.DataFrame(columns))


def _same_length(columns: dict[str, list[Any]]) -> Iterator[pd.DataFrame]:
    sizes: dict[int, dict[str, list[Any]]] = defaultdict(dict)
    for name, values in columns.items():
        if len(values) >= _FEWEST:
            sizes[len(values)][name] = values
    for members in sizes.values():
        yield pd.DataFrame(members)


def _flat(array: np.ndarray[Any, Any]) -> list[Any]:
    return _cells(array.ravel().tolist()) if array.size <= 10**7 else []


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({c: _cells(frame[c].tolist()) for c in frame.columns}, dtype=object)


def _cells(values: Sequence[Any]) -> list[Any]:
    return [None if v is None or v != v else _cell(v) for v in values]


def _cell(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)
