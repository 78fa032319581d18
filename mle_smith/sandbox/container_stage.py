"""What a container is given of the host: its code, its inputs, a place for its outputs."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from docker.types import Mount

from mle_smith.sandbox.container_spec import bind
from mle_smith.sandbox.job import Limits
from mle_smith.sandbox.mounts import mount_tmpfs, show_readonly
from mle_smith.sandbox.policy import ResolvedMount
from mle_smith.sandbox.scratch import readable_copy

PROGRAM = "/job/main.py"
RUNNER = "/job/runner.py"
_NOBODY = 65534
_COPIED_BYTES, _COPIED_FILES = 64 * 2**20, 500
_RUNNER = Path(__file__).with_name("runner.py")


class Staged(NamedTuple):
    """Host folders of one container."""

    folder: Path
    """Holds the others: `job` (code), `in` (inputs that are shown later), `out`."""
    out: Path
    user: int
    watched: bool
    """The output folder has no limit of its own and must be measured."""


def stage(folder: Path, limits: Limits) -> Staged:
    """Lay out the runner and the place for outputs under `folder`, which is empty."""
    user = os.getuid() or _NOBODY
    for name in ("job", "in"):
        (folder / name).mkdir(mode=0o755)
    _write(folder / "job" / "runner.py", _RUNNER.read_text())
    out = folder / "out"
    out.mkdir(mode=0o700)
    watched = True
    if os.getuid() == 0:
        os.chown(out, user, user)
        with contextlib.suppress(PermissionError):
            mount_tmpfs(out, limits.out_mb, limits.out_files, user)
            watched = False
    return Staged(folder=folder, out=out, user=user, watched=watched)


def put_program(staged: Staged, code: str) -> None:
    """Put the program where the runner finds it."""
    _write(staged.folder / "job" / "main.py", code)


def binds_of(staged: Staged, mounts: tuple[ResolvedMount, ...]) -> list[Mount]:
    """The binds of a container that has its inputs from the start."""
    inputs = [bind(_readable(mount, staged), mount.target) for mount in mounts]
    return [*_own_binds(staged), *(inputs or [bind(staged.folder / "in", "/in")])]


def binds_of_waiting(staged: Staged) -> list[Mount]:
    """The binds of a container that is shown its inputs later."""
    return [*_own_binds(staged), bind(staged.folder / "in", "/in", follows=True)]


def show_inputs(staged: Staged, mounts: tuple[ResolvedMount, ...], *, live: bool) -> bool:
    """Show inputs to a container that waits: mounted where `live`, else copied while small.

    Returns:
        Whether it was done; the container is of no use where it was not.
    """
    if not live and not _small(mounts):
        return False
    place = staged.folder / "in"
    for mount in mounts:
        target = place / mount.name
        if not live:
            copy = readable_copy(mount, staged.folder)
            if mount.name:
                target.parent.mkdir(parents=True, exist_ok=True)
                copy.rename(target)
            else:
                for entry in copy.iterdir():
                    entry.rename(target / entry.name)
            continue
        source = _readable(mount, staged)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        show_readonly(source, target)
    return True


def _own_binds(staged: Staged) -> list[Mount]:
    return [bind(staged.folder / "job", "/job"), bind(staged.out, "/out", writable=True)]


def _readable(mount: ResolvedMount, staged: Staged) -> Path:
    """Where the container's user can read the source: in place, or else a copy."""
    plain = mount.world_readable or staged.user == os.getuid()
    return mount.source if plain else readable_copy(mount, staged.folder)


def _small(mounts: tuple[ResolvedMount, ...]) -> bool:
    """Whether copying all of it takes less time than a container that has it from the start."""
    size = files = 0
    for mount in mounts:
        for path in (mount.source, *mount.source.rglob("*")):
            size += path.lstat().st_size
            files += 1
            if size > _COPIED_BYTES or files > _COPIED_FILES:
                return False
    return True


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o444)
