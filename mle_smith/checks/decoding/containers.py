"""What lies inside public files: members of archives, compressed and encoded data, to the bottom.

A file is what its first bytes say, not what its name does. Everything is bounded: depth, number of
members and bytes, so that an archive made to exhaust a reader is only read in part.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import contextlib
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple

MAX_BLOB = 64 * 2**20
"""Bytes of one member that are read."""
_MAX_TOTAL = 256 * 2**20
_MAX_MEMBERS = 2_000
_MAX_DEPTH = 5
_ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{64,}={0,2}")
_HEXADECIMAL = re.compile(rb"(?:[0-9a-fA-F]{2}){64,}")
_NEXT_LITERAL = re.compile(
    rb"(?<=[A-Za-z0-9+/=_-]{40})([\"'])[ \t]*[+\\]?[ \t]*\n[ \t]*\+?[ \t]*b?\1"
)
"""The end of a text in code, and the beginning of the next one, which goes on with it."""
_MAX_STREAM = 4 * 2**20
_DOCUMENTS = (b"%PDF", b"\x89PNG")
_READ_AS_WELL = (b"PK", *_DOCUMENTS)
"""A workbook is an archive, and a table too; a document is text beside its compressed parts."""
_STREAM = re.compile(
    rb"stream\r?\n(?=\x78)|(?:zTXt[^\0]{1,79}\0|iTXt[^\0]{1,79}\0\x01\0[^\0]*\0[^\0]*)\0(?=\x78)"
)
"""What stands before compressed data in a PDF, and before compressed texts in a PNG."""
_MAX_ENCODED = 50


class Blob(NamedTuple):
    """Bytes that hold no others: a file, or a member of one."""

    name: str
    """Path of the file, and of each member after a `!`."""
    data: bytes


class Budget:
    """Bytes and members that may still be read of one package."""

    def __init__(self) -> None:
        self.left = _MAX_TOTAL
        self.members = _MAX_MEMBERS

    def take(self, size: int) -> bool:
        """Whether so many bytes more may be read; they count."""
        self.left -= size
        self.members -= 1
        return self.left >= 0 and self.members >= 0


def leaves(blob: Blob, budget: Budget, depth: int = 0) -> Iterator[Blob]:
    """The blob, or what it contains; an encoded part comes beside the text that it stands in."""
    if not budget.take(len(blob.data)) or depth > _MAX_DEPTH:
        return
    members = list(_members(blob, budget))
    for member in members:
        yield from leaves(member, budget, depth + 1)
    if not members or blob.data.startswith(_READ_AS_WELL):
        yield blob
    if not members:
        for part in _encoded(blob):
            yield from leaves(part, budget, depth + 1)


def _members(blob: Blob, budget: Budget) -> Iterator[Blob]:
    data = blob.data
    try:
        if data.startswith(b"PK\x03\x04"):
            yield from _zipped(blob)
        elif data.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                yield Blob(f"{blob.name}!", stream.read(MAX_BLOB))
        elif data.startswith(b"BZh"):
            with bz2.BZ2File(io.BytesIO(data)) as packed:
                yield Blob(f"{blob.name}!", packed.read(MAX_BLOB))
        elif data.startswith(b"\xfd7zXZ"):
            with lzma.LZMAFile(io.BytesIO(data)) as squeezed:
                yield Blob(f"{blob.name}!", squeezed.read(MAX_BLOB))
        elif data[:1] == b"\x78" and int.from_bytes(data[:2]) % 31 == 0:
            yield Blob(f"{blob.name}!", _deflated(data, MAX_BLOB))
        elif data.startswith(_DOCUMENTS):
            yield from _streams(blob)
        elif data[257:262] == b"ustar":
            yield from _tarred(blob, budget)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError):
        return  # nobody can read answers out of it either
    except (OSError, EOFError, NotImplementedError, RuntimeError, ValueError):
        return  # cut off, locked by a password, or packed in a way that Python cannot undo


def _zipped(blob: Blob) -> Iterator[Blob]:
    with zipfile.ZipFile(io.BytesIO(blob.data)) as archive:
        for member in archive.infolist()[:_MAX_MEMBERS]:
            if member.is_dir() or member.flag_bits & 1:
                continue
            with archive.open(member) as file:
                yield Blob(f"{blob.name}!{member.filename}", file.read(MAX_BLOB))


def _tarred(blob: Blob, budget: Budget) -> Iterator[Blob]:
    with tarfile.open(fileobj=io.BytesIO(blob.data)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and budget.members > 0:
                yield Blob(f"{blob.name}!{member.name}", file.read(MAX_BLOB))


def _deflated(data: bytes, most: int) -> bytes:
    return zlib.decompressobj().decompress(data, most)


def _streams(blob: Blob) -> Iterator[Blob]:
    """The compressed texts within a document or a picture."""
    for number, found in enumerate(_STREAM.finditer(blob.data)):
        if number >= _MAX_ENCODED:
            return
        with contextlib.suppress(zlib.error):
            yield Blob(
                f"{blob.name}!stream {number}", _deflated(blob.data[found.end() :], _MAX_STREAM)
            )


def holds_encoded(data: bytes) -> bool:
    """Whether there is a long run of base64 or hexadecimal digits."""
    return _ENCODED.search(_unfolded(data)) is not None


def _unfolded(data: bytes) -> bytes:
    joined = data.replace(b"\\n", b"").replace(b"\r", b"")
    joined = _NEXT_LITERAL.sub(b"", joined)
    return re.sub(rb"(?<=[A-Za-z0-9+/]{60})\n", b"", joined)


def _encoded(blob: Blob) -> Iterator[Blob]:
    """Long runs of base64 or hexadecimal digits, decoded."""
    if b"\0" in blob.data[:4096]:
        return
    for found in list(_ENCODED.finditer(_unfolded(blob.data)))[:_MAX_ENCODED]:
        run = found.group()
        try:
            if _HEXADECIMAL.fullmatch(run):
                yield Blob(f"{blob.name}!hex", binascii.unhexlify(run))
            else:
                plain = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
                padded = plain + b"=" * (-len(plain) % 4)
                yield Blob(f"{blob.name}!base64", base64.b64decode(padded, validate=True))
        except (binascii.Error, ValueError):
            continue
