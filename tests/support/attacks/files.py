"""Programs that read or write what is not theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mle_smith.sandbox.job import Gap, Job, Role, Status
from tests.support.attacks.case import PRELUDE, Attack, Given, Seen, Site, refused_everything
from tests.support.attacks.host import (
    a_host_file,
    a_name,
    a_task,
    an_input,
    remove_system_v,
    system_v_key,
)
from tests.support.sandboxes import SMALL

_LEAVE = """
import tempfile
name, key = sys.argv[1], int(sys.argv[2])
def keep(path):
    with open(path, "w") as file: file.write("left by the first job")
for folder in (tempfile.gettempdir(), os.getcwd(), os.environ["HOME"], OUT, "/dev/shm", "/var/tmp"):
    try: keep(folder + "/left")
    except OSError: pass
segment = libc.shmget(key, 4096, 0o1666)
libc.shmat.restype = ctypes.c_void_p
if segment >= 0: ctypes.memmove(libc.shmat(segment, None, 0), b"left", 4)
libc.msgget(key, 0o1666), libc.semget(key, 1, 0o1666)
libc.mq_open(b"/left", os.O_CREAT | os.O_RDWR, 0o666, None)
if os.fork() == 0:
    wear(name)
    os.setsid()
    try:
        server = socket.socket(socket.AF_UNIX)
        server.bind("\\0" + name)
        server.listen()
    except OSError: pass
    time.sleep(60)
time.sleep(0.1)
"""

_LOOK = """
import tempfile
def within(path, folder): return os.path.commonpath([path, folder]) == folder
name, key = sys.argv[1], int(sys.argv[2])
for folder in (tempfile.gettempdir(), os.getcwd(), os.environ["HOME"], OUT):
    # The Python may lie below; the way to it is shown.
    rest = [found for found in os.listdir(folder) if not within(sys.prefix, folder + "/" + found)]
    if rest: print(folder, rest)
for path in ("/dev/shm/left", "/var/tmp/left"):
    attempt(path, open, path)
def object_of(call, *args):
    number = call(key, *args, 0)
    if number < 0: raise OSError(ctypes.get_errno(), "none")
    return number
attempt("shared memory", object_of, libc.shmget, 0)
attempt("message queue", object_of, libc.msgget)
attempt("semaphores", object_of, libc.semget, 0)
def queue():
    if libc.mq_open(b"/left", os.O_RDONLY) < 0: raise OSError(ctypes.get_errno(), "none")
attempt("posix queue", queue)
def connect():
    with socket.socket(socket.AF_UNIX) as client: client.connect("\\0" + name)
attempt("socket", connect)
try: numbers = os.listdir("/proc")
except OSError: numbers = []
for number in numbers:
    try:
        with open(f"/proc/{number}/comm") as file:
            if file.read().strip() == name: print("process", number)
    except OSError: pass
print("done")
"""

_MARKS = """
def state():
    # The time of the last change tells of any, even to what it was.
    return [(found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns, found.st_ctime_ns)
            for found in map(os.stat, (path, os.path.dirname(path)))]
def mark(way, *arguments):
    before = state()
    way(*arguments)
    if state() == before: raise OSError("nothing was changed")
def flag(path):
    import fcntl
    descriptor = os.open(path, os.O_RDONLY)
    fcntl.ioctl(descriptor, 0x40086602, (0x40).to_bytes(8, "little"))  # SETFLAGS: not for dump
"""


@contextmanager
def _after_another_job(site: Site) -> Iterator[Given]:
    """A job has left something in every place that it could write."""
    name, key = a_name(), system_v_key()
    args = (name, str(key))
    try:
        first = Job(role=Role.GRADE, code=PRELUDE + _LEAVE, args=args, limits=SMALL)
        result = site.sandbox.run(first)
        assert result.status is Status.OK, result
        yield Given(args=args)
    finally:
        remove_system_v(key)  # Where jobs share the host's objects, those of the first outlive it.


def _found_nothing(seen: Seen) -> None:
    """As if it were the first job ever, and alone."""
    refused_everything(seen)


def _shows_no_private_path(seen: Seen) -> None:
    assert seen.result.status is Status.OK
    assert "/in" in seen.result.stdout, "the table of mounts was read"
    assert "private" not in seen.result.stdout
    assert "test_answer" not in seen.result.stdout


_EVERY_NAME = """
path, host = sys.argv[1], int(sys.argv[2])
names = [path, IN + "/public/../../private/test_answer.csv", "/proc/self/cwd/../../../.." + path]
for number in (1, host, os.getpid(), PARENT):
    names += [f"/proc/{number}/root{path}", f"/proc/{number}/cwd{path}"]
