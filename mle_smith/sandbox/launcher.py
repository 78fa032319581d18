"""Confines itself as it is told and then becomes the program. Executed, never imported.

Usage: python -I -S -c BOOT REPORT_FD, with this file's code and the plan on standard input, both
marshalled (`mle_smith.sandbox.process_run`). Nothing of MLE-Smith is imported here; every decision
was taken by the parent (`mle_smith.sandbox.plan`), this file carries it out.

Processes: this one supervises. Its child is the first process of the new process namespace, where
there is one, and the program is the child's child. A signal to end, an alarm or the death of our
parent kills all of them, and the supervisor leaves last: once it is gone, nothing of the job lives.
One line on REPORT_FD tells how the program ended ("code 0"), or which step of the confinement
failed ("failed WHY").
"""

# Each job waits for what is imported here: pathlib, json, contextlib, typing and signal (for its
# enums) would take longer than everything that is done.
# ruff: noqa: PTH103, PTH112, PTH120, PTH123, PTH208, PTH211, SIM105

from __future__ import annotations

import ctypes
import marshal
import os
import resource
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import Any, NoReturn
else:
    import _signal as signal

PLAN_ERROR = 120
OOM_SCORE = 500
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER = 1, 38, 22, 36
PR_CAPBSET_DROP, CAPABILITIES = 24, 64
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 4096, 16384, 1 << 18, 2
CLONE_NEWUSER = 0x10000000
# Flags of statvfs that a remount has to repeat, as the mount flags they stand for.
KEPT_FLAGS = ((2, 2), (4, 4), (8, 8), (1024, 1024), (2048, 2048), (4096, 1 << 21))

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, step: str) -> int:
    """Raise the last error of the C library if `result` tells of one."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{step}: {os.strerror(number)}")
    return result


def main() -> None:
    """Read the plan, prepare, and split into supervisor and first process."""
    report = int(sys.argv[1])
    os.set_inheritable(report, False)  # The program must not be able to report its own end.
    parent = os.getppid()
    plan = marshal.load(sys.stdin.buffer)
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os._exit(PLAN_ERROR)
    try:
        ways_out = enter_group(plan)
        check(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")
        if plan["namespaces"]:
            enter_namespaces(plan)
        first = os.fork()
    except OSError as error:
        tell(report, "failed", error)
        os._exit(PLAN_ERROR)
    if first == 0:
        for way_out in ways_out:
            os.close(way_out)
        begin(plan, report)
    try:
        supervise(plan, report, first)
        if os.getppid() != parent:
            leave_group(plan, ways_out)
    finally:
        os._exit(0)


def supervise(plan: dict[str, Any], report: int, first: int) -> None:
    """Wait for the job's first process; kill everything at a signal, an alarm or its end."""

    def end(*_: object) -> None:
        # The end of the first process of a namespace is the end of all in it; /proc shows them
        # to us no longer.
        for pid in [first] if plan["namespaces"] else descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    for stream in (0, 1, 2):
        os.close(stream)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGALRM, end)
    signal.alarm(plan["alarm_s"])
    _, status = os.waitpid(first, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGALRM))
    # Without a process namespace, what the program left behind has become our child.
    while not plan["namespaces"]:
        end()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
    code = os.waitstatus_to_exitcode(status)
    if code != PLAN_ERROR:
        try:
            tell(report, "code", code if code >= 0 else 128 - code)
        except BrokenPipeError:
            pass  # Our parent has died.


def enter_group(plan: dict[str, Any]) -> list[int]:
    """Enter the job's control group. What it takes to leave it is opened now, while it is seen."""
    ways_out = [os.open(door, os.O_WRONLY) for door in plan["way_out"]]
    ways_out += [os.open(folder, os.O_PATH) for folder in plan["group_parents"]]
    for door in plan["group"]:
        write(door, "0")
    return ways_out


def leave_group(plan: dict[str, Any], ways_out: list[int]) -> None:
    """Remove the control group: our parent, which would have done it, has died."""
    doors = len(plan["way_out"])
    for door in ways_out[:doors]:
        os.write(door, b"0")
    for folder in ways_out[doors:]:
        os.rmdir(plan["group_name"], dir_fd=folder)


def begin(plan: dict[str, Any], report: int) -> NoReturn:
    """Be the first process: show the files, start the program, wait for it, end as it did."""
    code = PLAN_ERROR
    try:
        check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
        if plan["namespaces"]:
            show(plan)
        program = os.fork()
        if program == 0:
            become(plan)
        for stream in (0, 1, 2):
            os.close(stream)
        pid, status = os.wait()
        while pid != program:
            pid, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
    except OSError as error:
        tell(report, "failed", error)
    finally:
        os._exit(code if code >= 0 else 128 - code)


