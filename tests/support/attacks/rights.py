"""Programs that want more rights than they were given."""

from __future__ import annotations

import os

from mle_smith.sandbox.job import Gap, Status
from tests.support.attacks.case import Attack, Seen, ended_as, refused_everything
from tests.support.attacks.host import a_bystander


def _rights_are_gone(seen: Seen) -> None:
    *sets, bounding, no_new, filtered = map(int, seen.result.stdout.split())
    assert (*sets, no_new, filtered) == (0, 0, 0, 0, 1, 2), seen.told
    # Only root can empty the set of what one might still be given; without new privileges, nothing
    # is given any more.
    assert bounding == 0 or os.getuid() != 0, seen.told


def _is_nobody(seen: Seen) -> None:
    users, groups = (line.split() for line in seen.result.stdout.splitlines())
    assert len(set(users)) == 1, "real, effective, saved and file-system user are the same"
    assert int(users[0]) not in {0, *({os.getuid()} if os.getuid() == 0 else ())}, seen.told
    assert "0" not in groups, seen.told


def _nothing_executable(seen: Seen) -> None:
    refused_everything(seen)
    assert set(seen.result.artefacts) == {"copy"}
    assert (seen.out / "copy").stat().st_mode & 0o7111 == 0


ATTACKS = (
    Attack(
        name="ask what one may",
        expected="no capability, no new privileges, system calls filtered",
        code="""
with open("/proc/self/status") as file:
    facts = dict(line.split(":", 1) for line in file)
sets = [int(facts["Cap" + name], 16) for name in ("Inh", "Prm", "Eff", "Amb", "Bnd")]
print(*sets, int(facts["NoNewPrivs"]), int(facts["Seccomp"]))
""",
        judge=_rights_are_gone,
        warm=True,
    ),
    Attack(
        name="ask who one is",
        expected="not root, in no group of root's; 65534 in containers",
        code="""
with open("/proc/self/status") as file:
    facts = dict(line.split(":", 1) for line in file)
print(facts["Uid"].strip())
print(facts["Gid"].strip(), facts["Groups"].strip())
""",
        judge=_is_nobody,
        gap=Gap.ROOT_USER,
    ),
    Attack(
        name="become another user",
        expected="an error for each way",
        code="""
other = 0 if os.getuid() else 1
ways = {"setuid": (os.setuid, other), "setgid": (os.setgid, other),
        "groups": (os.setgroups, [other]), "setresuid": (os.setresuid, -1, other, -1),
        "setresgid": (os.setresgid, -1, other, -1),
        "chroot": (os.chroot, "/"), "nice": (os.setpriority, os.PRIO_PROCESS, 0, -5),
        "realtime": (os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)),
        "host name": (socket.sethostname, "x")}
for name, way in ways.items(): attempt(name, *way)
print("done")
""",
        judge=refused_everything,
    ),
    Attack(
        name="raise one's limits",
        expected="an error for each",
        code="""
import resource
for name in ("CORE", "NOFILE", "FSIZE", "NPROC", "DATA"):
    number = getattr(resource, "RLIMIT_" + name)
    _, hard = resource.getrlimit(number)
    if hard == resource.RLIM_INFINITY: continue  # Held by the kernel's other means.
    try:
        resource.setrlimit(number, (hard + 1, hard + 1))
        print(name, "was raised from", hard)
    except ValueError: pass
if resource.getrlimit(resource.RLIMIT_CORE)[1]: print("core files are allowed")
if resource.getrlimit(resource.RLIMIT_NOFILE)[1] > 4096: print("too many files may be open")
print("done")
""",
        judge=refused_everything,
    ),
    Attack(
        name="run a copy with the set-user-id bit",
        expected="no gain; what is collected can neither be run nor has the bit",
        code="""
import shutil, subprocess, tempfile
source = shutil.which("id")
for folder in (OUT, os.getcwd(), tempfile.gettempdir()):
    copy = folder + "/copy"
    with open(source, "rb") as file, open(copy, "wb") as target: target.write(file.read())
    try: os.chmod(copy, 0o6755)
    except OSError: os.chmod(copy, 0o755)
    try:
        run = subprocess.run([copy, "-u"], capture_output=True, text=True)
    except OSError: continue
    if run.stdout.strip() != str(os.geteuid()): print(folder, run)
for name in ("su", "mount", "newgrp", "pkexec", "sudo"):
    path = shutil.which(name)
    if path and os.stat(path).st_mode & 0o6000:
        run = subprocess.run([path], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if run.returncode == 0 and name != "mount": print(name, run)
print("done")
""",
        judge=_nothing_executable,
    ),
    Attack(
        name="system calls for namespaces, kernel and other processes",
        expected="EPERM for each, ENOSYS for clone3",
        code="""
import platform
x86 = platform.machine() == "x86_64"
parent, folder, none = PARENT, os.getcwd().encode(), 0
calls = {  # name: (number on x86-64, on AArch64, arguments: harmless where the call went through)
    "unshare user": (272, 97, 0x10000000), "unshare files": (272, 97, 0x20000),
    "unshare network": (272, 97, 0x40000000), "setns": (308, 268, 0, 0),
    "clone": (56, 220, 0x10000000 | 17, 0, 0, 0, 0),
    "mount": (165, 40, b"none", folder, b"tmpfs", 0, 0), "umount": (166, 39, folder, 2),
    "pivot_root": (155, 41, b".", b"."), "chroot": (161, 51, b"/"),
    "fsopen": (430, 430, b"tmpfs", 0), "open_tree": (428, 428, -100, b"/", 1),
    "move_mount": (429, 429, -1, b"", -1, b"", 0),
    "mount_setattr": (442, 442, -1, b"", 0, none, 0),
    "ptrace attach": (101, 117, 16, parent, 0, 0),
    "ptrace seize": (101, 117, 0x4206, parent, 0, 0),
    "ptrace me": (101, 117, 0, 0, 0, 0), "kcmp": (312, 272, 1, parent, 0, 0, 0),
    "process_vm_readv": (310, 270, parent, none, 0, none, 0, 0),
    "process_vm_writev": (311, 271, parent, none, 0, none, 0, 0),
    "pidfd_getfd": (438, 438, -1, 0, 0), "io_uring_setup": (425, 425, 1, 0),
    "io_uring_enter": (426, 426, -1, 0, 0, 0, 0), "io_uring_register": (427, 427, -1, 0, 0, 0),
    "bpf": (321, 280, 0, 0, 0), "userfaultfd": (323, 282, 0),
    "perf_event_open": (298, 241, none, 0, -1, -1, 0), "keyctl": (250, 219, 0, 0),
    "add_key": (248, 217, b"user", b"x", b"x", 1, -1),
    "request_key": (249, 218, b"user", b"x", 0, -1),
    "open_by_handle_at": (304, 265, -1, none, 0), "syslog": (103, 116, 10, 0, 0),
    "kexec_load": (246, 104, 0, 0, 0, 0), "kexec_file_load": (320, 294, -1, -1, 0, 0, 0),
    "init_module": (175, 105, 0, 0, 0), "finit_module": (313, 273, -1, 0, 0),
    "delete_module": (176, 106, b"x", 0), "swapon": (167, 224, b"/x", 0),
    "swapoff": (168, 225, b"/x"), "reboot": (169, 142, 1, 1, 1, 0),
    "acct": (163, 89, b"/x"), "iopl": (172, None, 3),
    "ioperm": (173, None, 0, 1, 1), "clone3": (435, 435, none, 0)}
for name, (on_x86, on_arm, *arguments) in calls.items():
    number = on_x86 if x86 else on_arm
    if number is None: continue
    expected = errno.ENOSYS if name == "clone3" else errno.EPERM
    result = libc.syscall(number, *arguments)
    if name == "clone" and result == 0: os._exit(0)  # The child, where there should be none.
    if result != -1 or ctypes.get_errno() != expected:
        print(name, result, errno.errorcode.get(ctypes.get_errno()))
print("done")
""",
        judge=refused_everything,
    ),
    Attack(
        name="kill everybody",
        expected="no process of the host feels it; at most the job itself ends",
        code="""
other = int(sys.argv[1])
def signal_it(number):
    os.kill(number, 0)
    return "can be killed"
attempt("the bystander", signal_it, other)
os.write(1, b"tried\\n")
try: os.kill(other, 0)
except OSError:  # Only where a single one is out of reach is it fair to aim at all.
    for target in (1, PARENT, -1):
        try: os.kill(target, signal.SIGKILL)
        except OSError: pass
""",
        judge=lambda seen: _killed_nobody(seen),
        scene=a_bystander,
        warm=True,
    ),
)


def _killed_nobody(seen: Seen) -> None:
    assert seen.result.stdout == "tried\n", seen.told
    ended_as(Status.OK, Status.KILLED)(seen)
