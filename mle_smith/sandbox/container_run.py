"""One container from its start to its result: reading, limits, the end, the files."""

from __future__ import annotations

import contextlib
import os
import select
import time
from pathlib import Path
from typing import NamedTuple

import docker
import requests
from docker.errors import APIError

from mle_smith.sandbox.capture import Capture, Demultiplexer
from mle_smith.sandbox.collect import Collected, collect, measure
from mle_smith.sandbox.job import Job, Result, Status
from mle_smith.sandbox.policy import ResolvedMount
from mle_smith.sandbox.scratch import mount_tmpfs, readable_copy

ISOLATION = (
    "docker: no network, read-only root, no capabilities, no new privileges, own seccomp profile, "
    "unprivileged user, limits on memory, processor, processes, disk, output and time"
)
_NOBODY = 65534
_CALL_S = 60
_SLICE_MS = 250
_RUNNER = Path(__file__).with_name("runner.py")


class Staged(NamedTuple):
    """What a container is given of the host."""

    inputs: list[tuple[Path, str]]
    out: Path
    user: int
    watched: bool
    """The output folder has no limit of its own and must be measured."""


def stage(folder: Path, job: Job, mounts: tuple[ResolvedMount, ...]) -> Staged:
    """Lay out the code, the inputs and the place for outputs under `folder`."""
    user = os.getuid() or _NOBODY
    code = folder / "job"
    code.mkdir(mode=0o755)
    for name, text in (("main.py", job.code), ("runner.py", _RUNNER.read_text())):
        (code / name).write_text(text, encoding="utf-8")
        (code / name).chmod(0o444)
    inputs = [(code, "/job")]
    if not mounts:
        empty = folder / "in"
        empty.mkdir(mode=0o755)
        inputs.append((empty, "/in"))
    for mount in mounts:
        plain = mount.world_readable or user == os.getuid()
        inputs.append((mount.source if plain else readable_copy(mount, folder), mount.target))
    out = folder / "out"
    out.mkdir(mode=0o700)
    watched = True
    if os.getuid() == 0:
        os.chown(out, user, user)
        with contextlib.suppress(PermissionError):
            mount_tmpfs(out, job.limits.out_mb, job.limits.out_files, user)
            watched = False
    return Staged(inputs=inputs, out=out, user=user, watched=watched)


class ContainerRun:
    """One created container, from its start to its result."""

    def __init__(
        self, client: docker.DockerClient, container: str, job: Job, staged: Staged
    ) -> None:
        self._api = client.api
        self._container = container
        self._job = job
        self._staged = staged
        self._capture = Capture(job.limits)
        self._killed: Status | None = None
        self._wall_s = 0.0
        self._next_look = 0.0

    def follow(self) -> None:
        """Start the container, keep what it prints, and end it where it goes past a limit."""
        # Attached before the start: with no log kept, what is printed earlier would be lost.
        wanted = {"stdout": 1, "stderr": 1, "stream": 1}
        stream = self._api.attach_socket(self._container, params=wanted)
        try:
            self._api.start(self._container)
            started = time.monotonic()
            deadline = started + self._job.limits.wall_s
            reason = self._read(stream.fileno(), deadline)
        finally:
            # Hung up before any kill: the engine waits for its readers before it sees an end.
            # Closing the stream alone leaves the connection under it open.
            stream._response.close()
            stream.close()
        if reason is not None:
            self._kill(reason)
        self._await_end(deadline)
        self._wall_s = time.monotonic() - started

    def result(self, out: Path | None) -> Result:
        """What the dead container did; its files are collected now, when nobody can swap them."""
        state = self._api.inspect_container(self._container)["State"]
        if state["Running"] or state.get("Error"):
            raise APIError(f"the container did not run and end: {state.get('Error')}")
        taken = Collected(artefacts={}, rejected={}, overflow=False)
        if out is not None:
            taken = collect(self._staged.out, out, self._job.outputs, self._job.limits)
        overflow = taken.overflow or (not self._staged.watched and _is_full(self._staged.out))
        code = int(state["ExitCode"])
        return Result(
            status=Status.OUTPUT_LIMIT if overflow else self._status(code, state["OOMKilled"]),
            exit_code=code,
            oom_seen=bool(state["OOMKilled"]),
            truncated=self._capture.overflow,
            wall_s=round(self._wall_s, 3),
            stdout=self._capture.text("stdout"),
            stderr=self._capture.text("stderr"),
            artefacts=taken.artefacts,
            rejected=taken.rejected,
            backend="docker",
            isolation=ISOLATION,
        )

    def _status(self, code: int, oom_killed: bool) -> Status:
        if self._killed is not None:
            return self._killed
        if code == 137:
            return Status.OOM if oom_killed else Status.KILLED
        return Status.NONZERO if code else Status.OK

    def _read(self, descriptor: int, deadline: float) -> Status | None:
        """Read until the container closes its streams (None) or goes past a limit (which)."""
        demultiplexer = Demultiplexer(self._capture)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
        while True:
            if poll.poll(_SLICE_MS):
                data = os.read(descriptor, 1 << 16)
                if not data:
                    return Status.OUTPUT_LIMIT if self._capture.overflow else None
                demultiplexer.feed(data)
            reason = self._past_limit(deadline)
            if reason is not None:
                return reason

    def _await_end(self, deadline: float) -> None:
        """Wait for the container's end: it may live on after it closed its streams."""
        while True:
            try:
                self._api.wait(self._container, timeout=_CALL_S if self._killed else 1)
                return
            except (requests.ConnectionError, requests.Timeout):
                # How a wait runs out; an engine that is gone shows in the next call.
                reason = self._killed or self._past_limit(deadline)
                if reason is not None:
                    self._kill(reason)

    def _past_limit(self, deadline: float) -> Status | None:
        """Which limit the container is past, if any."""
        limits = self._job.limits
        if self._capture.overflow:
            return Status.OUTPUT_LIMIT
        if time.monotonic() > deadline:
            return Status.TIMEOUT
        if self._staged.watched and time.monotonic() > self._next_look:
            self._next_look = time.monotonic() + _SLICE_MS / 1000
            size, files = measure(self._staged.out)
            if size > limits.out_mb * 2**20 or files > limits.out_files:
                return Status.OUTPUT_LIMIT
        return None

    def _kill(self, reason: Status) -> None:
        self._killed = reason
        try:
            self._api.kill(self._container)
        except APIError as error:
            if error.status_code != 409:  # 409: it has just ended by itself.
                raise


def _is_full(folder: Path) -> bool:
    state = os.statvfs(folder)
    return state.f_bavail == 0 or state.f_favail == 0
