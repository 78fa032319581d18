"""What the routes to a secret are made of, and the program that tries them all.

These modules run inside sandboxes, as the hostile program itself: nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import NamedTuple

_SECRET = re.compile(rb"canary-(?:answer|key|decoy)-[0-9a-f]{32}")
_SECONDS, _CONTROL_SECONDS = 4, 20
"""For one route. On a host that nothing protects there is more to read."""

libc = ctypes.CDLL(None, use_errno=True)

_X86 = platform.machine() == "x86_64"
_CALLS = {  # Number on x86-64 and on AArch64.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "syslog": (103, 116),
    "fanotify_init": (300, 262),
}


class Target(NamedTuple):
    """What the program knows: more than a participant ever would."""

    answers: str
    """Path of the private file on the host."""
    package: str
    temporary: str
    """Folder of the host for temporary files, in which the answers lie about."""
    orchestrator: int
    """The process that runs the sandbox, with the key in its environment."""
    bystander: int
    """Another process of the same user, started with the key, that holds the answers open."""
    port: int
    """On the host's loopback, where the answers are told to whoever connects."""
    abstract: str
    """Likewise a socket by an abstract name, and by a path."""
    socket: str
    queue: str
    """POSIX message queue in which the answers wait."""
    control: bool
    """Whether nothing holds the program: it then leaves everything as it found it."""


class Door(NamedTuple):
    """Something that is open and leads out, though no secret was read through it."""

    name: str


Evidence = bytes | Door


class Route(NamedTuple):
    """One way to a secret."""

    name: str
    sentence: str
    follow: Callable[[Target], Iterator[Evidence]]
    harmless: bool
    """Can be tried on a host that nothing protects."""


def route(
    name: str, *, harmless: bool = True
) -> Callable[[Callable[[Target], Iterator[Evidence]]], Route]:
    """Make a route of a function; its docstring tells in a sentence what it tries."""

    def decorate(function: Callable[[Target], Iterator[Evidence]]) -> Route:
        return Route(name, function.__doc__ or "", function, harmless)

    return decorate


def routes_of(module: ModuleType) -> list[Route]:
    """The routes of a module in their order."""
    return [one for one in vars(module).values() if isinstance(one, Route)]


class Attempt(NamedTuple):
    """What came of a route."""

    route: str
    found: list[str]
    """Secrets, and the names of open doors."""
    error: str
    """What ended it: empty, a refusal, or a fault of the route itself."""


class OutOfTimeError(Exception):
    """A route took all of its time."""


def try_all(routes: list[Route]) -> None:
    """Be the program: try each route in a process of its own, print an `Attempt` a line."""
    target = Target(**json.loads(sys.argv[1]))
    for one in routes:
        if one.harmless or not target.control:
            print(json.dumps(_attempt(one, target)._asdict()), flush=True)  # noqa: T201


def _attempt(one: Route, target: Target) -> Attempt:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, json.dumps(_follow(one, target)._asdict()).encode()[:65536])
        os._exit(0)
    os.close(writing)
    text = b""
    patience = 2 * (_CONTROL_SECONDS if target.control else _SECONDS)
    while select.select([reading], [], [], patience)[0] and (data := os.read(reading, 65536)):
        text += data
    os.close(reading)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return Attempt(**json.loads(text)) if text else Attempt(one.name, [], "killed")


def _follow(one: Route, target: Target) -> Attempt:
    def stop(*_: object) -> None:
        raise OutOfTimeError

    found: set[str] = set()
    error = ""
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(_CONTROL_SECONDS if target.control else _SECONDS)
    try:
        for evidence in one.follow(target):
            if isinstance(evidence, Door):
                found.add(f"door: {evidence.name}")
            else:
                found.update(match.decode() for match in _SECRET.findall(evidence))
    except OutOfTimeError:
        error = "out of time"
    except OSError as refusal:
        error = f"refused: {refusal}"
    except BaseException as fault:  # noqa: BLE001 - reported: the test fails of it
        error = f"fault: {fault!r}"
    signal.alarm(0)
    return Attempt(one.name, sorted(found), error)


def read(path: str, size: int = 2**20) -> bytes:
    """The beginning of a file; empty where that is refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError):
        return b""
    data = b""
    try:
        while len(data) < size and (piece := os.read(descriptor, size - len(data))):
            data += piece  # Files of /proc come a page at a time.
    except OSError:
        pass
    os.close(descriptor)
    return data


def names_in(folder: str) -> list[str]:
    """Paths of what is in a folder; none where that is refused."""
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError:
        return []


def walk(folder: str, depth: int, size: int = 2**16) -> Iterator[bytes]:
    """Names and contents of all small files below a folder, no link followed."""
    for path in names_in(folder):
        yield os.fsencode(path)
        if os.path.islink(path):
            continue
        if os.path.isfile(path):
            with contextlib.suppress(OSError):
                yield read(path) if os.path.getsize(path) <= size else b""
        elif depth and os.path.isdir(path):
            yield from walk(path, depth - 1, size)


def opened(path: str, flags: int) -> Iterator[Door]:
    """A door where `path` can be opened so. Nothing is written."""
    try:
        os.close(os.open(path, flags | os.O_NONBLOCK))
    except OSError:
        return
    yield Door(path)


def said(*command: str, **environment: str) -> bytes:
    """What a program prints; empty where it cannot be run."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=2,
            env={**os.environ, **environment},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout + done.stderr


def call(name: str, *arguments: object) -> int:
    """Make a system call by name. Raises OSError where it fails."""
    result = int(libc.syscall(_CALLS[name][0 if _X86 else 1], *arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def others(target: Target) -> list[int]:
    """Processes that are not ours: all in sight, and those known to be there.

    On a host that nothing protects, only those that the test has set up.
    """
    known = [target.orchestrator, target.bystander]
    if target.control:
        return known
    seen = [int(path[6:]) for path in names_in("/proc") if path[6:].isdecimal()]
    return list(dict.fromkeys([*known, 1, os.getppid(), *seen]))
