"""Routes through processes: environments, memory, descriptors, namespaces of ours and of others."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import select
import sys
from collections.abc import Callable, Iterator

from tests.support.canary.kit import (
    Door,
    Evidence,
    Target,
    call,
    libc,
    names_in,
    others,
    read,
    route,
    said,
)

_CHUNK = 2**20
_SEIZE = 0x4206


@route("environment")
def own_environment(target: Target) -> Iterator[Evidence]:
    """Read our own variables: as Python, the C library, the kernel and a child have them."""
    yield repr(dict(os.environ)).encode()
    environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
    position = 0
    while entry := environ[position]:
        yield entry
        position += 1
    yield read("/proc/self/environ")
    yield said("env")


@route("environment of other processes")
def foreign_environment(target: Target) -> Iterator[Evidence]:
    """Read /proc/<pid>/environ of every process."""
    for pid in others(target):
        yield read(f"/proc/{pid}/environ")


@route("environment of the first process")
def first_environment(target: Target) -> Iterator[Evidence]:
    """Read /proc/1/environ, where container engines put what they were told."""
    yield read("/proc/1/environ")
    yield read("/proc/1/cmdline")


@route("command lines")
def command_lines(target: Target) -> Iterator[Evidence]:
    """Read the command line and name of every process."""
    for pid in ("self", *others(target)):
        yield read(f"/proc/{pid}/cmdline") + read(f"/proc/{pid}/comm")


@route("tables about other processes")
def tables(target: Target) -> Iterator[Evidence]:
    """Read the maps, mounts, limits, stack and system call of every process."""
    for pid in others(target):
        for name in ("maps", "mountinfo", "limits", "stack", "syscall", "status", "cgroup"):
            yield read(f"/proc/{pid}/{name}")
    yield read("/proc/self/maps")


@route("own memory")
def own_memory(target: Target) -> Iterator[Evidence]:
    """Search our own memory for what whoever forked us has left in it."""
    yield from _memory(os.getpid(), _by_file(os.getpid()))


@route("memory of other processes by file")
def foreign_memory(target: Target) -> Iterator[Evidence]:
    """Search /proc/<pid>/mem of every process."""
    for pid in others(target):
        yield from _memory(pid, _by_file(pid))


@route("memory of other processes by system call")
def foreign_memory_by_call(target: Target) -> Iterator[Evidence]:
    """Search the memory of every process with process_vm_readv."""
    for pid in others(target):
        yield from _memory(pid, _by_call(pid))


@route("debugging")
def traced(target: Target) -> Iterator[Evidence]:
    """Attach to every process as a debugger does."""
    for pid in others(target):
        try:
            call("ptrace", _SEIZE, pid, 0, 0)
        except OSError:
            continue
        yield Door(f"ptrace of {pid}")


@route("descriptors of other processes")
def foreign_descriptors(target: Target) -> Iterator[Evidence]:
    """Read what every process has open, through /proc/<pid>/fd."""
    for pid in others(target):
        for path in names_in(f"/proc/{pid}/fd"):
            if os.path.isfile(path):
                yield read(path)


@route("copies of foreign descriptors")
def copied_descriptors(target: Target) -> Iterator[Evidence]:
    """Copy what every process has open with pidfd_getfd."""
    for pid in others(target):
        try:
            process = call("pidfd_open", pid, 0)
        except OSError:
            continue
        for number in range(64):
            try:
                copy = call("pidfd_getfd", process, number, 0)
            except OSError:
                continue
            with contextlib.suppress(OSError):
                yield os.pread(copy, _CHUNK, 0)
            os.close(copy)


@route("inherited descriptors")
def inherited(target: Target) -> Iterator[Evidence]:
    """Read every descriptor that whoever started us has left open."""
    for number in range(3, 1024):
        try:
            yield os.pread(number, _CHUNK, 0)
        except OSError:
            continue
    for path in names_in("/proc/self/fd"):
        if os.path.isfile(path):
            yield read(path)


@route("folders by inherited descriptors")
def inherited_folders(target: Target) -> Iterator[Evidence]:
    """Climb to the host's root from every folder that was left open."""
    for number in range(3, 1024):
        for way in ("../" * 12 + target.answers[1:], "private/test_answer.csv", "test_answer.csv"):
            try:
                descriptor = os.open(way, os.O_RDONLY, dir_fd=number)
            except OSError:
                break
            yield os.read(descriptor, _CHUNK)


@route("standard input")
def standard_input(target: Target) -> Iterator[Evidence]:
    """Read what is still to come on standard input, and what terminals hold."""
    while select.select([0], [], [], 0.1)[0] and (data := os.read(0, _CHUNK)):
        yield data
    for path in ("/dev/tty", "/dev/console", "/dev/tty1", "/dev/vcs1", "/dev/vcsa"):
        yield read(path, 4096)


@route("whatever runs the program")
def runner(target: Target) -> Iterator[Evidence]:
    """Look through the frames above us and every object of this Python."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        yield repr(list(frame.f_locals.values()))[:_CHUNK].encode(errors="replace")
    for one in gc.get_objects():
        if isinstance(one, dict):
            for value in list(one.values()):
                if isinstance(value, str | bytes):
                    yield value if isinstance(value, bytes) else value.encode(errors="replace")


@route("files beside the program")
def beside_the_program(target: Target) -> Iterator[Evidence]:
    """Read what lies in the folder of the program and of whatever runs it."""
    for folder in {os.path.dirname(os.path.abspath(path)) for path in (sys.argv[0], __file__)}:
        for path in names_in(folder):
            yield read(path)


@route("signals")
def signals(target: Target) -> Iterator[Evidence]:
    """Ask whether processes of the host could be signalled."""
    for pid in (target.orchestrator, target.bystander):
        os.kill(pid, 0)
        yield Door(f"signals to {pid}")


@route("namespaces of other processes")
def entered(target: Target) -> Iterator[Evidence]:
    """Enter the namespaces of every process."""
    for pid in others(target):
        for kind in ("mnt", "user", "pid", "net", "ipc"):
            try:
                place = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
                call("setns", place, 0)
            except OSError:
                continue
            yield Door(f"namespace {kind} of {pid}")


def _memory(pid: int, take: Callable[[int, int], bytes]) -> Iterator[Evidence]:
    """Everything that a process can write, and its stack, in pieces."""
    maps = read(f"/proc/{pid}/maps").decode(errors="replace").splitlines()
    for line in maps:
        span, rights, *_ = line.split()
        start, end = (int(part, 16) for part in span.split("-"))
        if not rights.startswith("rw") or end - start > 2**28:
            continue
        for address in range(start, end, _CHUNK):
            yield take(address, min(_CHUNK, end - address))
    if not maps:
        take(0, 1)


def _by_file(pid: int) -> Callable[[int, int], bytes]:
    def take(address: int, size: int) -> bytes:
        try:
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                memory.seek(address)
                return memory.read(size) or b""
        except OSError:
            return b""

    return take


def _by_call(pid: int) -> Callable[[int, int], bytes]:
    def take(address: int, size: int) -> bytes:
        data = ctypes.create_string_buffer(size)
        here = (ctypes.c_size_t * 2)(ctypes.addressof(data), size)
        there = (ctypes.c_size_t * 2)(address, size)
        try:
            done = call("process_vm_readv", pid, here, 1, there, 1, 0)
        except OSError:
            return b""
        return data.raw[:done]

    return take
