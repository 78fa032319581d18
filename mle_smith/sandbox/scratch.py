"""Temporary folders of a sandbox: random names, swept when their maker has died.

A sandbox owns one folder, each of its jobs a folder below. The name of the sandbox's folder tells
its owner, so that a later sandbox can clear what a killed process left, mounts included.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox.mounts import unmount_below
from mle_smith.sandbox.owner import current_owner, is_dead, parse_owner
from mle_smith.sandbox.policy import ResolvedMount


class Scratch:
    """The folder of one sandbox. Safe to share between threads."""

    def __init__(self, parent: Path | None = None) -> None:
        self.parent = parent.resolve() if parent else default_parent()
        sweep(self.parent)
        self.folder = self.parent / f"{current_owner()}.{secrets.token_hex(8)}"
        self.folder.mkdir(mode=0o711)

    @property
    def deployment(self) -> str:
        """Identifies all sandboxes that share this place: they may clear up after each other."""
        return deployment_of(self.parent)

    @property
    def identity(self) -> str:
        """Identifies this sandbox among all."""
        return self.folder.name

    def new(self) -> Path:
        """A new, empty folder with an unguessable name that other users can pass through."""
        folder = self.folder / secrets.token_hex(8)
        folder.mkdir(mode=0o711)
        return folder

    def close(self) -> None:
        """Remove the folder and everything in it."""
        remove_tree(self.folder)


def deployment_of(parent: Path) -> str:
    """The deployment of the sandboxes of this user whose folders lie in `parent`."""
    return hashlib.sha256(f"{os.getuid()}:{parent}".encode()).hexdigest()[:12]


def leftovers(parent: Path) -> list[Path]:
    """The folders in `parent` whose maker is dead."""
    left = []
    for folder in sorted(parent.iterdir()):
        owner = parse_owner(folder.name.rpartition(".")[0])
        if owner is not None and is_dead(owner):
            left.append(folder)
    return left


def sweep(parent: Path) -> list[Path]:
    """Remove the folders in `parent` whose maker is dead; which they were."""
    left = leftovers(parent)
    for folder in left:
        remove_tree(folder)
    return left


def remove_tree(folder: Path) -> None:
    """Remove a folder, whatever is mounted in it and whatever rights a job left on it.

    Folders are lifted out of their parents before they are emptied: a job may have nested more of
    them than a path, or a recursion, can reach. Another process may be sweeping the same folder:
    what is gone already is no fault.
    """
    unmount_below(folder)
    with contextlib.suppress(FileNotFoundError):
        while _empty_once(folder):
            pass
        folder.rmdir()


def _empty_once(folder: Path) -> bool:
    """Remove the files of a folder and its folders' files, lift their folders; whether any were."""
    found = False
    for entry in _entries(folder):
        found = True
        with contextlib.suppress(FileNotFoundError):
            if not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink()
                continue
            for inner in _entries(Path(entry.path)):
                if inner.is_dir(follow_symlinks=False):
                    Path(inner.path).chmod(0o700)  # Who moves a folder writes to it, too.
                    Path(inner.path).rename(folder / secrets.token_hex(8))
                else:
                    Path(inner.path).unlink()
            Path(entry.path).rmdir()
    return found


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, even where a job took the right to look away."""
    folder.chmod(0o700)
    with os.scandir(folder) as entries:
        return list(entries)


def readable_copy(mount: ResolvedMount, folder: Path) -> Path:
    """A copy of a mount's source that any user can read; links stay links."""
    copy = folder / secrets.token_hex(4)
    if mount.source.is_file():
        shutil.copyfile(mount.source, copy)
        copy.chmod(0o444)
        return copy
    shutil.copytree(mount.source, copy, symlinks=True, copy_function=shutil.copyfile)
    copy.chmod(0o755)
    for path in copy.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o444)
    return copy


@contextmanager
def work_folder() -> Iterator[Path]:
    """A private folder for the files of one step, gone at its end.

    It may hold answers, so that it is swept like a sandbox's when its maker is killed.

    Raises:
        SandboxUnavailableError: no folder of temporary files is this user's own.
    """
    folder = default_parent() / f"{current_owner()}.{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        remove_tree(folder)


@contextmanager
def throwaway_parent() -> Iterator[Path]:
    """A place for a sandbox that is only looked at: it clears nothing up elsewhere."""
    parent = Path(tempfile.mkdtemp(prefix="mle-smith-look-")).resolve()
    parent.chmod(0o711)
    try:
        yield parent
    finally:
        remove_tree(parent)


def default_parent() -> Path:
    """A folder that only this user can write: another's in its place is refused."""
    parent = Path(tempfile.gettempdir()).resolve() / f"mle-smith-{os.getuid()}"
    parent.mkdir(mode=0o711, exist_ok=True)
    state = parent.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o022:
        raise SandboxUnavailableError(
            f"{parent} is not a folder that only you can write. Remove it, or set TMPDIR.",
            code="sandbox.scratch",
        )
    return parent
