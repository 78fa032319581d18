"""All that is known of a data set before anyone proposes a task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pandas as pd

from mle_smith.data.binary import parquet_bytes, sniff_excel, sniff_parquet
from mle_smith.data.code import function_name
from mle_smith.data.columns import profile_column
from mle_smith.data.count import count_rows
from mle_smith.data.documents import describe, documented_names, find_licence
from mle_smith.data.files import RawFile, list_files, read_document, unread_note
from mle_smith.data.header import default_names, unique_names
from mle_smith.data.refuse import refuse_hopeless, refuse_without_table
from mle_smith.data.relations import relate, same_name
from mle_smith.data.sniff import Sniffed, sniff_csv
from mle_smith.data.tables import (
    DatasetProfile,
    Document,
    FileEntry,
    TableProfile,
    TableSpec,
)
from mle_smith.data.unpack import open_file, packing
from mle_smith.errors import MLESmithError, RefusedError, SourceError

_WHOLE_SHARE = 6
"""A text file up to 1/6 of the memory is read whole: as a frame, with its text beside it."""
_THIN_SHARE = 12
_MAX_CELLS = 20_000_000
"""Cells that the numbers about columns are taken from; more are thinned evenly."""
_RELATED_CELLS = 30_000_000


class _Found(NamedTuple):
    """A table as it was read, before it is described."""

    sniffed: Sniffed
    file: RawFile
    rows: int


class _Reading(NamedTuple):
    """What reading the files brought."""

    tables: list[_Found]
    documents: list[Document]
    entries: list[FileEntry]
    failures: list[MLESmithError]


def profile(raw: Path, name: str, sha256: str, *, memory_mb: int = 1536) -> DatasetProfile:
    """Read the raw files of a data set and describe all tables in them.

    Args:
        raw: the folder of raw files, as `stage` gives it.
        name: what to call the data set.
        sha256: of the raw files.
        memory_mb: files that take more than this to load are thinned: of their rows every k-th is
            read (`TableSpec.keep_one_in`), while all are counted.

    Raises:
        SourceError: nothing can be read: files are damaged, unsafe, or of unknown kinds.
        RefusedError: the data were read, and no task can be made of them.
    """
    reading = _read_all(raw, memory_mb << 20)
    if not reading.tables:
        refuse_without_table(name, reading.entries, reading.failures)
    found = _stackable(_named(_from_documents(reading.tables, reading.documents)))
    tables = tuple(_describe(table, reading.documents) for table in found)
    refuse_hopeless(tables)
    frames = _comparable({t.sniffed.spec.name: t.sniffed.frame for t in found})
    return DatasetProfile(
        name=name,
        raw_sha256=sha256,
        licence=find_licence(reading.documents),
        files=tuple(reading.entries),
        tables=tables,
        relations=relate(frames),
        documents=tuple(reading.documents),
    )


def _read_all(raw: Path, memory: int) -> _Reading:
    reading = _Reading([], [], [], [])
    for file in list_files(raw):
        if file.guess == "document":
            _read_text(raw, file, reading)
        elif file.guess == "unreadable":
            reading.entries.append(file.entry(note=unread_note(file.path)))
        elif file.guess in {"csv", "parquet", "excel"}:
            _read_tables(raw, file, memory, reading)
        else:
            reading.entries.append(file.entry())
    return reading


def _read_text(raw: Path, file: RawFile, reading: _Reading) -> None:
    try:
        reading.documents.append(read_document(raw, file))
    except SourceError as error:
        reading.entries.append(file.entry("unreadable", str(error)))
    else:
        reading.entries.append(file.entry("document"))


def _read_tables(raw: Path, file: RawFile, memory: int, reading: _Reading) -> None:
    try:
        tables = _tables_of(raw, file, memory)
    except (SourceError, RefusedError) as error:
        reading.failures.append(error)
        reading.entries.append(file.entry("unreadable", str(error)))
        return
    if tables:
        reading.tables.extend(tables)
        reading.entries.append(file.entry("table"))
    elif file.guess == "csv":
        _read_text(raw, file, reading)
    else:
        reading.entries.append(file.entry("unreadable", "no table in it"))


def _tables_of(raw: Path, file: RawFile, memory: int) -> list[_Found]:
    name = _stem(file.path[-1])
    if file.guess == "excel":
        sheets = sniff_excel(raw, file.path, name)
        return [_Found(sheet, file, len(sheet.frame)) for sheet in sheets]
    if file.guess == "parquet":
        thin = _keep_one_in(parquet_bytes(raw, file.path), memory)
        sniffed, rows = sniff_parquet(raw, file.path, name, keep_one_in=thin)
        return [_Found(sniffed, file, rows)]
    thin = _keep_one_in(_unpacked_size(raw, file), memory)
    found = sniff_csv(raw, file.path, name, keep_one_in=thin)
    if found is None:
        return []
    rows = len(found.frame) if thin == 1 else count_rows(found.spec, raw, len(found.frame))
    return [_Found(found, file, rows)]


def _keep_one_in(size: int, memory: int) -> int:
    return 1 if size <= memory // _WHOLE_SHARE else math.ceil(size / (memory // _THIN_SHARE))


def _unpacked_size(raw: Path, file: RawFile) -> int:
    if packing(file.path[-1]) is None:
        return file.size
    size = 0
    with open_file(raw, file.path) as handle:
        while block := handle.read(1 << 20):
            size += len(block)
    return size


def _stem(path: str) -> str:
    name = PurePosixPath(path).name
    if packing(name):
        name = name.rsplit(".", 1)[0]
    return PurePosixPath(name).stem if "." in name[1:] else name


def _from_documents(found: Sequence[_Found], documents: Sequence[Document]) -> list[_Found]:
    """Name the columns of tables without a header as a document lists them."""
    result = []
    for table in found:
        columns = table.sniffed.spec.columns
        names = None
        if columns == default_names(len(columns)):
            names = documented_names(documents, len(columns))
        note = "names of columns taken from a document"
        result.append(_renamed(table, unique_names(names), note) if names else table)
    return result


def _named(found: Sequence[_Found]) -> list[_Found]:
    """Give each table a name of its own, by its folder or a number where stems are the same."""
    used: set[str] = set()
    result = []
    for table in found:
        spec = table.sniffed.spec
        name, count = spec.name, 1
        folder = PurePosixPath(spec.path[-1]).parent.name
        if _identifier(name) in used and folder:
            name = f"{folder}_{name}"
        while _identifier(name) in used:
            count += 1
            name = f"{spec.name}_{count}"
        used.add(_identifier(name))
        sniffed = table.sniffed._replace(spec=spec.model_copy(update={"name": name}))
        result.append(table._replace(sniffed=sniffed))
    return result


def _identifier(name: str) -> str:
    return function_name(TableSpec(name=name, path=("-",), format="csv", columns=()))


def _stackable(found: Sequence[_Found]) -> list[_Found]:
    """Spell columns alike in tables that differ in letter case and punctuation alone."""
    result: list[_Found] = []
    spelling: dict[frozenset[str], dict[str, str]] = {}
    for table in found:
        columns = table.sniffed.spec.columns
        keys = frozenset(same_name(c) for c in columns)
        first = spelling.setdefault(keys, {same_name(c): c for c in columns})
        names = tuple(first[same_name(c)] for c in columns)
        if names != columns and len(set(names)) == len(names):
            changed = ", ".join(
                f"{a} to {b}" for a, b in zip(columns, names, strict=True) if a != b
            )
            table = _renamed(table, names, f"spelled as in the other table: {changed}")
        result.append(table)
    return result


def _renamed(table: _Found, names: tuple[str, ...], note: str) -> _Found:
    spec = table.sniffed.spec
    to = dict(zip(spec.columns, names, strict=True))
    spec = spec.model_copy(
        update={
            "columns": names,
            "header_names": False,
            "na_codes": {to[c]: codes for c, codes in spec.na_codes.items()},
            "na_texts": {to[c]: texts for c, texts in spec.na_texts.items()},
            "text_columns": tuple(to[c] for c in spec.text_columns),
        }
    )
    frame = table.sniffed.frame.set_axis(list(names), axis=1)
    return table._replace(sniffed=Sniffed(spec, (*table.sniffed.notes, note), frame))


def _describe(table: _Found, documents: Sequence[Document]) -> TableProfile:
    frame = table.sniffed.frame
    thin = max(1, math.ceil(frame.size / _MAX_CELLS))
    frame = _hashable(frame.iloc[::thin])
    descriptions = describe(documents, [str(c) for c in frame.columns])
    columns = tuple(
        profile_column(frame[name], position, descriptions.get(str(name), ""))
        for position, name in enumerate(frame.columns)
    )
    return TableProfile(
        spec=table.sniffed.spec,
        rows=table.rows,
        rows_profiled=len(frame),
        bytes=table.file.size,
        duplicate_rows=int(frame.duplicated().sum()),
        columns=columns,
        notes=table.sniffed.notes,
    )


def _hashable(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with nested cells (lists, records of parquet files) as text."""
    nested: dict[Any, Any] = {}
    for name in frame.columns:
        if frame[name].dtype == object:
            kinds = frame[name].dropna().head(100).map(lambda v: v.__hash__ is None)
            if kinds.any():
                nested[name] = frame[name].map(str, na_action="ignore")
    return frame.assign(**nested) if nested else frame


def _comparable(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The frames that are small enough to be compared with each other."""
    left = _RELATED_CELLS
    chosen = {}
    for name, frame in frames.items():
        left -= frame.size
        if left >= 0:
            chosen[name] = _hashable(frame)
    return chosen
