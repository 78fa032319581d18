"""Keeping what a program prints, up to a limit for each stream."""

from __future__ import annotations

import struct
from typing import Literal

from mle_smith.sandbox.job import Limits

Stream = Literal["stdout", "stderr"]

_HEADER = struct.Struct(">BxxxL")
_STREAMS: dict[int, Stream] = {1: "stdout", 2: "stderr"}


class Capture:
    """The first bytes of two streams. What comes past a limit is thrown away and noted."""

    def __init__(self, limits: Limits) -> None:
        self._limit: dict[Stream, int] = {
            "stdout": limits.stdout_bytes,
            "stderr": limits.stderr_bytes,
        }
        self._kept: dict[Stream, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.overflow = False

    def add(self, stream: Stream, data: bytes) -> None:
        """Take what was read from `stream`."""
        kept = self._kept[stream]
        room = self._limit[stream] - len(kept)
        kept += data[:room]
        self.overflow = self.overflow or len(data) > room

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
