"""Two secrets on a host, in every place where a careless machine might have them."""

from __future__ import annotations

import ctypes
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.attacks.host import Kind, Servers, a_name, a_package, system_v_key
from tests.support.canary.kit import Target, call

VARIABLE = "MLE_CANARY_API_KEY"
_USER_RING = -4
_libc = ctypes.CDLL(None, use_errno=True)


class Laid(NamedTuple):
    """What lies about."""

    answer: str
    """In <package>/private/test_answer.csv, and where programs might have copied it."""
    key: str
    """In the environment of this process, as an API key would be."""
    decoy: str
    """In the public files: what every participant may find, and no secret."""
    public: Path
    target: Target


@contextmanager
def secrets_about(folder: Path, *, control: bool = False) -> Iterator[Laid]:
    """Lay out a package and a host full of traces of its answers; clear them up afterwards."""
    answer, key, decoy = (
        f"canary-{kind}-{secrets.token_hex(16)}" for kind in ("answer", "key", "decoy")
    )
    with ExitStack() as stack:
        package = a_package(folder, f"id,answer\n1,{answer}\n", f"id,input\n1,{decoy}\n")
        root = package.answers.parents[1]
        _git_object(root, answer)
        (root / ".env").write_text(f"{VARIABLE}={key}\n")
        os.environ[VARIABLE] = key
        stack.callback(os.environ.pop, VARIABLE)
        temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="mle-canary-"))
        Path(temporary, "copy.csv").write_text(answer)
        held = os.open(package.answers, os.O_RDONLY)
        stack.callback(os.close, held)
        os.set_inheritable(held, True)
        bystander = stack.enter_context(_bystander(root, held))
        _shared_memory(stack, answer)
        _key_ring(stack, answer)
        name, path = a_name(), str(folder / "socket")
        kinds: list[Kind] = [
            (socket.AF_INET, ("127.0.0.1", 0)),
            (socket.AF_UNIX, f"\0{name}"),
            (socket.AF_UNIX, path),
        ]
        servers = Servers(kinds, greeting=answer.encode())
        stack.callback(servers.close)
        target = Target(
            answers=str(package.answers),
            package=str(root),
            temporary=temporary,
            orchestrator=os.getpid(),
            bystander=bystander,
            port=int(servers.addresses[0][1]),
            abstract=name,
            socket=path,
            queue=_queue(stack, name, answer),
            control=control,
        )
        yield Laid(answer, key, decoy, package.public, target)


def _git_object(root: Path, answer: str) -> None:
    blob = f"blob {len(answer)}\0{answer}".encode()
    folder = root / ".git" / "objects" / "ca"
    folder.mkdir(parents=True)
    (folder / "nary").write_bytes(zlib.compress(blob))


@contextmanager
def _bystander(folder: Path, held: int) -> Iterator[int]:
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=folder, pass_fds=(held,)) as other:
        try:
            yield other.pid
        finally:
            other.communicate(b"\n")


def _shared_memory(stack: ExitStack, answer: str) -> None:
    """A System V segment and a POSIX one, for this user only."""
    posix = Path(f"/dev/shm/{a_name()}")
    if posix.parent.is_dir():
        posix.write_text(answer)
        stack.callback(posix.unlink)
    _libc.shmat.restype = ctypes.c_void_p
    segment = _libc.shmget(system_v_key(), 4096, 0o1600)
    if segment >= 0:
        stack.callback(_libc.shmctl, segment, 0, None)
        address = _libc.shmat(segment, None, 0)
        ctypes.memmove(address, answer.encode(), len(answer))
        _libc.shmdt(ctypes.c_void_p(address))


def _queue(stack: ExitStack, name: str, answer: str) -> str:
    """A POSIX message queue with the answer in it."""
    queue = f"/{name}".encode()
    number = _libc.mq_open(queue, os.O_CREAT | os.O_RDWR | os.O_NONBLOCK, 0o600, None)
    if number >= 0:
        stack.callback(_libc.mq_unlink, queue)
        stack.callback(os.close, number)
        _libc.mq_send(number, answer.encode(), len(answer), 0)
    return queue.decode()


def _key_ring(stack: ExitStack, answer: str) -> None:
    """A key of this user in the kernel, where the kernel keeps any."""
    try:
        key = call("add_key", b"user", b"mle-canary", answer.encode(), len(answer), _USER_RING)
    except OSError:
        return
    stack.callback(call, "keyctl", 9, key, _USER_RING)
