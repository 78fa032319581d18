"""The public files beside train and test, as tables and as texts, with bounds on each."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mle_smith.checks.subject import Subject
from mle_smith.package.layout import SAMPLE_SUBMISSION

_TABLES = {".csv": ",", ".tsv": "\t", ".data": ","}
_TEXTS = {".txt", ".json", ".jsonl", ".md", ".log", ".html", ".xml", ".yaml", ".yml", ".ini", ".py"}
_MAX_TEXT = 64 * 2**20


class SideTable(NamedTuple):
    """A table that is neither train, test nor sample submission."""

    name: str
    frame: pd.DataFrame
    """Cells as text."""


class _Raw(NamedTuple):
    name: str
    data: bytes


def side_tables(subject: Subject) -> Iterator[SideTable]:
    """Tables among the other public files, and the columns that only test has."""
    for raw in _side_files(subject):
        frame = _as_table(raw)
        if frame is not None:
            yield SideTable(raw.name, frame)
    only = [c for c in subject.test.columns if c not in set(subject.train.columns)]
    only = [c for c in only if c not in subject.targets and c != subject.id_column]
    if only and subject.id_column in subject.test.columns:
        yield SideTable("test.csv", subject.test[[subject.id_column, *only]])


def side_texts(subject: Subject) -> Iterator[tuple[str, str]]:
    """Texts among the public files, the description included."""
    for raw in _side_files(subject):
        if Path(raw.name).suffix.lower() in _TEXTS:
            yield raw.name, raw.data.decode("utf-8", errors="replace")


def _side_files(subject: Subject) -> Iterator[_Raw]:
    public = subject.paths.public
    known = {"train.csv", "test.csv", SAMPLE_SUBMISSION}
    files = [p for p in sorted(public.rglob("*")) if p.is_file() and not p.is_symlink()]
    files = [p for p in files if p.parent != public or p.name not in known]
    for path in files[: subject.thresholds.max_side_files]:
        shown = path.relative_to(subject.package).as_posix()
        if path.stat().st_size > _MAX_TEXT:
            continue
        if path.suffix.lower() == ".zip":
            yield from _members(path, shown)
        elif path.suffix.lower() in {*_TABLES, *_TEXTS}:
            yield _Raw(shown, path.read_bytes())


def _members(path: Path, shown: str) -> Iterator[_Raw]:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist()[:100]:
                wanted = Path(member.filename).suffix.lower() in {*_TABLES, *_TEXTS}
                if wanted and member.file_size <= _MAX_TEXT and not member.flag_bits & 1:
                    with archive.open(member) as file:
                        yield _Raw(f"{shown}!{member.filename}", file.read(_MAX_TEXT))
    except (zipfile.BadZipFile, NotImplementedError):
        return  # nobody can read answers out of it either


def _as_table(raw: _Raw) -> pd.DataFrame | None:
    separator = _TABLES.get(Path(raw.name).suffix.lower())
    if separator is None:
        return None
    try:
        frame = pd.read_csv(
            io.BytesIO(raw.data),
            sep=separator,
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            index_col=False,
            on_bad_lines="skip",
            encoding_errors="replace",
        )
    except (ValueError, pd.errors.ParserError):
        return None
    return frame if len(frame) and frame.columns.is_unique else None
