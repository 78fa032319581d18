"""A system-call filter for the process backend, as the BPF program that the kernel takes.

Refuses what the other layers do not hold or what only widens the kernel's surface. A deny-list, as
the Python it serves is the host's own and may need calls that an allow-list would miss.
"""

from __future__ import annotations

import platform
import struct
from typing import NamedTuple

from mle_smith.errors import SandboxUnavailableError

AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_DONE, _EPERM, _ENOSYS = 0, 1, 38
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT, _SECOND_ARGUMENT_AT = 0, 4, 16, 24
_NAMESPACE_FLAGS = 0x7E020000
_X32_BIT = 0x40000000

# The same on every architecture.
_NEW_CALLS = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
}
_X86_64 = {
    "ptrace": 101,
    "syslog": 103,
    "pivot_root": 155,
    "chroot": 161,
    "acct": 163,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "iopl": 172,
    "ioperm": 173,
    "init_module": 175,
    "delete_module": 176,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "unshare": 272,
    "perf_event_open": 298,
    "open_by_handle_at": 304,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "kcmp": 312,
    "finit_module": 313,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
}
_AARCH64 = {
    "umount2": 39,
    "mount": 40,
    "pivot_root": 41,
    "chroot": 51,
    "acct": 89,
    "unshare": 97,
    "kexec_load": 104,
    "init_module": 105,
    "delete_module": 106,
    "syslog": 116,
    "ptrace": 117,
    "reboot": 142,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "swapon": 224,
    "swapoff": 225,
    "perf_event_open": 241,
    "open_by_handle_at": 265,
    "setns": 268,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "kcmp": 272,
    "finit_module": 273,
    "bpf": 280,
    "userfaultfd": 282,
    "kexec_file_load": 294,
}


# Where a job lives among the host's processes and files, it must not reach what others left in
# memory, nor leave anything there: System V and POSIX objects have no other guard than their mode.
_IPC_X86_64 = (29, 30, 31, 64, 65, 66, 67, 68, 69, 70, 71, 220, *range(240, 246))
_IPC_AARCH64 = tuple(range(180, 198))

# There, Landlock leaves a file's mode, owner, times and attributes to whoever owns it. These calls
# do nothing and say that they did: a refusal would break copying files.
_NEW_MARKS = (452, 463, 466)  # fchmodat2, setxattrat, removexattrat
_MARKS_X86_64 = (*range(90, 95), 132, 235, 260, 261, 268, 280, *range(188, 191), *range(197, 200))
_MARKS_AARCH64 = (*range(52, 56), 88, *range(5, 8), *range(14, 17))

# So does ioctl for these: FS_IOC_SETFLAGS, its 32-bit form, FS_IOC_FSSETXATTR.
_MARKING_REQUESTS = (0x40086602, 0x40046602, 0x401C5820)


class Architecture(NamedTuple):
    """The numbers of one kind of machine."""

    audit: int
    denied: tuple[int, ...]
    ipc: tuple[int, ...]
    """Objects in memory that processes share by a number or name."""
    marks: tuple[int, ...]
    """What changes a file's mode, owner, times or attributes."""
    ioctl: int
    clone: int
    clone3: int
    socket: int
    pivot_root: int
    has_x32: bool


_ARCHITECTURES = {
    "x86_64": Architecture(
        0xC000003E,
        (*_X86_64.values(), *_NEW_CALLS.values()),
        _IPC_X86_64,
        (*_MARKS_X86_64, *_NEW_MARKS),
        ioctl=16,
        clone=56,
        clone3=435,
        socket=41,
        pivot_root=155,
        has_x32=True,
    ),
    "aarch64": Architecture(
        0xC00000B7,
        (*_AARCH64.values(), *_NEW_CALLS.values()),
        _IPC_AARCH64,
        (*_MARKS_AARCH64, *_NEW_MARKS),
        ioctl=29,
        clone=220,
        clone3=435,
        socket=198,
        pivot_root=41,
        has_x32=False,
    ),
}


def architecture(machine: str | None = None) -> Architecture:
    """The numbers of this machine. Raises SandboxUnavailableError for one that is not known."""
    name = machine or platform.machine()
    if name not in _ARCHITECTURES:
        raise SandboxUnavailableError(
            f"The process sandbox does not know the system calls of {name}; use Docker.",
            code="sandbox.process.architecture",
        )
    return _ARCHITECTURES[name]


def build_filter(
    machine: Architecture, families: tuple[int, ...], *, shared: bool = False
) -> bytes:
    """The BPF program that allows sockets of `families` only, and none of the denied calls.

    With `shared`, for a job that lives among the host's files and processes, it holds what only
    namespaces of its own would hold otherwise.
    """
    code = [
        _step(_LOAD, _ARCH_AT),
        _step(_EQUAL, machine.audit, yes=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
    ]
    if machine.has_x32:
        code += [_step(_AT_LEAST, _X32_BIT, no=1), _refuse(_EPERM)]
    for number in (*machine.denied, *(machine.ipc if shared else ())):
        code += [_step(_EQUAL, number, no=1), _refuse(_EPERM)]
    for number in machine.marks if shared else ():
        code += [_step(_EQUAL, number, no=1), _refuse(_DONE)]
    if shared:
        requests = [_step(_LOAD, _SECOND_ARGUMENT_AT)]
        for request in _MARKING_REQUESTS:
            requests += [_step(_EQUAL, request, no=1), _refuse(_DONE)]
        requests.append(_step(_LOAD, _NUMBER_AT))
        code += [_step(_EQUAL, machine.ioctl, no=len(requests)), *requests]
    # The flags of clone3 lie in memory, out of sight; the C library falls back to clone.
    code += [_step(_EQUAL, machine.clone3, no=1), _refuse(_ENOSYS)]
    code += [
        _step(_EQUAL, machine.clone, no=4),
        _step(_LOAD, _FIRST_ARGUMENT_AT),
        _step(_ANY_BIT, _NAMESPACE_FLAGS, no=1),
        _refuse(_EPERM),
        _step(_LOAD, _NUMBER_AT),
    ]
    sockets = [_step(_LOAD, _FIRST_ARGUMENT_AT)]
    for family in families:
        sockets += [_step(_EQUAL, family, no=1), _step(_RETURN, _ALLOW)]
    sockets.append(_refuse(_EPERM))
    code += [_step(_EQUAL, machine.socket, no=len(sockets)), *sockets]
    return b"".join([*code, _step(_RETURN, _ALLOW)])


def _step(operation: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, yes, no, value)


def _refuse(number: int) -> bytes:
    return _step(_RETURN, _ERRNO | number)
