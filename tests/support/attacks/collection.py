"""Programs that make their outputs a trap for whoever collects them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mle_smith.sandbox.job import Status
from tests.support.attacks.case import Attack, Given, Seen, Site, limits
from tests.support.attacks.host import a_host_file, a_name, an_input, processes_named

_MEBIBYTE = 2**20


def _leaves(*names: str, takes: tuple[str, ...] = ()) -> Callable[[Seen], None]:
    """These were left, those and no others were taken; nothing was put outside."""

    def judge(seen: Seen) -> None:
        assert seen.result.status is Status.OK, seen.told
        assert set(seen.result.artefacts) == set(takes), seen.told
        assert set(names) <= set(seen.result.rejected), seen.told
        _only_what_was_taken(seen)

    return judge


def _only_what_was_taken(seen: Seen) -> None:
    """The collected folder holds plain files under the names of the result, and nothing else."""
    found = {path for path in seen.out.rglob("*") if not path.is_dir() or path.is_symlink()}
    assert found == {seen.out / name for name in seen.result.artefacts}
    assert not any(path.is_symlink() for path in seen.out.rglob("*"))
    for artefact in seen.result.artefacts.values():
        assert artefact.path.resolve().is_relative_to(seen.out.resolve())
        assert (artefact.path.stat().st_size, artefact.path.stat().st_nlink) == (artefact.size, 1)


def _over_the_limit(seen: Seen) -> None:
    assert seen.result.status is Status.OUTPUT_LIMIT, seen.told
    assert sum(found.size for found in seen.result.artefacts.values()) <= (
        seen.limits.out_mb * _MEBIBYTE
    )
    assert len(seen.result.artefacts) <= seen.limits.out_files
    assert len(seen.result.rejected) <= 200, "no list without end"
    _only_what_was_taken(seen)


def _no_secret(seen: Seen) -> None:
    """Whatever was taken was the job's own."""
    assert seen.result.status is Status.OK, seen.told
    _only_what_was_taken(seen)
    for artefact in seen.result.artefacts.values():
        assert artefact.path.read_text() == "plain"


def _odd_names(seen: Seen) -> None:
    assert seen.result.status is Status.OK, seen.told
    _only_what_was_taken(seen)
    assert {"plain", "-rf", "a b", "back\\slash", "x" * 255, "$(id)", "%00"} <= set(
        seen.result.artefacts
    )
    assert all(name.isprintable() for name in seen.result.artefacts)
    assert all(name.isascii() and name.isprintable() for name in seen.result.rejected)
    assert len(seen.result.rejected) == 6


def _not_collected(*names: str) -> Callable[[Seen], None]:
    """Each was refused when it was made, or left behind; the plain file is there."""

    def judge(seen: Seen) -> None:
        assert seen.result.status is Status.OK, seen.told
        made = set(seen.result.stdout.split()) & set(names)
        assert made <= set(seen.result.rejected), seen.told
        assert set(seen.result.artefacts) == {"plain"}
        _only_what_was_taken(seen)

    return judge


@contextmanager
def _swapping(site: Site) -> Iterator[Given]:
    """The program has a file of ours to swap in; nobody is left to swap after the run."""
    name = a_name()
    with a_host_file(site) as given:
        yield Given(args=(*given.args, name))
    assert processes_named(name) == []


_PLAIN = 'os.chdir(OUT)\nwith open("plain", "w") as file: file.write("plain")\n'

