"""What dead sandboxes leave is found and removed; what is alive or another's is not touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from mle_smith.sandbox import cgroup, leftovers
from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.engine import connect
from mle_smith.sandbox.janitor import remove_container
from mle_smith.sandbox.mounts import mounts_below
from mle_smith.sandbox.owner import current_owner
from mle_smith.sandbox.scratch import deployment_of, remove_tree

LEAVE = """
import os
from mle_smith.sandbox import cgroup
from mle_smith.sandbox.mounts import mount_tmpfs
from mle_smith.sandbox.scratch import Scratch
scratch = Scratch()
(scratch.new() / "file").write_text("x")
parents = cgroup.own_parents(scratch.deployment)
if parents:
    cgroup.Group(parents, scratch.deployment, memory=2**26, pids=4)
try:
    mount_tmpfs(scratch.new(), 1, 10, 0)
except OSError:
    print("may not mount")
os._exit(0)
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Where the sandboxes of TMPDIR have their folders; a process died there."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", LEAVE], check=True, env=environment)
    (parent,) = tmp_path.iterdir()
    yield parent
    cgroup.sweep(deployment_of(parent))
    remove_tree(parent)


def command(place: Path, *words: str) -> dict[str, Any]:
    environment = {**os.environ, "TMPDIR": str(place.parent)}
    line = [sys.executable, "-m", "cli.main", "sandbox", *words, "--json"]
    done = subprocess.run(line, check=True, env=environment, stdout=subprocess.PIPE)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_what_the_dead_left_goes_and_the_rest_stays(place: Path) -> None:
    alive = place / f"{current_owner()}.00"
    alive.mkdir()
    (place / "unrelated").mkdir()
    found = leftovers.find(place)
    assert len(found.folders) == 1
    assert bool(found.groups) == (cgroup.own_parents("test") is not None)
    assert leftovers.find(place) == found, "looking changes nothing"
    assert leftovers.remove(place) == found
    assert {path.name for path in place.iterdir()} == {alive.name, "unrelated"}
    assert mounts_below(place) == []
    assert not any(group.exists() for group in found.groups)
    assert leftovers.remove(place).count == 0


def test_the_command_line_tells_of_leftovers_and_removes_them(place: Path) -> None:
    state = command(place, "status")
    assert len(state["leftovers"]["folders"]) == 1
    assert "mle-smith sandbox clean" in state["next_steps"]
    assert state["process"]["ok"] or state["process"]["next_step"]
    assert state["auto"] in {"docker", "process"}
    removed = command(place, "clean")
    assert removed["folders"] == state["leftovers"]["folders"]
    assert removed["groups"] == state["leftovers"]["groups"]
    assert not any(Path(path).exists() for path in removed["folders"] + removed["groups"])
    left = command(place, "status")
    assert left["leftovers"]["folders"] == []
    assert "mle-smith sandbox clean" not in left["next_steps"]


@pytest.mark.docker
def test_containers_in_use_are_not_touched(docker_sandbox: DockerSandbox, tmp_path: Path) -> None:
    boot, pid, started = current_owner()
    elsewhere = f"{boot.split('-')[0]}-1.{pid}.{started}"
    dead, alive = f"{boot}.{pid}.{started + 1}", str(current_owner())
    past, future = "1", str(int(time.time()) + 600)
    mine = deployment_of(tmp_path)
    with closing(connect()) as client:
        made = {
            name: _container(client, docker_sandbox.image, deployment, owner, deadline)
            for name, deployment, owner, deadline in (
                ("dead", mine, dead, future),
                ("no owner", mine, "?", future),
                ("unknown and late", mine, elsewhere, past),
                ("unknown", mine, elsewhere, future),
                ("alive and late", mine, alive, past),
                ("another's", "test-other", dead, past),
            )
        }
        try:
            gone = leftovers.remove(tmp_path).containers
            names = {name for name, container in made.items() if container in gone}
            assert names == {"dead", "no owner", "unknown and late"}
            left = {one["Id"] for one in client.api.containers(all=True)}
            assert {name for name, container in made.items() if container in left} == {
                *("unknown", "alive and late", "another's")
            }
        finally:
            for container in made.values():
                remove_container(client, container)


def _container(
    client: docker.DockerClient, image: str, deployment: str, owner: str, deadline: str
) -> str:
    labels = {"mle.sandbox": "1", "mle.deployment": deployment}
    labels |= {"mle.owner": owner, "mle.deadline": deadline}
    host = client.api.create_host_config(network_mode="none")
    return str(client.api.create_container(image, ["true"], labels=labels, host_config=host)["Id"])
