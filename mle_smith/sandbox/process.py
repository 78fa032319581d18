"""The process backend: jobs on the host's own Python, confined by the kernel, without Docker.

It holds files, network, processes and rights, and memory where it may make control groups; where
not, memory is measured from outside and cut off a moment late, as disk always is. For code that a
language model wrote, Docker is the place.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from mle_smith.errors import SandboxUnavailableError, UsageError
from mle_smith.sandbox import cgroup
from mle_smith.sandbox.container_spec import environment
from mle_smith.sandbox.job import Capabilities, Gap, Job, Limits, Result, Role, Status
from mle_smith.sandbox.outputs import clear, require_empty
from mle_smith.sandbox.plan import (
    Level,
    Places,
    landlock_abi,
    launch_plan,
    names,
    open_to_others,
    reachable,
)
from mle_smith.sandbox.policy import ResolvedMount, resolve_mounts
from mle_smith.sandbox.process_run import ProcessRun
from mle_smith.sandbox.scratch import Scratch, readable_copy, remove_tree

MemoryLimit = Literal["auto", "kernel", "measured"]

_ATTEMPTS = 2
_FIRST_USER = 1_600_000_000
_SLOTS = 64
_RUNNER = Path(__file__).with_name("runner.py")
_LEVELS: tuple[Level, ...] = ("namespaces", "landlock")
_OURS = 2  # Supervisor and first process, which are the launcher's.


class ProcessSandbox:
    """Runs each job as a confined process of this machine. Safe to share between threads."""

    def __init__(
        self,
        *,
        levels: tuple[Level, ...] = _LEVELS,
        memory_limit: MemoryLimit = "auto",
        scratch_parent: Path | None = None,
        max_jobs: int | None = None,
    ) -> None:
        """Find the strongest level that works here by running a program in it.

        Args:
            levels: the levels to try, in this order.
            memory_limit: who holds memory and the number of processes: the `kernel`, through
                control groups, or we, by measuring; `auto`: the kernel where it lets us.
            scratch_parent: where temporary folders go.
            max_jobs: jobs at once, further ones wait; default: one more than the CPUs.

        Raises:
            SandboxUnavailableError: none works, or the kernel is to hold the memory and does not
                let us; the message says what failed.
        """
        if not sys.platform.startswith("linux"):
            raise SandboxUnavailableError(
                "The process sandbox needs Linux; use Docker here.", code="sandbox.process.system"
            )
        self._scratch = Scratch(scratch_parent)
        self._parents = self._group_parents(memory_limit)
        self._jobs = threading.BoundedSemaphore(max_jobs or (os.cpu_count() or 1) + 1)
        self._counter = itertools.count()
        self._closed = False
        self._level = self._probe(levels)

    @property
    def level(self) -> Level:
        """How jobs are kept from the host's files and network."""
        return self._level

    def capabilities(self) -> Capabilities:
        """What this level holds."""
        return Capabilities(
            backend="process",
            isolation=self._isolation(),
            network=True,
            filesystem=True,
            memory=True,
            gaps=self._gaps(),
        )

    def run(self, job: Job, out: Path | None = None) -> Result:
        """Run `job` as a process of its own (see `Sandbox.run`)."""
        if self._closed:
            raise UsageError("This sandbox is closed.", code="sandbox.closed")
        mounts = resolve_mounts(job)
        require_empty(out)
        with self._jobs:
            return self._run(self._level, job, mounts, out)

    def close(self) -> None:
        """Remove the folders that this sandbox made."""
        if not self._closed:
            self._closed = True
            self._scratch.close()

    def _probe(self, levels: tuple[Level, ...]) -> Level:
        failures = []
        for level in levels:
            if level == "landlock" and landlock_abi() == 0:
                failures.append("landlock: the kernel does not offer it")
                continue
            job = Job(role=Role.SOLVE, code="print('held')", limits=Limits(wall_s=20))
            result = self._run(level, job, (), None)
            if result.ok and result.stdout == "held\n":
                return level
            failures.append(f"{level}: {result.stderr.strip()[-300:] or result.status}")
        self._scratch.close()
        raise SandboxUnavailableError(
            f"No process isolation works here ({'; '.join(failures)}). Use Docker, or a Linux "
            "kernel from 5.13 on with Landlock enabled.",
            code="sandbox.process.isolation",
        )

    def _isolation(self) -> str:
        files = "own root folder" if self._level == "namespaces" else "the host's files refused"
        landlock = f"Landlock {abi}" if (abi := landlock_abi()) else "no Landlock"
        limits = "limits on memory, processes and time by the kernel; disk measured"
        if self._parents is None:
            limits = "limits on processes and time by the kernel; memory and disk measured"
        return (
            f"process: no network, {files}, {landlock}, system-call filter, no new privileges, "
            f"empty environment, {limits}"
        )

    def _gaps(self) -> frozenset[Gap]:
        if self._level == "namespaces":
            return frozenset({Gap.MEMORY_FILES} if self._parents is None else ())
        gaps = {Gap.ABSENCE, Gap.MEMORY_FILES, Gap.SCRATCH_SIZE, Gap.SHARED_MEMORY}
        if os.geteuid() == 0 and not open_to_others():
            gaps.add(Gap.ROOT_USER)
        return frozenset(gaps)

    def _run(
        self, level: Level, job: Job, mounts: tuple[ResolvedMount, ...], out: Path | None
    ) -> Result:
        fault = ""
        for _ in range(_ATTEMPTS):
            folder = self._scratch.new()
            try:
                return self._run_once(level, job, mounts, out, folder)
            except (OSError, subprocess.SubprocessError) as error:
                fault = f"sandbox: {type(error).__name__}: {error}"
                if out is not None:
                    clear(out)
            finally:
                remove_tree(folder)
        return Result(status=Status.INFRA_ERROR, stderr=fault, backend="process")

    def _run_once(
        self,
        level: Level,
        job: Job,
        mounts: tuple[ResolvedMount, ...],
        out: Path | None,
        folder: Path,
    ) -> Result:
        turn = next(self._counter)
        user = _job_user(level, turn, folder)
        places = _lay_out(level, folder, job, mounts, user)
        where = names(level, places)
        with self._group(job.limits) as group:
            plan = launch_plan(
                level,
                places,
                job.limits,
                user=user,
                processes=_process_limit(level, job.limits, user, group is not None),
                cpus=_choose_cpus(job.limits, turn),
                group=group,
                arguments=job.args,
                environment=environment(
                    job.limits, job.env, inputs=where.inputs, outputs=where.out, tmp=where.tmp
                ),
            )
            run = ProcessRun(job, plan, places.out, group)
            run.follow()
        isolation = self._isolation() if hasattr(self, "_level") else ""
        return run.result(out, "process", isolation)

    def _group_parents(self, memory_limit: MemoryLimit) -> cgroup.Parents | None:
        """Where jobs' groups are made; None: memory is measured."""
        if memory_limit == "measured":
            return None
        cgroup.sweep(self._scratch.deployment)
        parents = cgroup.own_parents(self._scratch.deployment)
        if parents is None and memory_limit == "kernel":
            self._scratch.close()
            raise SandboxUnavailableError(
                "The kernel lets this user make no control group with a memory limit. Run as root, "
                "or in a group that is handed to you (systemd-run --user --scope -p Delegate=yes).",
                code="sandbox.process.groups",
            )
        return parents

    @contextlib.contextmanager
    def _group(self, limits: Limits) -> Iterator[cgroup.Group | None]:
        """A control group for one job, where we can make one. Nothing is left of it."""
        if self._parents is None:
            yield None
            return
        memory = limits.memory_mb * 2**20
        group = cgroup.Group(
            self._parents, self._scratch.deployment, memory=memory, pids=limits.pids + _OURS
        )
        with contextlib.closing(group):
            yield group