ATTACKS = (
    Attack(
        name="links as outputs",
        expected="left behind: to files, to folders, dangling, in circles, to /proc",
        code=_PLAIN
        + """
for name, target in {"file": "/etc/passwd", "folder": "/etc", "up": "..", "root": "/",
                     "self": "self", "own": "plain", "none": "/none",
                     "proc": "/proc/self/environ", "host": sys.argv[1]}.items():
    os.symlink(target, name)
os.mkdir("deep")
os.symlink("..", "deep/up")
""",
        judge=_leaves(
            *("file", "folder", "up", "root", "self", "own", "none", "proc", "host", "deep/up"),
            takes=("plain",),
        ),
        scene=a_host_file,
    ),
    Attack(
        name="hard links as outputs",
        expected="left behind under both names; none to an input can be made",
        code=_PLAIN
        + """
with open("twice", "w") as file: file.write("x")
os.link("twice", "again")
attempt("input", os.link, IN + "/data/a.csv", "input")
attempt("system", os.link, "/etc/passwd", "system")
""",
        judge=_leaves("twice", "again", takes=("plain",)),
        scene=an_input,
        warm=True,
    ),
    Attack(
        name="pipes, sockets and devices as outputs",
        expected="refused or left behind; the collector does not wait",
        code=_PLAIN
        + """
def make(name, call, *args):
    try: call(*args)
    except OSError: return
    print(name)
make("pipe", os.mkfifo, "pipe")
make("device", os.mknod, "device", stat.S_IFCHR | 0o666, os.makedev(1, 5))
make("socket", lambda: socket.socket(socket.AF_UNIX).bind("socket"))
""",
        judge=_not_collected("pipe", "device", "socket"),
    ),
    Attack(
        name="files with holes as outputs",
        expected="left behind, or too large to be made: 1 TB, 64 KB, a hole at the end",
        code=_PLAIN
        + """
def make(name, size, head=b""):
    try:
        with open(name, "wb") as file:
            print(name)
            file.write(head)
            file.truncate(size)
    except OSError:
        os.unlink(name)
        print("-" + name)
make("terabyte", 2**40)
make("small", 2**16)
make("tail", 2**20, b"x" * 4096)
""",
        judge=_not_collected("small", "tail"),
    ),
    Attack(
        name="100 000 files as outputs",
        expected="output_limit, no more than `out_files` taken",
        code="""
os.chdir(OUT)
try:
    for number in range(100_000): os.close(os.open(str(number), os.O_CREAT | os.O_WRONLY))
except OSError: pass
time.sleep(0.5)
""",
        limits=limits(out_files=300),
        judge=_over_the_limit,
    ),
    Attack(
        name="folders within folders as outputs",
        expected="no deeper than 16; thousands of levels are no trap for the clean-up",
        code=_PLAIN
        + """
try:
    for _ in range(3000):
        os.mkdir("d")
        os.chdir("d")
except OSError: pass
""",
        judge=_leaves("/".join("d" * 17), takes=("plain",)),
    ),
    Attack(
        name="strange names of outputs",
        expected="line breaks, escapes and no text refused; plain text taken as it is",
        code=_PLAIN
        + """
for name in (b"new\\nline", b"\\x1b[31mred", b"\\xff\\xfe", "right\\u202eleft".encode(),
             b"\\x01", b"tab\\t", b"-rf", b"a b", b"back\\\\slash",
             b"x" * 255, b"$(id)", b"%00", b"...", "é".encode()):
    with open(name, "w") as file: file.write("x")
""",
        judge=_odd_names,
    ),
    Attack(
        name="100 MB over the limit of outputs",
        expected="output_limit, no more than `out_mb` taken",
        code="""
os.chdir(OUT)
try:
    for number in range(108):
        with open(str(number), "wb") as file: file.write(b"x" * 2**20)
except OSError: pass
time.sleep(0.5)
""",
        limits=limits(out_mb=8),
        judge=_over_the_limit,
    ),
    Attack(
        name="one line of 1 GB as output",
        expected="output_limit, nothing taken beyond `out_mb`",
        code="""
try:
    with open(OUT + "/submission.csv", "wb", buffering=0) as file:
        for _ in range(1024): file.write(b"9" * 2**20)
except OSError: pass
time.sleep(0.5)
""",
        limits=limits(out_mb=8),
        judge=_over_the_limit,
    ),
    Attack(
        name="swap outputs while they are collected",
        expected="the swapper is dead by then; nothing of the host is taken",
        code="""
secret, name = sys.argv[1:]
wear(name)
os.chdir(OUT)
def write(path):
    with open(path, "w") as file: file.write("plain")
os.makedirs("folder")
write("file"), write("folder/file")
os.symlink(secret, "link"), os.symlink(os.path.dirname(secret), "other")
if os.fork() == 0:
    os.setsid()
    while True:
        for one, two in (("file", "link"), ("folder", "other")):
            os.rename(one, "between"), os.rename(two, one), os.rename("between", two)
time.sleep(0.2)
os._exit(0)
""",
        judge=_no_secret,
        scene=_swapping,
        warm=True,
    ),
    Attack(
        name="put something else in place of the output folder",
        expected="an error, or nothing of it is taken",
        code="""
for name, way in {"rename": (os.rename, OUT, OUT + "2"), "rmdir": (os.rmdir, OUT),
                  "unlink": (os.unlink, OUT)}.items():
    attempt(name, *way)
attempt("symlink", os.symlink, os.path.dirname(sys.argv[1]), OUT)
""",
        judge=_leaves(),
        scene=a_host_file,
        warm=True,
    ),
    Attack(
        name="take the rights of outputs away",
        expected="ok; what cannot be read is left, and all of it can be removed",
        code=_PLAIN
        + """
os.makedirs("locked/deep")
with open("locked/deep/file", "w") as file: file.write("x")
os.chmod("locked/deep/file", 0), os.chmod("locked/deep", 0), os.chmod("locked", 0)
""",
        judge=lambda seen: _plain_at_least(seen),
        warm=True,
    ),
)


def _plain_at_least(seen: Seen) -> None:
    """Root collects the locked files too, others cannot."""
    assert seen.result.status is Status.OK, seen.told
    assert {"plain"} <= set(seen.result.artefacts) <= {"plain", "locked/deep/file"}
    _only_what_was_taken(seen)
