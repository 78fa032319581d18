"""One sandbox for all threads of this process, opened at first use and closed at its end."""

from __future__ import annotations

import atexit
import functools

from mle_smith.sandbox.choose import open_sandbox
from mle_smith.sandbox.job import Sandbox
from mle_smith.settings import Settings


def shared_sandbox(settings: Settings) -> Sandbox:
    """The sandbox of these settings.

    Raises:
        SandboxUnavailableError: none can run here.
        UsageError: a language model's code would run without Docker, and nobody agreed to it.
    """
    return _open(settings.sandbox)


@functools.cache
def _open(kind: str) -> Sandbox:
    sandbox = open_sandbox(kind)
    atexit.register(sandbox.close)
    return sandbox
