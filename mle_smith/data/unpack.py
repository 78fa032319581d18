"""Opening files in place: plain ones, compressed ones, and members of archives.

Archives come from outside, so nothing that they declare is trusted: the caps of `ArchiveCaps` are
enforced on the bytes that really come out. Nothing is extracted next to the source.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias, cast

from mle_smith.errors import SourceError
from mle_smith.values import Value

Packing: TypeAlias = Literal["zip", "tar", "gzip", "bz2", "xz"]

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
DAMAGE = (
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


def packing(name: str) -> Packing | None:
    """How a file of this name is packed; None for a plain file."""
    lowered = name.lower()
    best = [kind for suffix, kind in _SUFFIXES if lowered.endswith(suffix)]
    return "tar" if "tar" in best else best[0] if best else None


def shown(path: tuple[str, ...]) -> str:
    """The path as messages and `FileEntry` show it: `data.zip!a/b.csv`."""
    return "!".join(path)


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
                handle = spool(handle, stack)
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
        except DAMAGE as error:
            raise damaged(self._path, error) from error
        buffer[: len(data)] = data
        self._given += len(data)
        if self._given > self._cap:
            raise bomb(self._path, self._given, self._packed)
        return len(data)


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
                raise unsafe(path, "is not a regular file")
            opened = stack.enter_context(extracted)
    except (*DAMAGE, KeyError) as error:
        raise damaged(path, error) from error
    return _guarded(opened, path, packed, caps)


def _guarded(stream: IO[bytes], path: tuple[str, ...], packed: int, caps: ArchiveCaps) -> IO[bytes]:
    return cast(IO[bytes], io.BufferedReader(_Guard(stream, path, packed, caps), 1 << 18))


def _decompressed(handle: IO[bytes], kind: Packing) -> IO[bytes]:
    if kind == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=handle, mode="rb"))
    return cast(IO[bytes], (bz2.BZ2File if kind == "bz2" else lzma.LZMAFile)(handle, "rb"))


def spool(handle: IO[bytes], stack: ExitStack) -> IO[bytes]:
    """Copy a stream to where it can be read from any place, until the stack closes."""
    spooled = tempfile.SpooledTemporaryFile(max_size=64 * 1024**2)  # noqa: SIM115  # stack closes
    stack.enter_context(spooled)
    while chunk := handle.read(1 << 20):
        spooled.write(chunk)
    spooled.seek(0)
    return cast(IO[bytes], spooled)


def unsafe(path: tuple[str, ...], why: str) -> SourceError:
    """Make the error for something that could harm this machine."""
    return SourceError(
        f"{shown(path)}: {why}; the archive is not opened. "
        "Unpack it in a safe place, check it, and pass the folder instead",
        code="source.unsafe",
    )


def damaged(path: tuple[str, ...], error: BaseException) -> SourceError:
    """Make the error for bytes that are not what they should be."""
    detail = f"{type(error).__name__}: {error}".rstrip(": ")
    return SourceError(
        f"{shown(path)}: is damaged or cut short ({detail}); get the file again and check its size",
        code="source.damaged",
    )


def bomb(path: tuple[str, ...], size: int, packed: int) -> SourceError:
    """Make the error for something that unpacks to too much."""
    return SourceError(
        f"{shown(path)}: unpacks to more than {size:,} bytes from {packed:,}, past the caps on "
        "archives (a zip bomb?); unpack it yourself and pass the folder if it can be trusted",
        code="source.bomb",
    )