def become(plan: dict[str, Any]) -> NoReturn:
    """Give up every right that the plan takes away, then turn into the program."""
    try:
        os.setsid()
        check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
        os.chdir(plan["folder"])
        os.sched_setaffinity(0, plan["cpus"])
        # Where memory runs out, the kernel ends the program rather than what supervises it, or
        # than anything else of the machine.
        write("/proc/self/oom_score_adj", str(OOM_SCORE))
        if plan["drop_capabilities"]:
            # What is not in the bounding set is lost at exec, for root too. The kernel knows fewer
            # than 64 of them and refuses the rest.
            for number in range(CAPABILITIES):
                libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
        if plan["user"] is not None:
            os.setgroups([])
            os.setresgid(*[plan["user"]] * 3)
            os.setresuid(*[plan["user"]] * 3)
            check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.umask(0o022)
        for number, value in plan["rlimits"]:
            resource.setrlimit(number, (value, value))
        check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
        restrict_files(plan["landlock"])
        filter_syscalls(plan["seccomp"])
        os.execve(plan["command"][0], plan["command"], plan["environment"])
    except (OSError, ValueError) as error:
        # The report's end closes at exec, so whoever still has it has not become the program.
        tell(int(sys.argv[1]), "failed", error)
    finally:
        os._exit(PLAN_ERROR)


def enter_namespaces(plan: dict[str, Any]) -> None:
    """Leave the host's files, network, processes, IPC and names; own user space where not root."""
    user, group = os.geteuid(), os.getegid()
    check(libc.unshare(plan["namespaces"]), "unshare")
    if plan["namespaces"] & CLONE_NEWUSER:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"65534 {user} 1")
        write("/proc/self/gid_map", f"65534 {group} 1")


def show(plan: dict[str, Any]) -> None:
    """Build a root folder that holds what the plan names and nothing else, and move into it."""
    root = plan["root"]
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,mode=0755")
    for kind, target, *rest in plan["view"]:
        place = root + target
        if kind == "folder":
            os.makedirs(place, mode=0o755, exist_ok=True)
        elif kind == "link":
            os.symlink(rest[0], place)
        elif kind == "tmpfs":
            os.makedirs(place, exist_ok=True)
            mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, rest[0])
        elif kind == "proc":
            os.makedirs(place, exist_ok=True)
            mount("proc", place, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        else:
            bind(rest[0], place, writable=kind == "writable", device=kind == "device")
    os.chdir(root)
    check(libc.syscall(plan["pivot_root"], b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")
    mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def bind(source: str, place: str, *, writable: bool, device: bool) -> None:
    """Show a file or folder of the host at `place`, with no more rights than it needs."""
    if os.path.isdir(source):
        os.makedirs(place, mode=0o755, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(source, place, None, MS_BIND | MS_REC)
    found = os.statvfs(place).f_flag
    flags = sum(mount_flag for flag, mount_flag in KEPT_FLAGS if found & flag)
    flags |= MS_NOSUID | (0 if device else MS_NODEV) | (0 if writable or device else MS_RDONLY)
    mount(None, place, None, MS_REMOUNT | MS_BIND | flags)


def mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str | None = None
) -> None:
    """Mount, with the names of the system call."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind, data)]
    result = libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3])
    check(result, f"mount {target}")


def restrict_files(plan: dict[str, Any] | None) -> None:
    """Have Landlock refuse every file, port and outside process that the plan does not name."""
    if plan is None:
        return
    attributes = struct.pack("=QQQ", *plan["handled"])[: plan["size"]]
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    check(ruleset, "landlock_create_ruleset")
    for path, rights in plan["rules"]:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        rule = struct.pack("=Qi", rights, descriptor)
        check(libc.syscall(LANDLOCK_ADD_RULE, ruleset, 1, rule, 0), f"landlock_add_rule {path}")
        os.close(descriptor)
    check(libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def filter_syscalls(program: bytes) -> None:
    """Install the BPF program; it stays through exec and for all children."""
    code = ctypes.create_string_buffer(program, len(program))
    descriptor = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    check(libc.prctl(PR_SET_SECCOMP, 2, descriptor, 0, 0), "seccomp")


def descendants(pid: int) -> list[int]:
    """All processes below `pid`, as far as they can be seen at this moment."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                for child in file.read().split():
                    found += [int(child), *descendants(int(child))]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def write(path: str, text: str) -> None:
    """Write a file of /proc in one call."""
    with open(path, "w") as file:
        file.write(text)


def tell(descriptor: int, kind: str, fact: object) -> None:
    """Report one fact to the parent."""
    os.write(descriptor, f"{kind} {fact}\n".encode())


main()
