"""Routes through the kernel: devices, mounts, namespaces, settings, logs, new system calls."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import stat
from collections.abc import Iterator

from tests.support.canary.kit import (
    Door,
    Evidence,
    Target,
    call,
    libc,
    names_in,
    opened,
    read,
    route,
    walk,
)

_NEW_USER, _NEW_MOUNTS, _BIND = 0x10000000, 0x00020000, 4096


@route("physical memory")
def physical_memory(target: Target) -> Iterator[Evidence]:
    """Open the machine's memory, ports or the kernel's image of itself."""
    for path in ("/dev/mem", "/dev/kmem", "/dev/port", "/proc/kcore", "/dev/crash"):
        yield from opened(path, os.O_RDONLY)


@route("disks")
def disks(target: Target) -> Iterator[Evidence]:
    """Open the disk under the file systems, and whatever makes disks."""
    paths = [
        path for kind in ("[shv]d*", "nvme*", "dm-*", "xvd*") for path in glob.glob(f"/dev/{kind}")
    ]
    paths += ["/dev/loop-control", "/dev/fuse", "/dev/mapper/control", "/dev/btrfs-control"]
    for path in paths:
        yield from opened(path, os.O_RDONLY)


@route("a disk made by its number")
def made_disk(target: Target) -> Iterator[Evidence]:
    """Make a device file for every disk that the kernel tells of, and open it."""
    devices = {line.split()[2] for line in read("/proc/self/mountinfo").decode().splitlines()}
    devices |= {
        ":".join(line.split()[:2]) for line in read("/proc/partitions").decode().splitlines()[2:]
    }
    for device in devices - {"0:0"}:
        major, minor = map(int, device.split(":"))
        os.mknod("disk", stat.S_IFBLK | 0o600, os.makedev(major, minor))
        try:
            yield from opened("disk", os.O_RDONLY)
        finally:
            os.unlink("disk")


@route("other devices")
def other_devices(target: Target) -> Iterator[Evidence]:
    """Open virtual machines, tunnels, input and video devices."""
    for path in ("/dev/kvm", "/dev/net/tun", "/dev/vhost-net", "/dev/vhost-vsock", "/dev/vsock"):
        yield from opened(path, os.O_RDWR)
    for path in (*glob.glob("/dev/input/*"), *glob.glob("/dev/dri/*"), "/dev/fb0", "/dev/uinput"):
        yield from opened(path, os.O_RDONLY)


@route("mounting", harmless=False)
def mounting(target: Target) -> Iterator[Evidence]:
    """Mount the host's folder, a new /proc and a new /sys into our own folder."""
    os.mkdir("mounted")
    folder = os.fsencode(os.path.dirname(target.answers))
    for source, kind, flags in (
        (folder, None, 4096),
        (b"proc", b"proc", 0),
        (b"sysfs", b"sysfs", 0),
    ):
        try:
            call("mount", source, b"mounted", kind, flags, None)
        except OSError:
            continue
        yield Door(f"mount of {kind or source!r}")
        yield read("mounted/test_answer.csv")
        yield read(f"mounted/{target.orchestrator}/environ")
        libc.umount2(b"mounted", 2)


@route("mounting in a new namespace")
def mounting_elsewhere(target: Target) -> Iterator[Evidence]:
    """Become root in a user namespace of our own and mount there."""
    call("unshare", _NEW_USER | _NEW_MOUNTS)
    yield Door("a user namespace")


@route("each namespace by itself")
def namespaces(target: Target) -> Iterator[Evidence]:
    """Ask for a new namespace of every kind."""
    for name, flag in (
        *(("user", _NEW_USER), ("mounts", _NEW_MOUNTS), ("processes", 0x20000000)),
        *(("network", 0x40000000), ("ipc", 0x08000000), ("cgroup", 0x02000000)),
    ):
        try:
            call("unshare", flag)
        except OSError:
            continue
        yield Door(f"a namespace of {name}")


@route("mounting by the new system calls")
def new_mount_calls(target: Target) -> Iterator[Evidence]:
    """Copy the tree of mounts with open_tree, or open a file system with fsopen."""
    for name, arguments in (("open_tree", (-100, b"/", 1)), ("fsopen", (b"proc", 0))):
        try:
            call(name, *arguments)
        except OSError:
            continue
        yield Door(name)


