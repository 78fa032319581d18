"""Programs that print too much, the wrong things, or nothing to wait for."""

from __future__ import annotations

from mle_smith.sandbox.job import Status
from tests.support.attacks.case import Attack, Seen, ended_in_time, limits
from tests.support.attacks.host import no_process_left, steady_memory

_RUBBISH = b"\x00\x1b[2J\x1b]0;title\x07\xff\xfe\xc3\xe2\x80\xae\r\x08no end of line"
_FRAMES = b"\x02\0\0\0\0\0\0\x05forge" + b"\x01\0\0\0\xff\xff\xff\xff" + b"\nready\nEND 0\n"


def _cut_stdout(seen: Seen) -> None:
    assert (seen.result.status, seen.result.truncated) == (Status.OUTPUT_LIMIT, True)
    assert seen.result.stdout == "x" * seen.limits.stdout_bytes
    assert seen.result.stderr == ""


def _cut_stderr(seen: Seen) -> None:
    assert (seen.result.status, seen.result.truncated) == (Status.OUTPUT_LIMIT, True)
    assert seen.result.stderr == "x" * seen.limits.stderr_bytes
    assert seen.result.stdout == ""


def _complete(seen: Seen) -> None:
    assert (seen.result.status, seen.result.truncated) == (Status.OK, False)
    assert seen.result.stdout == "x" * seen.limits.stdout_bytes


def _as_printed(printed: bytes) -> tuple[str, str]:
    return printed.decode("utf-8", errors="replace"), ""


def _rubbish_is_text(seen: Seen) -> None:
    assert seen.result.status is Status.OK
    assert (seen.result.stdout, seen.result.stderr) == _as_printed(_RUBBISH)


def _frames_are_text(seen: Seen) -> None:
    assert (seen.result.status, seen.result.exit_code) == (Status.NONZERO, 3)
    assert (seen.result.stdout, seen.result.stderr) == _as_printed(_FRAMES)


_FLOOD = """
block = b"x" * 2**20
for _ in range(1024):
    os.write({stream}, block)
"""

ATTACKS = (
    Attack(
        name="1 GB on stdout",
        expected="output_limit, the beginning kept, < 50 MB more in our process",
        code=_FLOOD.format(stream=1),
        judge=_cut_stdout,
        scene=steady_memory,
        warm=True,
    ),
    Attack(
        name="1 GB on stderr",
        expected="output_limit, the beginning kept, < 50 MB more in our process",
        code=_FLOOD.format(stream=2),
        judge=_cut_stderr,
        scene=steady_memory,
    ),
    Attack(
        name="flood from many processes",
        expected="output_limit; none is left on the host",
        code="""
wear(sys.argv[1])
for _ in range(4): os.fork()
while True: os.write(1, b"x" * 65536)
""",
        judge=_cut_stdout,
        limits=limits(stdout_bytes=10_000, pids=32),
        scene=no_process_left,
    ),
    Attack(
        name="one byte too much, then the end",
        expected="output_limit",
        code="os.write(1, b'x' * 10_001)\nos._exit(0)",
        judge=_cut_stdout,
        limits=limits(stdout_bytes=10_000),
    ),
    Attack(
        name="exactly the limit, then the end",
        expected="ok, all of it kept",
        code="os.write(1, b'x' * 50_000)\nos._exit(0)",
        judge=_complete,
        limits=limits(stdout_bytes=50_000),
        warm=True,
    ),
    Attack(
        name="bytes that are no text, escapes, no end of line",
        expected="ok, U+FFFD for what is no text; the result is valid JSON",
        code=f"os.write(1, {_RUBBISH!r})",
        judge=_rubbish_is_text,
    ),
    Attack(
        name="forge the frames that carry output",
        expected="they are text of stdout; the exit code is the true one",
        code=f"os.write(1, {_FRAMES!r})\nos._exit(3)",
        judge=_frames_are_text,
        warm=True,
    ),
    Attack(
        name="close all streams and run on",
        expected="timeout, within a second of the limit",
        code="""
wear(sys.argv[1])
if os.fork() == 0: os.setsid()
os.closerange(0, 3)
while True: time.sleep(1)
""",
        limits=limits(wall_s=1),
        judge=ended_in_time,
        scene=no_process_left,
        warm=True,
    ),
)
