"""Two secrets are on the host, a participant's program tries every route, and finds neither.

The routes are in `tests/support/canary`, a function each. The same program on a host that nothing
protects finds both secrets by many of them: the test can say no.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mle_smith.sandbox.job import Limits, Mount, Role, Sandbox
from tests.support.attacks.host import remove_system_v, system_v_key
from tests.support.canary.kit import Attempt
from tests.support.canary.routes import ROUTES
from tests.support.canary.secrets_about import VARIABLE, Laid, secrets_about
from tests.support.sandboxes import run

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "tests/support/canary"

PROGRAM = """
import os, sys
sys.path.insert(0, os.environ["MLE_IN"])
from tests.support.canary.kit import try_all
from tests.support.canary.routes import ROUTES
try_all(ROUTES)
"""

# A grader's job, which may see the answers and scatters them.
EARLIER = """
import ctypes, os, sys, tempfile, time
key = int(sys.argv[1])
with open(os.environ["MLE_IN"] + "/private/test_answer.csv", "rb") as file: secret = file.read()
for folder in (tempfile.gettempdir(), os.getcwd(), os.environ["MLE_OUT"], "/dev/shm", "/var/tmp"):
    try:
        with open(folder + "/left", "wb") as file: file.write(secret)
    except OSError: pass
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
segment = libc.shmget(key, 4096, 0o1666)
if segment >= 0: ctypes.memmove(libc.shmat(segment, None, 0), secret, len(secret))
os.environ["LEFT"] = secret.decode()
if os.fork() == 0:
    os.setsid()
    time.sleep(30)
"""


@pytest.fixture
def laid(tmp_path: Path) -> Iterator[Laid]:
    with secrets_about(tmp_path) as about:
        yield about


@pytest.fixture
def key() -> Iterator[int]:
    number = system_v_key()
    yield number
    remove_system_v(number)


@pytest.mark.attack(
    "canary", "a key and the answers, by every route", f"{len(ROUTES)} routes, none leads anywhere"
)
def test_no_route_leads_to_a_secret(
    any_sandbox: Sandbox,
    laid: Laid,
    key: int,
    record_property: Callable[[str, object], None],
) -> None:
    private = Mount(source=Path(laid.target.answers).parent, target="/in/private")
    earlier = run(any_sandbox, EARLIER, role=Role.GRADE, mounts=(private,), args=(str(key),))
    assert earlier.ok, earlier.stderr
    result = run(
        any_sandbox,
        PROGRAM,
        mounts=(
            Mount(source=laid.public, target="/in/public"),
            Mount(source=ROOT / FOLDER, target=f"/in/{FOLDER}"),
        ),
        args=(json.dumps(laid.target._asdict()),),
        limits=Limits(wall_s=120, memory_mb=1024),
    )
    attempts = attempts_of(result.stdout)
    assert [one.route for one in attempts] == [one.name for one in ROUTES], result.stderr
    assert faults(attempts) == []
    record_property("observed", f"{len(attempts)} tried")
    found = {one.route: set(one.found) - {laid.decoy} for one in attempts}
    assert {name: found for name, found in found.items() if found} == {}
    seekers = {one.route for one in attempts if laid.decoy in one.found}
    assert "walk of everything" in seekers, "what is there to be found is found"


def test_an_unprotected_host_tells_both_secrets(tmp_path: Path) -> None:
    """Each of these routes is a way in where nothing is in the way, whoever runs the test."""
    with secrets_about(tmp_path, control=True) as laid:
        work = tmp_path / "work"
        work.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(laid.target._asdict())],
            cwd=work,
            env={**os.environ, "MLE_IN": str(ROOT), "MLE_OUT": str(work)},
            close_fds=False,
            capture_output=True,
            text=True,
            check=True,
        )
    attempts = attempts_of(done.stdout)
    assert faults(attempts) == []
    telling_answer = {one.route for one in attempts if laid.answer in one.found}
    telling_key = {one.route for one in attempts if laid.key in one.found}
    assert telling_answer >= {
        *("path", "dots", "own root and cwd in /proc", "symbolic link", "hard link"),
        *("path descriptor", "interpreters and loaders", "walk of everything", "what git keeps"),
        *("inherited descriptors", "temporary files", "System V shared memory", "loopback"),
        *("POSIX shared memory", "socket by an abstract name", "socket by a path"),
    }
    assert telling_key >= {
        *("environment", "environment of other processes", "homes and settings", "own memory"),
    }
    assert VARIABLE not in os.environ


def test_routes_are_told_apart_and_told() -> None:
    assert len({one.name for one in ROUTES}) == len(ROUTES) >= 30
    assert all(one.sentence.endswith(".") for one in ROUTES)


def attempts_of(stdout: str) -> list[Attempt]:
    return [Attempt(**json.loads(line)) for line in stdout.splitlines()]


def faults(attempts: list[Attempt]) -> list[Attempt]:
    """Routes that were not really tried."""
    return [one for one in attempts if one.error.startswith(("fault", "killed"))]
