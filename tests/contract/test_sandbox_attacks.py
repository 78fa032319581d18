"""What no program may do, see or spoil in any sandbox, however hard it tries.

The attacks themselves are in `tests/support/attacks`, a file a topic. `make attacks` shows them as
a table of what was expected and what each kind of sandbox did.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mle_smith.errors import UsageError
from mle_smith.package.grade import Grade, grade
from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.engine import connect
from mle_smith.sandbox.job import Limits, Mount, Role, Sandbox
from tests.support.attacks.case import Attack, Site
from tests.support.attacks.company import Trial, carry_out_together
from tests.support.attacks.host import a_name, a_package, processes_named
from tests.support.attacks.submissions import SUBMISSIONS, HostileSubmission, program
from tests.support.attacks.table import TABLE
from tests.support.packages import write_package
from tests.support.sandboxes import folder, run

Record = Callable[[str, object], None]

COLD = ("docker_sandbox", "namespaces_sandbox", "landlock_sandbox")
WARM = "warm_sandbox"


def alone() -> list[pytest.ParameterSet]:
    """Each attack in each kind of sandbox that can make a difference to it."""
    return [
        pytest.param(
            case,
            kind,
            id=f"{kind}-{case.name}",
            marks=[
                pytest.mark.attack(group, case.name, case.expected),
                *([pytest.mark.docker] if kind in (WARM, "docker_sandbox") else []),
            ],
        )
        for group, case in TABLE
        for kind in (*COLD, *((WARM,) if case.warm or case.sociable else ()))
    ]


@pytest.mark.parametrize(("case", "any_sandbox"), alone(), indirect=["any_sandbox"])
def test_attack(
    case: Attack,
    any_sandbox: Sandbox,
    tmp_path: Path,
    company: Callable[[Sandbox], dict[str, Trial]],
    record_property: Record,
) -> None:
    def tell(observed: str) -> None:
        record_property("observed", observed)

    def carry_out() -> None:
        if not case.sociable:
            case.carry_out(Site(tmp_path, any_sandbox), tell)
            return
        trial = company(any_sandbox)[case.name]
        tell(trial.seen.result.status.value)
        case.judge(trial.seen)
        if trial.failure is not None:
            raise trial.failure

    if case.gap is None or case.gap not in any_sandbox.capabilities().gaps:
        carry_out()
        return
    record_property("declared", case.gap.value)
    with pytest.raises(AssertionError):  # A gap that is none any more must not be declared.
        carry_out()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sandbox], dict[str, Trial]]:
    """What came of the attacks that share a job, once in each sandbox."""
    known: dict[int, dict[str, Trial]] = {}
    sociable = [case for _, case in TABLE if case.sociable]

    def trials(sandbox: Sandbox) -> dict[str, Trial]:
        if id(sandbox) not in known:
            site = Site(tmp_path_factory.mktemp("company"), sandbox)
            known[id(sandbox)] = carry_out_together(sociable, site)
        return known[id(sandbox)]

    return trials


@pytest.mark.attack("files", "mount a private folder for a participant", "refused before it runs")
def test_private_folders_are_refused_to_solvers(any_sandbox: Sandbox, tmp_path: Path) -> None:
    folder(tmp_path, "public")
    private = folder(tmp_path, "private")
    for source in (tmp_path, private):
        with pytest.raises(UsageError, match="private"):
            run(any_sandbox, "pass", mounts=(Mount(source=source, target="/in/x"),))
    granted = run(
        any_sandbox, "pass", role=Role.GRADE, mounts=(Mount(source=private, target="/in/x"),)
    )
    assert granted.ok


@pytest.mark.attack("files", "meet another job that runs at the same time", "each sees its own")
def test_jobs_at_once_do_not_mix(any_sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
import os, sys, tempfile, time
mine = sys.argv[1]
with open(os.environ["MLE_OUT"] + "/mine", "w") as file:
    file.write(mine)
with open(tempfile.gettempdir() + "/mine", "x"):
    time.sleep(0.2)
print(mine, len(os.listdir()))
"""

    def one(number: int) -> tuple[str, str]:
        out = folder(tmp_path, str(number))
        result = run(any_sandbox, code, out, args=(str(number),), outputs=("mine",))
        return result.stdout, (out / "mine").read_text()

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(one, range(4)))
    assert answers == [(f"{number} 0\n", str(number)) for number in range(4)]


@pytest.mark.attack("results", "be taken for better held than one is", "a result says what held it")
def test_results_say_what_held_the_code(any_sandbox: Sandbox) -> None:
    held = any_sandbox.capabilities()
    result = run(any_sandbox, "pass")
    assert (result.backend, result.isolation) == (held.backend, held.isolation)
    assert held.network
    assert held.filesystem


