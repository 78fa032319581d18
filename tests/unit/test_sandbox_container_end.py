"""What is believed of a container's end, and of whom."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mle_smith.sandbox.capture import Capture
from mle_smith.sandbox.container_end import (
    CLOSING_BYTES,
    WATCH,
    Closing,
    closing,
    first_process,
)
from mle_smith.sandbox.job import Limits

LINE = b"\0mle: exit 3, killed for memory 1\n"


@pytest.mark.parametrize(
    ("stdout", "stderr", "said"),
    [
        (b"a" + LINE, b"b\n" + LINE, Closing(3, 1)),
        (LINE, LINE, Closing(3, 1)),
        (LINE, b"", None),
        (b"", LINE, None),
        (LINE + b"more", LINE, None),
        (LINE, LINE.replace(b"3", b"0"), None),
        (LINE.removeprefix(b"\0"), LINE.removeprefix(b"\0"), None),
        (LINE.replace(b"3", b"-3"), LINE.replace(b"3", b"-3"), None),
    ],
)
def test_a_closing_line_ends_both_streams(
    stdout: bytes, stderr: bytes, said: Closing | None
) -> None:
    capture = Capture(Limits(), spare=CLOSING_BYTES)
    capture.add("stdout", stdout)
    capture.add("stderr", stderr)
    assert closing(capture) == said


@pytest.mark.parametrize("counts", [True, False])
def test_the_watch_says_how_its_program_ended_where_the_kernel_counts(
    tmp_path: Path, *, counts: bool
) -> None:
    events = tmp_path / "memory.events"
    if counts:
        events.write_text("low 0\noom 4\noom_kill 2\noom_group_kill 1\n")
    script = WATCH.replace("/sys/fs/cgroup/memory/memory.oom_control", str(tmp_path / "none"))
    script = script.replace("/sys/fs/cgroup/memory.events", str(events))
    program = "import sys; print('a'); print('b', file=sys.stderr); sys.exit(5)"
    words = ["sh", "-c", script, "sh", "9", sys.executable, "-c", program]
    ran = subprocess.run(words, capture_output=True, env={"killed": "7"}, check=False)
    line = b"\0mle: exit 5, killed for memory 2\n" if counts else b""
    assert (ran.returncode, ran.stdout, ran.stderr) == (5, b"a\n" + line, b"b\n" + line)


@pytest.fixture
def a_namespace() -> Iterator[int]:
    """The first process of a new process namespace, with a child in it."""
    words = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", "sleep 60 & wait"]
    with subprocess.Popen(words) as outside:
        children = Path(f"/proc/{outside.pid}/task/{outside.pid}/children")
        for _ in range(200):
            if outside.poll() is not None:
                pytest.skip("no process namespace can be made here")
            below = [int(child) for child in children.read_text().split()]
            if below and Path(f"/proc/{below[0]}/task/{below[0]}/children").read_text():
                break
            time.sleep(0.02)
        yield below[0]
        outside.kill()


def test_the_first_process_is_seen_to_die(a_namespace: int) -> None:
    group = Path(f"/proc/{a_namespace}/cgroup").read_text()
    descriptor = first_process(a_namespace, group.splitlines()[0])
    assert descriptor is not None
    try:
        assert select.select([descriptor], [], [], 0.1)[0] == []
        os.kill(a_namespace, 9)
        assert select.select([descriptor], [], [], 5)[0] == [descriptor]
    finally:
        os.close(descriptor)


def test_only_the_first_process_of_that_container_will_do(a_namespace: int) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - pathlib holds one itself
    group = Path(f"/proc/{a_namespace}/cgroup").read_text().splitlines()[0]
    (child,) = Path(f"/proc/{a_namespace}/task/{a_namespace}/children").read_text().split()
    assert first_process(a_namespace, "0" * 64) is None, "it is of another control group"
    assert first_process(int(child), group) is None, "it is not the first of its namespace"
    assert first_process(os.getpid(), group) is None, "it has no namespace below ours"
    assert first_process(0, group) is None, "it has ended"
    assert first_process(2**22 + 1, group) is None, "there is no such process"
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
