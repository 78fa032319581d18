"""Which sandbox a run's code goes to, and whether it is enough for whoever wrote that code."""

from __future__ import annotations

import atexit
import functools
from typing import Literal

from mle_smith.errors import UsageError
from mle_smith.models.load import EMBEDDED
from mle_smith.models.roles import AgentRole
from mle_smith.sandbox.choose import open_sandbox
from mle_smith.sandbox.job import Sandbox
from mle_smith.settings import Settings


def sandbox_for(settings: Settings) -> Sandbox:
    """The one sandbox of these settings for all threads, opened at first use.

    Raises:
        SandboxUnavailableError: none can run here.
        UsageError: a language model's code would run without Docker, and nobody agreed to it.
    """
    sandbox = _shared(settings.sandbox)
    foreign = sorted({settings.model_of(role) for role in AgentRole} - {EMBEDDED})
    weak = sandbox.capabilities().backend != "docker"
    if foreign and weak and not settings.accept_weaker_isolation:
        raise UsageError(
            f"code written by {foreign[0]} would run without Docker: start Docker "
            "(`mle-smith doctor` says how), or agree with --i-accept-weaker-isolation",
            code="sandbox.too_weak",
        )
    return sandbox


@functools.cache
def _shared(kind: Literal["auto", "docker", "process"]) -> Sandbox:
    sandbox = open_sandbox(kind, warm=True)
    atexit.register(sandbox.close)
    return sandbox