@route("control groups")
def control_groups(target: Target) -> Iterator[Evidence]:
    """Open what has the kernel run a program of ours when a group ends, or lets us leave ours."""
    for name in ("release_agent", "notify_on_release", "cgroup.procs", "tasks", "devices.allow"):
        for path in glob.glob(f"/sys/fs/cgroup/{name}") + glob.glob(f"/sys/fs/cgroup/*/{name}"):
            yield from opened(path, os.O_WRONLY)
    for line in read("/proc/self/cgroup").decode().splitlines():
        group = line.split(":", 2)[2]
        for folder in glob.glob("/sys/fs/cgroup/*/"):
            yield from opened(f"{folder}{group}/cgroup.procs", os.O_WRONLY)


@route("settings that run programs")
def settings(target: Target) -> Iterator[Evidence]:
    """Open core_pattern, modprobe, hot-plug, binary formats for writing."""
    for path in (
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/kernel/hotplug",
        "/proc/sys/fs/binfmt_misc/register",
        "/sys/kernel/uevent_helper",
        "/etc/ld.so.preload",
        "/etc/crontab",
        "/proc/sysrq-trigger",
    ):
        yield from opened(path, os.O_WRONLY)


@route("the kernel's log")
def log(target: Target) -> Iterator[Evidence]:
    """Read what the kernel has logged."""
    yield read("/dev/kmsg") + read("/proc/kmsg")
    data = ctypes.create_string_buffer(2**18)
    size = call("syslog", 3, data, len(data))
    yield data.raw[:size]


@route("the kernel's tables")
def tables(target: Target) -> Iterator[Evidence]:
    """Read the tables of /proc and /sys that are about everybody."""
    for path in (*names_in("/proc"), *names_in("/proc/net"), *names_in("/proc/sysvipc")):
        if os.path.isfile(path) and path not in ("/proc/kmsg", "/proc/kcore"):
            yield read(path, 2**16)


@route("debugging and tracing")
def tracing(target: Target) -> Iterator[Evidence]:
    """Read the kernel's debugging and tracing file systems."""
    for folder in ("/sys/kernel/debug", "/sys/kernel/tracing", "/sys/fs/bpf", "/sys/fs/pstore"):
        if os.access(folder, os.R_OK) and names_in(folder):
            yield Door(folder)
        yield from walk(folder, 1)


@route("crash dumps")
def dumps(target: Target) -> Iterator[Evidence]:
    """Read what crashed programs have left behind."""
    for folder in ("/var/crash", "/var/lib/systemd/coredump", "/var/core", "/cores", os.getcwd()):
        yield from walk(folder, 2, 2**24)


@route("asynchronous input and output")
def asynchronous(target: Target) -> Iterator[Evidence]:
    """Have the kernel open the file on our behalf through io_uring."""
    call("io_uring_setup", 1, ctypes.create_string_buffer(256))
    yield Door("io_uring")


@route("programs in the kernel")
def in_the_kernel(target: Target) -> Iterator[Evidence]:
    """Load a map or a counter into the kernel, or handle our own page faults."""
    attributes = (ctypes.c_uint32 * 32)(2, 4, 4, 1)
    counter = ctypes.create_string_buffer((112).to_bytes(8, "little"), 128)
    for name, arguments in (
        ("bpf", (0, attributes, ctypes.sizeof(attributes))),
        ("perf_event_open", (counter, -1, 0, -1, 0)),
        ("userfaultfd", (0,)),
    ):
        try:
            call(name, *arguments)
        except OSError:
            continue
        yield Door(name)


@route("watching folders")
def watching(target: Target) -> Iterator[Evidence]:
    """Watch the host's folders with inotify and fanotify for names that tell something."""
    watcher = libc.inotify_init1(os.O_NONBLOCK)
    for folder in (os.path.dirname(target.answers), target.package, target.temporary, "/tmp"):
        libc.inotify_add_watch(watcher, os.fsencode(folder), 0xFFF)
    with contextlib.suppress(BlockingIOError):
        yield os.read(watcher, 2**16)
    call("fanotify_init", 0x4, os.O_RDONLY)
    yield Door("fanotify")
