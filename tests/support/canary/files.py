"""Routes through the file system: other names of the same file."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import time
import zoneinfo
from collections.abc import Iterator

from tests.support.canary.kit import (
    Evidence,
    Target,
    call,
    names_in,
    others,
    read,
    route,
    said,
    walk,
)


@route("path")
def direct(target: Target) -> Iterator[Evidence]:
    """Open the file by its path on the host."""
    yield read(target.answers)


@route("dots")
def relative(target: Target) -> Iterator[Evidence]:
    """Climb out with `..` from the inputs, the outputs and the working folder."""
    for start in (os.environ.get("MLE_IN", "."), os.environ.get("MLE_OUT", "."), os.getcwd()):
        for middle in ("", "/public"):
            yield read(f"{start}{middle}/../../private/test_answer.csv")
        yield read(start + "/.." * 12 + target.answers)


@route("own root and cwd in /proc")
def own_links(target: Target) -> Iterator[Evidence]:
    """Go through /proc/self/root, /proc/self/cwd and /proc/thread-self."""
    for start in ("/proc/self/root", "/proc/thread-self/root", "/proc/self/cwd" + "/.." * 12):
        yield read(start + target.answers)


@route("root of other processes")
def foreign_root(target: Target) -> Iterator[Evidence]:
    """Go through /proc/<pid>/root of every process."""
    for pid in others(target):
        yield read(f"/proc/{pid}/root{target.answers}")


@route("cwd of other processes")
def foreign_cwd(target: Target) -> Iterator[Evidence]:
    """Go through /proc/<pid>/cwd of every process."""
    for pid in others(target):
        yield read(f"/proc/{pid}/cwd" + "/.." * 12 + target.answers)


@route("symbolic link")
def symbolic(target: Target) -> Iterator[Evidence]:
    """Follow a link of our own to the file, to its folder and to the root."""
    for name, end in (
        ("a", target.answers),
        ("b", os.path.dirname(target.answers)),
        ("c", "/"),
    ):
        os.symlink(end, name)
    yield read("a")
    yield read("b/test_answer.csv")
    yield read("c" + target.answers)
    for name in "abc":
        os.unlink(name)


@route("hard link")
def hard(target: Target) -> Iterator[Evidence]:
    """Give the file a second name in our own folder."""
    os.link(target.answers, "second")
    yield read("second")
    os.unlink("second")


@route("rename", harmless=False)
def moved(target: Target) -> Iterator[Evidence]:
    """Move the file, or its folder, into our own."""
    os.rename(target.answers, "moved")
    yield read("moved")


@route("path descriptor")
def by_path_descriptor(target: Target) -> Iterator[Evidence]:
    """Open the file for nothing (O_PATH), then open that descriptor for reading."""
    descriptor = os.open(target.answers, os.O_PATH)
    yield read(f"/proc/self/fd/{descriptor}")


@route("file handle")
def by_handle(target: Target) -> Iterator[Evidence]:
    """Open the root of the disk by the number of its inode, past every mount."""
    mount = os.open(os.environ.get("MLE_OUT", "."), os.O_RDONLY)
    for inode in (2, 128, 256):  # ext4, XFS, Btrfs
        handle = ctypes.create_string_buffer(struct.pack("=IiIi", 8, 1, inode, 0))
        try:
            root = call("open_by_handle_at", mount, handle, os.O_RDONLY)
        except PermissionError:
            raise
        except OSError:
            continue
        yield read(f"/proc/self/fd/{root}{target.answers}")


@route("chroot")
def out_of_a_chroot(target: Target) -> Iterator[Evidence]:
    """Change the root to a folder below and climb out of it."""
    os.mkdir("deeper")
    try:
        call("chroot", b"deeper")
    finally:
        os.rmdir("deeper")
    yield read("../" * 12 + target.answers)


@route("sources of mounts")
def mount_sources(target: Target) -> Iterator[Evidence]:
    """Take the host's paths from the table of mounts and look beside them."""
    table = read("/proc/self/mountinfo")
    yield table
    for line in table.decode(errors="replace").splitlines():
        source = line.split()[3]
        for beside in ("", "/..", "/../..", "/../private", "/../../private"):
            for name in ("test_answer.csv", "private/test_answer.csv"):
                yield read(f"{source}{beside}/{name}")


@route("interpreters and loaders")
def quoted_in_errors(target: Target) -> Iterator[Evidence]:
    """Have a shell, Python or the loader run the file and quote it in its complaint."""
    yield said("sh", target.answers)
    yield said(sys.executable, target.answers)
    yield said(target.answers)
    yield said("/lib64/ld-linux-x86-64.so.2", target.answers)
    yield said("/bin/true", LD_PRELOAD=target.answers, LD_AUDIT=target.answers)
    yield said("/bin/cat", "/etc/hostname", LD_LIBRARY_PATH=os.path.dirname(target.answers))


@route("programs with the set-user-id bit")
def by_helpers(target: Target) -> Iterator[Evidence]:
    """Have su, sudo, pkexec, mount or a pager read it as root."""
    yield said("su", "-c", f"cat {target.answers}")
    yield said("sudo", "-n", "cat", target.answers)
    yield said("pkexec", "--disable-internal-agent", "cat", target.answers)
    yield said("mount", "--fstab", target.answers, "-a", "-f", "-v")
    yield said("newgrp", target.answers)


@route("time zone and locale")
def by_time_zone(target: Target) -> Iterator[Evidence]:
    """Name the file as time zone, locale or zone of zoneinfo."""
    os.environ["TZ"] = f":{target.answers}"
    time.tzset()
    yield repr(time.tzname).encode()
    try:
        zone = zoneinfo.ZoneInfo("../" * 12 + target.answers.removeprefix("/"))
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        zone = None
    yield repr(zone).encode()
    yield said("/bin/date", TZ=f":{target.answers}", LOCPATH=os.path.dirname(target.answers))


@route("walk of everything")
def everything(target: Target) -> Iterator[Evidence]:
    """Read every small file there is, the likely places first, for as long as there is time."""
    likely = [target.package]
    if not target.control:
        likely = [os.path.realpath(path) for path in names_in(os.environ["MLE_IN"])]
        likely += [value for name, value in os.environ.items() if name.startswith("MLE_")]
        likely += ["/in", "/out", "/work", "/job", "/tmp", "/dev", "/run", "/home", "/mnt", "/var"]
        likely += ["/srv", "/opt", "/etc", "/data", "/workspace", "/root", *names_in("/")]
    for folder in dict.fromkeys(likely):
        if folder not in ("/proc", "/sys"):
            yield from walk(folder, 12)