os.symlink(path, "link")
names.append("link")
"""

ATTACKS = (
    Attack(
        name="read the answers by every name",
        expected="nothing can be read",
        code=_EVERY_NAME
        + """
os.symlink(os.path.dirname(path), "folder")
for name in (*names, "folder/test_answer.csv"):
    attempt(name, lambda: open(name).read())
    if name != "link": attempt("link to " + name, os.link, name, "hard")
attempt("list", os.listdir, os.path.dirname(path))
for name in ("/etc/shadow", f"/proc/{host}/environ", f"/proc/{host}/mem", f"/proc/{host}/maps"):
    attempt(name, lambda: open(name, "rb").read(1))
if os.listdir(IN) != ["public"] or os.listdir(IN + "/public") != ["train.csv"]: print("more")
print("done")
""",
        judge=refused_everything,
        scene=a_task,
    ),
    Attack(
        name="see whether the answers are there",
        expected="ENOENT by every name: absent, not merely refused",
        code=_EVERY_NAME
        + """
for name in names:
    try:
        print(name, "is there:", os.stat(name).st_size)
    except OSError as error:
        # Another process's root and cwd are refused before the path below them is looked at.
        others = ("/proc/1/", f"/proc/{PARENT}/")
        if error.errno != errno.ENOENT and not name.startswith(others):
            print(name, error)
print("done")
""",
        judge=refused_everything,
        scene=a_task,
        gap=Gap.ABSENCE,
    ),
    Attack(
        name="read the table of mounts",
        expected="no path of a private file in it",
        code="""
with open("/proc/self/mountinfo") as file: print(file.read())
with open("/proc/self/mounts") as file: print(file.read(), IN)
""",
        judge=_shows_no_private_path,
        scene=a_task,
        warm=True,
    ),
    Attack(
        name="write where it may not",
        expected="an error in each place; its own four folders can be written",
        code="""
import tempfile
def write(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))
program = os.path.dirname(os.path.abspath(sys.argv[0]))
for folder in (IN + "/data", IN, program, sys.prefix, "/", "/usr", "/usr/bin", "/lib", "/etc",
               "/dev", "/var/tmp", "/var/lib", "/run", "/root", "/home", "/proc", "/sys",
               "/sys/fs/cgroup"):
    attempt(folder, write, folder + "/new")
for path in (IN + "/data/a.csv", program + "/main.py", program + "/runner.py", "/etc/passwd",
             "/etc/ld.so.cache", os.path.realpath(sys.executable), os.__file__):
    attempt(path, lambda: os.close(os.open(path, os.O_WRONLY)))
for folder in (OUT, os.getcwd(), tempfile.gettempdir(), os.environ["HOME"]):
    write(folder + "/mine")
print("done")
""",
        judge=refused_everything,
        scene=an_input,
    ),
    Attack(
        name="change an input without writing it",
        expected="an error, or no effect, for each way; the host's file is as it was",
        code="""
path = IN + "/data/a.csv"
"""
        + _MARKS
        + """
ways = {"chmod": (mark, os.chmod, path, 0o777), "folder": (mark, os.chmod, IN + "/data", 0o777),
        "chown": (mark, os.chown, path, os.getuid(), os.getgid()),
        "utime": (mark, os.utime, path, (1, 1)), "flags": (mark, flag, path),
        "xattr": (mark, os.setxattr, path, "user.a", b"1"), "truncate": (os.truncate, path, 0),
        "unlink": (os.unlink, path), "rename": (os.rename, path, path + "2"),
        "mkdir": (os.mkdir, IN + "/data/new"), "symlink": (os.symlink, "x", IN + "/data/new"),
        "link": (os.link, path, OUT + "/a.csv"), "away": (os.rename, path, OUT + "/b.csv")}
