from __future__ import annotations

import re
import struct

from hypothesis import given
from hypothesis import strategies as st

from mle_smith.sandbox.capture import Capture, Demultiplexer
from mle_smith.sandbox.job import Limits

FRAMES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=12)


def frame(number: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxL", number, len(payload)) + payload


@given(FRAMES, st.integers(1, 13))
def test_frames_are_told_apart_however_they_arrive(
    frames: list[tuple[int, bytes]], piece: int
) -> None:
    stream = b"".join(frame(*one) for one in frames)
    capture = Capture(Limits())
    demultiplexer = Demultiplexer(capture)
    for start in range(0, len(stream), piece):
        demultiplexer.feed(stream[start : start + piece])
    for number, name in ((1, "stdout"), (2, "stderr")):
        expected = b"".join(payload for sent_to, payload in frames if sent_to == number)
        assert capture.text("stdout" if name == "stdout" else "stderr") == expected.decode(
            "utf-8", errors="replace"
        )
    assert not capture.overflow


@given(st.lists(st.binary(max_size=30), max_size=8), st.integers(0, 60))
def test_no_more_is_kept_than_the_limit(pieces: list[bytes], limit: int) -> None:
    capture = Capture(Limits(stdout_bytes=limit))
    for piece in pieces:
        capture.add("stdout", piece)
    everything = b"".join(pieces)
    assert capture.text("stdout") == everything[:limit].decode("utf-8", errors="replace")
    assert capture.overflow == (len(everything) > limit)


def test_streams_have_their_own_limits() -> None:
    capture = Capture(Limits(stdout_bytes=2, stderr_bytes=3))
    demultiplexer = Demultiplexer(capture)
    demultiplexer.feed(frame(2, b"abc") + frame(1, b"de") + frame(3, b"ignored"))
    assert (capture.text("stdout"), capture.text("stderr"), capture.overflow) == (
        "de",
        "abc",
        False,
    )
    demultiplexer.feed(frame(2, b"d"))
    assert (capture.text("stderr"), capture.overflow) == ("abc", True)


LINE = re.compile(rb"\0end (\d)\n\Z")


@given(st.binary(max_size=20), st.integers(0, 20), st.integers(1, 7))
def test_a_line_that_is_not_the_programs_takes_none_of_its_room(
    printed: bytes, limit: int, piece: int
) -> None:
    capture = Capture(Limits(stdout_bytes=limit), spare=10)
    everything = printed + b"\0end 3\n"
    for start in range(0, len(everything), piece):
        capture.add("stdout", everything[start : start + piece])
    fits = len(printed) <= limit
    if fits:
        assert not capture.overflow
        assert capture.end("stdout", 7) == b"\0end 3\n"
    capture.take_off(LINE)
    assert capture.text("stdout") == printed[:limit].decode("utf-8", errors="replace")
    assert capture.overflow == (not fits)
