"""What the process backend's launcher is to do for one job: views of files, rights, limits.

Two levels. `namespaces`: the job lives in a root folder of its own that holds what it may read,
with no network and no other process in sight. `landlock`, where namespaces are not permitted: it
lives among the host's files and the kernel refuses it all but its own. Both add a system-call
filter.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from mle_smith.sandbox.cgroup import Group
from mle_smith.sandbox.container_spec import GRACE_S
from mle_smith.sandbox.job import Limits
from mle_smith.sandbox.seccomp_filter import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    architecture,
    build_filter,
)

Level = Literal["namespaces", "landlock"]

_NEW_USER = 0x10000000
_NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""Mounts, host name, IPC, processes, network."""
_NEW_GROUP_VIEW = 0x02000000

_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime")
_PROC_FILES = ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat")

_READ = 0b1101  # execute, read a file, list a folder
_READ_FILE, _WRITE_FILE = 0b100, 0b010
_FILE_RIGHTS = 0b111 | 1 << 14 | 1 << 15
_MAKE_DEVICES = 1 << 6 | 1 << 11  # character and block devices
_HANDLED_SINCE = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_SHM_MB = 64
_HOME = "/mle-sandbox"
"""What the job is given lies here in its own root, where it hides nothing of the host's."""


class Places(NamedTuple):
    """Host folders of one job."""

    code: Path
    inputs: tuple[tuple[Path, str], ...]
    """Source and path below the folder of all inputs (empty: that folder itself)."""
    out: Path
    work: Path
    tmp: Path
    root: Path
    """Empty; the job's root is built on it."""
    links: Path
    """Folder of all inputs for the level that cannot mount."""


class Names(NamedTuple):
    """Where the job itself finds those folders."""

    code: str
    inputs: str
    out: str
    work: str
    tmp: str


def names(level: Level, places: Places) -> Names:
    """The paths that the job is told."""
    if level == "namespaces":
        return Names(f"{_HOME}/job", f"{_HOME}/in", f"{_HOME}/out", f"{_HOME}/work", "/tmp")
    return Names(*map(str, (places.code, places.links, places.out, places.work, places.tmp)))


def launch_plan(
    level: Level,
    places: Places,
    limits: Limits,
    *,
    user: int | None,
    processes: int | None,
    cpus: Iterable[int],
    group: Group | None,
    arguments: tuple[str, ...],
    environment: dict[str, str],
) -> dict[str, Any]:
    """The launcher's instructions, as values that `marshal` can write.

    Args:
        level: how the job is kept from the host's files and network.
        places: the host folders of the job.
        limits: what it may use.
        user: the user to become; None: the user that we are.
        processes: RLIMIT_NPROC, which counts all of a user's processes; None: ours stays.
        cpus: the processors it may run on.
        group: the control group that holds it, whose name it is not to see; None: it stays in ours.
        arguments: of the program.
        environment: all of it.
    """
    own = level == "namespaces"
    where = names(level, places)
    machine = architecture()
    families = (AF_UNIX, AF_INET, AF_INET6) if own else ()
    runner, program = f"{where.code}/runner.py", f"{where.code}/main.py"
    return {
        "namespaces": _new_namespaces(group) if own else 0,
        "group": [str(door) for door in group.doors] if group else [],
        "group_name": group.name if group else "",
        "group_parents": [str(door.parent.parent) for door in group.doors] if group else [],
        "way_out": [str(door) for door in group.way_out] if group else [],
        "pivot_root": machine.pivot_root,
        "root": str(places.root),
        "view": _view(where, places, limits, user) if own else [],
        "landlock": _landlock(level, where, places),
        "seccomp": build_filter(machine, families, shared=not own),
        "rlimits": _rlimits(limits, processes),
        "user": user,
        "drop_capabilities": own or os.geteuid() == 0,
        "cpus": sorted(cpus),
        "folder": where.work,
        "alarm_s": math.ceil(limits.wall_s) + GRACE_S,
        "command": [sys.executable, "-s", "-P", runner, program, *arguments],
        "environment": environment,
    }


def _new_namespaces(group: Group | None) -> int:
    own_user = _NEW_USER if os.geteuid() else 0
    return _NAMESPACES | own_user | (_NEW_GROUP_VIEW if group else 0)


def interpreter_paths() -> tuple[Path, ...]:
    """Folders and files that the running Python needs, itself included; never a home folder."""
    found = [Path(path) for path in (*_SYSTEM, *_SYSTEM_FILES)]
    for prefix in dict.fromkeys((sys.prefix, sys.exec_prefix, sys.base_prefix)):
        found += [Path(prefix, part) for part in ("bin", "lib", "lib64", "pyvenv.cfg")]
    link = Path(sys.executable)
    while link.is_symlink():
        link = link.parent / link.readlink()
        found.append(link.parent)
    existing = dict.fromkeys(path for path in found if path.exists())
    return tuple(sorted(existing, key=lambda path: len(path.parts)))


