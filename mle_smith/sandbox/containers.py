"""The Docker backend: one job, one container, which is removed with everything the job wrote.

What holds the code is set in `container_spec`; what it may see is decided in `policy`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import ImageNotFound
from docker.types import Mount

from mle_smith.errors import SandboxUnavailableError, UsageError
from mle_smith.sandbox import recipe
from mle_smith.sandbox.container_run import ContainerRun, Wire
from mle_smith.sandbox.container_spec import (
    GRACE_S,
    Made,
    command,
    container_settings,
    environment,
)
from mle_smith.sandbox.container_stage import (
    PROGRAM,
    RUNNER,
    Staged,
    binds_of,
    binds_of_waiting,
    put_program,
    show_inputs,
    stage,
)
from mle_smith.sandbox.engine import (
    FAULTS,
    GVISOR,
    connect,
    strongest_runtime,
    wait_until_back,
)
from mle_smith.sandbox.janitor import Janitor, reap
from mle_smith.sandbox.job import Capabilities, Job, Limits, Result, Role, Status
from mle_smith.sandbox.mounts import share
from mle_smith.sandbox.outputs import clear, require_empty
from mle_smith.sandbox.owner import current_owner
from mle_smith.sandbox.policy import ResolvedMount, resolve_mounts
from mle_smith.sandbox.pool import IDLE_S, LONGEST_JOB_S, Kind, Pool, Waiting
from mle_smith.sandbox.scratch import Scratch, sweep

_CALL_S = 60
_ATTEMPTS = 2
_ENGINE_BACK_S = 30
_PROBE_S = 600
_HELD = (
    "no network, read-only root, no capabilities, no new privileges, own seccomp profile, "
    "unprivileged user, limits on memory, processor, processes, disk, output and time"
)


class DockerSandbox:
    """Runs each job in a container of its own. Safe to share between threads."""

    def __init__(
        self,
        image: str | None = None,
        *,
        client_factory: Callable[[], docker.DockerClient] = connect,
        scratch_parent: Path | None = None,
        max_jobs: int | None = None,
        warm: int = 0,
        jobs: int | None = None,
    ) -> None:
        """Connect, check the image, and clear up after sandboxes whose process has died.

        Args:
            image: what containers are made of; default: the image of this version's recipe.
            client_factory: makes a connection to the engine, one for each job at once.
            scratch_parent: where temporary folders go; the engine must see the same folder.
            max_jobs: containers at once, further jobs wait; default: one more than the CPUs.
            warm: containers that are kept waiting for jobs (`mle_smith.sandbox.pool`).
            jobs: how many are to come, where it is known: no more containers wait for them.

        Raises:
            SandboxUnavailableError: no engine answers, or the image is not there.
        """
        self.image = image or recipe.default_image()
        self._connect = client_factory
        self._idle: queue.LifoQueue[docker.DockerClient] = queue.LifoQueue()
        self._slots = threading.BoundedSemaphore(max_jobs or (os.cpu_count() or 1) + 1)
        self._closed = False
        with self._client() as client:
            _require_image(client, self.image)
            self._scratch = Scratch(scratch_parent)
            reap(client, self._scratch.deployment)
            labels = self._labels(_PROBE_S, None)
            self._runtime = strongest_runtime(client, self.image, labels)
        self._live_inputs = self._can_show_inputs_live()
        self._janitor = Janitor(self._client, self._round)
        self.pool = Pool(warm, self._start_waiting, self._discard, jobs)

    def capabilities(self) -> Capabilities:
        """What containers hold: all of it."""
        return Capabilities(
            backend="docker",
            isolation=self._isolation(),
            network=True,
            filesystem=True,
            memory=True,
        )

    def run(self, job: Job, out: Path | None = None) -> Result:
        """Run `job` in a container of its own (see `Sandbox.run`)."""
        if self._closed:
            raise UsageError("This sandbox is closed.", code="sandbox.closed")
        mounts = resolve_mounts(job)
        require_empty(out)
        fault = ""
        with self._slots:
            for _ in range(_ATTEMPTS):
                try:
                    with self._client() as client:
                        return self._run_once(client, job, mounts, out)
                except (*FAULTS, SandboxUnavailableError) as error:
                    fault = f"sandbox: {type(error).__name__}: {error}"
                    if out is not None:
                        clear(out)
                    wait_until_back(_ENGINE_BACK_S)
        return Result(
            status=Status.INFRA_ERROR, stderr=fault, backend="docker", isolation=self._isolation()
        )

    def close(self) -> None:
        """Remove the containers and folders that this sandbox made."""
        if self._closed:
            return
        self._closed = True
        self.pool.close()
        self._janitor.close()
        with contextlib.suppress(*FAULTS, SandboxUnavailableError), self._client() as client:
            reap(client, self._scratch.deployment, instance=self._scratch.identity)
        self._scratch.close()
        while not self._idle.empty():
            self._idle.get_nowait().close()

    @contextmanager
    def _client(self) -> Iterator[docker.DockerClient]:
        """A connection for one thread at a time; a broken one is not used again."""
        try:
            client = self._idle.get_nowait()
        except queue.Empty:
            client = self._connect()
            client.api.timeout = _CALL_S
        broken = False
        try:
            yield client
        except FAULTS:
            broken = True
            raise
        finally:
            if broken:
                client.close()
            else:
                self._idle.put(client)

    def _run_once(
        self,
        client: docker.DockerClient,
        job: Job,
        mounts: tuple[ResolvedMount, ...],
        out: Path | None,
    ) -> Result:
        started = self._take_warm(job, mounts) or self._start_cold(client, job, mounts)
        wire, staged = started
        try:
            run = ContainerRun(client, wire, job, staged, self._isolation())
            run.follow()
            return run.result(out)
        finally:
            wire.close()
            self._janitor.take(wire.container, staged.folder)

    def _start_cold(
        self, client: docker.DockerClient, job: Job, mounts: tuple[ResolvedMount, ...]
    ) -> tuple[Wire, Staged]:
        folder = self._scratch.new()
        words = command(RUNNER, PROGRAM, *job.args, seconds=job.limits.wall_s)
        lasts = job.limits.wall_s + 3 * GRACE_S
        container = None
        try:
            staged = stage(folder, job.limits)
            put_program(staged, job.code)
            made = self._made(staged, binds_of(staged, mounts), job.limits, job.env)
            labels = self._labels(lasts, job.role)
            container = self._create(client, made, job.limits, words, labels)
            wire = Wire(client, container)
            wire.start(own_kernel=self._runtime is not None)
        except BaseException:  # Interrupts, too: nobody else knows of this container.
            self._janitor.take(container, folder)
            raise
        return wire, staged

    def _take_warm(self, job: Job, mounts: tuple[ResolvedMount, ...]) -> tuple[Wire, Staged] | None:
        """A container that waited and now runs `job`; None where there is none for it."""
        waiting = self.pool.take(job)
        if waiting is None:
            return None
        try:
            put_program(waiting.staged, job.code)
            if show_inputs(waiting.staged, mounts, live=self._live_inputs):
                waiting.hand_over(job)
                return waiting.wire, waiting.staged
        except OSError:
            pass  # Nothing of the job has run yet: it starts cold.
        self._discard(waiting)
        return None

    def _start_waiting(self, kind: Kind) -> Waiting:
        folder = self._scratch.new()
        lasts = IDLE_S + LONGEST_JOB_S
        words = command(RUNNER, "--wait", *kind.modules, seconds=lasts)
        container = None
        try:
            staged = stage(folder, kind.limits)
            made = self._made(staged, binds_of_waiting(staged), kind.limits, {})
            labels = self._labels(lasts + 3 * GRACE_S, None)
            with self._client() as client:
                container = self._create(client, made, kind.limits, words, labels, waits=True)
                wire = Wire(client, container, talks=True)
                wire.start(own_kernel=self._runtime is not None)
        except BaseException:  # Interrupts, too: nobody else knows of this container.
            self._janitor.take(container, folder)
            raise
        return Waiting(kind, wire, staged, time.monotonic())

    def _discard(self, waiting: Waiting) -> None:
        waiting.wire.close()
        self._janitor.take(waiting.wire.container, waiting.staged.folder)

    def _made(
        self, staged: Staged, binds: list[Mount], limits: Limits, added: dict[str, str]
    ) -> Made:
        return Made(
            image=self.image,
            user=staged.user,
            binds=binds,
            environment=environment(limits, added, inputs="/in", outputs="/out", tmp="/tmp"),
            runtime=self._runtime,
        )

    def _create(
        self,
        client: docker.DockerClient,
        made: Made,
        limits: Limits,
        words: list[str],
        labels: dict[str, str],
        *,
        waits: bool = False,
    ) -> str:
        create, host = container_settings(made, limits, words, labels, waits=waits)
        host_config = client.api.create_host_config(**host)
        return str(client.api.create_container(**create, host_config=host_config)["Id"])

    def _labels(self, lasts: float, role: Role | None) -> dict[str, str]:
        return {
            "mle.sandbox": "1",
            "mle.deployment": self._scratch.deployment,
            "mle.instance": self._scratch.identity,
            "mle.owner": str(current_owner()),
            "mle.deadline": str(int(time.time() + lasts)),
            "mle.role": "waiting" if role is None else role.value,
        }

    def _isolation(self) -> str:
        kernel = "docker with gVisor, a kernel of its own" if self._runtime == GVISOR else "docker"
        return f"{kernel}: {_HELD}"

    def _can_show_inputs_live(self) -> bool:
        """Whether what is mounted on the host later appears in a waiting container."""
        if self._runtime is not None:
            return False  # gVisor looks at its mounts once.
        try:
            share(self._scratch.folder)
        except OSError:
            return False
        return True

    def _round(self) -> None:
        with contextlib.suppress(*FAULTS, SandboxUnavailableError):
            sweep(self._scratch.parent)
            with self._client() as client:
                reap(client, self._scratch.deployment)


def _require_image(client: docker.DockerClient, image: str) -> None:
    try:
        client.images.get(image)
    except ImageNotFound as error:
        raise SandboxUnavailableError(
            f"The sandbox image {image} is not there. Build it: mle-smith sandbox build",
            code="sandbox.image.missing",
        ) from error
