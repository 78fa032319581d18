"""Reading archives in place: zip, tar and single compressed files, nested at most two deep.

Archives come from outside, so nothing they declare is trusted: names that leave the archive,
links, devices and encrypted members are refused, and the caps of `ArchiveCaps` are enforced on
the bytes that really come out. Nothing is extracted next to the source.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal, NamedTuple, TypeAlias, cast

from mle_smith.errors import SourceError
from mle_smith.values import Value

Packing: TypeAlias = Literal["zip", "tar", "gzip", "bz2", "xz"]

_JUNK_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_SUFFIXES: tuple[tuple[str, Packing], ...] = (
    (".zip", "zip"),
    (".tar", "tar"),
    (".tar.gz", "tar"),
    (".tgz", "tar"),
    (".tar.bz2", "tar"),
    (".tbz2", "tar"),
    (".tar.xz", "tar"),
    (".txz", "tar"),
    (".gz", "gzip"),
    (".bz2", "bz2"),
    (".xz", "xz"),
)
_DAMAGE = (
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the standard library raises on damaged or unsupported archives (it has no common base)."""


class ArchiveCaps(Value):
    """What one archive may unpack to, however little it declares."""

    total_bytes: int = 16 * 1024**3
    members: int = 100_000
    ratio: int = 250
    """Unpacked to packed size; only asked once `ratio_from` bytes have come out."""
    ratio_from: int = 64 * 1024**2
    depth: int = 2


class Member(NamedTuple):
    """A file inside an archive: its names from the outermost archive inwards, and its size."""

    path: tuple[str, ...]
    size: int


def packing(name: str) -> Packing | None:
    """How a file of this name is packed; None for a plain file."""
    lowered = name.lower()
    best = [kind for suffix, kind in _SUFFIXES if lowered.endswith(suffix)]
    return "tar" if "tar" in best else best[0] if best else None


def is_junk(name: str) -> bool:
    """Whether a relative path is a left-over of an operating system or an editor."""
    return any(
        part.startswith((".", "~$")) or part.lower() in _JUNK_NAMES
        for part in PurePosixPath(name).parts
    )


def shown(path: tuple[str, ...]) -> str:
    """The path as messages and `FileEntry` show it: `data.zip!a/b.csv`."""
    return "!".join(path)


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
        seekable = handle if handle.seekable() else _spool(handle, stack)
        try:
            total = sum(m.size for m in _zip_members(seekable, path, caps))
            packed = seekable.seek(0, 2)
        except _DAMAGE as error:
            raise _damaged(path, error) from error
    if total > min(caps.total_bytes, max(packed * caps.ratio, caps.ratio_from)):
        raise _bomb(path, total, packed)


@contextmanager
def open_file(
    root: Path, path: tuple[str, ...], caps: ArchiveCaps | None = None, *, unpack: bool = True
) -> Iterator[IO[bytes]]:
    """Open a file under `root`, or a member of archives there, for reading bytes.

    A name that ends in .gz, .bz2 or .xz is decompressed on the fly, unless `unpack` is false.

    Raises:
        SourceError: something on the way is damaged, unsafe, or past a cap. Damage that shows
            only while reading is raised then, from `read`, as SourceError too.
    """
    caps = caps or ArchiveCaps()
    with ExitStack() as stack:
        try:
            handle: IO[bytes] = stack.enter_context((root / path[0]).open("rb"))
        except OSError as error:
            raise SourceError(
                f"{path[0]}: cannot be read ({error.strerror}); check the file and its permissions",
                code="source.unreadable",
            ) from error
        packed_size = (root / path[0]).stat().st_size
        for depth in range(1, len(path)):
            here = path[: depth + 1]
            handle = _open_member(handle, here, packed_size, caps, stack)
            if depth < len(path) - 1:
                handle = _spool(handle, stack)
        kind = packing(path[-1])
        if unpack and kind in {"gzip", "bz2", "xz"}:
            handle = _guarded(_decompressed(handle, kind), path, packed_size, caps)
        yield handle


