"""Which sandbox this machine gets, and what a user can do to have a better one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from typing import Literal

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox import image
from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.engine import connect
from mle_smith.sandbox.job import Job, Role, Sandbox
from mle_smith.sandbox.pool import default_size
from mle_smith.sandbox.process import ProcessSandbox
from mle_smith.sandbox.scratch import throwaway_parent
from mle_smith.values import Value

Choice = Literal["auto", "docker", "process"]


class Fact(Value):
    """One thing that the sandbox needs, whether it is here, and how to get it."""

    name: str
    ok: bool
    state: str
    next_step: str = ""
    """What to do where it is not here; empty where nothing is to be done."""


def open_sandbox(
    kind: Choice = "auto",
    *,
    progress: Callable[[str], None] | None = None,
    max_jobs: int | None = None,
    warm: bool = False,
    jobs: int | None = None,
) -> Sandbox:
    """Open a sandbox.

    Args:
        kind: `auto` takes Docker where an engine answers within two seconds and the image is there
            or can be built, else the process sandbox.
        progress: is told what is built, and why Docker was passed over.
        max_jobs: jobs at once; further ones wait.
        warm: small jobs are to come: have containers wait for them, if it is Docker.
        jobs: how many, where it is known.

    Raises:
        SandboxUnavailableError: that kind cannot run here; the message names the next step.
    """
    tell = progress or _silent
    if kind == "process":
        return ProcessSandbox(max_jobs=max_jobs)
    try:
        return _open_docker(tell, max_jobs, warm, jobs)
    except SandboxUnavailableError as no_docker:
        if kind == "docker":
            raise
        tell(f"no Docker sandbox: {no_docker}")
        try:
            return ProcessSandbox(max_jobs=max_jobs)
        except SandboxUnavailableError as no_process:
            raise SandboxUnavailableError(
                f"No sandbox can run here. Docker: {no_docker} Processes: {no_process}",
                code="sandbox.none",
            ) from no_process


def doctor() -> list[Fact]:
    """What there is here for sandboxes, the best first, each with the next step."""
    engine, sandbox_image = _docker_facts()
    return [engine, sandbox_image, _process_fact()]


def _open_docker(
    tell: Callable[[str], None], max_jobs: int | None, warm: bool, jobs: int | None
) -> DockerSandbox:
    with closing(connect()) as client:
        present = image.status(client).present
    if not present:
        tell("the sandbox image is not there yet: building it, once")
        image.build(tell)
    size = default_size() if warm else 0
    sandbox = DockerSandbox(max_jobs=max_jobs, warm=size, jobs=jobs)
    for _ in range(min(size, jobs or 1)):
        sandbox.pool.want(Job(role=Role.PREPARE, code="import pandas"))
    return sandbox


def _docker_facts() -> tuple[Fact, Fact]:
    name = "sandbox image"
    try:
        client = connect()
    except SandboxUnavailableError as error:
        start = "install Docker and start it (on Debian or Ubuntu as root: apt-get install "
        start += "docker.io; systemctl start docker), and let your user reach its socket"
        return (
            Fact(name="docker engine", ok=False, state=str(error), next_step=start),
            Fact(name=name, ok=False, state="needs the engine", next_step="start the engine"),
        )
    with closing(client):
        version = client.version()
        engine = Fact(
            name="docker engine",
            ok=True,
            state=f"version {version['Version']}, API {version['ApiVersion']}",
        )
        found = image.status(client)
    if found.present:
        return engine, Fact(name=name, ok=True, state=f"{found.tag}, {found.size_mb} MB")
    step = "mle-smith sandbox build"
    step += " (its parts are cached: some seconds)" if found.cached else " (about a minute)"
    return engine, Fact(name=name, ok=False, state=f"{found.tag} is not there", next_step=step)


def _process_fact() -> Fact:
    name = "process isolation"
    with throwaway_parent() as parent:
        try:
            sandbox = ProcessSandbox(scratch_parent=parent)
        except SandboxUnavailableError as error:
            step = "use Docker, or a Linux kernel from 5.13 on with Landlock enabled"
            return Fact(name=name, ok=False, state=str(error), next_step=step)
        with closing(sandbox):
            held = sandbox.capabilities().isolation.removeprefix("process: ")
            state = f"level {sandbox.level}, Python {sys.version.split()[0]}: {held}"
    return Fact(name=name, ok=True, state=state)


def _silent(_: str) -> None:
    return None