for name, way in ways.items(): attempt(name, *way)
print("done")
""",
        judge=refused_everything,
        scene=an_input,
    ),
    Attack(
        name="change a file of the host without opening it",
        expected="an error, or no effect, for each way; the host's file is as it was",
        code="""
path = sys.argv[1]
folder = os.path.dirname(path)
"""
        + _MARKS
        + """
ways = {"chmod": (mark, os.chmod, path, 0o777), "folder": (mark, os.chmod, folder, 0o777),
        "chown": (mark, os.chown, path, 65534, 65534), "utime": (mark, os.utime, path, (1, 1)),
        "flags": (mark, flag, path),
        "xattr": (mark, os.setxattr, path, "user.a", b"1"), "truncate": (os.truncate, path, 0),
        "unlink": (os.unlink, path), "rename": (os.rename, path, path + "2"),
        "link": (os.link, path, folder + "/hard"), "mkdir": (os.mkdir, folder + "/new")}
for name, way in ways.items(): attempt(name, *way)
def by_descriptor():
    descriptor = os.open(path, os.O_PATH)
    mark(os.chmod, f"/proc/self/fd/{descriptor}", 0o777)
attempt("chmod of a path descriptor", by_descriptor)
print("done")
""",
        judge=refused_everything,
        scene=a_host_file,
    ),
    Attack(
        name="write to the kernel's files",
        expected="an error for each",
        code="""
import glob
def open_to_write(path): os.close(os.open(path, os.O_WRONLY))
paths = ["/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sys/kernel/hostname",
         "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger", "/proc/kcore", "/sys/power/state",
         "/sys/kernel/uevent_helper", "/sys/kernel/mm/transparent_hugepage/enabled"]
for name in ("cgroup.procs", "tasks", "release_agent", "notify_on_release", "memory.max",
             "memory.limit_in_bytes", "pids.max"):
    paths += glob.glob("/sys/fs/cgroup/" + name) + glob.glob("/sys/fs/cgroup/*/" + name)
for path in paths: attempt(path, open_to_write, path)
def survive():
    with open("/proc/self/oom_score_adj", "w") as file: file.write("-1000")
attempt("be the last to be killed", survive)
attempt("make a cgroup", os.mkdir, "/sys/fs/cgroup/memory/new")
attempt("make a cgroup", os.mkdir, "/sys/fs/cgroup/new")
print("done")
""",
        judge=refused_everything,
    ),
    Attack(
        name="open and make devices",
        expected="none but null, zero, full, random, urandom and terminals of its own",
        code="""
kept = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}
names = {"mem", "kmem", "port", "kmsg", "vda", "sda", "nvme0n1", "kvm", "fuse", "loop-control",
         "loop0", "net/tun", "vsock", "vhost-vsock", "uinput", "input/event0", "snapshot"}
try: names |= set(os.listdir("/dev"))
except OSError: pass
for name in sorted(names - kept):
    path = "/dev/" + name
    if os.path.isdir(path) or name in ("stdin", "stdout", "stderr", "core"): continue
    for mode in (os.O_RDONLY, os.O_WRONLY):
        attempt(path, lambda: os.close(os.open(path, mode | os.O_NONBLOCK)))
for number in (os.makedev(1, 1), os.makedev(1, 3), os.makedev(8, 0), os.makedev(254, 0)):
    for kind in (stat.S_IFCHR, stat.S_IFBLK):
        for folder in (OUT, os.getcwd(), "/dev"):
            attempt(f"mknod {number}", os.mknod, folder + "/device", kind | 0o666, number)
print("done")
""",
        judge=refused_everything,
    ),
    Attack(
        name="find what an earlier job left",
        expected="nothing: no file, process, socket, queue or shared memory",
        code=_LOOK,
        judge=_found_nothing,
        warm=True,
        scene=_after_another_job,
    ),
)
