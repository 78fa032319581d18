"""The process backend where it may make control groups: the kernel holds all processes together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mle_smith.sandbox import cgroup
from mle_smith.sandbox.job import Status
from mle_smith.sandbox.process import ProcessSandbox
from tests.support.sandboxes import SMALL, run

MINE = f"test-{os.getpid()}"
LIMITS = SMALL.model_copy(update={"memory_mb": 128})


@pytest.fixture
def parents() -> cgroup.Parents:
    found = cgroup.own_parents(MINE)
    if found is None:
        pytest.skip("no control group can be made here")
    return found


def groups(parents: cgroup.Parents) -> list[Path]:
    mine = f"mle-smith.*.*.{os.getpid()}.*"
    return [*parents.memory.glob(mine), *parents.pids.glob(mine)]


def test_the_kernel_ends_one_process_of_several_and_the_job_goes_on(
    kernel_sandbox: ProcessSandbox, parents: cgroup.Parents
) -> None:
    code = """
import os, time
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        kept = b"x" * (60 * 2**20)
        time.sleep(2)
        os._exit(0)
    children.append(child)
print(sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""
    result = run(kernel_sandbox, code, limits=LIMITS)
    assert (result.status, result.oom_seen) == (Status.OK, True), result.stderr
    # Measuring would have ended the whole job; 128 MiB have room for one or two of 60 MiB.
    assert result.stdout in {"[-9, -9, 0, 0]\n", "[-9, -9, -9, 0]\n"}
    assert groups(parents) == []


def test_what_is_used_for_a_moment_only_counts(kernel_sandbox: ProcessSandbox) -> None:
    code = "bytearray(300 * 2**20)"
    result = run(kernel_sandbox, code, limits=LIMITS)
    assert (result.status, result.exit_code) == (Status.OOM, 137)


def test_memory_spent_by_many_small_processes_is_no_fault_of_the_sandbox(
    kernel_sandbox: ProcessSandbox,
) -> None:
    code = """
import os, time
for _ in range(40):
    if os.fork() == 0:
        kept = b"x" * (6 * 2**20)
        time.sleep(3)
        os._exit(0)
time.sleep(1)
"""
    result = run(kernel_sandbox, code, limits=LIMITS)
    assert result.oom_seen
    assert result.status in {Status.OK, Status.OOM}


def test_threads_count_as_processes(kernel_sandbox: ProcessSandbox) -> None:
    code = """
import os, threading, time
started = 0
try:
    while started < 500:
        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
print(started, flush=True)
os._exit(0)
"""
    result = run(kernel_sandbox, code, limits=SMALL.model_copy(update={"pids": 16}))
    assert result.stdout == "15\n", result.stderr


def test_a_job_does_not_see_or_change_its_group(parents: cgroup.Parents) -> None:
    with_groups = ProcessSandbox(levels=("namespaces",), memory_limit="kernel")
    code = f"""
import os
print("mle-smith." in open("/proc/self/cgroup").read(), os.path.exists({str(parents.memory)!r}))
try:
    os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"0")
except OSError:
    print("refused")
"""
    try:
        assert run(with_groups, code).stdout == "False False\nrefused\n"
    finally:
        with_groups.close()


ORPHAN = """
import os, sys
from mle_smith.sandbox import cgroup
deployment = sys.argv[1]
group = cgroup.Group(cgroup.own_parents(deployment), deployment, memory=2**26, pids=8)
if os.fork() == 0:
    for door in group.doors:
        door.write_text("0")
    sys.stdin.read()
    sys.stdout.write(f"{os.getpid()}\\n")
    sys.stdout.flush()
    os.kill(os.getpid(), 19)  # Stays where it is, whatever its parent does.
os.wait()
"""


def test_what_a_killed_process_leaves_is_swept(parents: cgroup.Parents) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, MINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        owner.stdin.close()
        member = int(owner.stdout.readline())
        assert cgroup.leftovers(MINE) == cgroup.sweep(MINE) == [], "its owner lives"
        assert Path(f"/proc/{member}").exists()
        owner.kill()
    left = cgroup.leftovers(MINE)
    assert {path.parent for path in left} == {parents.memory, parents.pids}
    assert cgroup.sweep("other") == []
    assert cgroup.sweep(MINE) == left
    assert not any(path.exists() for path in left)
    assert not _lives(member)


def _lives(pid: int) -> bool:
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
        except OSError:
            return False
        time.sleep(0.02)
    return True


KILLED = """
import sys
from pathlib import Path
from mle_smith.sandbox.job import Job, Role
from mle_smith.sandbox.process import ProcessSandbox
sandbox = ProcessSandbox(
    levels=(sys.argv[1],), memory_limit="kernel", scratch_parent=Path(sys.argv[2])
)
print(sandbox._scratch.deployment, flush=True)
sandbox.run(Job(role=Role.SOLVE, code="import os, time; os.fork(); time.sleep(60)"))
"""


@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_a_job_whose_owner_is_killed_ends_and_its_group_with_it(
    parents: cgroup.Parents, request: pytest.FixtureRequest, tmp_path: Path, level: str
) -> None:
    request.getfixturevalue(f"{level}_sandbox")  # or skip
    command = [sys.executable, "-c", KILLED, level, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        made = f"mle-smith.{owner.stdout.readline().strip()}.*"
        assert _until(lambda: any(_members(group) >= 4 for group in parents.memory.glob(made)))
        owner.kill()
    assert _until(lambda: not [*parents.memory.glob(made), *parents.pids.glob(made)])


def _members(group: Path) -> int:
    """Supervisor, first process, program and its child are four."""
    try:
        return len((group / "cgroup.procs").read_text().split())
    except OSError:
        return 0


def _until(holds: Callable[[], bool]) -> bool:
    for _ in range(500):
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_closing_ends_what_is_in_a_group(parents: cgroup.Parents) -> None:
    group = cgroup.Group(parents, MINE, memory=2**26, pids=8)
    enter = "import sys\nfor door in sys.argv[1:]: open(door, 'w').write('0')\n"
    spin = enter + "import os\nfor _ in range(3): os.fork()\nprint(flush=True)\nwhile True: pass"
    doors = [str(door) for door in group.doors]
    with subprocess.Popen(
        [sys.executable, "-c", spin, *doors], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as member:
        assert member.stdout is not None
        member.stdout.readline()
        assert groups(parents) != []
        group.close()
        assert member.wait(5) == -signal.SIGKILL
    assert groups(parents) == []
    group.close()


def test_isolation_tells_who_holds_the_memory(
    kernel_sandbox: ProcessSandbox, landlock_measured_sandbox: ProcessSandbox
) -> None:
    assert (
        "limits on memory, processes and time by the kernel"
        in run(kernel_sandbox, "pass").isolation
    )
    measured = landlock_measured_sandbox.capabilities()
    assert "memory and disk measured" in measured.isolation
    assert measured.memory
