"""One container from its start to its result: reading, limits, the end, the files."""

from __future__ import annotations

import json
import os
import select
import time
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError

from mle_smith.sandbox.capture import Capture, Demultiplexer
from mle_smith.sandbox.collect import Collected, collect, measure
from mle_smith.sandbox.container_end import (
    CLOSING,
    CLOSING_BYTES,
    Closing,
    closing,
    first_process,
)
from mle_smith.sandbox.container_stage import Staged
from mle_smith.sandbox.engine import FAULTS, EngineLostError, knock
from mle_smith.sandbox.job import Job, Result, Status

_SLICE_MS = 250
_DRAIN_S = 10
_LAST_BREATH_S = 0.1
"""What prints the closing line ends a few milliseconds later; if not, the engine is waited for."""
_END_S = 60


class Wire:
    """What follows a container: what it prints, the engine's word of its end, its first process.

    The connections are opened before the container starts: with no log kept, earlier output would
    be lost, and an engine that breaks off is noticed by the word that does not come.
    """

    def __init__(self, client: docker.DockerClient, container: str, *, talks: bool = False) -> None:
        """Attach to a created container; with `talks`, to its standard input, too."""
        self.container = container
        self.init: int | None = None
        """Descriptor that can be read once all processes are dead; None: only the engine knows."""
        wanted = {"stdout": 1, "stderr": 1, "stream": 1} | ({"stdin": 1} if talks else {})
        # docker-py waits for the word itself; what lets us listen to both is not public.
        api: Any = client.api
        self._stream = api.attach_socket(container, params=wanted)
        url = api._url("/containers/{0}/wait", container)
        self._word: requests.Response = api._post(
            url, params={"condition": "next-exit"}, stream=True, timeout=None
        )
        self._heard = api._get_raw_response_socket(self._word)
        self._api = api
        self._open = True

    def start(self, *, own_kernel: bool) -> None:
        """Start the container; with an `own_kernel`, its processes cannot be seen from here.

        Where the engine cannot, all of it is let go of.
        """
        try:
            self._api.start(self.container)
            if not own_kernel:
                pid = int(self._api.inspect_container(self.container)["State"]["Pid"])
                self.init = first_process(pid, self.container)
        except FAULTS:
            self.close()
            raise

    @property
    def output(self) -> int:
        """Descriptor of the stream that the container prints to."""
        return int(self._stream.fileno())

    @property
    def word(self) -> int:
        """Descriptor that can be read once the engine has taken the container down."""
        return int(self._heard.fileno())

    def say(self, line: bytes) -> None:
        """Send a line to the container's standard input."""
        self._stream._sock.sendall(line)

    def exit_code(self) -> int:
        """The exit code that the engine sent word of.

        Raises:
            EngineLostError: it hung up instead.
        """
        try:
            return int(json.loads(self._word.content)["StatusCode"])
        except (requests.RequestException, ValueError, KeyError) as error:
            raise EngineLostError("the engine broke off while the container ran") from error

    def hang_up_output(self) -> None:
        """Stop reading, before any kill: the engine waits for its readers before it sees an end."""
        if self._open:
            self._open = False
            # Closing the stream alone leaves the connection under it open.
            self._stream._response.close()
            self._stream.close()

    def close(self) -> None:
        """Let go of all of it."""
        self.hang_up_output()
        self._word.close()
        if self.init is not None:
            os.close(self.init)
            self.init = None


