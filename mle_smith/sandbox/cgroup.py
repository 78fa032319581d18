"""Control groups: the kernel's limits on the memory and the number of a job's processes together.

Each job gets a group of its own, made below the group that we are in (version 1) or below the
nearest one that hands memory and pids on and that we may write (version 2). Its name tells its
owner, so that a later sandbox can clear what a killed process left.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mle_smith.sandbox.owner import current_owner, is_dead, parse_owner

_PREFIX = "mle-smith."
_END_S = 5
_PAUSE_S = 0.002
_V2_CONTROLLERS = {"memory", "pids"}


class Parents(NamedTuple):
    """The folders of the control file system that jobs' groups are made in."""

    version: int
    memory: Path
    pids: Path
    """The same as `memory` in version 2."""
    own: tuple[Path, ...]
    """The groups that this process is in, where one goes back to that left a job's group."""


class _Mounted(NamedTuple):
    """A hierarchy as this process sees it."""

    version: int
    controllers: frozenset[str]
    root: PurePosixPath
    """The group that is shown at `point`."""
    point: Path


def own_parents(deployment: str) -> Parents | None:
    """Where this process can make groups of `deployment`; None where it cannot."""
    try:
        groups = Path("/proc/self/cgroup").read_text()
        mounts = Path("/proc/self/mountinfo").read_text()
    except OSError:
        return None
    parents = find_parents(groups, mounts)
    return parents if parents is not None and _can_make(parents, deployment) else None


def find_parents(groups: str, mounts: str) -> Parents | None:
    """The parents for a process with these texts of /proc/self/cgroup and /proc/self/mountinfo."""
    found = [_own_folder(groups, mounts, name) for name in ("memory", "pids")]
    memory, pids = found
    if memory is not None and pids is not None:
        return Parents(1, memory, pids, (memory, pids))
    own = _own_folder(groups, mounts, "")
    handing_on = None if own is None else _nearest_that_hands_on(own, mounts)
    if own is None or handing_on is None:
        return None
    return Parents(2, handing_on, handing_on, (own,))


class Group:
    """The group of one job, with its limits set and no process in it yet."""

    def __init__(self, parents: Parents, deployment: str, *, memory: int, pids: int) -> None:
        """Make it.

        Args:
            parents: where.
            deployment: whose sandboxes may clear it up (`Scratch.deployment`).
            memory: bytes, of all processes together, swap included.
            pids: processes and threads together.

        Raises:
            OSError: the kernel refuses it.
        """
        self.name = f"{_PREFIX}{deployment}.{current_owner()}.{secrets.token_hex(8)}"
        self._memory, self._pids = parents.memory / self.name, parents.pids / self.name
        self._v2 = parents.version == 2
        self._own = parents.own
        try:
            for folder in self._folders:
                folder.mkdir()
            if self._v2:
                _write(self._memory / "memory.max", memory)
                _write_if_there(self._memory / "memory.swap.max", 0)
            else:
                _write(self._memory / "memory.limit_in_bytes", memory)
                _write_if_there(self._memory / "memory.memsw.limit_in_bytes", memory)
            _write(self._pids / "pids.max", pids)
        except OSError:
            self.close()
            raise

    @property
    def doors(self) -> tuple[Path, ...]:
        """The files that a process of one thread writes "0" to, to be held with all it starts.

        Who puts another process in waits for the whole machine, some 15 ms.
        """
        return tuple(folder / self._door for folder in self._folders)

    @property
    def way_out(self) -> tuple[Path, ...]:
        """The same of the groups that this process is in."""
        return tuple(folder / self._door for folder in self._own)

    def oom_kills(self) -> int:
        """How many processes the kernel has ended because the memory ran out."""
        name = "memory.events" if self._v2 else "memory.oom_control"
        lines = (self._memory / name).read_text().splitlines()
        counts = dict(line.split() for line in lines)
        return int(counts.get("oom_kill", 0))

    def end_all(self) -> None:
        """Leave no process in the group.

        Raises:
            OSError: one does not end.
        """
        for folder in self._folders:
            _end_all(folder)

    def close(self) -> None:
        """End every process in the group and remove it.

        Raises:
            OSError: a process does not end.
        """
        for folder in self._folders:
            _remove(folder)

    @property
    def _door(self) -> str:
        return "cgroup.procs" if self._v2 else "tasks"

    @property
    def _folders(self) -> tuple[Path, ...]:
        """The pids first: once no process can be started, all of them can be ended."""
        return tuple(dict.fromkeys((self._pids, self._memory)))


