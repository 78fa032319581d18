"""What files say beside their content: times, devices and remarks in headers, forms of text."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping

READ = 1 << 16
"""Bytes of a file that are looked at."""
MAX_FILES = 20_000
"""Files of a folder or an archive whose headers are read."""
_MAX_SECTIONS = 64


def sections(head: bytes) -> dict[str, bytes]:
    """The sections before the content of a PNG, JPEG, RIFF (WAV, WebP) or gzip file, by their name.

    Sections that say how large the content is are called `size`. Of text: how it is encoded and how
    lines end. Empty for other files, and as far as read of broken ones.
    """
    found: dict[str, bytes] = {}
    try:
        for number, (name, body) in enumerate(_sections(head)):
            if number >= _MAX_SECTIONS:
                break
            found[name] = found.get(name, b"") + body
    except struct.error:
        pass  # cut off
    return found


def ranks(heads: Mapping[str, bytes], fewest: int) -> dict[str, dict[str, float]]:
    """By section, the rank of each file by what it holds there, from the front and from the back.

    Whichever end a number or a date has its high digits at, one of the two follows it. Files
    without the section have the rank -1; sections of fewer than `fewest` files, or of one content,
    are left out.

    Args:
        heads: the first `READ` bytes of each file, by its name.
        fewest: files with a section.
    """
    bodies: dict[str, dict[str, bytes]] = defaultdict(dict)
    for file, head in heads.items():
        for name, body in sections(head).items():
            bodies[name][file] = body
    found = {}
    for name, body_of in bodies.items():
        contents = set(body_of.values())
        if len(body_of) < fewest or len(contents) < 2:
            continue
        ends = [("", 1), (" from its end", -1)]
        for end, step in ends[: len(contents) - 1]:
            rank = {b: float(n) for n, b in enumerate(sorted({b[::step] for b in contents}))}
            found[f"{name} at the head{end}"] = {
                file: rank[body_of[file][::step]] if file in body_of else -1.0 for file in heads
            }
    return found


def _sections(head: bytes) -> Iterator[tuple[str, bytes]]:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        yield from _png(head)
    elif head.startswith(b"\xff\xd8"):
        yield from _jpeg(head)
    elif head.startswith(b"RIFF"):
        yield from _riff(head)
    elif head.startswith(b"\x1f\x8b") and len(head) >= 10:
        yield "time of writing", head[7:3:-1]
        name = head[10 : head.find(b"\0", 10)] if head[3] & 8 else b""
        yield "other fields", head[8:10] + name
    elif head and b"\0" not in head:
        yield "byte order mark", head[:3] if head.startswith(b"\xef\xbb\xbf") else b""
        yield "ends of lines", b"\r\n" if b"\r\n" in head else b""


def _png(head: bytes) -> Iterator[tuple[str, bytes]]:
    place = 8
    while True:
        size, kind = struct.unpack_from(">I4s", head, place)
        if kind in (b"IDAT", b"IEND"):
            return
        name = kind.decode("latin-1")
        yield "size" if name == "IHDR" else name, head[place + 8 : place + 8 + size]
        place += size + 12


def _jpeg(head: bytes) -> Iterator[tuple[str, bytes]]:
    place = 2
    while True:
        mark, kind, size = struct.unpack_from(">BBH", head, place)
        if mark != 0xFF or kind in (0xDA, 0xD9):
            return
        body = head[place + 4 : place + 2 + size]
        if kind == 0xFE or 0xE0 <= kind <= 0xEF or kind == 0xDB:  # remarks, devices, quality
            yield f"marker {kind:X}", body
        elif 0xC0 <= kind <= 0xCF and kind != 0xC4:
            yield "size", body
        place += size + 2


def _riff(head: bytes) -> Iterator[tuple[str, bytes]]:
    place = 12
    while True:
        kind, size = struct.unpack_from("<4sI", head, place)
        if kind in (b"data", b"VP8 ", b"VP8L"):
            return
        yield kind.decode("latin-1").strip(), head[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
