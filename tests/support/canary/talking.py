"""Routes by talking to others: sockets, queues, shared memory, keys. None leaves this machine."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator

from tests.support.canary.kit import (
    Door,
    Evidence,
    Target,
    call,
    libc,
    names_in,
    read,
    route,
    walk,
)

_SHM_STAT, _READ_ONLY = 13, 0o10000


@route("loopback")
def loopback(target: Target) -> Iterator[Evidence]:
    """Ask a server on the host's loopback."""
    yield _heard(socket.AF_INET, ("127.0.0.1", target.port))
    yield _heard(socket.AF_INET6, ("::ffff:127.0.0.1", target.port))


@route("socket by an abstract name")
def abstract(target: Target) -> Iterator[Evidence]:
    """Ask a server that listens under an abstract name."""
    yield _heard(socket.AF_UNIX, "\0" + target.abstract)


@route("socket by a path")
def by_path(target: Target) -> Iterator[Evidence]:
    """Ask a server that listens under a path."""
    yield _heard(socket.AF_UNIX, target.socket)
    for start in ("/proc/1/root", f"/proc/{target.orchestrator}/root"):
        yield _heard(socket.AF_UNIX, start + target.socket)


@route("container engines")
def engines(target: Target) -> Iterator[Evidence]:
    """Ask a container engine to start something for us."""
    for path in (
        "docker.sock",
        "containerd/containerd.sock",
        "podman/podman.sock",
        "crio/crio.sock",
    ):
        for folder in ("/run/", "/var/run/"):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                if client.connect_ex(folder + path) == 0:
                    yield Door(folder + path)


@route("sockets to the kernel")
def kernel_sockets(target: Target) -> Iterator[Evidence]:
    """Open sockets that are not for programs: packets, netlink, hypervisor, ciphers."""
    for name in ("AF_PACKET", "AF_NETLINK", "AF_VSOCK", "AF_ALG", "AF_BLUETOOTH", "AF_KEY"):
        family = getattr(socket, name, None)
        for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            if family is None:
                continue
            try:
                socket.socket(family, kind).close()
            except OSError:
                continue
            yield Door(f"{name} {kind.name}")


@route("System V shared memory")
def system_v(target: Target) -> Iterator[Evidence]:
    """Attach every System V segment."""
    libc.shmat.restype = ctypes.c_void_p
    description = ctypes.create_string_buffer(256)
    for position in range(128):
        segment = libc.shmctl(position, _SHM_STAT, description)
        if segment < 0:
            continue
        size = int.from_bytes(description.raw[48:56], "little")
        address = libc.shmat(segment, None, _READ_ONLY)
        if address not in (None, ctypes.c_void_p(-1).value):
            yield ctypes.string_at(address, min(size, 2**16))
            libc.shmdt(ctypes.c_void_p(address))


@route("POSIX shared memory")
def posix_memory(target: Target) -> Iterator[Evidence]:
    """Read what lies in /dev/shm."""
    yield from walk("/dev/shm", 2)


@route("message queues")
def queues(target: Target) -> Iterator[Evidence]:
    """Receive from the POSIX queue that is known, and list all."""
    yield repr(names_in("/dev/mqueue")).encode()
    number = libc.mq_open(os.fsencode(target.queue), os.O_RDONLY | os.O_NONBLOCK)
    if number >= 0:
        data = ctypes.create_string_buffer(2**16)
        size = libc.mq_receive(number, data, len(data), None)
        yield data.raw[: max(0, size)]


@route("key rings")
def keys(target: Target) -> Iterator[Evidence]:
    """Search every key ring of the kernel that a process has."""
    yield read("/proc/keys")
    for ring in range(-1, -6, -1):
        listed = (ctypes.c_int32 * 64)()
        try:
            call("keyctl", 11, ring, listed, ctypes.sizeof(listed), 0)
        except OSError:
            continue
        yield Door(f"key ring {ring}")
        for key in listed:
            data = ctypes.create_string_buffer(4096)
            if key:
                try:
                    size = call("keyctl", 11, key, data, len(data), 0)
                except OSError:
                    continue
                yield data.raw[:size]


def _heard(family: socket.AddressFamily, address: str | tuple[str, int]) -> bytes:
    try:
        with socket.socket(family) as client:
            client.settimeout(1)
            client.connect(address)
            return client.recv(4096)
    except OSError:
        return b""
