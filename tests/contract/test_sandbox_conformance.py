"""What every sandbox must do: the same programs, the same answers, whatever holds them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mle_smith.errors import UsageError
from mle_smith.sandbox.job import Mount, Sandbox, Status
from tests.support.sandboxes import SMALL, folder, run


@pytest.mark.attack("results", "end in every way", "the exit code, as a shell tells it")
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


def test_variables_are_given(any_sandbox: Sandbox) -> None:
    code = "import os; print(*[os.environ[name] for name in ('TZ', 'EXTRA', 'OMP_NUM_THREADS')])"
    limits = SMALL.model_copy(update={"cpus": 1.5})
    result = run(any_sandbox, code, env={"TZ": "Asia/Kathmandu", "EXTRA": "1"}, limits=limits)
    assert result.stdout == "Asia/Kathmandu 1 2\n"


def test_time_zone_and_hash_seed_take_effect(any_sandbox: Sandbox) -> None:
    code = "import time; print(time.strftime('%z', time.localtime(0)), hash('a'))"
    one, again, other = (
        run(any_sandbox, code, env={"TZ": "Asia/Tokyo", "PYTHONHASHSEED": seed}).stdout.split()
        for seed in ("1", "1", "2")
    )
    assert one == again
    assert one[0] == other[0] == "+0900"
    assert one[1] != other[1]


def test_out_must_be_an_empty_folder(any_sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="empty folder"):
        run(any_sandbox, "pass", tmp_path / "missing")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="empty folder"):
        run(any_sandbox, "pass", tmp_path)
