"""What the processes of a running job use together, read from /proc."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class TreeUse(NamedTuple):
    """A process and all below it."""

    processes: int
    memory: int
    """Bytes: shared pages counted once where that decides (proportional set size)."""


def tree_use(pid: int, limit: int) -> TreeUse:
    """The use of all processes below `pid`, exact in memory only near or above `limit` bytes."""
    members = descendants(pid)
    resident = sum(_resident(member) for member in members)
    if resident > limit:
        resident = sum(_proportional(member) for member in members)
    return TreeUse(processes=len(members), memory=resident)


def descendants(pid: int) -> list[int]:
    """All processes below `pid` at this moment."""
    found = []
    pending = [pid]
    while pending:
        for children in Path(f"/proc/{pending.pop()}/task").glob("*/children"):
            try:
                below = [int(child) for child in children.read_text().split()]
            except OSError:
                continue  # Ended since.
            found += below
            pending += below
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """Resident bytes with pages shared by n processes counted as one n-th."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return _resident(pid)
    sizes = [line.split()[1] for line in lines if line.startswith("Pss:")]
    return int(sizes[0]) * 1024 if sizes else 0