class _Guard(io.RawIOBase):
    """A stream that counts what it gives out, and stops at the caps."""

    def __init__(
        self, stream: IO[bytes], path: tuple[str, ...], packed: int, caps: ArchiveCaps
    ) -> None:
        self._stream = stream
        self._path = path
        self._cap = max(min(caps.total_bytes, packed * caps.ratio), caps.ratio_from)
        self._packed = packed
        self._given = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the stream.

        Raises:
            SourceError: the stream is damaged, or gave more than the caps allow.
        """
        try:
            data = self._stream.read(len(buffer))
        except _DAMAGE as error:
            raise _damaged(self._path, error) from error
        buffer[: len(data)] = data
        self._given += len(data)
        if self._given > self._cap:
            raise _bomb(self._path, self._given, self._packed)
        return len(data)


def _direct_members(root: Path, path: tuple[str, ...], caps: ArchiveCaps) -> list[Member]:
    with open_file(root, path, caps, unpack=False) as handle, ExitStack() as stack:
        seekable = handle if handle.seekable() else _spool(handle, stack)
        packed = (root / path[0]).stat().st_size
        try:
            if packing(path[-1]) == "zip":
                found = _zip_members(seekable, path, caps)
            else:
                found = _tar_members(seekable, path, packed, caps)
        except _DAMAGE as error:
            raise _damaged(path, error) from error
    total = sum(m.size for m in found)
    if total > caps.total_bytes or total > max(packed * caps.ratio, caps.ratio_from):
        raise _bomb(path, total, packed)
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
            raise _unsafe((*path, info.filename), "is a link or a device")
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
                raise _unsafe((*path, info.name), "is a link or a device")
            total += info.size
            if total > max(min(packed * caps.ratio, caps.total_bytes), caps.ratio_from):
                raise _bomb(path, total, packed)
            if info.isfile():
                found.append(Member((info.name,), info.size))
    return found


def _open_member(
    handle: IO[bytes], path: tuple[str, ...], packed: int, caps: ArchiveCaps, stack: ExitStack
) -> IO[bytes]:
    name = path[-1]
    try:
        if packing(path[-2]) == "zip":
            opened = stack.enter_context(stack.enter_context(zipfile.ZipFile(handle)).open(name))
        else:
            archive = tarfile.open(fileobj=handle, mode="r:*")  # noqa: SIM115  # stack closes
            stack.enter_context(archive)
            extracted = archive.extractfile(name)
            if extracted is None:
                raise _unsafe(path, "is not a regular file")
            opened = stack.enter_context(extracted)
    except (*_DAMAGE, KeyError) as error:
        raise _damaged(path, error) from error
    return _guarded(opened, path, packed, caps)


def _guarded(stream: IO[bytes], path: tuple[str, ...], packed: int, caps: ArchiveCaps) -> IO[bytes]:
    return cast(IO[bytes], io.BufferedReader(_Guard(stream, path, packed, caps), 1 << 18))


def _decompressed(handle: IO[bytes], kind: Packing) -> IO[bytes]:
    if kind == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=handle, mode="rb"))
    return cast(IO[bytes], (bz2.BZ2File if kind == "bz2" else lzma.LZMAFile)(handle, "rb"))


def _spool(handle: IO[bytes], stack: ExitStack) -> IO[bytes]:
    spooled = tempfile.SpooledTemporaryFile(max_size=64 * 1024**2)  # noqa: SIM115  # stack closes
    stack.enter_context(spooled)
    while chunk := handle.read(1 << 20):
        spooled.write(chunk)
    spooled.seek(0)
    return cast(IO[bytes], spooled)


def _check_name(name: str, path: tuple[str, ...]) -> None:
    pure = PurePosixPath(name.replace("\\", "/"))
    drive = len(name) > 1 and name[1] == ":"
    if pure.is_absolute() or ".." in pure.parts or drive or "\0" in name:
        raise _unsafe((*path, name), "has a name that leaves the archive")


def _check_count(count: int, path: tuple[str, ...], caps: ArchiveCaps) -> None:
    if count > caps.members:
        raise SourceError(
            f"{shown(path)}: holds more than {caps.members:,} files; "
            "unpack it and pass the folder instead",
            code="source.members",
        )


def _unsafe(path: tuple[str, ...], why: str) -> SourceError:
    return SourceError(
        f"{shown(path)}: {why}; the archive is not opened. "
        "Unpack it in a safe place, check it, and pass the folder instead",
        code="source.unsafe",
    )


def _damaged(path: tuple[str, ...], error: BaseException) -> SourceError:
    detail = f"{type(error).__name__}: {error}".rstrip(": ")
    return SourceError(
        f"{shown(path)}: is damaged or cut short ({detail}); get the file again and check its size",
        code="source.damaged",
    )


def _bomb(path: tuple[str, ...], size: int, packed: int) -> SourceError:
    return SourceError(
        f"{shown(path)}: unpacks to more than {size:,} bytes from {packed:,}, past the caps on "
        "archives (a zip bomb?); unpack it yourself and pass the folder if it can be trusted",
        code="source.bomb",
    )
