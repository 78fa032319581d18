"""What sandboxes of dead processes left on this machine: finding it, and removing it.

Only what carries the mark of this user's sandboxes (`deployment`) and whose maker is known to be
dead, or cannot be known here and is past its deadline, is touched.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import docker

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox import cgroup
from mle_smith.sandbox.engine import connect
from mle_smith.sandbox.janitor import remove_container
from mle_smith.sandbox.mounts import mounts_below
from mle_smith.sandbox.owner import is_alive, is_dead, parse_owner
from mle_smith.sandbox.scratch import default_parent, deployment_of, leftovers, remove_tree
from mle_smith.values import Value


class Leftovers(Value):
    """Things that nobody needs any more."""

    containers: tuple[str, ...] = ()
    """Their ids."""
    groups: tuple[Path, ...] = ()
    """Control groups, with the processes in them."""
    mounts: tuple[Path, ...] = ()
    """Mount points in `folders`."""
    folders: tuple[Path, ...] = ()
    engine: bool = True
    """An engine answered; where none did, containers are not known."""

    @property
    def count(self) -> int:
        """How many things."""
        return len(self.containers) + len(self.groups) + len(self.mounts) + len(self.folders)


def find(parent: Path | None = None) -> Leftovers:
    """What is left of sandboxes whose folders lie in `parent` (default: where they usually do)."""
    place = parent or default_parent()
    containers: tuple[str, ...] | None = None
    try:
        with closing(connect()) as client:
            containers = _containers(client, deployment_of(place))
    except SandboxUnavailableError:
        pass  # Without an engine there is none to be found.
    folders = tuple(leftovers(place))
    return Leftovers(
        containers=containers or (),
        groups=tuple(cgroup.leftovers(deployment_of(place))),
        mounts=tuple(point for folder in folders for point in mounts_below(folder)),
        folders=folders,
        engine=containers is not None,
    )


def remove(parent: Path | None = None) -> Leftovers:
    """Remove what `find` finds; what that was."""
    place = parent or default_parent()
    found = find(place)
    if found.containers:
        with closing(connect()) as client:
            for container in found.containers:
                remove_container(client, container)
    swept = cgroup.sweep(deployment_of(place))
    for folder in found.folders:
        remove_tree(folder)
    return found.model_copy(update={"groups": tuple(swept)})


def _containers(client: docker.DockerClient, deployment: str) -> tuple[str, ...]:
    wanted = {"label": ["mle.sandbox=1", f"mle.deployment={deployment}"]}
    found = client.api.containers(all=True, filters=wanted)
    return tuple(str(one["Id"]) for one in found if _is_left(one["Labels"]))


def _is_left(labels: dict[str, str]) -> bool:
    owner = parse_owner(labels.get("mle.owner", ""))
    if owner is None or is_dead(owner):
        return True
    return not is_alive(owner) and float(labels.get("mle.deadline", "0")) < time.time()
