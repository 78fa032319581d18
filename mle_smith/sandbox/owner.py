"""Who made a container or a scratch folder, told so that a reused process number fools no one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Owner(NamedTuple):
    """One process of one boot of one machine (or process namespace)."""

    boot: str
    """Boot id and process namespace: numbers mean nothing in another of either."""
    pid: int
    started: int
    """Start time of the process in clock ticks after boot."""

    def __str__(self) -> str:
        return f"{self.boot}.{self.pid}.{self.started}"


def current_owner() -> Owner:
    """This process."""
    pid = os.getpid()
    started = _start_time(pid)
    return Owner(_boot(), pid, started if started is not None else 0)


def parse_owner(text: str) -> Owner | None:
    """What `str(owner)` gave; None for anything else."""
    boot, _, rest = text.partition(".")
    pid, _, started = rest.partition(".")
    if not (boot and pid.isdecimal() and started.isdecimal()):
        return None
    return Owner(boot, int(pid), int(started))


def is_dead(owner: Owner) -> bool:
    """Whether that process is known to be gone.

    False where it cannot be known: it may live in another process namespace of the same boot.
    """
    boot, own = owner.boot.split("-")[0], _boot().split("-")[0]
    if boot != own:
        return True
    if owner.boot != _boot():
        return False
    return _start_time(owner.pid) != owner.started


def is_alive(owner: Owner) -> bool:
    """Whether that process is known to live.

    Where it cannot be known, neither this holds nor `is_dead`.
    """
    return owner.boot == _boot() and _start_time(owner.pid) == owner.started


def _boot() -> str:
    identity = Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
    return f"{identity}-{Path('/proc/self/ns/pid').stat().st_ino}"


def _start_time(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])
