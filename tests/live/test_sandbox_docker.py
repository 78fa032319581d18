"""The Docker backend on a real engine: its settings, its leftovers, its faults."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox import container_run, image, recipe
from mle_smith.sandbox.choose import doctor, open_sandbox
from mle_smith.sandbox.container_run import Wire
from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.engine import connect
from mle_smith.sandbox.janitor import reap
from mle_smith.sandbox.job import Job, Limits, Mount, Role, Status
from mle_smith.sandbox.owner import current_owner

pytestmark = pytest.mark.docker


@pytest.fixture
def client(docker_sandbox: DockerSandbox) -> Iterator[docker.DockerClient]:
    with closing(connect()) as connection:
        yield connection


def containers(client: docker.DockerClient, deployment: str) -> list[dict[str, Any]]:
    wanted = {"label": f"mle.deployment={deployment}"}
    found: list[dict[str, Any]] = client.api.containers(all=True, filters=wanted)
    return found


def wait_for_container(client: docker.DockerClient, deployment: str) -> dict[str, Any]:
    for _ in range(100):
        running = [one for one in containers(client, deployment) if one["State"] == "running"]
        if running:
            state: dict[str, Any] = client.api.inspect_container(running[0]["Id"])
            return state
        time.sleep(0.1)
    raise AssertionError("no container came up")


@pytest.mark.attack(
    "rights",
    "settings of the container as the engine sees them",
    "every limit set, no right given",
)
def test_settings_that_hold_the_code(
    client: docker.DockerClient, tmp_path: Path, scratch: Path
) -> None:
    (tmp_path / "data").mkdir()
    mount = Mount(source=tmp_path / "data", target="/in/data")
    limits = Limits(wall_s=30, memory_mb=128, pids=20, cpus=0.5)
    job = Job(
        role=Role.SOLVE,
        code="import time; time.sleep(3)",
        mounts=(mount,),
        limits=limits,
    )
    with closing(DockerSandbox(scratch_parent=scratch)) as sandbox:
        thread = threading.Thread(target=sandbox.run, args=(job,))
        thread.start()
        seen = wait_for_container(client, sandbox._scratch.deployment)
        thread.join()
    assert containers(client, sandbox._scratch.deployment) == []
    host = seen["HostConfig"]
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["CapDrop"]) == ("none", True, ["ALL"])
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (2**27, 2**27, 20)
    assert (host["NanoCpus"], host["IpcMode"], host["Privileged"]) == (5 * 10**8, "private", False)
    assert "no-new-privileges" in host["SecurityOpt"]
    assert any(option.startswith("seccomp={") for option in host["SecurityOpt"])
    assert host["LogConfig"]["Type"] == "none"
    assert seen["Config"]["User"].split(":")[0] != "0"
    writable = [one["Destination"] for one in seen["Mounts"] if one["RW"]]
    assert writable == ["/out"]
    assert seen["Config"]["Labels"]["mle.role"] == "solve"


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


ORPHAN = """
import sys
from pathlib import Path
from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.job import Job, Limits, Role
sandbox = DockerSandbox(scratch_parent=Path(sys.argv[1]))
job = Job(role=Role.SOLVE, code="import time; time.sleep(600)", limits=Limits(wall_s=1000))
sandbox.run(job)
"""


@pytest.mark.attack(
    "life-cycle",
    "the orchestrator is killed (containers)",
    "the container ends by its own limit, or the next sandbox removes it with its folders",
)
def test_what_a_killed_process_leaves_is_reaped(client: docker.DockerClient, scratch: Path) -> None:
    with closing(DockerSandbox(scratch_parent=scratch)) as living:
        deployment = living._scratch.deployment
        with subprocess.Popen([sys.executable, "-c", ORPHAN, str(scratch)]) as orphan:
            wait_for_container(client, deployment)
            assert reap(client, deployment) == [], "its owner lives"
            os.kill(orphan.pid, signal.SIGKILL)
        assert len(containers(client, deployment)) == 1
        assert len(list(scratch.iterdir())) == 2
        with closing(DockerSandbox(scratch_parent=scratch)):
            assert containers(client, deployment) == []
            assert living.run(Job(role=Role.SOLVE, code="pass")).ok
    assert list(scratch.iterdir()) == []
    assert str(scratch) not in Path("/proc/self/mountinfo").read_text()


def test_an_end_is_seen_before_the_engine_sends_word(
    docker_sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word is asked for only where a container was killed."""
    asked: list[Wire] = []
    answer = Wire.exit_code

    def ask(wire: Wire) -> int:
        asked.append(wire)
        return answer(wire)

    monkeypatch.setattr(Wire, "exit_code", ask)
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    result = docker_sandbox.run(Job(role=Role.SOLVE, code=code))
    assert (result.exit_code, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert asked == []
    endless = Job(role=Role.SOLVE, code="while True: pass", limits=Limits(wall_s=1))
    assert docker_sandbox.run(endless).status is Status.TIMEOUT
    assert len(asked) == 1


def test_an_engine_that_counts_other_processes_is_waited_for(
    docker_sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_run, "first_process", lambda _pid, _container: None)
    result = docker_sandbox.run(Job(role=Role.SOLVE, code="print('out'); raise SystemExit(3)"))
    assert (result.status, result.exit_code) == (Status.NONZERO, 3)
    assert (result.stdout, result.stderr, result.oom_seen) == ("out\n", "", False)


@pytest.mark.attack(
    "output",
    "flood the engine again and again",
    "output_limit each time, the engine answers",
)
def test_a_flood_of_output_never_wedges_the_engine(docker_sandbox: DockerSandbox) -> None:
    """The engine waits for its readers: who kills without hanging up first may wait with it."""
    code = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    job = Job(role=Role.SOLVE, code=code, limits=Limits(wall_s=30, stdout_bytes=1000))
    for _ in range(6):
        result = docker_sandbox.run(job)
        assert (result.status, len(result.stdout)) == (Status.OUTPUT_LIMIT, 1000)
        assert result.wall_s < 10


@pytest.mark.attack(
    "life-cycle",
    "clear up beside others",
    "containers of other deployments and of live owners stay",
)
def test_closing_one_sandbox_leaves_the_jobs_of_another(
    client: docker.DockerClient, scratch: Path
) -> None:
    answers: list[Status] = []
    job = Job(role=Role.SOLVE, code="import time; time.sleep(2)")
    with closing(DockerSandbox(scratch_parent=scratch)) as busy:
        thread = threading.Thread(target=lambda: answers.append(busy.run(job).status))
        thread.start()
        wait_for_container(client, busy._scratch.deployment)
        DockerSandbox(scratch_parent=scratch).close()
        thread.join()
    assert answers == [Status.OK]


@pytest.mark.attack(
    "life-cycle",
    "clear up beside others",
    "containers of other deployments and of live owners stay",
)
def test_reaping_leaves_other_deployments_alone(
    client: docker.DockerClient, docker_sandbox: DockerSandbox
) -> None:
    labels = {"mle.sandbox": "1", "mle.owner": "x.1.1", "mle.deadline": "0"}
    made = [
        client.api.create_container(
            docker_sandbox.image,
            ["true"],
            labels={**labels, "mle.deployment": name},
            host_config=client.api.create_host_config(network_mode="none"),
        )["Id"]
        for name in ("test-mine", "test-other")
    ]
    try:
        assert reap(client, "test-mine") == made[:1]
        assert len(containers(client, "test-other")) == 1
    finally:
        reap(client, "test-other")
    assert containers(client, "test-other") == []


@pytest.mark.attack(
    "life-cycle",
    "the orchestrator is killed (containers)",
    "the container ends by its own limit, or the next sandbox removes it with its folders",
)
def test_a_container_ends_where_nobody_is_left_to_end_it(
    client: docker.DockerClient, docker_sandbox: DockerSandbox
) -> None:
    job = Job(role=Role.SOLVE, code="pass", limits=Limits(wall_s=1))
    labels = docker_sandbox._labels(job.limits.wall_s, job.role)
    assert float(labels["mle.deadline"]) > time.time()
    assert labels["mle.owner"] == str(current_owner())
    command = ["timeout", "-s", "KILL", "1", "python3", "-c", "while True: pass"]
    host = client.api.create_host_config(network_mode="none", init=True)
    container = client.api.create_container(docker_sandbox.image, command, host_config=host)["Id"]
    try:
        client.api.start(container)
        assert client.api.wait(container, timeout=30)["StatusCode"] == 137
    finally:
        client.api.remove_container(container, force=True)


@pytest.mark.attack(
    "life-cycle",
    "the engine hangs up",
    "infra_error after one retry, never the code's failure",
)
def test_an_engine_that_breaks_down_is_no_fault_of_the_code(scratch: Path) -> None:
    """The job's connection leads to something that hangs up at each request, as a dying engine."""
    calls: list[int] = []

    def hang_up(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            calls.append(1)
            connection.close()

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(scratch.parent / "engine.sock"))
        server.listen()
        threading.Thread(target=hang_up, args=(server,), daemon=True).start()
        dying = f"unix://{scratch.parent}/engine.sock"
        factories = [connect, *[lambda: docker.DockerClient(dying, version="1.41")] * 3]
        sandbox = DockerSandbox(client_factory=lambda: factories.pop(0)(), scratch_parent=scratch)
        with closing(sandbox):
            sandbox._idle.get_nowait().close()
            result = sandbox.run(Job(role=Role.SOLVE, code="pass"))
            assert result.status is Status.INFRA_ERROR
            assert result.stderr.startswith("sandbox: ")
            assert (len(factories), len(calls)) == (1, 2), "tried twice"
            factories[:] = [connect] * 4  # One for the job, others for who removes what it leaves.
            assert sandbox.run(Job(role=Role.SOLVE, code="pass")).ok
        server.shutdown(socket.SHUT_RDWR)
    assert list(scratch.iterdir()) == []


def test_calls_of_a_local_engine_do_not_read_the_environment(
    docker_sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading it for proxies fails while another thread sets a variable, and ends the janitor."""

    def changed(*_: object, **__: object) -> dict[str, str]:
        raise KeyError("a variable that was removed meanwhile")

    with closing(connect()) as client:
        monkeypatch.setattr("requests.utils.getproxies", changed)
        assert client.ping()


@pytest.mark.attack(
    "life-cycle",
    "the image is not there",
    "a clear error that names the next step; nothing is pulled",
)
def test_missing_image_is_said(docker_sandbox: DockerSandbox, scratch: Path) -> None:
    with pytest.raises(SandboxUnavailableError, match="mle-smith sandbox build"):
        DockerSandbox("mle-smith-sandbox:never-built", scratch_parent=scratch)


def test_a_second_build_does_nothing(docker_sandbox: DockerSandbox) -> None:
    steps: list[str] = []
    built = image.build(steps.append)
    assert (built.method, built.tag, steps) == ("present", recipe.default_image(), [])
    assert built.seconds < 5


@pytest.mark.attack("rights", "look for programs with the set-user-id bit", "none in the image")
def test_image_has_no_setuid_program_and_compiled_libraries(
    docker_sandbox: DockerSandbox,
) -> None:
    code = """
import importlib.util, os, stat
for top in ("/usr", "/bin", "/sbin", "/opt"):
    for root, _, files in os.walk(top):
        for name in files:
            mode = os.lstat(os.path.join(root, name)).st_mode
            if stat.S_ISREG(mode) and mode & 0o6000:
                print(root, name)
for name in ("pandas", "numpy", "sklearn", "scipy", "lightgbm", "pyarrow", "openpyxl", "PIL"):
    origin = importlib.util.find_spec(name).origin
    if not os.path.exists(importlib.util.cache_from_source(origin)):
        print("not compiled:", origin)
print("done")
"""
    result = docker_sandbox.run(Job(role=Role.SOLVE, code=code))
    assert result.stdout == "done\n", result.stderr


def test_auto_takes_docker(docker_sandbox: DockerSandbox) -> None:
    with closing(open_sandbox("auto")) as sandbox:
        assert sandbox.capabilities().backend == "docker"
    assert [fact.ok for fact in doctor()[:2]] == [True, True]


@pytest.mark.attack(
    "life-cycle",
    "twenty jobs at once",
    "twenty right results; no container, folder, mount or descriptor left",
)
def test_twenty_jobs_at_once_leave_nothing(client: docker.DockerClient, scratch: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    answers: dict[int, str] = {}
    with closing(DockerSandbox(scratch_parent=scratch)) as sandbox:
        deployment = sandbox._scratch.deployment

        def one(number: int) -> None:
            job = Job(role=Role.SOLVE, code="import sys; print(sys.argv[1])", args=(str(number),))
            answers[number] = sandbox.run(job).stdout

        threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {number: f"{number}\n" for number in range(20)}
    assert containers(client, deployment) == []
    assert list(scratch.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


@pytest.mark.attack("life-cycle", "there is no engine", "a clear error within two seconds")
def test_no_engine_is_said_within_seconds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(SandboxUnavailableError, match="No Docker engine"):
        open_sandbox("docker")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "none.sock"))
        silent.listen()
        started = time.monotonic()
        with closing(open_sandbox("auto")) as sandbox:
            assert sandbox.capabilities().backend == "process"
        assert time.monotonic() - started < 10
