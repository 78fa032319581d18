"""What every sandbox must do: the same programs, the same answers, whatever holds them."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mle_smith.errors import UsageError
from mle_smith.sandbox.job import Job, Limits, Mount, Result, Role, Sandbox, Status

SMALL = Limits(wall_s=20, memory_mb=256, tmp_mb=16, out_mb=16)


def run(sandbox: Sandbox, code: str, out: Path | None = None, **settings: Any) -> Result:
    settings.setdefault("role", Role.SOLVE)
    settings.setdefault("limits", SMALL)
    return sandbox.run(Job(code=code, **settings), out)


def folder(parent: Path, name: str) -> Path:
    path = parent / name
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("code", "status", "exit_code"),
    [
        ("pass", Status.OK, 0),
        ("import sys; sys.exit(7)", Status.NONZERO, 7),
        ("import sys; sys.exit(300)", Status.NONZERO, 44),
        ("import sys; sys.exit('no')", Status.NONZERO, 1),
        ("1 / 0", Status.NONZERO, 1),
        ("def", Status.NONZERO, 1),
        ("import os; os._exit(3)", Status.NONZERO, 3),
        ("import os; os.abort()", Status.NONZERO, 134),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Status.KILLED, 137),
    ],
)
def test_exit(any_sandbox: Sandbox, code: str, status: Status, exit_code: int) -> None:
    result = run(any_sandbox, code)
    assert (result.status, result.exit_code) == (status, exit_code)


def test_streams_and_traceback(any_sandbox: Sandbox) -> None:
    code = "import sys\nprint('out é')\nsys.stdout.buffer.write(b'\\xff')\nraise ValueError('why')"
    result = run(any_sandbox, code)
    assert result.stdout == "out é\n\ufffd"
    assert result.stderr.startswith("Traceback (most recent call last):\n")
    assert result.stderr.endswith(
        "line 4, in <module>\n    raise ValueError('why')\nValueError: why\n"
    )
    assert "runner" not in result.stderr


def test_runs_as_python_would(any_sandbox: Sandbox) -> None:
    code = """
import atexit, os, sys, threading, time
print(__name__, sys.argv[1:], os.listdir())
atexit.register(print, "exit function")
threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
"""
    result = run(any_sandbox, code, args=("a b", "--c"))
    assert result.ok
    assert result.stdout == "__main__ ['a b', '--c'] []\nthread\nexit function\n"


def test_output_past_the_limit_ends_the_job(any_sandbox: Sandbox) -> None:
    limits = SMALL.model_copy(update={"stdout_bytes": 1000})
    code = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    result = run(any_sandbox, code, limits=limits)
    assert (result.status, result.truncated) == (Status.OUTPUT_LIMIT, True)
    assert result.stdout == "x" * 1000


def test_timeout_ends_the_job_and_its_children(any_sandbox: Sandbox) -> None:
    code = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
os.close(1), os.close(2)
while True: time.sleep(1)
"""
    result = run(any_sandbox, code, limits=SMALL.model_copy(update={"wall_s": 1}))
    assert result.status is Status.TIMEOUT
    assert 1 <= result.wall_s < 5


def test_what_a_job_leaves_running_ends_with_it(any_sandbox: Sandbox) -> None:
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
"""
    result = run(any_sandbox, code)
    assert result.ok
    assert result.wall_s < 15


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


def test_outputs_are_collected(any_sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
import os
os.chdir(os.environ["MLE_OUT"])
os.makedirs("public/deep/er")
for name in ("public/b.csv", "public/deep/er/a.csv", "other.txt"):
    with open(name, "w") as file:
        file.write(name)
"""
    out = folder(tmp_path, "out")
    result = run(any_sandbox, code, out, outputs=("public/**", "missing.csv"))
    assert result.ok
    assert list(result.artefacts) == ["public/b.csv", "public/deep/er/a.csv"]
    assert list(result.rejected) == ["other.txt"]
    artefact = result.artefacts["public/deep/er/a.csv"]
    assert artefact.path.read_text() == "public/deep/er/a.csv"
    assert artefact.sha256 == hashlib.sha256(b"public/deep/er/a.csv").hexdigest()
    assert artefact.size == len("public/deep/er/a.csv")