class ContainerRun:
    """One job in a container, from its start to its result."""

    def __init__(
        self,
        client: docker.DockerClient,
        wire: Wire,
        job: Job,
        staged: Staged,
        isolation: str,
    ) -> None:
        self._api = client.api
        self._wire = wire
        self._job = job
        self._staged = staged
        self._isolation = isolation
        self._capture = Capture(job.limits, spare=CLOSING_BYTES)
        self._closing: Closing | None = None
        self._said_at: float | None = None
        self._claimed = False
        self._killed: Status | None = None
        self._started = 0.0
        self._wall_s = 0.0
        self._next_look = 0.0
        self._kill_by = 0.0

    def follow(self) -> None:
        """Keep what the started job prints, and end it where it goes past a limit.

        Raises:
            EngineLostError: the engine went away before the end.
        """
        self._started = time.monotonic()
        demultiplexer = Demultiplexer(self._capture)
        poll = select.poll()
        ends = [self._wire.word] if self._wire.init is None else [self._wire.word, self._wire.init]
        for descriptor in (self._wire.output, *ends):
            poll.register(descriptor, select.POLLIN | select.POLLHUP)
        reading, dead, ended = True, False, False
        while (reading or not ended) and self._closing is None:
            for descriptor, _ in poll.poll(_SLICE_MS):
                if descriptor in ends:
                    self._wall_s = self._wall_s or time.monotonic() - self._started
                    dead = dead or descriptor == self._wire.init
                    ended = ended or descriptor == self._wire.word
                    poll.unregister(descriptor)
                elif data := os.read(descriptor, 1 << 16):
                    demultiplexer.feed(data)
                else:
                    reading = False
                    poll.unregister(descriptor)
            if dead and not self._claimed:
                self._closing = closing(self._capture)
            elif not dead:
                self._doubt()
            stop = self._stop(ended)
            if stop and reading:
                reading = False
                poll.unregister(self._wire.output)
                self._wire.hang_up_output()
            if stop and not ended:
                self._kill()

    def _doubt(self) -> None:
        """Believe no closing line after one that was followed by no end: the job printed that."""
        if closing(self._capture) is None:
            self._said_at = None
            return
        now = time.monotonic()
        self._said_at = self._said_at or now
        self._claimed = self._claimed or now - self._said_at > _LAST_BREATH_S

    def result(self, out: Path | None) -> Result:
        """What the dead container did; its files are collected now, when nobody can swap them."""
        code, oom = self._end()
        self._capture.take_off(CLOSING)
        taken = Collected(artefacts={}, rejected={}, overflow=False)
        if out is not None:
            taken = collect(self._staged.out, out, self._job.outputs, self._job.limits)
        overflow = taken.overflow or (not self._staged.watched and _is_full(self._staged.out))
        return Result(
            status=Status.OUTPUT_LIMIT if overflow else self._status(code, oom),
            exit_code=code,
            oom_seen=oom,
            truncated=self._capture.overflow,
            wall_s=round(self._wall_s, 3),
            stdout=self._capture.text("stdout"),
            stderr=self._capture.text("stderr"),
            artefacts=taken.artefacts,
            rejected=taken.rejected,
            backend="docker",
            isolation=self._isolation,
        )

    def _end(self) -> tuple[int, bool]:
        """The exit code, and whether a process was killed for memory."""
        if self._closing is not None:
            return self._closing.exit_code, self._closing.oom_kills > 0
        code = self._wire.exit_code()
        knock()  # An engine that is going down kills containers, and answers no new caller.
        state = self._api.inspect_container(self._wire.container)["State"]
        if state["Running"] or state.get("Error"):
            raise APIError(f"the container did not run and end: {state.get('Error')}")
        said = closing(self._capture)
        return code, bool(state["OOMKilled"]) or (said is not None and said.oom_kills > 0)

    def _status(self, code: int, oom: bool) -> Status:
        if self._capture.overflow:
            return Status.OUTPUT_LIMIT
        if self._killed is not None:
            return self._killed
        if code == 137:
            return Status.OOM if oom else Status.KILLED
        return Status.NONZERO if code else Status.OK

    def _stop(self, ended: bool) -> bool:
        """Whether to read no further and, where it has not ended, to kill the container."""
        now = time.monotonic()
        if self._killed is not None:
            if now > self._kill_by:
                raise EngineLostError("a killed container did not end")
            return False
        if ended:
            # What it printed last may still be on its way; what it left running is dead, too.
            return now > self._started + self._wall_s + _DRAIN_S
        self._killed = self._past_limit(now)
        return self._killed is not None

    def _past_limit(self, now: float) -> Status | None:
        """Which limit the container is past, if any."""
        limits = self._job.limits
        if self._capture.overflow:
            return Status.OUTPUT_LIMIT
        if now > self._started + limits.wall_s:
            return Status.TIMEOUT
        if self._staged.watched and now > self._next_look:
            self._next_look = now + _SLICE_MS / 1000
            size, files = measure(self._staged.out)
            if size > limits.out_mb * 2**20 or files > limits.out_files:
                return Status.OUTPUT_LIMIT
        return None

    def _kill(self) -> None:
        self._kill_by = time.monotonic() + _END_S
        try:
            self._api.kill(self._wire.container)
        except APIError as error:
            if error.status_code != 409:  # 409: it has just ended by itself.
                raise


def _is_full(folder: Path) -> bool:
    state = os.statvfs(folder)
    return state.f_bavail == 0 or state.f_favail == 0