def leftovers(deployment: str) -> list[Path]:
    """Groups of `deployment` whose maker is dead, anywhere that can be seen."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text()
    except OSError:
        return []
    return [
        folder
        for mounted in _hierarchies(mounts)
        if mounted.version == 2 or mounted.controllers & _V2_CONTROLLERS
        for folder in _groups_below(mounted.point, f"{_PREFIX}{deployment}.")
    ]


def sweep(deployment: str) -> list[Path]:
    """Remove `leftovers`, and end what runs in them; which they were."""
    gone = []
    for folder in leftovers(deployment):
        with contextlib.suppress(OSError):  # Another sweeps it too, or the kernel still holds it.
            _remove(folder)
            gone.append(folder)
    return gone


def _groups_below(point: Path, prefix: str) -> Iterator[Path]:
    """Groups that are named so and whose maker is dead."""
    pending = [str(point)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        for entry in folders:
            if not entry.name.startswith(_PREFIX):
                pending.append(entry.path)
                continue
            owner = parse_owner(entry.name.removeprefix(prefix).rpartition(".")[0])
            if owner is not None and is_dead(owner):
                yield Path(entry.path)


def _remove(folder: Path) -> None:
    """End what is in a group and remove it."""
    with contextlib.suppress(FileNotFoundError):
        _end_all(folder)
        folder.rmdir()


def _end_all(folder: Path) -> None:
    """Kill what is in a group until nothing is."""
    deadline = time.monotonic() + _END_S
    while members := (folder / "cgroup.procs").read_text().split():
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {', '.join(members)} in {folder} do not end")
        if (folder / "cgroup.kill").exists():
            _write(folder / "cgroup.kill", 1)
        else:
            _write_if_there(folder / "pids.max", 0)  # None is started while they are killed.
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        time.sleep(_PAUSE_S)


def _can_make(parents: Parents, deployment: str) -> bool:
    """Whether the kernel lets us make and limit a group there."""
    try:
        Group(parents, deployment, memory=1 << 26, pids=4).close()
    except OSError:
        return False
    return True


def _own_folder(groups: str, mounts: str, controller: str) -> Path | None:
    """Folder of our group in the hierarchy of a controller (version 2: the empty name)."""
    for line in groups.splitlines():
        _, names, path = line.split(":", 2)
        if controller not in names.split(","):
            continue
        for mounted in _hierarchies(mounts):
            fits = controller in mounted.controllers if controller else mounted.version == 2
            if fits and PurePosixPath(path).is_relative_to(mounted.root):
                return mounted.point / PurePosixPath(path).relative_to(mounted.root)
    return None


def _hierarchies(mounts: str) -> Iterator[_Mounted]:
    """The control hierarchies of a mountinfo that are mounted writable."""
    for line in mounts.splitlines():
        own, _, rest = line.partition(" - ")
        _, _, _, root, point, options, *_ = own.split(" ")
        kind, _, super_options = rest.split(" ", 2)
        if kind in {"cgroup", "cgroup2"} and "rw" in options.split(","):
            yield _Mounted(
                version=2 if kind == "cgroup2" else 1,
                controllers=frozenset(super_options.split(",")),
                root=PurePosixPath(root),
                point=Path(point),
            )


def _nearest_that_hands_on(own: Path, mounts: str) -> Path | None:
    """The nearest group, ours or above, that gives its children a memory and a pids limit.

    A group with processes in it hands nothing on, so that ours is next to us rather than below.
    We do not leave a group that has a memory limit: what we start is to stay within it.
    """
    tops = {mounted.point for mounted in _hierarchies(mounts) if mounted.version == 2}
    for folder in (own, *own.parents):
        handed_on = _read(folder / "cgroup.subtree_control").split()
        writable = os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)
        if writable and set(handed_on) >= _V2_CONTROLLERS:
            return folder
        if folder in tops or _read(folder / "memory.max").strip() not in {"", "max"}:
            return None
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _write(path: Path, value: int) -> None:
    path.write_text(str(value))


def _write_if_there(path: Path, value: int) -> None:
    """Set a limit that not every kernel has (of swap; of processes in another hierarchy)."""
    if path.exists():
        _write(path, value)
