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
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from mle_smith.errors import SandboxUnavailableError, UsageError
from mle_smith.sandbox import recipe
from mle_smith.sandbox.container_run import ISOLATION, ContainerRun, stage
from mle_smith.sandbox.container_spec import GRACE_S, bind, container_settings
from mle_smith.sandbox.image import connect
from mle_smith.sandbox.job import Capabilities, Job, Result, Status
from mle_smith.sandbox.outputs import clear, require_empty
from mle_smith.sandbox.owner import current_owner, is_dead, parse_owner
from mle_smith.sandbox.policy import ResolvedMount, resolve_mounts
from mle_smith.sandbox.scratch import Scratch, remove_tree

_CALL_S = 60
_ATTEMPTS = 2
_FAULTS = (DockerException, requests.RequestException, OSError)


class DockerSandbox:
    """Runs each job in a new container. Safe to share between threads."""

    def __init__(
        self,
        image: str | None = None,
        *,
        client_factory: Callable[[], docker.DockerClient] = connect,
        scratch_parent: Path | None = None,
        max_jobs: int | None = None,
    ) -> None:
        """Connect, check the image, and clear up after sandboxes whose process has died.

        Args:
            image: what containers are made of; default: the image of this version's recipe.
            client_factory: makes a connection to the engine, one for each job at once.
            scratch_parent: where temporary folders go; the engine must see the same folder.
            max_jobs: containers at once, further jobs wait; default: one more than the CPUs.

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

    def capabilities(self) -> Capabilities:
        """What containers hold: all of it."""
        return Capabilities(
            backend="docker", isolation=ISOLATION, network=True, filesystem=True, memory=True
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
                except (*_FAULTS, SandboxUnavailableError) as error:
                    fault = f"sandbox: {type(error).__name__}: {error}"
                    if out is not None:
                        clear(out)
        return Result(
            status=Status.INFRA_ERROR, stderr=fault, backend="docker", isolation=ISOLATION
        )

    def close(self) -> None:
        """Remove the containers and folders that this sandbox made."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(SandboxUnavailableError), self._client() as client:
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
        except _FAULTS:
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
        with contextlib.ExitStack() as cleanup:
            folder = self._scratch.new()
            cleanup.callback(remove_tree, folder)
            staged = stage(folder, job, mounts)
            create, host = container_settings(
                job,
                image=self.image,
                user=staged.user,
                binds=[bind(source, target) for source, target in staged.inputs]
                + [bind(staged.out, "/out", writable=True)],
                labels=self._labels(job),
            )
            host_config = client.api.create_host_config(**host)
            container = client.api.create_container(**create, host_config=host_config)["Id"]
            cleanup.callback(_remove, client, container)
            run = ContainerRun(client, container, job, staged)
            run.follow()
            return run.result(out)

    def _labels(self, job: Job) -> dict[str, str]:
        return {
            "mle.sandbox": "1",
            "mle.deployment": self._scratch.deployment,
            "mle.instance": self._scratch.identity,
            "mle.owner": str(current_owner()),
            "mle.deadline": str(int(time.time() + job.limits.wall_s + 3 * GRACE_S)),
            "mle.role": job.role.value,
        }


def reap(client: docker.DockerClient, deployment: str, instance: str | None = None) -> list[str]:
    """Remove containers of `deployment` that nobody waits for any more; their ids.

    Those are the ones past their deadline, of a dead process, or of the sandbox `instance`.
    """
    gone = []
    wanted = {"label": ["mle.sandbox=1", f"mle.deployment={deployment}"]}
    for found in client.api.containers(all=True, filters=wanted):
        labels = found["Labels"]
        made_by = parse_owner(labels.get("mle.owner", ""))
        late = float(labels.get("mle.deadline", "0")) < time.time()
        mine = instance is not None and labels.get("mle.instance") == instance
        if late or mine or made_by is None or is_dead(made_by):
            _remove(client, found["Id"])
            gone.append(str(found["Id"]))
    return gone


def _remove(client: docker.DockerClient, container: str) -> None:
    try:
        client.api.remove_container(container, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # 409: somebody else is removing it.
            raise


def _require_image(client: docker.DockerClient, image: str) -> None:
    try:
        client.images.get(image)
    except ImageNotFound as error:
        raise SandboxUnavailableError(
            f"The sandbox image {image} is not there. Build it: mle-smith sandbox build",
            code="sandbox.image.missing",
        ) from error
