"""What the host looks like around an attack: instruments, and things for programs to find."""

from __future__ import annotations

import ctypes
import os
import secrets
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from mle_smith.sandbox.job import Mount
from tests.support.attacks.case import Given, Site

_MEBIBYTE = 2**20


def processes_named(name: str) -> list[int]:
    """Processes of this machine that go by `name`, zombies included."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            if path.read_text().strip() == name:
                found.append(int(path.parent.name))
    return found


def a_name() -> str:
    """A name for processes that no other process has."""
    return f"mle{secrets.token_hex(5)}"


@contextmanager
def no_process_left(_: Site) -> Iterator[Given]:
    """The program is given a name to wear; when the run is over nobody wears it."""
    name = a_name()
    yield Given(args=(name,))
    assert processes_named(name) == []


@contextmanager
def steady_memory(_: Site) -> Iterator[Given]:
    """The run costs this process less than 50 MB at its peak."""
    peak = Path("/proc/self/status")
    Path("/proc/self/clear_refs").write_text("5")  # The peak starts anew.
    before = _peak_memory(peak)
    yield Given()
    grown = _peak_memory(peak) - before
    assert grown < 50 * _MEBIBYTE, f"{grown // _MEBIBYTE} MB more"


def _peak_memory(status: Path) -> int:
    (line,) = (one for one in status.read_text().splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


class _State(NamedTuple):
    """Everything about a file that a program could change."""

    mode: int
    owner: int
    links: int
    modified: int
    changed: int
    content: str
    attributes: tuple[str, ...]


def _state(path: Path) -> _State:
    found = path.lstat()
    regular = stat.S_ISREG(found.st_mode)
    content = path.read_text() if regular else " ".join(sorted(map(str, path.iterdir())))
    return _State(
        mode=found.st_mode,
        owner=found.st_uid,
        links=found.st_nlink,
        modified=found.st_mtime_ns,
        changed=found.st_ctime_ns,
        content=content,
        attributes=tuple(os.listxattr(path)),
    )


@contextmanager
def unchanged(*paths: Path) -> Iterator[None]:
    """Nothing about these files and folders changes."""
    before = [_state(path) for path in paths]
    yield
    changed = [
        f"{field} of {path.name}"
        for path, was in zip(paths, before, strict=True)
        for field, old, new in zip(_State._fields, was, _state(path), strict=True)
        if old != new
    ]
    assert not changed, f"changed: {', '.join(changed)}"


@contextmanager
def an_input(site: Site) -> Iterator[Given]:
    """The program is given `/in/data/a.csv`, which stays as it is."""
    data = site.folder / "data"
    data.mkdir()
    (data / "a.csv").write_text("x\n")
    with unchanged(data, data / "a.csv"):
        yield Given(mounts=(Mount(source=data, target="/in/data"),))


@contextmanager
def a_host_file(site: Site) -> Iterator[Given]:
    """The program is told the path of a file of ours that is none of its inputs."""
    folder = site.folder / "ours"
    folder.mkdir()
    (folder / "file").write_text("kept\n")
    with unchanged(folder, folder / "file"):
        yield Given(args=(str(folder / "file"),))


class Package(NamedTuple):
    """A task package with answers in it."""

    public: Path
    answers: Path


def a_package(folder: Path, answers: str, train: str = "id\n") -> Package:
    """Write one below `folder`."""
    public, private = folder / "package" / "public", folder / "package" / "private"
    for part in (public, private):
        part.mkdir(parents=True)
    (public / "train.csv").write_text(train)
    (private / "test_answer.csv").write_text(answers)
    return Package(public, private / "test_answer.csv")


@contextmanager
def a_task(site: Site) -> Iterator[Given]:
    """The program is given a task's public files and told where the answers are."""
    package = a_package(site.folder, "the answer\n")
    mount = Mount(source=package.public, target="/in/public")
    yield Given(args=(str(package.answers), str(os.getpid())), mounts=(mount,))


@contextmanager
def a_secret_variable(_: Site) -> Iterator[Given]:
    """This process has a key in its environment."""
    os.environ["MLE_TEST_SECRET"] = "key"
    try:
        yield Given(args=("MLE_TEST_SECRET",))
    finally:
        del os.environ["MLE_TEST_SECRET"]


@contextmanager
def a_bystander(_: Site) -> Iterator[Given]:
    """The program is told the number of another process of ours, which outlives the run."""
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as other:
        try:
            yield Given(args=(str(other.pid),))
            assert other.poll() is None, "it was killed"
        finally:
            other.communicate(b"\n")


@contextmanager
def listeners(site: Site) -> Iterator[Given]:
    """Sockets of the host wait on its loopback, under an abstract name and under a path."""
    path, name = str(site.folder / "socket"), a_name()
    kinds: list[Kind] = [
        (socket.AF_INET, ("127.0.0.1", 0)),
        (socket.AF_UNIX, f"\0{name}"),
        (socket.AF_UNIX, path),
    ]
    with closing(Servers(kinds, greeting=b"hi")) as servers:
        for family, address in zip((kind for kind, _ in kinds), servers.addresses, strict=True):
            with socket.socket(family) as client:
                client.connect(address)
                assert client.recv(2) == b"hi", "the host itself reaches them"
        assert servers.met == len(kinds)
        Path(path).chmod(0o666)
        yield Given(args=(str(servers.addresses[0][1]), name, path))
        assert servers.met == len(kinds), "somebody else came"


Kind = tuple[socket.AddressFamily, str | tuple[str, int]]


class Servers:
    """Sockets that greet whoever connects, and count."""

    def __init__(self, kinds: list[Kind], greeting: bytes) -> None:
        self.met = 0
        self._greeting = greeting
        self._sockets = []
        for family, address in kinds:
            server = socket.socket(family)
            server.bind(address)
            server.listen()
            self._sockets.append(server)
            threading.Thread(target=self._greet, args=(server,), daemon=True).start()
        self.addresses = [server.getsockname() for server in self._sockets]

    def _greet(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            self.met += 1
            with connection, suppress(OSError):
                connection.sendall(self._greeting)

    def close(self) -> None:
        """Stop listening."""
        for server in self._sockets:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()


def system_v_key() -> int:
    """A key for System V objects that nobody else uses."""
    return secrets.randbelow(2**31 - 2) + 1


def remove_system_v(key: int) -> None:
    """Remove the segment, the queue and the semaphores of `key`, where there are any."""
    libc = ctypes.CDLL(None)
    segment, queue, semaphores = libc.shmget(key, 0, 0), libc.msgget(key, 0), libc.semget(key, 0, 0)
    if segment >= 0:
        libc.shmctl(segment, 0, None)
    if queue >= 0:
        libc.msgctl(queue, 0, None)
    if semaphores >= 0:
        libc.semctl(semaphores, 0, 0)
