"""The files of a data set, those in archives included, and what each may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Literal, NamedTuple, TypeAlias

from mle_smith.data.archive import is_junk, members
from mle_smith.data.documents import TEXT_LIMIT, is_document_name
from mle_smith.data.encoding import detect_encoding, is_binary
from mle_smith.data.source import walk
from mle_smith.data.tables import Document, FileEntry
from mle_smith.data.unpack import open_file, packing, shown

Guess: TypeAlias = Literal[
    "csv", "parquet", "excel", "document", "media", "archive", "junk", "unreadable"
]

_MEDIA = re.compile(
    r"\.(?:jpe?g|png|gif|bmp|tiff?|webp|svg|wav|mp3|flac|ogg|m4a|mp4|avi|mov|mkv|webm|dcm|nii|p[gp]m)"
)
_TABLES = re.compile(r"\.(?:csv|tsv|tab|psv|data|txt|dat|arff|test|train|asc|prn)")
_UNREAD = {
    ".json": "JSON",
    ".jsonl": "JSON",
    ".xml": "XML",
    ".sqlite": "an SQLite database",
    ".db": "a database",
    ".xls": "an old Excel workbook; save it as .xlsx",
    ".mat": "a MATLAB file",
    ".rdata": "an R workspace",
    ".rds": "an R object",
    ".sav": "an SPSS file",
    ".dta": "a Stata file",
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".npy": "a NumPy array",
    ".npz": "NumPy arrays",
    ".pkl": "a pickle, which may run code when it is opened",
    ".pdf": "a PDF",
    ".doc": "a Word document",
    ".docx": "a Word document",
}


class RawFile(NamedTuple):
    """One file of the raw folder or of an archive in it."""

    path: tuple[str, ...]
    size: int
    guess: Guess

    @property
    def shown(self) -> str:
        """The path as `FileEntry` has it."""
        return shown(self.path)

    def entry(self, role: str | None = None, note: str = "") -> FileEntry:
        """What the profile says about the file."""
        taken = role or ("table" if self.guess in {"csv", "parquet", "excel"} else self.guess)
        return FileEntry.model_validate(
            {"path": self.shown, "size": self.size, "role": taken, "note": note}
        )


def list_files(raw: Path) -> list[RawFile]:
    """All files under `raw`, archives followed by their members, in sorted order.

    Raises:
        SourceError: an archive is damaged or unsafe.
    """
    return list(_files(raw))


def unread_note(path: tuple[str, ...]) -> str:
    """Why a file is not read as a table."""
    kind = _UNREAD.get(PurePosixPath(path[-1]).suffix.lower())
    return f"{kind}: not read as a table" if kind else "binary data of an unknown kind"


def read_document(raw: Path, file: RawFile) -> Document:
    """The beginning of a text.

    Raises:
        SourceError: it is not text.
    """
    with open_file(raw, file.path) as handle:
        encoding = detect_encoding(handle, file.shown)
    with open_file(raw, file.path) as handle:
        data = handle.read(8 * TEXT_LIMIT)
    text = data.decode(encoding, errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return Document(path=file.shown, text=text[:TEXT_LIMIT])


def _files(raw: Path) -> Iterator[RawFile]:
    root = raw.resolve()
    for path in walk(raw):
        relative = path.relative_to(root).as_posix()
        size = path.stat().st_size
        if packing(relative) not in {"zip", "tar"}:
            yield RawFile((relative,), size, _guess(raw, (relative,)))
            continue
        yield RawFile((relative,), size, "archive")
        for member in sorted(members(raw, (relative,))):
            yield RawFile(member.path, member.size, _guess(raw, member.path))


def _guess(raw: Path, path: tuple[str, ...]) -> Guess:
    name = path[-1]
    if is_junk(name):
        return "junk"
    bare = name.rsplit(".", 1)[0] if packing(name) in {"gzip", "bz2", "xz"} else name
    suffix = PurePosixPath(bare).suffix.lower()
    if _MEDIA.fullmatch(suffix):
        return "media"
    if suffix in {".parquet", ".pq"}:
        return "parquet"
    if suffix in {".xlsx", ".xlsm"}:
        return "excel"
    if is_document_name(bare) and suffix not in {".csv", ".tsv"}:
        return "document"
    if suffix in _UNREAD:
        return "unreadable"
    if _TABLES.fullmatch(suffix):
        return "csv"
    with open_file(raw, path) as handle:
        return _guess_content(handle)


def _guess_content(handle: IO[bytes]) -> Guess:
    """What a file whose name says nothing may be: its first bytes tell."""
    head = handle.read(65_536)
    if head.startswith(b"PAR1"):
        return "parquet"
    return "unreadable" if is_binary(head) or not head.strip() else "csv"
