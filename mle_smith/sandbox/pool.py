"""Containers that wait, started and with their libraries imported, each for one job.

Starting one and importing pandas and scikit-learn takes a second or two; handing a job to one that
waits takes some milliseconds. A container serves one job and is thrown away, so that no job finds
anything of another. What has been asked for lately decides what is kept waiting; where nothing
fits, the job starts cold.
"""

from __future__ import annotations

import collections
import contextlib
import json
import math
import os
import re
import select
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox.capture import Capture, Demultiplexer
from mle_smith.sandbox.container_run import Wire
from mle_smith.sandbox.container_spec import GRACE_S, environment
from mle_smith.sandbox.container_stage import PROGRAM, Staged
from mle_smith.sandbox.engine import FAULTS
from mle_smith.sandbox.job import Job, Limits

IDLE_S = 120
"""A container that waited this long is given up, and not replaced before somebody asks."""
LONGEST_JOB_S = 600
_BOOT_S = 60
_FAILURES = 3
_MEMORY_OF_ONE_MB = 256
_SMALLEST_MB = 512
"""Imported libraries take some 130 MB of a job's memory."""

_READY = "ready\n"
_TABLES = ("numpy", "pandas")
_MODELS = (
    *_TABLES,
    *("sklearn.compose", "sklearn.decomposition", "sklearn.ensemble", "sklearn.impute"),
    *("sklearn.feature_extraction.text", "sklearn.linear_model", "sklearn.metrics"),
    *("sklearn.model_selection", "sklearn.pipeline", "sklearn.preprocessing"),
)
_READ_AT_START = re.compile(r"PYTHON|LD_|LC_|LANG|MALLOC_|ARROW_|.*(_THREADS|_CPU_COUNT|CORETYPE)$")
"""Variables that a Python, or a library, which already runs takes no notice of."""


class Kind(NamedTuple):
    """What a job needs of a container that was started before the job was known."""

    modules: tuple[str, ...]
    limits: Limits


def kind_of(job: Job) -> Kind | None:
    """The kind of container that can serve `job`; None: only one that is started for it."""
    limits = job.limits
    usual = environment(limits, {}, inputs="", outputs="", tmp="")
    fixed = [
        name
        for name, value in job.env.items()
        if _READ_AT_START.match(name) and usual.get(name) != value
    ]
    if fixed or limits.wall_s > LONGEST_JOB_S or limits.memory_mb < _SMALLEST_MB:
        return None
    kept_outside = Limits().model_dump(include={"wall_s", "stdout_bytes", "stderr_bytes"})
    return Kind(
        modules=_MODELS if "sklearn" in job.code else _TABLES,
        limits=limits.model_copy(update=kept_outside),
    )


