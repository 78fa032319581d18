"""Mounting on the host, for those who may: folders of limited size, and inputs for containers.

All of it needs the right to mount; without it each call raises OSError and the caller does without.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from pathlib import Path

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_MS_BIND, _MS_SHARED = 4096, 1 << 20
_MNT_DETACH = 2

# System calls of the newer mount interface; their numbers are the same on every architecture.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_TREE_CLONE, _TREE_CLOEXEC = 1, os.O_CLOEXEC
_MOVE_FROM_EMPTY_PATH = 4
_ATTR_RDONLY_NOSUID_NODEV = 0x1 | 0x2 | 0x4

_libc = ctypes.CDLL(None, use_errno=True)


def mount_tmpfs(folder: Path, size_mb: int, files: int, owner: int) -> None:
    """Mount a file system in memory on `folder`: at most that size and that many files."""
    options = f"size={size_mb}m,nr_inodes={files + 2},mode=0700,uid={owner},gid={owner}"
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    done = _libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, options.encode())
    _check(done, folder)


def share(folder: Path) -> None:
    """Have what is mounted below `folder` from now on appear wherever `folder` is shown."""
    name = os.fsencode(folder)
    _check(_libc.mount(name, name, None, _MS_BIND, None), folder)
    _check(_libc.mount(None, name, None, _MS_SHARED, None), folder)


def show_readonly(source: Path, target: Path) -> None:
    """Show the file or folder `source` at `target`, which is one of the same kind, read-only.

    It is read-only before it is there. (A `mount -o bind,ro` becomes so only after, and where it
    is passed on to a container, the container's stays writable.)
    """
    flags = _TREE_CLONE | _TREE_CLOEXEC | _AT_RECURSIVE
    tree = _libc.syscall(_OPEN_TREE, _AT_FDCWD, os.fsencode(source), flags)
    _check(tree, source)
    try:
        attributes = struct.pack("=QQQQ", _ATTR_RDONLY_NOSUID_NODEV, 0, 0, 0)
        where = _AT_EMPTY_PATH | _AT_RECURSIVE
        done = _libc.syscall(_MOUNT_SETATTR, tree, b"", where, attributes, len(attributes))
        _check(done, source)
        done = _libc.syscall(
            _MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), _MOVE_FROM_EMPTY_PATH
        )
        _check(done, target)
    finally:
        os.close(tree)


def unmount_below(folder: Path) -> None:
    """Detach what is mounted at or below `folder`; others may be doing the same."""
    for mounted in mounts_below(folder):
        if _libc.umount2(os.fsencode(mounted), _MNT_DETACH) != 0:
            number = ctypes.get_errno()
            if number not in {errno.EINVAL, errno.ENOENT}:
                raise OSError(number, os.strerror(number), str(mounted))


def mounts_below(folder: Path) -> list[Path]:
    """Mount points at or below `folder`, the deepest first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]
    inside = [point for point in points if point == folder or folder in point.parents]
    return sorted(inside, key=lambda point: len(point.parts), reverse=True)


def _check(result: int, path: Path) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))
