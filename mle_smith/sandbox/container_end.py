"""How a container's end is known, before the engine sends word of it.

The engine sends word when it has taken down what it kept of the container, which takes longer than
many a job. Two things together say the same at once. The kernel: the first process of a namespace
is dead, and so is, before it, every other process in there. And the watch, which runs the program
and ends after it: a closing line on both streams says how the program ended, and that nothing of
what was printed is still on its way. Where one of the two is missing (the container was killed, the
engine is on another machine, the kernel does not count what it kills), the engine's word is waited
for.

A job that prints a closing line itself is not believed while it lives; where it lives on, no line
is believed any more. One that ends at once, before the watch's own line has arrived, or that kills
the watch, has told how it ended, its own affair: nothing of it lives when its files are taken.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
from pathlib import Path
from typing import NamedTuple

from mle_smith.sandbox.capture import Capture

CLOSING = re.compile(rb"\0mle: exit (\d{1,3}), killed for memory (\d{1,9})\n\Z")
CLOSING_BYTES = 64
"""No closing line is longer."""

WATCH = r"""
timeout -s KILL "$@"
code=$?
killed=
for file in /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events; do
    [ -r "$file" ] || continue
    while read -r name count; do
        [ "$name" = oom_kill ] && killed=$count
    done <"$file"
done
close() { printf '\0mle: exit %s, killed for memory %s\n' "$code" "$killed"; }
[ "$killed" ] && close && close >&2
exit $code
"""
"""Runs its arguments, and closes both streams where the kernel tells whom it killed for memory.

The engine tells that, too, but under load not always: it may lose the kernel's word when the
container ends at the same moment.
"""


class Closing(NamedTuple):
    """What the watch said at the end."""

    exit_code: int
    oom_kills: int


def closing(capture: Capture) -> Closing | None:
    """The closing line; None unless both streams end with the same one."""
    said = CLOSING.search(capture.end("stdout", CLOSING_BYTES))
    again = CLOSING.search(capture.end("stderr", CLOSING_BYTES))
    if said is None or again is None or said[0] != again[0]:
        return None
    return Closing(exit_code=int(said[1]), oom_kills=int(said[2]))


def first_process(pid: int, container: str) -> int | None:
    """A descriptor that can be read once the first process of `container`, and so all, are dead.

    Args:
        pid: of that process, as the engine has it: 0 where it has ended.
        container: its full id.

    Returns:
        None where it has ended, or cannot be told: the engine counts other processes than this
        kernel, or does not name its control groups by the container.
    """
    if pid <= 0 or not hasattr(os, "pidfd_open"):
        return None
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(pid)
        # Asked after the file was opened and while it lives: of this process, not of a successor.
        if _is_first_of(Path("/proc", str(pid)), container) and not _ended(descriptor):
            return descriptor
        os.close(descriptor)
    return None


def _is_first_of(process: Path, container: str) -> bool:
    """Whether it is process 1 of a namespace below ours, in the control group of `container`."""
    with contextlib.suppress(OSError):
        numbers = re.search(r"^NSpid:(.*)$", (process / "status").read_text(), re.MULTILINE)
        below = numbers is not None and numbers[1].split()[1:][-1:] == ["1"]
        return below and container in (process / "cgroup").read_text()
    return False


def _ended(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])
