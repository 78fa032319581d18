"""Everything that a group of files holds, as tables and as texts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

import pandas as pd

from mle_smith.checks.decoding.containers import Blob, Budget, leaves
from mle_smith.checks.decoding.readers import (
    SideTable,
    flattened,
    joined_arrays,
    strings_of,
    tables_of,
    text_of,
)

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


class Contents(NamedTuple):
    """What was read out of files."""

    tables: list[SideTable]
    texts: list[tuple[str, str]]
    """By name: what can be read in the file, or in the member of an archive, as text."""


def contents(files: Sequence[Blob]) -> Contents:
    """Read files to the bottom.

    Raises:
        MemoryError: one of them unpacks to more than there is.
    """
    budget = Budget()
    blobs = [leaf for file in files for leaf in leaves(file, budget)]
    tables = [table for blob in blobs if not _is_media(blob.data) for table in tables_of(blob)]
    tables += list(joined_arrays(tables))
    tables += list(_rows_of_folders(blobs))
    texts = []
    for blob in blobs:
        text = text_of(blob.data)
        texts.append((blob.name, strings_of(blob.data) if text is None else text))
    return Contents(tables, texts)


def _is_media(head: bytes) -> bool:
    """Whether a file that begins so is a picture or a sound."""
    return head.startswith(_MEDIA)


def _rows_of_folders(blobs: Sequence[Blob]) -> Iterator[SideTable]:
    """A row for each small text of a folder: its name, and the scalars or words in it."""
    homes: dict[str, list[Blob]] = defaultdict(list)
    for blob in blobs:
        home = f"{PurePosixPath(blob.name).parent}"
        homes[home].append(blob)
    for home, members in homes.items():
        rows = []
        for blob in members:
            text = text_of(blob.data) if len(blob.data) <= _SMALL else None
            if text is None or _is_media(blob.data):
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