def test_hostile_outputs_are_refused(any_sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
import os
os.chdir(os.environ["MLE_OUT"])
open("plain", "w").write("x")
def attempt(call, *args):
    try:
        call(*args)
    except OSError:
        pass
attempt(os.symlink, "/etc/passwd", "link")
attempt(os.symlink, "/etc", "folder")
attempt(os.link, "plain", "hard")
attempt(os.mkfifo, "pipe")
attempt(lambda: open("new\\nline", "w").close())
with open("sparse", "wb") as file:
    file.truncate(2**20)
os.makedirs("/".join("d" * 20))
open("/".join("d" * 20) + "/deep", "w").close()
"""
    out = folder(tmp_path, "out")
    result = run(any_sandbox, code, out, outputs=("**",))
    assert result.status is Status.OK, result.stderr
    assert list(result.artefacts) == []  # `plain` has a second name
    assert {"plain", "hard", "link", "folder", "pipe", "sparse"} <= set(result.rejected)
    assert not any(path.is_symlink() for path in out.rglob("*"))
    assert [path for path in out.rglob("*") if path.is_file()] == []


def test_too_much_output_is_said(any_sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
import os, time
os.chdir(os.environ["MLE_OUT"])
try:
    for number in range(40):
        with open(str(number), "wb") as file:
            file.write(b"x" * 2**20)
except OSError:
    pass
time.sleep(1)
"""
    limits = SMALL.model_copy(update={"out_mb": 8})
    result = run(any_sandbox, code, folder(tmp_path, "out"), outputs=("*",), limits=limits)
    assert result.status is Status.OUTPUT_LIMIT
    assert sum(found.size for found in result.artefacts.values()) <= 8 * 2**20


def test_inputs_are_readable_whoever_owns_them(any_sandbox: Sandbox, tmp_path: Path) -> None:
    source = folder(tmp_path, "data")
    (source / "secret.csv").write_text("kept private\n")
    (source / "secret.csv").chmod(0o600)
    single = tmp_path / "single.txt"
    single.write_text("one file\n")
    single.chmod(0o600)
    code = """
import os
from pathlib import Path
base = Path(os.environ["MLE_IN"])
print((base / "data/secret.csv").read_text() + (base / "deeper/single.txt").read_text())
"""
    mounts = (
        Mount(source=source, target="/in/data"),
        Mount(source=single, target="/in/deeper/single.txt"),
    )
    result = run(any_sandbox, code, mounts=mounts)
    assert result.stdout == "kept private\none file\n\n", result.stderr
    assert (source / "secret.csv").stat().st_mode & 0o777 == 0o600


def test_a_mount_may_be_the_input_folder_itself(any_sandbox: Sandbox, tmp_path: Path) -> None:
    source = folder(tmp_path, "data")
    (source / "a.csv").write_text("x\n")
    code = "import os; print(os.listdir(os.environ['MLE_IN']))"
    result = run(any_sandbox, code, mounts=(Mount(source=source, target="/in"),))
    assert result.stdout == "['a.csv']\n"
    assert run(any_sandbox, code).stdout == "[]\n"


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


def test_time_zone_and_hash_seed_take_effect(any_sandbox: Sandbox) -> None:
    code = "import time; print(time.strftime('%z', time.localtime(0)), hash('a'))"
    one, again, other = (
        run(any_sandbox, code, env={"TZ": "Asia/Tokyo", "PYTHONHASHSEED": seed}).stdout.split()
        for seed in ("1", "1", "2")
    )
    assert one == again
    assert one[0] == other[0] == "+0900"
    assert one[1] != other[1]


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


def test_scientific_python_works(any_sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
import warnings
warnings.simplefilter("ignore")
import numpy, pandas
from sklearn.ensemble import RandomForestClassifier
frame = pandas.DataFrame({"x": numpy.arange(200) % 7, "y": numpy.arange(200) % 2})
model = RandomForestClassifier(20, n_jobs=2, random_state=0).fit(frame[["x"]], frame["y"])
print(model.predict(frame[["x"]]).shape)
"""
    limits = Limits(wall_s=90, memory_mb=1024, cpus=2)
    result = run(any_sandbox, code, limits=limits)
    assert result.stdout == "(200,)\n", result.stderr


def test_results_say_what_held_the_code(any_sandbox: Sandbox) -> None:
    held = any_sandbox.capabilities()
    result = run(any_sandbox, "pass")
    assert (result.backend, result.isolation) == (held.backend, held.isolation)
    assert held.network
    assert held.filesystem


def test_out_must_be_an_empty_folder(any_sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="empty folder"):
        run(any_sandbox, "pass", tmp_path / "missing")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="empty folder"):
        run(any_sandbox, "pass", tmp_path)
