"""Keeping what a program prints, up to a limit for each stream."""

from __future__ import annotations

import re
import struct
from typing import Literal

from mle_smith.sandbox.job import Limits

Stream = Literal["stdout", "stderr"]

_HEADER = struct.Struct(">BxxxL")
_STREAMS: dict[int, Stream] = {1: "stdout", 2: "stderr"}


class Capture:
    """The first bytes of two streams. What comes past a limit is thrown away and noted."""

    def __init__(self, limits: Limits, *, spare: int = 0) -> None:
        """Keep nothing yet.

        Args:
            limits: has the bytes of each stream.
            spare: bytes beyond them that are kept until `take_off`, for a line that is not the
                program's.
        """
        self._limit: dict[Stream, int] = {
            "stdout": limits.stdout_bytes,
            "stderr": limits.stderr_bytes,
        }
        self._spare = spare
        self._kept: dict[Stream, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.overflow = False

    def add(self, stream: Stream, data: bytes) -> None:
        """Take what was read from `stream`."""
        kept = self._kept[stream]
        room = self._limit[stream] + self._spare - len(kept)
        kept += data[:room]
        self.overflow = self.overflow or len(data) > room

    def end(self, stream: Stream, size: int) -> bytes:
        """The last `size` bytes that were kept of `stream`, or all."""
        return bytes(self._kept[stream][-size:])

    def take_off(self, line: re.Pattern[bytes]) -> None:
        """Drop what `line` finds in each stream's spare end. Nothing is kept past a limit then."""
        for stream, kept in self._kept.items():
            start = max(0, len(kept) - self._spare)
            found = line.search(kept, start)
            if found is not None:
                del kept[found.start() :]
            self.overflow = self.overflow or len(kept) > self._limit[stream]
            del kept[self._limit[stream] :]
        self._spare = 0

    def text(self, stream: Stream) -> str:
        """What was kept, as text; bytes that are none become U+FFFD."""
        return self._kept[stream].decode("utf-8", errors="replace")


class Demultiplexer:
    """Takes Docker's attach stream apart: frames of eight header bytes and a payload."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._header = bytearray()
        self._left = 0
        self._stream: Stream | None = None

    def feed(self, data: bytes) -> None:
        """Take bytes as they were read, in pieces of any size."""
        view = memoryview(data)
        while view:
            if self._left == 0:
                view = self._begin(view)
                continue
            taken = view[: self._left]
            if self._stream is not None:
                self._capture.add(self._stream, bytes(taken))
            self._left -= len(taken)
            view = view[len(taken) :]

    def _begin(self, view: memoryview) -> memoryview:
        missing = _HEADER.size - len(self._header)
        self._header += view[:missing]
        if len(self._header) == _HEADER.size:
            number, self._left = _HEADER.unpack(self._header)
            self._stream = _STREAMS.get(number)
            self._header.clear()
        return view[missing:]
