"""Running small programs in any sandbox."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.job import Capabilities, Job, Limits, Result, Role, Sandbox
from mle_smith.sandbox.pool import kind_of

SMALL = Limits(wall_s=20, memory_mb=512, tmp_mb=16, out_mb=16)


def run(sandbox: Sandbox, code: str, out: Path | None = None, **settings: Any) -> Result:
    settings.setdefault("role", Role.SOLVE)
    settings.setdefault("limits", SMALL)
    return sandbox.run(Job(code=code, **settings), out)


class AlwaysWarm:
    """A Docker sandbox that has a container waiting for each job that one can wait for."""

    def __init__(self, sandbox: DockerSandbox) -> None:
        self._sandbox = sandbox

    def capabilities(self) -> Capabilities:
        return self._sandbox.capabilities()

    def run(self, job: Job, out: Path | None = None) -> Result:
        pool = self._sandbox.pool
        pool.want(job)
        deadline = time.monotonic() + 60
        while kind_of(job) is not None and not pool.has(job):
            assert time.monotonic() < deadline, "no container came to wait"
            time.sleep(0.02)
        return self._sandbox.run(job, out)

    def close(self) -> None:
        self._sandbox.close()


def folder(parent: Path, name: str) -> Path:
    path = parent / name
    path.mkdir()
    return path
