"""Programs that take more memory, disk, processes, processor or time than they may."""

from __future__ import annotations

from mle_smith.sandbox.job import Gap, Status
from tests.support.attacks.case import Attack, Seen, ended_as, ended_in_time, limits
from tests.support.attacks.host import no_process_left

_SHM_MB = 64
"""What every backend gives as /dev/shm where it gives one."""


def _out_of_memory(seen: Seen) -> None:
    assert (seen.result.status, seen.result.oom_seen) == (Status.OOM, True), seen.told


def _noticed(seen: Seen) -> None:
    """Only the greedy process was killed and the job went on, or the whole job was ended."""
    assert seen.result.oom_seen, seen.told
    if seen.result.status is Status.OK:
        assert seen.result.stdout == "-9\n"
    else:
        assert seen.result.status is Status.OOM


def _full_at(megabytes: int) -> str:
    return f"ENOSPC {megabytes}\n"


def _scratch_was_full(seen: Seen) -> None:
    assert seen.result.stdout == _full_at(seen.limits.tmp_mb) * 2, seen.told


def _shm_was_full(seen: Seen) -> None:
    assert seen.result.stdout == _full_at(_SHM_MB), seen.told


def _bounded(seen: Seen) -> None:
    """The program got no more processes or threads than it may have, or was ended for it."""
    if seen.result.status is Status.OK:
        assert 0 < int(seen.result.stdout) <= seen.limits.pids, seen.told
    else:
        assert seen.result.status is Status.KILLED, seen.told


def _one_processor(seen: Seen) -> None:
    used, wall = map(float, seen.result.stdout.split())
    assert used < 1.4 * wall, seen.told


_FILL = """
def fill(folder, most):
    end, written = "never full", 0
    try:
        for number in range(most):
            with open(f"{folder}/{number}", "wb", buffering=0) as file:
                left = 2**20
                while left:
                    done = file.write(b"x" * left)
                    left, written = left - done, written + done
    except OSError as error:
        end = errno.errorcode[error.errno]
    print(end, round(written / 2**20))
"""

ATTACKS = (
    Attack(
        name="memory bomb",
        expected="oom",
        code="kept = []\nwhile True: kept.append(b'x' * 2**20)",
        judge=_out_of_memory,
        warm=True,
    ),
    Attack(
        name="memory bomb in a child",
        expected="the child is killed and the job goes on, or oom; oom is seen",
        code="""
child = os.fork()
if child == 0:
    kept = []
    while True: kept.append(b'x' * 2**20)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        judge=_noticed,
        warm=True,
    ),
    Attack(
        name="memory in many processes",
        expected="counted over all of them: oom is seen",
        code="""
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        kept = b'x' * (200 * 2**20)
        time.sleep(15)
        os._exit(0)
    children.append(child)
while True:  # Until one is killed, or all of us are.
    _, status = os.wait()
    if status == 9: break
print(-9)
""",
        judge=_noticed,
    ),
    Attack(
        name="fill /tmp and the working folder",
        expected="ENOSPC at `tmp_mb` in each",
        code=f"{_FILL}\nimport tempfile\nfill(tempfile.gettempdir(), 40), fill(os.getcwd(), 40)",
        judge=_scratch_was_full,
        gap=Gap.SCRATCH_SIZE,
    ),
    Attack(
        name="hide memory in files of /tmp",
        expected="counts as memory: oom",
        code=f"{_FILL}\nimport tempfile\nfill(tempfile.gettempdir(), 600)",
        limits=limits(tmp_mb=700),
        judge=_out_of_memory,
        gap=Gap.MEMORY_FILES,
    ),
    Attack(
        name="fill /dev/shm",
        expected=f"ENOSPC at {_SHM_MB} MB",
        code=f"{_FILL}\nfill('/dev/shm', 100)",
        judge=_shm_was_full,
        gap=Gap.SHARED_MEMORY,
    ),
    Attack(
        name="fork as often as it goes",
        expected="at most `pids` processes, or killed; none is left on the host",
        code="""
wear(sys.argv[1])
started = 1
try:
    while started < 400:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        started += 1
except OSError:
    pass
os.write(1, str(started).encode())
os._exit(0)
""",
        limits=limits(pids=16),
        judge=_bounded,
        scene=no_process_left,
    ),
    Attack(
        name="fork bomb",
        expected="ends by itself or killed; none is left on the host",
        code="""
wear(sys.argv[1])
end = time.monotonic() + 0.3
while time.monotonic() < end:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
os._exit(0)
""",
        limits=limits(pids=24),
        judge=ended_as(Status.OK, Status.KILLED),
        scene=no_process_left,
    ),
    Attack(
        name="thread bomb",
        expected="at most `pids` threads, or killed",
        code="""
import threading
wear(sys.argv[1])
started, end = 1, threading.Event()
try:
    while started < 400:
        threading.Thread(target=end.wait, daemon=True).start()
        started += 1
except RuntimeError:
    pass
time.sleep(0.1)
os.write(1, str(started).encode())
os._exit(0)
""",
        limits=limits(pids=24),
        judge=_bounded,
        scene=no_process_left,
    ),
    Attack(
        name="spin and ignore every signal",
        expected="timeout, within a second of the limit",
        code="""
wear(sys.argv[1])
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
while True: pass
""",
        limits=limits(wall_s=1),
        judge=ended_in_time,
        scene=no_process_left,
        warm=True,
    ),
    Attack(
        name="sleep for ever",
        expected="timeout, within a second of the limit",
        code="signal.pause()",
        limits=limits(wall_s=1),
        judge=ended_in_time,
    ),
    Attack(
        name="stop oneself",
        expected="timeout, within a second of the limit; not left stopped",
        code="wear(sys.argv[1])\nos.kill(os.getpid(), signal.SIGSTOP)",
        limits=limits(wall_s=1),
        judge=ended_in_time,
        scene=no_process_left,
    ),
    Attack(
        name="hang in an exit function",
        expected="timeout, within a second of the limit",
        code="import atexit\natexit.register(time.sleep, 600)",
        limits=limits(wall_s=1),
        judge=ended_in_time,
    ),
    Attack(
        name="leave a daemon behind",
        expected="ok; the daemon ends with the job, though it holds the streams",
        code="""
wear(sys.argv[1])
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    os._exit(0)
os.wait()
""",
        limits=limits(wall_s=10),
        judge=ended_as(Status.OK),
        scene=no_process_left,
        warm=True,
    ),
    Attack(
        name="two processes on one processor",
        expected="no more processor time than `cpus` grants",
        code="""
start = time.monotonic()
for _ in range(2):
    if os.fork() == 0:
        while time.monotonic() < start + 1: pass
        os._exit(0)
os.wait(), os.wait()
used = os.times()
print(used.children_user + used.children_system, time.monotonic() - start)
""",
        limits=limits(cpus=1),
        judge=_one_processor,
    ),
)