def open_to_others() -> bool:
    """Whether any user can reach and read the running Python."""
    for path in interpreter_paths():
        if not reachable(path) or path.stat().st_mode & 0o004 == 0:
            return False
    return True


def reachable(path: Path) -> bool:
    """Whether any user can pass through all folders on the way to `path`."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def landlock_abi() -> int:
    """Version of Landlock that the kernel offers, 0 for none."""
    version = ctypes.CDLL(None).syscall(444, None, 0, 1)
    return max(0, int(version))


class _View:
    """The steps that build the job's root folder: what is there at the same path as on the host."""

    def __init__(self) -> None:
        self.steps: list[list[str]] = []
        self._bound: set[Path] = set()
        self._made: set[Path] = set()

    def reveal(self, path: Path) -> None:
        """Show `path` with every link on the way to it."""
        current = Path("/")
        for position, part in enumerate(path.parts[1:], start=1):
            current /= part
            if current in self._bound:
                return
            if current.is_symlink():
                target = current.readlink()
                if current not in self._made:
                    self.steps.append(["link", str(current), str(target)])
                    self._made.add(current)
                rest = path.parts[position + 1 :]
                self.reveal(Path(os.path.normpath(current.parent / target), *rest))
                return
            if position < len(path.parts) - 1 and current not in self._made:
                self.steps.append(["folder", str(current)])
                self._made.add(current)
        self.steps.append(["readable", str(path), str(path)])
        self._bound.add(path)


def _view(where: Names, places: Places, limits: Limits, user: int | None) -> list[list[str]]:
    owner = 65534 if user is None else user
    memory = f"mode=0700,uid={owner},gid={owner},size="
    # Folders in memory first: the Python may lie in /tmp and must come on top.
    steps = [["tmpfs", path, f"{memory}{limits.tmp_mb}m"] for path in (where.tmp, where.work)]
    steps += [["tmpfs", "/dev/shm", f"{memory}{_SHM_MB}m"], ["proc", "/proc"]]
    steps += [["device", device, device] for device in _DEVICES if Path(device).exists()]
    view = _View()
    for path in interpreter_paths():
        view.reveal(path)
    steps += view.steps
    steps += [["readable", where.code, str(places.code)], ["writable", where.out, str(places.out)]]
    steps.append(["folder", where.inputs])
    for source, name in places.inputs:
        steps.append(["readable", f"{where.inputs}/{name}".rstrip("/"), str(source)])
    return steps


def _landlock(level: Level, where: Names, places: Places) -> dict[str, Any] | None:
    abi = landlock_abi()
    if abi == 0:
        return None
    handled = sum(rights for since, rights in _HANDLED_SINCE if abi >= since)
    writable = handled & ~_MAKE_DEVICES
    rules = [(path, writable) for path in (where.out, where.work, where.tmp)]
    if level == "namespaces":
        rules += [("/", _READ), ("/dev/shm", writable)]
    else:
        sources = [source for source, _ in places.inputs]
        readable = [*interpreter_paths(), places.code, places.links, *sources]
        rules += [(str(path), _READ) for path in readable]
        rules += [(path, _READ) for path in _PROC_FILES]
    rules += [(device, _READ_FILE | _WRITE_FILE) for device in _DEVICES]
    network, scopes = (3 if abi >= 4 else 0), (3 if abi >= 6 else 0)
    return {
        "handled": [handled, network, scopes],
        "size": 24 if abi >= 6 else 16 if abi >= 4 else 8,
        "rules": [[path, rights & handled & _possible(path)] for path, rights in rules],
    }


def _possible(path: str) -> int:
    """The rights that make sense for `path`: the kernel refuses a folder's rights on a file."""
    try:
        folder = stat.S_ISDIR(Path(path).stat().st_mode)
    except OSError:
        folder = True  # Only there in the job's own root, where folders are all we name.
    return (1 << 64) - 1 if folder else _FILE_RIGHTS


def _rlimits(limits: Limits, processes: int | None) -> list[tuple[int, int]]:
    mebibyte = 2**20
    seconds = math.ceil(limits.wall_s * math.ceil(limits.cpus)) + 1
    return [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 1024),
        *([] if processes is None else [(resource.RLIMIT_NPROC, processes)]),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, max(limits.out_mb, limits.tmp_mb) * mebibyte),
        # A last resort: the exact limit on all processes together is kept from outside.
        (resource.RLIMIT_DATA, (4 * limits.memory_mb + 2048) * mebibyte),
    ]
