"""What is in an archive (zip, tar; nested at most two deep), and whether it is safe to open.

Names that leave the archive, links, devices and encrypted members are refused, and so is what
unpacks to more than the caps of `ArchiveCaps`.
"""

from __future__ import annotations

import stat
import tarfile
import zipfile
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from mle_smith.data.unpack import (
    DAMAGE,
    ArchiveCaps,
    bomb,
    damaged,
    open_file,
    packing,
    shown,
    spool,
    unsafe,
)
from mle_smith.errors import SourceError

_JUNK_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


class Member(NamedTuple):
    """A file inside an archive: its names from the outermost archive inwards, and its size."""

    path: tuple[str, ...]
    size: int


def is_junk(name: str) -> bool:
    """Whether a relative path is a left-over of an operating system or an editor."""
    return any(
        part.startswith((".", "~$")) or part.lower() in _JUNK_NAMES
        for part in PurePosixPath(name).parts
    )


def members(root: Path, path: tuple[str, ...], caps: ArchiveCaps | None = None) -> list[Member]:
    """All files of the archive at `path` under `root`, those of inner archives included.

    Raises:
        SourceError: the archive is damaged, unsafe, or past a cap.
    """
    caps = caps or ArchiveCaps()
    found: list[Member] = []
    for member in _direct_members(root, path, caps):
        inner = (*path, member.path[-1])
        if packing(inner[-1]) in {"zip", "tar"} and not is_junk(inner[-1]):
            if len(inner) > caps.depth:
                raise SourceError(
                    f"{shown(inner)}: archives nested more than {caps.depth} deep are not opened; "
                    "unpack the inner one beside it and try again",
                    code="source.nested",
                )
            found += members(root, inner, caps)
        else:
            found.append(Member(inner, member.size))
        _check_count(len(found), path, caps)
    return found


def check_container(root: Path, path: tuple[str, ...], caps: ArchiveCaps | None = None) -> None:
    """Check a file that is a zip archive inside (.xlsx) before a library unpacks it.

    Raises:
        SourceError: it is damaged, unsafe, or past a cap.
    """
    caps = caps or ArchiveCaps(total_bytes=2 * 1024**3)
    with open_file(root, path, caps) as handle, ExitStack() as stack:
        seekable = handle if handle.seekable() else spool(handle, stack)
        try:
            total = sum(m.size for m in _zip_members(seekable, path, caps))
            packed = seekable.seek(0, 2)
        except DAMAGE as error:
            raise damaged(path, error) from error
    if total > min(caps.total_bytes, max(packed * caps.ratio, caps.ratio_from)):
        raise bomb(path, total, packed)


def _direct_members(root: Path, path: tuple[str, ...], caps: ArchiveCaps) -> list[Member]:
    with open_file(root, path, caps, unpack=False) as handle, ExitStack() as stack:
        seekable = handle if handle.seekable() else spool(handle, stack)
        packed = (root / path[0]).stat().st_size
        try:
            if packing(path[-1]) == "zip":
                found = _zip_members(seekable, path, caps)
            else:
                found = _tar_members(seekable, path, packed, caps)
        except DAMAGE as error:
            raise damaged(path, error) from error
    total = sum(m.size for m in found)
    if total > caps.total_bytes or total > max(packed * caps.ratio, caps.ratio_from):
        raise bomb(path, total, packed)
    return found


def _zip_members(handle: IO[bytes], path: tuple[str, ...], caps: ArchiveCaps) -> list[Member]:
    with zipfile.ZipFile(handle) as archive:
        infos = archive.infolist()
    _check_count(len(infos), path, caps)
    found = []
    for info in infos:
        _check_name(info.filename, path)
        mode = info.external_attr >> 16
        if mode and stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise unsafe((*path, info.filename), "is a link or a device")
        if info.is_dir():
            continue
        if info.flag_bits & 0x1:
            raise SourceError(
                f"{shown((*path, info.filename))}: is encrypted; unpack it with its password first",
                code="source.encrypted",
            )
        found.append(Member((info.filename,), info.file_size))
    return found


def _tar_members(
    handle: IO[bytes], path: tuple[str, ...], packed: int, caps: ArchiveCaps
) -> list[Member]:
    found: list[Member] = []
    total = 0
    # A stream ("r|*") reads the headers one after the other, so that the caps hold on the way.
    with tarfile.open(fileobj=handle, mode="r:*") as archive:
        for info in archive:
            _check_name(info.name, path)
            _check_count(len(found), path, caps)
            if not (info.isfile() or info.isdir()):
                raise unsafe((*path, info.name), "is a link or a device")
            total += info.size
            if total > max(min(packed * caps.ratio, caps.total_bytes), caps.ratio_from):
                raise bomb(path, total, packed)
            if info.isfile():
                found.append(Member((info.name,), info.size))
    return found


def _check_name(name: str, path: tuple[str, ...]) -> None:
    pure = PurePosixPath(name.replace("\\", "/"))
    drive = len(name) > 1 and name[1] == ":"
    if pure.is_absolute() or ".." in pure.parts or drive or "\0" in name:
        raise unsafe((*path, name), "has a name that leaves the archive")


def _check_count(count: int, path: tuple[str, ...], caps: ArchiveCaps) -> None:
    if count > caps.members:
        raise SourceError(
            f"{shown(path)}: holds more than {caps.members:,} files; "
            "unpack it and pass the folder instead",
            code="source.members",
        )