def default_size() -> int:
    """One more than there are CPUs, as far as half of the free memory has room for them."""
    pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return max(0, min((os.cpu_count() or 1) + 1, pages // 2 // _MEMORY_OF_ONE_MB))


class Waiting(NamedTuple):
    """A started container whose runner waits for a job."""

    kind: Kind
    wire: Wire
    staged: Staged
    born: float

    def ready(self) -> bool:
        """Wait until its libraries are imported; whether it came to that."""
        capture = Capture(self.kind.limits)
        demultiplexer = Demultiplexer(capture)
        poll = select.poll()
        poll.register(self.wire.output, select.POLLIN | select.POLLHUP)
        while time.monotonic() < self.born + _BOOT_S:
            if not poll.poll(1000):
                continue
            data = os.read(self.wire.output, 1 << 12)
            if not data:
                return False
            demultiplexer.feed(data)
            if capture.text("stdout") == _READY:
                return True
        return False

    def alive(self) -> bool:
        """Whether it still waits: nothing came over its connections since it was ready."""
        poll = select.poll()
        for descriptor in (self.wire.output, self.wire.word, self.wire.init):
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN | select.POLLHUP)
        return not poll.poll(0)

    def hand_over(self, job: Job) -> None:
        """Tell the runner which program to run; it is in place, and so are its inputs."""
        order = {
            "program": PROGRAM,
            "args": job.args,
            "env": job.env,
            "seconds": math.ceil(job.limits.wall_s) + GRACE_S,
        }
        self.wire.say(json.dumps(order).encode() + b"\n")


class Pool:
    """Keeps containers waiting. Safe to share between threads."""

    def __init__(
        self,
        size: int,
        start: Callable[[Kind], Waiting],
        discard: Callable[[Waiting], None],
        jobs: int | None = None,
    ) -> None:
        """Begin with none: what is asked for first starts cold.

        Args:
            size: how many wait at most.
            start: starts a container; raises what an engine's fault raises.
            discard: removes one that was not used.
            jobs: how many are started in all, where it is known how many jobs are to come.
        """
        self._size = size
        self._left = math.inf if jobs is None else jobs
        self._start = start
        self._discard = discard
        self._change = threading.Condition()
        self._asked: collections.deque[Kind] = collections.deque(maxlen=max(size, 1))
        self._waiting: list[Waiting] = []
        self._booting: Kind | None = None
        self._claimed = False
        """Somebody waits for the one that is booting."""
        self._failures = 0
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="sandbox-pool", daemon=True)
        if size:
            self._thread.start()

    def take(self, job: Job) -> Waiting | None:
        """A container that is ready for `job`, now the caller's to remove; None: start one.

        One that is just importing its libraries is waited for: it is ahead of any other.
        """
        kind = kind_of(job)
        if kind is None:
            return None
        self.want(job)
        with self._change:
            while True:
                for waiting in [one for one in self._waiting if one.kind == kind]:
                    self._waiting.remove(waiting)
                    if waiting.alive():
                        return waiting
                    self._discard(waiting)
                if self._booting != kind or self._claimed:
                    return None
                self._claimed = True
                self._change.wait()
                self._claimed = False

    def want(self, job: Job) -> None:
        """Say that jobs like this one are to come."""
        kind = kind_of(job)
        if kind is not None:
            with self._change:
                self._asked.append(kind)
                self._change.notify_all()

    def has(self, job: Job) -> bool:
        """Whether a container waits for jobs like this one."""
        kind = kind_of(job)
        with self._change:
            return any(waiting.kind == kind for waiting in self._waiting)

    def close(self) -> None:
        """Remove all that wait."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        while self._waiting:
            self._discard(self._waiting.pop())

    def _work(self) -> None:
        while True:
            with self._change:
                self._give_up_old()
                while not self._closed and self._lacking() is None:
                    self._change.wait(IDLE_S / 4)
                    self._give_up_old()
                kind = self._lacking()
                if self._closed or kind is None:
                    return
                self._booting = kind
                self._left -= 1
                surplus = self._surplus()
            if surplus is not None:
                self._discard(surplus)
            self._add(kind)

    def _add(self, kind: Kind) -> None:
        waiting = None
        with contextlib.suppress(*FAULTS, SandboxUnavailableError):
            waiting = self._start(kind)
        if waiting is not None and not waiting.ready():
            self._discard(waiting)
            waiting = None
        with self._change:
            self._booting = None
            self._change.notify_all()
            if waiting is not None:
                self._failures = 0
                self._waiting.append(waiting)
                return
            # An engine that is away is asked again with the next job, a broken image never.
            self._failures += 1
            self._asked.clear()
            if self._failures >= _FAILURES:
                self._size = 0

    def _lacking(self) -> Kind | None:
        """The kind asked for latest that fewer wait of than were asked for lately."""
        if not self._size or not self._left:
            return None
        there = collections.Counter(waiting.kind for waiting in self._waiting)
        for kind in reversed(self._asked):
            if there[kind] == 0:
                return kind
            there[kind] -= 1
        return None

    def _surplus(self) -> Waiting | None:
        """Room for another: one that nobody asked for lately, where all places are taken."""
        if len(self._waiting) < self._size:
            return None
        asked = collections.Counter(self._asked)
        for position, waiting in enumerate(self._waiting):
            if asked[waiting.kind] == 0:
                return self._waiting.pop(position)
            asked[waiting.kind] -= 1
        return self._waiting.pop(0)

    def _give_up_old(self) -> None:
        now = time.monotonic()
        for waiting in [one for one in self._waiting if one.born + IDLE_S <= now]:
            self._waiting.remove(waiting)
            if waiting.kind in self._asked:
                self._asked.remove(waiting.kind)
            self._discard(waiting)
