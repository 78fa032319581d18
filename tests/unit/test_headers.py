"""Headers of media files are read section by section, and broken ones as far as they go."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mle_smith.checks.decoding.headers import sections


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    padded = ((name, len(data), data + b"\0" * (len(data) % 2)) for name, data in chunks)
    body = b"".join(struct.pack("<4sI", name, size) + data for name, size, data in padded)
    return b"RIFF" + struct.pack("<I", len(body)) + b"WAVE" + body


def jpeg(*segments: tuple[int, bytes]) -> bytes:
    parts = (struct.pack(">BBH", 0xFF, kind, len(data) + 2) + data for kind, data in segments)
    return b"\xff\xd8" + b"".join(parts)


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (
            riff((b"fmt ", b"\1\0\1\0"), (b"LIST", b"ann"), (b"data", b"\0\0")),
            {"fmt": b"\1\0\1\0", "LIST": b"ann"},
        ),
        (
            jpeg((0xE1, b"Exif 2021"), (0xFE, b"by ann"), (0xC0, b"\x08"), (0xDA, b"x")),
            {"marker E1": b"Exif 2021", "marker FE": b"by ann", "size": b"\x08"},
        ),
        (
            b"\x1f\x8b\x08\x08\x01\x02\x03\x04\x00\x03notes.txt\0rest",
            {"time of writing": b"\x04\x03\x02\x01", "other fields": b"\x00\x03notes.txt"},
        ),
        (
            b"\xef\xbb\xbfone\r\ntwo",
            {"byte order mark": b"\xef\xbb\xbf", "ends of lines": b"\r\n"},
        ),
        (b"\0\1\2\3", {}),
    ],
)
def test_sections_are_told_apart(head: bytes, found: dict[str, bytes]) -> None:
    assert sections(head) == found


@given(
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"\xff\xd8\xff\xe1", b"RIFF", b"\x1f\x8b"]),
    st.binary(max_size=200),
)
@example(b"\x1f\x8b", b"")
def test_broken_headers_are_read_as_far_as_they_go(start: bytes, rest: bytes) -> None:
    assert all(isinstance(body, bytes) for body in sections(start + rest).values())
