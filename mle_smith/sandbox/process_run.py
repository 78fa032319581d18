"""One launched job of the process backend, from its start to its result."""

from __future__ import annotations

import marshal
import os
import selectors
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

from mle_smith.sandbox.capture import Capture, Stream
from mle_smith.sandbox.cgroup import Group
from mle_smith.sandbox.collect import Collected, collect, measure
from mle_smith.sandbox.job import Job, Result, Status
from mle_smith.sandbox.process_tree import descendants, tree_use

_LAUNCHER = Path(__file__).with_name("launcher.py")
_BOOT = "import marshal, sys; exec(marshal.load(sys.stdin.buffer))"
_SLICE_S = 0.02
_DISK_EVERY_S = 0.25
_END_S = 5
_OVERHEAD = 1  # The first process of the job, which is ours.


class LaunchError(OSError):
    """The confinement could not be set up, so the program was not started."""


class ProcessRun:
    """Starts the launcher with a plan and follows the job."""

    def __init__(self, job: Job, plan: dict[str, Any], out: Path, group: Group | None) -> None:
        """Prepare.

        Args:
            job: what runs.
            plan: the launcher's instructions.
            out: the host folder that the job writes to.
            group: what the plan has the job run in; it holds memory and processes. None: they are
                measured.
        """
        self._job = job
        self._group = group
        self._oom_kills = 0
        self._plan = plan
        self._out = out
        self._capture = Capture(job.limits)
        self._killed: Status | None = None
        self._report = b""
        self._next_use = 0.0
        self._next_disk = 0.0
        self._wall_s = 0.0

    def follow(self) -> None:
        """Run the job to its end or to a limit. All its processes are gone afterwards."""
        reading, writing = os.pipe()
        command = [sys.executable, "-I", "-S", "-c", _BOOT, str(writing)]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={},
            cwd="/",
            pass_fds=(writing,),
            start_new_session=True,
        ) as launcher:
            os.close(writing)
            try:
                assert launcher.stdin is not None
                launcher.stdin.write(marshal.dumps(_launcher()) + marshal.dumps(self._plan))
                launcher.stdin.close()
                self._watch(launcher, reading)
            finally:
                _end(launcher)
                os.close(reading)
                if self._group is not None:
                    self._group.end_all()
                    self._oom_kills = self._group.oom_kills()

    def result(self, destination: Path | None, backend: str, isolation: str) -> Result:
        """What the dead job did.

        Raises:
            LaunchError: the program was not started.
        """
        code = self._exit_code()
        taken = Collected(artefacts={}, rejected={}, overflow=False)
        if destination is not None:
            taken = collect(self._out, destination, self._job.outputs, self._job.limits)
        return Result(
            status=Status.OUTPUT_LIMIT if taken.overflow else self._status(code),
            exit_code=code,
            oom_seen=self._killed is Status.OOM or self._oom_kills > 0,
            truncated=self._capture.overflow,
            wall_s=round(self._wall_s, 3),
            stdout=self._capture.text("stdout"),
            stderr=self._capture.text("stderr"),
            artefacts=taken.artefacts,
            rejected=taken.rejected,
            backend=backend,
            isolation=isolation,
        )

    def _exit_code(self) -> int:
        """The program's exit code as a shell tells it, from the last report."""
        kind, _, fact = self._report.decode(errors="replace").partition(" ")
        if kind == "code":
            return int(fact.split()[0])
        if kind == "failed":
            raise LaunchError(f"the process sandbox could not be set up: {fact.strip()}")
        if self._killed is None and not self._oom_kills:
            raise LaunchError("the launcher ended without a report")
        return 128 + signal.SIGKILL

    def _status(self, code: int) -> Status:
        if self._killed is not None:
            return self._killed
        if code == 128 + signal.SIGKILL:
            return Status.OOM if self._oom_kills else Status.KILLED
        return Status.NONZERO if code else Status.OK

    def _watch(self, launcher: subprocess.Popen[bytes], report: int) -> None:
        started = time.monotonic()
        deadline = started + self._job.limits.wall_s
        with selectors.DefaultSelector() as selector:
            for file, name in ((launcher.stdout, "stdout"), (launcher.stderr, "stderr")):
                assert file is not None
                selector.register(file.fileno(), selectors.EVENT_READ, name)
            selector.register(report, selectors.EVENT_READ, "report")
            # The report's end is held by the supervisor alone: it closes when all is over.
            while report in selector.get_map() and not self._stuck(deadline):
                for key, _ in selector.select(self._pause_s(deadline)):
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        selector.unregister(key.fd)
                    self._take(key.data, data)
                self._check(launcher, deadline)
        self._wall_s = time.monotonic() - started

    def _take(self, name: Stream | str, data: bytes) -> None:
        if name == "report":
            self._report += data
        else:
            self._capture.add("stdout" if name == "stdout" else "stderr", data)

    def _pause_s(self, deadline: float) -> float:
        """How long nothing has to be looked at: the kernel does not tell of a full disk."""
        if self._group is None:
            return _SLICE_S
        return max(0.0, min(self._next_disk, deadline) - time.monotonic()) + _SLICE_S / 10

    def _stuck(self, deadline: float) -> bool:
        return time.monotonic() > deadline + _END_S

    def _check(self, launcher: subprocess.Popen[bytes], deadline: float) -> None:
        reason = self._reason(launcher.pid, deadline) if self._killed is None else None
        if reason is not None:
            self._killed = reason
            launcher.send_signal(signal.SIGTERM)

    def _reason(self, pid: int, deadline: float) -> Status | None:
        """Which limit the job is past, if any."""
        limits = self._job.limits
        if self._capture.overflow:
            return Status.OUTPUT_LIMIT
        now = time.monotonic()
        if now > deadline:
            return Status.TIMEOUT
        if self._group is None and now > self._next_use:
            self._next_use = now + _SLICE_S
            use = tree_use(pid, limits.memory_mb * 2**20)
            if use.memory > limits.memory_mb * 2**20:
                return Status.OOM
            if use.threads > limits.pids + _OVERHEAD:
                return Status.KILLED  # For root without namespaces the kernel does not count.
        if now > self._next_disk:
            self._next_disk = now + _DISK_EVERY_S
            size, files = measure(self._out)
            if size > limits.out_mb * 2**20 or files > limits.out_files:
                return Status.OUTPUT_LIMIT
        return None


@cache
def _launcher() -> CodeType:
    """The launcher, compiled once: each start would compile it anew."""
    return compile(_LAUNCHER.read_text(), str(_LAUNCHER), "exec", dont_inherit=True)


def _end(launcher: subprocess.Popen[bytes]) -> None:
    """Leave no process: the supervisor ends its own, and is made to where it does not."""
    if launcher.poll() is None:
        launcher.send_signal(signal.SIGTERM)
    try:
        launcher.wait(_END_S)
    except subprocess.TimeoutExpired:
        for pid in [*descendants(launcher.pid), launcher.pid]:
            os.kill(pid, signal.SIGKILL)
        launcher.wait(_END_S)
