"""What no program may do or see in any sandbox, however hard it tries."""

from __future__ import annotations

import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mle_smith.errors import UsageError
from mle_smith.sandbox.job import Mount, Role, Sandbox, Status
from tests.support.sandboxes import SMALL, folder, run


def test_memory_bomb(any_sandbox: Sandbox) -> None:
    code = "kept = []\nwhile True: kept.append(b'x' * 2**20)"
    result = run(any_sandbox, code, limits=SMALL.model_copy(update={"memory_mb": 96}))
    assert (result.status, result.oom_seen) == (Status.OOM, True)


def test_memory_is_counted_over_all_processes(any_sandbox: Sandbox) -> None:
    code = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        kept = b'x' * (60 * 2**20)
        time.sleep(15)
        os._exit(0)
time.sleep(3)
"""
    result = run(any_sandbox, code, limits=SMALL.model_copy(update={"memory_mb": 128}))
    assert result.oom_seen


def test_fork_bomb_is_bounded(any_sandbox: Sandbox) -> None:
    code = """
import os, sys, time
started = 0
try:
    while started < 500:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        started += 1
except OSError:
    pass
sys.stdout.write(str(started))
sys.stdout.flush()
os._exit(0)
"""
    result = run(any_sandbox, code, limits=SMALL.model_copy(update={"pids": 16}))
    bounded = result.ok and int(result.stdout) <= 16
    assert bounded or result.status is Status.KILLED


def test_writes_only_where_it_may(any_sandbox: Sandbox, tmp_path: Path) -> None:
    source = folder(tmp_path, "data")
    (source / "a.csv").write_text("x\n")
    code = """
import os, sys, tempfile
inputs = os.environ["MLE_IN"]
places = [inputs + "/data/b", inputs + "/data/a.csv", inputs + "/b", "/b", "/usr/b", "/etc/b",
          "/var/tmp/b", "/dev/b", "/proc/sys/kernel/core_pattern", sys.prefix + "/b",
          os.path.dirname(os.path.abspath(sys.argv[0])) + "/b"]
for place in places:
    try:
        open(place, "a").close()
    except OSError:
        continue
    print("could write", place)
for place in (os.environ["MLE_OUT"], os.getcwd(), tempfile.gettempdir(), os.environ["HOME"]):
    with open(place + "/mine", "w") as file:
        file.write("x")
print("done")
"""
    mounts = (Mount(source=source, target="/in/data"),)
    result = run(any_sandbox, code, mounts=mounts)
    assert (result.stdout, result.stderr) == ("done\n", "")


def test_answers_are_out_of_reach(any_sandbox: Sandbox, tmp_path: Path) -> None:
    public, private = folder(tmp_path, "public"), folder(tmp_path, "private")
    (public / "train.csv").write_text("id\n")
    answers = private / "test_answer.csv"
    answers.write_text("the answer\n")
    code = f"""
import os
path = {str(answers)!r}
found = []
tries = [path, os.environ["MLE_IN"] + "/public/../../private/test_answer.csv", "/etc/shadow"]
for number in [1, os.getpid(), os.getppid(), {os.getpid()}]:
    tries += [f"/proc/{{number}}/root{{path}}", f"/proc/{{number}}/environ",
              f"/proc/{{number}}/cwd{{path}}", f"/proc/{{number}}/mem"]
os.symlink(path, "link")
for attempt in [*tries, "link", {str(Path.home() / ".bashrc")!r}]:
    try:
        with open(attempt, "rb") as file:
            data = file.read(4096)
    except OSError:
        continue
    if b"the answer" in data or b"MLE_TEST_SECRET" in data or b"root:" in data:
        found.append(attempt)
print(found, os.listdir(os.environ["MLE_IN"] + "/public"))
"""
    result = run(any_sandbox, code, mounts=(Mount(source=public, target="/in/public"),))
    assert result.stdout == "[] ['train.csv']\n", result.stderr


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


def test_no_network(any_sandbox: Sandbox, tmp_path: Path) -> None:
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as abstract:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        abstract.bind(f"\0mle-test-{os.getpid()}")
        abstract.listen()
        code = f"""
import os, socket
def attempt(family, kind, address):
    try:
        with socket.socket(family, kind) as client:
            client.settimeout(2)
            client.connect(address)
            print("reached", address)
    except OSError:
        pass
attempt(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", {tcp.getsockname()[1]}))
attempt(socket.AF_UNIX, socket.SOCK_STREAM, {abstract.getsockname()!r})
attempt(socket.AF_UNIX, socket.SOCK_STREAM, "/var/run/docker.sock")
for family in range(50):
    if family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
        continue
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind).close()
            print("family", family)
        except OSError:
            pass
print("done")
"""
        result = run(any_sandbox, code)
    assert result.stdout == "done\n", result.stderr


def test_dangerous_system_calls_are_refused(any_sandbox: Sandbox) -> None:
    code = """
import ctypes, errno, os, platform
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == "x86_64"
calls = {"unshare": (272 if x86 else 97, 0x10000000), "ptrace": (101 if x86 else 117, 16, 1),
         "mount": (165 if x86 else 40, b"none", b"/tmp", b"tmpfs", 0, 0),
         "keyctl": (250 if x86 else 219, 0, 0), "io_uring_setup": (425, 1, 0),
         "bpf": (321 if x86 else 280, 0, 0, 0), "userfaultfd": (323 if x86 else 282, 0),
         "perf_event_open": (298 if x86 else 241, 0, 0, -1, -1, 0),
         "clone": (56 if x86 else 220, 0x10000000 | 17, 0, 0, 0, 0)}
for name, numbers in calls.items():
    if libc.syscall(*numbers) != -1 or ctypes.get_errno() != errno.EPERM:
        print(name, ctypes.get_errno())
for call in [lambda: os.chroot("/")] + ([lambda: os.setuid(0)] if os.getuid() else []):
    try:
        call()
    except OSError:
        continue
    print("was allowed")
with open("/proc/self/status") as file:
    facts = dict(line.split(":", 1) for line in file)
print(facts["CapEff"].strip(), facts["CapPrm"].strip(), facts["NoNewPrivs"].strip(),
      facts["Seccomp"].strip())
"""
    result = run(any_sandbox, code)
    assert result.stdout == "0000000000000000 0000000000000000 1 2\n", result.stderr


def test_environment_is_empty_but_for_what_is_given(
    any_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLE_TEST_SECRET", "key")
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    limits = SMALL.model_copy(update={"cpus": 1.5})
    result = run(any_sandbox, code, env={"TZ": "Asia/Kathmandu", "EXTRA": "1"}, limits=limits)
    seen = json.loads(result.stdout)
    assert "MLE_TEST_SECRET" not in seen
    assert (seen["TZ"], seen["EXTRA"], seen["OMP_NUM_THREADS"]) == ("Asia/Kathmandu", "1", "2")
    assert set(seen) - {"HOSTNAME", "LC_CTYPE"} <= {
        *("PATH", "LANG", "TZ", "HOME", "TMPDIR", "MLE_IN", "MLE_OUT", "MPLCONFIGDIR", "EXTRA"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONUNBUFFERED", "OMP_NUM_THREADS"),
        *("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "POLARS_MAX_THREADS"),
        "LOKY_MAX_CPU_COUNT",
    }


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


def test_results_say_what_held_the_code(any_sandbox: Sandbox) -> None:
    held = any_sandbox.capabilities()
    result = run(any_sandbox, "pass")
    assert (result.backend, result.isolation) == (held.backend, held.isolation)
    assert held.network
    assert held.filesystem
