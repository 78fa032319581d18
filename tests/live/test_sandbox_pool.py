"""Containers that wait for jobs, on a real engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.engine import connect
from mle_smith.sandbox.job import Job, Limits, Mount, Role, Status
from tests.support.sandboxes import AlwaysWarm

pytestmark = pytest.mark.docker


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    with closing(connect()) as connection:
        yield connection


def job(code: str, **settings: object) -> Job:
    return Job.model_validate({"role": Role.SOLVE, "code": code, **settings})


def waiting(client: docker.DockerClient, sandbox: DockerSandbox) -> list[str]:
    labels = ["mle.role=waiting", f"mle.instance={sandbox._scratch.identity}"]
    return [one["Id"] for one in client.api.containers(filters={"label": labels})]


@pytest.fixture
def sandbox(docker_sandbox: DockerSandbox, tmp_path: Path) -> Iterator[DockerSandbox]:
    with closing(DockerSandbox(scratch_parent=tmp_path, warm=1)) as opened:
        yield opened
    assert list(tmp_path.iterdir()) == []


def test_a_container_serves_one_job(warm_sandbox: AlwaysWarm) -> None:
    """What a job leaves in its folders, its libraries and its processes, the next does not find."""
    leave = """
import os, subprocess, sys, pandas
pandas.left = "here"
for place in (os.getcwd(), os.environ["TMPDIR"], os.environ["MLE_OUT"], "/dev/shm"):
    open(place + "/left", "w").write("here")
print("left")
"""
    find = """
import os, pandas
print(hasattr(pandas, "left"))
print([place for place in (os.getcwd(), os.environ["TMPDIR"], os.environ["MLE_OUT"], "/dev/shm")
       if os.path.exists(place + "/left")])
print(len([name for name in os.listdir("/proc") if name.isdigit()]) < 8)
"""
    assert warm_sandbox.run(job(leave)).stdout == "left\n"
    assert warm_sandbox.run(job(find)).stdout == "False\n[]\nTrue\n"


def test_its_libraries_are_there_and_nothing_of_the_waiting_shows(warm_sandbox: AlwaysWarm) -> None:
    code = """
import sys
print("pandas" in sys.modules, sys.argv[1:], __name__, sys.stdin.read() == "", sys.path[0])
"""
    result = warm_sandbox.run(job(code, args=("a b",)))
    assert result.stdout == "True ['a b'] __main__ True /work\n"
    assert result.stderr == ""


def test_one_that_died_while_it_waited_is_not_held_against_the_job(
    client: docker.DockerClient, sandbox: DockerSandbox
) -> None:
    assert AlwaysWarm(sandbox).run(job("pass")).ok
    simple = job("print('ran')")
    while not sandbox.pool.has(simple):
        time.sleep(0.02)
    for container in waiting(client, sandbox):
        client.api.kill(container)
    result = sandbox.run(simple)
    assert (result.status, result.stdout) == (Status.OK, "ran\n")


def test_the_job_is_ended_by_the_kernel_where_nobody_else_does(warm_sandbox: AlwaysWarm) -> None:
    """The timer that the runner sets is real: /proc shows it, with the signal it sends."""
    code = "print(open('/proc/self/timers').read())"
    timers = warm_sandbox.run(job(code, limits=Limits(wall_s=30, memory_mb=512))).stdout
    assert "signal: 9/" in timers


def test_other_needs_start_cold(client: docker.DockerClient, sandbox: DockerSandbox) -> None:
    assert AlwaysWarm(sandbox).run(job("pass")).ok
    code = "import os, sys; print('pandas' in sys.modules, hash('a'))"
    one, other = (
        sandbox.run(job(code, env={"PYTHONHASHSEED": seed})).stdout.split() for seed in "12"
    )
    assert one[0] == other[0] == "False"
    assert one[1] != other[1]


def test_what_is_shown_later_is_as_read_only_as_what_is_there_from_the_start(
    warm_sandbox: AlwaysWarm, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    table = tmp_path / "data" / "a.csv"
    table.write_text("x\n")
    for path in (table, table.parent):
        path.chmod(0o777)
    code = """
import os
for attempt in (lambda: open("/in/data/a.csv", "a"), lambda: open("/in/data/b", "w"),
                lambda: os.chmod("/in/data/a.csv", 0o700), lambda: os.unlink("/in/data/a.csv"),
                lambda: os.mkdir("/in/b")):
    try:
        attempt()
        print("could")
    except OSError:
        pass
print(open("/in/data/a.csv").read(), end="")
"""
    mount = Mount(source=tmp_path / "data", target="/in/data")
    assert warm_sandbox.run(job(code, mounts=(mount,))).stdout == "x\n"
    assert table.read_text() == "x\n"


def test_no_more_wait_than_jobs_are_to_come(docker_sandbox: DockerSandbox, tmp_path: Path) -> None:
    shows = job("import sys; print('pandas' in sys.modules)")
    with closing(DockerSandbox(scratch_parent=tmp_path, warm=3, jobs=2)) as sandbox:
        for _ in range(2):
            sandbox.pool.want(shows)
        while not sandbox.pool.has(shows):
            time.sleep(0.02)
        found = [sandbox.run(shows).stdout for _ in range(3)]
    assert found == ["True\n", "True\n", "False\n"]