def _job_user(level: Level, turn: int, folder: Path) -> int | None:
    """A user for this job alone, where we may become one: the kernel counts processes by user.

    None: it keeps ours. Root does so, without its rights, where no other user can reach the Python.
    """
    if os.geteuid() != 0:
        return None
    if level == "landlock" and not (open_to_others() and reachable(folder)):
        return None
    return _FIRST_USER + os.getpid() * _SLOTS + turn % _SLOTS


def _lay_out(
    level: Level,
    folder: Path,
    job: Job,
    mounts: tuple[ResolvedMount, ...],
    user: int | None,
) -> Places:
    """Make the job's folders, put its code into place, and hand it what it may write."""
    code, links, root = folder / "job", folder / "in", folder / "root"
    for path in (code, links, root):
        path.mkdir(mode=0o755)
    for name, text in (("main.py", job.code), ("runner.py", _RUNNER.read_text())):
        (code / name).write_text(text, encoding="utf-8")
        (code / name).chmod(0o444)
    inputs = []
    for mount in mounts:
        plain = mount.world_readable and (level == "namespaces" or reachable(mount.source))
        plain = plain or os.geteuid() != 0
        source = mount.source if plain else readable_copy(mount, folder)
        inputs.append((source, mount.name))
        link = links / mount.name
        link.parent.mkdir(parents=True, exist_ok=True)
        if mount.name == "":
            links.rmdir()
        link.symlink_to(source)
    out, work, tmp = (folder / name for name in ("out", "work", "tmp"))
    for path in (out, work, tmp):
        path.mkdir(mode=0o700)
        if user is not None:
            os.chown(path, user, user)
    return Places(code, tuple(inputs), out, work, tmp, root, links)


def _process_limit(level: Level, limits: Limits, user: int | None, grouped: bool) -> int | None:
    """RLIMIT_NPROC that leaves the job `pids` processes and threads; None: its group does that."""
    if user is not None:
        return limits.pids
    if level == "namespaces":
        return limits.pids + _OURS  # They count in the new user namespace.
    if grouped:
        return None
    mine = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines())
            if int(fields["Uid"].split()[0]) == os.getuid():
                mine += int(fields["Threads"])
    return limits.pids + mine


def _choose_cpus(limits: Limits, turn: int) -> list[int]:
    """As many processors as the limit grants, others for the next job."""
    usable = sorted(os.sched_getaffinity(0))
    wanted = min(len(usable), math.ceil(limits.cpus))
    start = turn * wanted % len(usable)
    return [usable[(start + step) % len(usable)] for step in range(wanted)]
