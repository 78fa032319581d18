"""What the processes of a running job use together, read from /proc.

Done fifty times a second for each job, so it reads files in the plainest way there is.
"""

# ruff: noqa: PTH208 - see above

from __future__ import annotations

import os
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE")
_ENOUGH = 1 << 16


class TreeUse(NamedTuple):
    """All processes below one."""

    threads: int
    """As the kernel counts against a limit: a process of one thread is one."""
    memory: int
    """Bytes: shared pages counted once where that decides (proportional set size)."""


def tree_use(pid: int, limit: int) -> TreeUse:
    """The use of all processes below `pid`, exact in memory only near or above `limit` bytes."""
    members = descendants(pid)
    resident = sum(_resident(member) for member in members)
    if resident > limit:
        resident = sum(_proportional(member) for member in members)
    return TreeUse(threads=sum(map(_threads, members)), memory=resident)


def descendants(pid: int) -> list[int]:
    """All processes below `pid` at this moment."""
    found = []
    pending = [pid]
    while pending:
        tasks = f"/proc/{pending.pop()}/task"
        try:
            threads = os.listdir(tasks)
        except OSError:
            continue  # Ended since.
        for thread in threads:
            below = [int(child) for child in _read(f"{tasks}/{thread}/children").split()]
            found += below
            pending += below
    return found


def _threads(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0  # Ended since.


def _resident(pid: int) -> int:
    fields = _read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * _PAGE if fields else 0


def _proportional(pid: int) -> int:
    """Resident bytes with pages shared by n processes counted as one n-th."""
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return _resident(pid)


def _read(path: str) -> bytes:
    """A file of /proc; nothing where its process has ended since."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, _ENOUGH)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
