"""From SOURCE arguments to one read-only folder of raw files."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mle_smith.data.archive import is_junk
from mle_smith.errors import SourceError, UsageError

_GENERIC_FOLDERS = frozenset({"raw", "data", "input", "inputs", "dataset", "files", "download"})
_BLOCK = 1 << 20


class Staged(NamedTuple):
    """One data set, ready to be read."""

    raw: Path
    """The folder of raw files, what a task's `prepare.py` is given. Never written to."""
    name: str
    """A short name made from the source's: lower-case letters, digits, `_`."""
    sha256: str
    """Of all names and contents (junk aside), in sorted order."""


def stage(sources: Sequence[str | Path], into: Path) -> Staged:
    """Bring sources, the parts of one data set, together in one folder.

    A single folder is used where it is. Files and archives, or several sources, are linked (or
    copied, across file systems) into `into` under their own names; archives stay packed.

    Raises:
        UsageError: no source, or two sources of the same name.
        SourceError: a source is missing, empty, unreadable or unsafe.
    """
    if not sources:
        raise UsageError("no source: name a file, a folder or an archive", code="source.none")
    paths = [_existing(Path(source)) for source in sources]
    if len(paths) == 1 and paths[0].is_dir():
        raw = paths[0]
    else:
        _link_all(paths, into)
        raw = into.resolve()
    return Staged(raw, _name(paths), fingerprint(raw))


def walk(raw: Path) -> Iterator[Path]:
    """Regular files under `raw`, junk aside, in sorted order of their relative names.

    Raises:
        SourceError: a link leaves the folder, something is neither file nor folder, or a folder
            cannot be listed.
    """
    root = raw.resolve()
    for path in sorted(_entries(root), key=lambda p: p.relative_to(root).as_posix()):
        _check_entry(path, root)
        if path.is_file() and not is_junk(path.relative_to(root).as_posix()):
            yield path


def fingerprint(raw: Path) -> str:
    """SHA-256 of the names and contents of all files under `raw`, wherever it is.

    Raises:
        SourceError: there is no file, or one cannot be read.
    """
    total = hashlib.sha256()
    files = 0
    for path in walk(raw):
        relative = path.relative_to(raw.resolve()).as_posix().encode("utf-8", "surrogateescape")
        total.update(len(relative).to_bytes(8, "big") + relative + _file_digest(path))
        files += 1
    if not files:
        raise SourceError(
            f"{raw}: holds no files; put the data there, or name another folder",
            code="source.empty",
        )
    return total.hexdigest()


def _existing(path: Path) -> Path:
    try:
        resolved = path.expanduser().resolve(strict=True)
        mode = resolved.stat().st_mode
    except FileNotFoundError as error:
        raise SourceError(
            f"{path}: does not exist; check the spelling and the working folder",
            code="source.missing",
        ) from error
    except (OSError, RuntimeError) as error:
        raise SourceError(
            f"{path}: cannot be opened ({error}); check its permissions", code="source.unreadable"
        ) from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise _special(path)
    if stat.S_ISREG(mode):
        try:
            resolved.open("rb").close()
        except OSError as error:
            raise _unreadable(path) from error
    return resolved


def _link_all(paths: list[Path], into: Path) -> None:
    named: dict[str, Path] = {}
    for path in paths:
        if path.name in named:
            raise UsageError(
                f"{named[path.name]} and {path} have the same name; rename one, "
                "or put both in a folder and name that",
                code="source.same_name",
            )
        named[path.name] = path
    into.mkdir(parents=True, exist_ok=True)
    foreign = sorted({entry.name for entry in into.iterdir()} - set(named))
    if foreign:
        raise UsageError(
            f"{into}: holds {foreign[0]} already, which is not part of this data set; "
            "name another folder to work in",
            code="source.not_empty",
        )
    for name, path in named.items():
        if path.is_file():
            _link(path, into / name)
            continue
        for file in walk(path):
            _link(file.resolve(), into / name / file.relative_to(path))


def _link(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(path)
    except OSError:  # another file system, or one without links
        try:
            shutil.copyfile(path, target)
        except OSError as error:
            raise _unreadable(path) from error


def _entries(root: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise SourceError(
            f"{error.filename}: cannot be listed ({error.strerror}); check its permissions",
            code="source.unreadable",
        ) from error

    for folder, folders, files in os.walk(root, onerror=refuse):
        yield from (Path(folder) / name for name in (*folders, *files))


def _check_entry(path: Path, root: Path) -> None:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise SourceError(
                f"{path}: is a link to nothing; remove it or repair it", code="source.link"
            ) from error
        if not target.is_relative_to(root):
            raise SourceError(
                f"{path}: is a link that leaves the folder; put the file itself there",
                code="source.link",
            )
        mode = target.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise _special(path)


def _file_digest(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").digest()
    except OSError as error:
        raise _unreadable(path) from error


def _name(paths: list[Path]) -> str:
    first = paths[0]
    while first.name.lower() in _GENERIC_FOLDERS and first.parent != first:
        first = first.parent
    stem = first.name if first.is_dir() else first.name.split(".")[0] or first.stem
    slug = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_")
    return slug[:40].strip("_") or "dataset"


def _special(path: Path) -> SourceError:
    return SourceError(
        f"{path}: is neither a file nor a folder (a device, a pipe, a socket); name real files",
        code="source.special",
    )


def _unreadable(path: Path) -> SourceError:
    return SourceError(
        f"{path}: cannot be read; check its permissions (chmod u+r) and try again",
        code="source.unreadable",
    )
