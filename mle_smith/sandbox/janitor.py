"""Removes what is over: dead containers behind the back of who used them, leftovers now and then.

Removing takes the engine longer than a small job takes, so nobody waits for it.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import docker
from docker.errors import APIError, NotFound

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox.engine import FAULTS
from mle_smith.sandbox.owner import is_dead, parse_owner
from mle_smith.sandbox.scratch import remove_tree

ROUND_S = 60
_RETRY_S = 2
_REMOVAL_S = 10
_ATTEMPTS = 5

Connection = Callable[[], AbstractContextManager[docker.DockerClient]]


class Leftover(NamedTuple):
    """What a job leaves."""

    container: str | None
    folder: Path


class Janitor:
    """A thread that removes what it is handed, and makes rounds. Safe to share between threads."""

    def __init__(self, connection: Connection, rounds: Callable[[], None]) -> None:
        """Start work.

        Args:
            connection: lends a connection to the engine.
            rounds: is called about every minute; must not raise.
        """
        self._connection = connection
        self._rounds = rounds
        self._waiting: queue.Queue[Leftover | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="sandbox-janitor", daemon=True)
        self._thread.start()

    def take(self, container: str | None, folder: Path) -> None:
        """Have a container (killed if need be) and then its folder removed."""
        self._waiting.put(Leftover(container, folder))

    def close(self) -> None:
        """Return when all that was handed over is gone, or cannot be removed."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        next_round = time.monotonic() + ROUND_S
        while True:
            try:
                leftover = self._waiting.get(timeout=max(0.0, next_round - time.monotonic()))
            except queue.Empty:
                self._rounds()
                next_round = time.monotonic() + ROUND_S
                continue
            if leftover is None:
                return
            self._remove(leftover)

    def _remove(self, leftover: Leftover) -> None:
        """Remove it, patiently while the engine is away. A later round has what is left."""
        for _ in range(_ATTEMPTS):
            try:
                if leftover.container is not None:
                    with self._connection() as client:
                        remove_container(client, leftover.container)
                remove_tree(leftover.folder)
            except (*FAULTS, SandboxUnavailableError):
                time.sleep(_RETRY_S)
            else:
                return


def reap(client: docker.DockerClient, deployment: str, instance: str | None = None) -> list[str]:
    """Remove containers of `deployment` that nobody waits for any more; their ids.

    Those are the ones past their deadline, of a dead process, or of the sandbox `instance`.
    """
    gone = []
    usual, client.api.timeout = client.api.timeout, _REMOVAL_S
    wanted = {"label": ["mle.sandbox=1", f"mle.deployment={deployment}"]}
    for found in client.api.containers(all=True, filters=wanted):
        labels = found["Labels"]
        made_by = parse_owner(labels.get("mle.owner", ""))
        late = float(labels.get("mle.deadline", "0")) < time.time()
        mine = instance is not None and labels.get("mle.instance") == instance
        if late or mine or made_by is None or is_dead(made_by):
            with contextlib.suppress(*FAULTS):  # One that hangs must not keep the others.
                remove_container(client, found["Id"])
                gone.append(str(found["Id"]))
    client.api.timeout = usual
    return gone


def remove_container(client: docker.DockerClient, container: str) -> None:
    """Kill and remove a container with its volumes; one that is gone is no fault."""
    try:
        client.api.remove_container(container, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # 409: somebody else is removing it.
            raise
