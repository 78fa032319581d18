"""Jobs, their orchestrator and the engine are killed at random; every job has one true outcome."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import docker
import pytest

from mle_smith.sandbox.mounts import mounts_below
from mle_smith.sandbox.recipe import default_image
from tests.support import chaos
from tests.support.engine import Engine

pytestmark = [pytest.mark.docker, pytest.mark.live]


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine whose containers die with it (no live-restore): the harder case."""
    if not Engine.possible():
        if os.environ.get("MLE_REQUIRE_DOCKER") == "1":
            pytest.fail("an engine of one's own needs root and dockerd")
        pytest.skip("an engine of one's own needs root and dockerd")
    engine = Engine()
    try:
        engine.start()
        engine.load(default_image())
        yield engine
    finally:
        engine.remove()


def kill_a_job(client: docker.DockerClient, chance: random.Random) -> int | None:
    """Kill a container in which a job has begun; which job it was."""
    found = client.api.containers(filters={"label": "mle.role=solve"})
    chance.shuffle(found)
    for one in found:
        mounts = client.api.inspect_container(one["Id"])["Mounts"]
        out = next(mount["Source"] for mount in mounts if mount["Destination"] == "/out")
        with suppress(OSError, ValueError):
            number = int((Path(out) / chaos.MARK).read_text())
            client.api.kill(one["Id"])
            return number
    return None


@pytest.mark.attack(
    "life-cycle",
    "the engine is stopped in the middle of a job",
    "resumed or infra_error, never the code's failure",
)
def test_every_job_has_one_true_outcome_whoever_is_killed(engine: Engine, tmp_path: Path) -> None:
    ledger, scratch = tmp_path / "ledger", tmp_path / "scratch"
    scratch.mkdir()
    tmp_path.chmod(0o711)
    chance = random.Random(20261124)
    killed: set[int] = set()
    command = [sys.executable, "-m", "tests.support.chaos", str(ledger), str(scratch)]

    def begin() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env={**os.environ, "DOCKER_HOST": engine.address})

    steps = ["job"] * 14 + ["orchestrator"] * 2 + ["engine"]
    chance.shuffle(steps)
    orchestrator = begin()
    try:
        for position, step in enumerate(steps):
            # Spread over the work: each step at its share of it.
            while len(chaos.finished(ledger)) < position * chaos.JOBS * 0.9 / len(steps):
                assert orchestrator.poll() is None
                time.sleep(0.05)
            if step == "job":
                with closing(engine.client()) as client, suppress(docker.errors.APIError):
                    number = kill_a_job(client, chance)
                    killed |= set() if number is None else {number}
            elif step == "orchestrator":
                orchestrator.kill()
                orchestrator.wait()
                orchestrator = begin()
            else:
                engine.stop()
                engine.start()
        assert orchestrator.wait(240) == 0
    finally:
        orchestrator.kill()
        orchestrator.wait()

    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    outcomes = [line for line in lines if line["job"] >= 0]
    assert sorted(line["job"] for line in outcomes) == list(range(chaos.JOBS))
    for line in outcomes:
        expected = chaos.expected(line["job"])
        seen = {name: line[name] for name in expected}
        if line["job"] in killed and line["status"] == "killed":
            continue
        assert seen == expected, line
        assert line["mark"] in {str(line["job"]), None}
    assert len(killed) >= 5
    assert [line["descriptors"] for line in lines if line["job"] == -1] == [0]
    with closing(engine.client()) as client:
        assert client.api.containers(all=True, filters={"label": "mle.sandbox"}) == []
    assert list(scratch.iterdir()) == []
    assert mounts_below(scratch) == []
