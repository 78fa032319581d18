"""Temporary folders of a sandbox: random names, swept when their maker has died.

A sandbox owns one folder, each of its jobs a folder below. The name of the sandbox's folder tells
its owner, so that a later sandbox can clear what a killed process left, mounts included.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox.owner import current_owner, is_dead, parse_owner
from mle_smith.sandbox.policy import ResolvedMount

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_MNT_DETACH = 2


class Scratch:
    """The folder of one sandbox. Safe to share between threads."""

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent or _default_parent()
        sweep(self._parent)
        self._folder = self._parent / f"{current_owner()}.{secrets.token_hex(8)}"
        self._folder.mkdir(mode=0o711)

    @property
    def deployment(self) -> str:
        """Identifies all sandboxes that share this place: they may clear up after each other."""
        return hashlib.sha256(f"{os.getuid()}:{self._parent}".encode()).hexdigest()[:12]

    @property
    def identity(self) -> str:
        """Identifies this sandbox among all."""
        return self._folder.name

    def new(self) -> Path:
        """A new, empty folder with an unguessable name that other users can pass through."""
        folder = self._folder / secrets.token_hex(8)
        folder.mkdir(mode=0o711)
        return folder

    def close(self) -> None:
        """Remove the folder and everything in it."""
        remove_tree(self._folder)


def sweep(parent: Path) -> list[Path]:
    """Remove the folders below `parent` whose maker is dead; which they were."""
    gone = []
    for folder in parent.iterdir():
        owner = parse_owner(folder.name.rpartition(".")[0])
        if owner is not None and is_dead(owner):
            remove_tree(folder)
            gone.append(folder)
    return gone


def remove_tree(folder: Path) -> None:
    """Remove a folder, whatever is mounted in it and whatever rights a job left on it.

    Another process may be sweeping the same folder: what is gone already is no fault.
    """
    for mounted in _mounts_below(folder):
        _unmount_if_there(mounted)

    def open_and_retry(_: object, name: str, error: tuple[Any, BaseException, Any]) -> None:
        if isinstance(error[1], FileNotFoundError):
            return
        # A job may have taken the rights of its own folders away.
        path = Path(name)
        path.parent.chmod(0o700)
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    if folder.exists():
        shutil.rmtree(folder, onerror=open_and_retry)


def mount_tmpfs(folder: Path, size_mb: int, files: int, owner: int) -> None:
    """Mount a file system in memory on `folder`: at most that size and that many files.

    Raises:
        OSError: this process may not mount.
    """
    options = f"size={size_mb}m,nr_inodes={files + 2},mode=0700,uid={owner},gid={owner}"
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, options.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(folder))


def unmount(folder: Path) -> None:
    """Detach whatever is mounted on `folder`."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(folder), _MNT_DETACH) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(folder))


def _unmount_if_there(folder: Path) -> None:
    try:
        unmount(folder)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOENT}:
            raise


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


def _mounts_below(folder: Path) -> list[Path]:
    """Mount points at or below `folder`, the deepest first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]
    inside = [point for point in points if point == folder or folder in point.parents]
    return sorted(inside, key=lambda point: len(point.parts), reverse=True)


def _default_parent() -> Path:
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
