"""The public files beside train and test, as tables and as texts, with bounds on each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from mle_smith.checks.containers import MAX_BLOB, Blob, Budget, leaves
from mle_smith.checks.readers import (
    SideTable,
    flattened,
    joined_arrays,
    strings_of,
    tables_of,
    text_of,
)
from mle_smith.checks.subject import Subject
from mle_smith.package.layout import SAMPLE_SUBMISSION

_FEWEST = 10
_SMALL = 4_096
_MEDIA = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"RIFF",
    b"GIF8",
    b"OggS",
    b"ID3",
    b"fLaC",
    b"II*\0",
    b"MM\0*",
)


@dataclass(frozen=True)
class SideFiles:
    """Everything that the public files beside train, test and sample hold."""

    tables: tuple[SideTable, ...]
    texts: tuple[tuple[str, str], ...]
    """By name: what can be read in the blob as text."""


def side_files(subject: Subject) -> SideFiles:
    """Read the other public files to the bottom."""
    budget = Budget()
    blobs = [leaf for blob in _files(subject) for leaf in leaves(blob, budget)]
    tables = [table for blob in blobs if not _is_media(blob) for table in tables_of(blob)]
    tables += list(joined_arrays(tables))
    tables += list(_rows_of_folders(blobs))
    only = [c for c in subject.test.columns if c not in set(subject.train.columns)]
    only = [c for c in only if c not in subject.targets and c != subject.id_column]
    if only and subject.id_column in subject.test.columns:
        tables.append(SideTable("test.csv", subject.test[[subject.id_column, *only]]))
    texts = []
    for blob in blobs:
        text = text_of(blob.data)
        texts.append((blob.name, strings_of(blob.data) if text is None else text))
    return SideFiles(tuple(tables), tuple(texts))


def _is_media(blob: Blob) -> bool:
    return blob.data.startswith(_MEDIA)


def _files(subject: Subject) -> Iterator[Blob]:
    public = subject.paths.public
    known = {"train.csv", "test.csv", SAMPLE_SUBMISSION}
    files = [p for p in sorted(public.rglob("*")) if p.is_file() and not p.is_symlink()]
    files = [p for p in files if p.parent != public or p.name not in known]
    # Whatever is alone of its kind first; of folders of thousands of files a part is enough.
    homes: dict[tuple[str, str], int] = defaultdict(int)
    ranked: list[tuple[bool, int, Path]] = []
    for path in files:
        homes[str(path.parent), path.suffix] += 1
        ranked.append((homes[str(path.parent), path.suffix] > 20, len(ranked), path))
    for _, _, path in sorted(ranked)[: subject.thresholds.max_side_files]:
        if path.stat().st_size <= MAX_BLOB:
            yield Blob(path.relative_to(subject.package).as_posix(), path.read_bytes())


def _rows_of_folders(blobs: list[Blob]) -> Iterator[SideTable]:
    """A row for each small text of a folder: its name, and the scalars or words in it."""
    homes: dict[str, list[Blob]] = defaultdict(list)
    for blob in blobs:
        home = f"{PurePosixPath(blob.name).parent}"
        homes[home].append(blob)
    for home, members in homes.items():
        rows = []
        for blob in members:
            text = text_of(blob.data) if len(blob.data) <= _SMALL else None
            if text is None or _is_media(blob):
                continue
            rows.append({"file": PurePosixPath(blob.name).stem} | _scalars(text))
        if len(rows) >= _FEWEST:
            yield SideTable(home, pd.DataFrame(rows, dtype=object))


def _scalars(text: str) -> dict[str, str]:
    if text.lstrip()[:1] in ("{", "["):
        try:
            return flattened(json.loads(text))
        except ValueError:
            pass
    words = text.split()
    return {f"word {k}": word for k, word in enumerate(words[:12])} | {"text": text.strip()}