@pytest.mark.docker
@pytest.mark.attack(
    "files", "mounts and log as the engine sees them", "no private path, no log file"
)
def test_the_engine_holds_neither_answers_nor_output(
    docker_sandbox: DockerSandbox, tmp_path: Path
) -> None:
    public = a_package(tmp_path, "the answer\n").public
    code = "import time\nprint('x' * 10_000)\ntime.sleep(1)"
    mounts = (Mount(source=public, target="/in/public"),)
    with closing(connect()) as client, ThreadPoolExecutor(1) as thread:
        running = thread.submit(run, docker_sandbox, code, mounts=mounts)
        ours: list[dict[str, Any]] = []

        def found() -> bool:
            every = client.api.containers(filters={"label": "mle.sandbox=1"})
            ours[:] = [one for one in every if str(public) in _sources(one)]
            return bool(ours)

        assert _within(10, found)
        seen = client.api.inspect_container(ours[0]["Id"])
        assert running.result().ok
    assert seen["LogPath"] == ""
    for source in _sources(seen):
        assert "private" not in source
        assert not (tmp_path / "package").is_relative_to(source)


def _sources(container: dict[str, Any]) -> list[str]:
    return [one["Source"] for one in container["Mounts"]]


ORPHAN = """
import sys
from mle_smith.sandbox.job import Job, Limits, Role
from mle_smith.sandbox.process import ProcessSandbox
from pathlib import Path
from tests.support.attacks.case import PRELUDE
level, parent, name = sys.argv[1:]
sandbox = ProcessSandbox(levels=(level,), scratch_parent=Path(parent))
code = PRELUDE + "wear(sys.argv[1])\\nif os.fork() == 0: os.setsid()\\ntime.sleep(600)"
sandbox.run(Job(role=Role.SOLVE, code=code, args=(name,), limits=Limits(wall_s=900)))
"""


@pytest.mark.parametrize("level", ["namespaces", "landlock"])
@pytest.mark.attack(
    "life-cycle", "the orchestrator is killed (processes)", "all of the job dies with it"
)
def test_a_job_dies_with_the_process_that_runs_it(
    level: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.getfixturevalue(f"{level}_sandbox")  # Skips where the level does not work.
    name = a_name()
    command = [sys.executable, "-c", ORPHAN, level, str(tmp_path), name]
    with subprocess.Popen(command) as orchestrator:
        assert _within(30, lambda: len(processes_named(name)) == 2), "the job has begun"
        orchestrator.send_signal(signal.SIGKILL)
    assert _within(5, lambda: processes_named(name) == [])


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    """Whether something becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False


def test_the_instruments_see_processes() -> None:
    name = a_name()
    code = f"import ctypes\nctypes.CDLL(None).prctl(15, {name.encode()!r}, 0, 0, 0)\ninput()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert _within(10, lambda: processes_named(name) == [process.pid])
        process.communicate(b"\n")
    assert processes_named(name) == []


@pytest.fixture(scope="module")
def hostile_grades(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Sandbox], dict[str, Grade]]:
    """Grades of what a participant's job wrote, both in the same sandbox; once for each."""
    known: dict[int, dict[str, Grade]] = {}

    def grades(sandbox: Sandbox) -> dict[str, Grade]:
        if id(sandbox) not in known:
            known[id(sandbox)] = _hostile_grades(sandbox, tmp_path_factory.mktemp("hostile"))
        return known[id(sandbox)]

    return grades


def _hostile_grades(sandbox: Sandbox, place: Path) -> dict[str, Grade]:
    task = write_package(place, "regression")
    out = folder(place, "out")
    limits = Limits(wall_s=60, out_mb=64, memory_mb=1024)
    mounts = (Mount(source=task.paths.public, target="/in/public"),)
    wrote = run(sandbox, program(), out, outputs=("*.csv",), mounts=mounts, limits=limits)
    paths = [out / f"{number}.csv" for number in range(len(SUBMISSIONS))]
    assert {path.name for path in paths} == set(wrote.artefacts), wrote
    honest = task.paths.sample_submission
    found = grade(task.paths.metric, task.paths.answers, [*paths, honest], sandbox)
    assert found[-1].valid, "an honest one beside them is graded"
    return {one.name: verdict for one, verdict in zip(SUBMISSIONS, found, strict=False)}


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(
            hostile,
            id=hostile.name,
            marks=pytest.mark.attack("submissions", hostile.name, "invalid, with a reason"),
        )
        for hostile in SUBMISSIONS
    ],
)
@pytest.mark.parametrize(
    "any_sandbox",
    [pytest.param(COLD[0], marks=pytest.mark.docker), *COLD[1:]],
    indirect=True,
)
def test_hostile_submission(
    hostile: HostileSubmission,
    any_sandbox: Sandbox,
    hostile_grades: Callable[[Sandbox], dict[str, Grade]],
    record_property: Record,
) -> None:
    verdict = hostile_grades(any_sandbox)[hostile.name]
    record_property("observed", "valid" if verdict.valid else "invalid")
    assert not verdict.valid
    assert not verdict.crashed
    assert re.search(hostile.reason, verdict.error), verdict.error
