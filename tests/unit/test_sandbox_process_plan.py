from __future__ import annotations

import struct
from pathlib import Path

import pytest

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox.job import Limits
from mle_smith.sandbox.plan import Level, Places, interpreter_paths, launch_plan
from mle_smith.sandbox.seccomp_filter import AF_INET, AF_UNIX, Architecture, architecture
from mle_smith.sandbox.seccomp_filter import build_filter as build

ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000


def judge(program: bytes, call: int, argument: int = 0, audit: int | None = None) -> int:
    """Run a BPF program on one system call, as the kernel does."""
    data = struct.pack("=iIQ6Q", call, audit or 0, 0, argument, 0, 0, 0, 0, 0)
    accumulator = position = 0
    while True:
        operation, yes, no, value = struct.unpack_from("=HBBI", program, position * 8)
        position += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            accumulator = struct.unpack_from("=I", data, value)[0]
            continue
        holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: accumulator & value}
        position += yes if holds[operation] else no


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest) -> Architecture:
    return architecture(request.param)


def test_filter_refuses_what_is_denied(machine: Architecture) -> None:
    program = build(machine, (AF_UNIX,))
    for number in machine.denied:
        assert judge(program, number, audit=machine.audit) == EPERM
    assert judge(program, machine.clone3, audit=machine.audit) == ENOSYS
    assert judge(program, 0, audit=0xDEAD) == KILL


def test_filter_allows_the_rest(machine: Architecture) -> None:
    program = build(machine, (AF_UNIX,))
    special = {*machine.denied, machine.clone3, machine.socket}
    for number in set(range(450)) - special:
        assert judge(program, number, audit=machine.audit) == ALLOW, number
    x32 = judge(program, 0x40000000, audit=machine.audit)
    assert x32 == (EPERM if machine.has_x32 else ALLOW)


def test_filter_looks_at_sockets_and_new_namespaces(machine: Architecture) -> None:
    program = build(machine, (AF_UNIX, AF_INET))

    def ask(call: int, argument: int) -> int:
        return judge(program, call, argument, machine.audit)

    assert [ask(machine.socket, family) for family in (1, 2, 10, 16, 40)] == [
        *(ALLOW, ALLOW),
        *(EPERM, EPERM, EPERM),
    ]
    assert ask(machine.clone, 0x11) == ALLOW
    assert ask(machine.clone, 0x10000011) == EPERM
    assert judge(build(machine, ()), machine.socket, 1, machine.audit) == EPERM


def test_unknown_machines_are_refused() -> None:
    with pytest.raises(SandboxUnavailableError, match="sparc"):
        architecture("sparc")


def plan_view(level: Level, tmp_path: Path) -> list[list[str]]:
    data = tmp_path / "data"
    data.mkdir()
    parts = (tmp_path / name for name in ("out", "work", "tmp", "root", "links"))
    places = Places(tmp_path / "job", ((data, "raw"),), *parts)
    plan = launch_plan(
        level,
        places,
        Limits(),
        user=None,
        processes=10,
        cpus=[0],
        group=None,
        arguments=(),
        environment={},
    )
    view: list[list[str]] = plan["view"]
    return view


def test_a_job_is_shown_the_python_and_its_own_and_nothing_else(tmp_path: Path) -> None:
    view = plan_view("namespaces", tmp_path)
    shown = {Path(step[2]) for step in view if step[0] == "readable"}
    allowed = {tmp_path / "data", tmp_path / "job", *interpreter_paths()}
    assert {path for path in shown if path not in allowed and path.exists()} <= {
        path.resolve() for path in allowed
    }
    assert [step[1:] for step in view if step[0] == "writable"] == [
        ["/mle-sandbox/out", str(tmp_path / "out")]
    ]
    assert plan_view("landlock", tmp_path / "data") == []


def test_the_python_named_is_no_home_folder() -> None:
    home = Path.home()
    for path in interpreter_paths():
        assert path != home
        assert path not in home.parents
