"""What an attack is: a hostile program, where it runs, and what must have come of it.

An attack is a value. `tests/contract/test_sandbox_attacks.py` carries each of them out in each kind
of sandbox; `python -m tests.attacks` prints the table of what was expected and what was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from mle_smith.sandbox.job import (
    Gap,
    Job,
    Limits,
    Mount,
    Result,
    Role,
    Sandbox,
    Status,
)
from tests.support.sandboxes import SMALL

PRELUDE = """\
import ctypes, errno, os, signal, socket, stat, sys, time
IN, OUT = os.environ["MLE_IN"], os.environ["MLE_OUT"]
PARENT = int(os.environ.get("PARENT", os.getppid()))
libc = ctypes.CDLL(None, use_errno=True)

def attempt(name, call, *args):
    # What is refused is silent: a program that prints only "done" was refused everything.
    try:
        found = call(*args)
    except OSError:
        return
    print(name, "was allowed:", repr(found)[:80])

def wear(name):
    # The host sees this process, and all that it forks, by this name.
    libc.prctl(15, name.encode(), 0, 0, 0)

"""
"""What every program can use."""


class Given(NamedTuple):
    """What a job is started with."""

    args: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()


class Site(NamedTuple):
    """Where an attack takes place."""

    folder: Path
    """An empty folder of the host."""
    sandbox: Sandbox


class Seen(NamedTuple):
    """What came of an attack."""

    result: Result
    out: Path
    """What was collected."""
    limits: Limits

    @property
    def told(self) -> str:
        """What there is to say where it is not as expected."""
        printed, errors = self.result.stdout[-300:], self.result.stderr[-300:]
        return f"{summary(self.result)}; printed {printed!r}, errors {errors!r}"


@contextmanager
def nothing(_: Site) -> Iterator[Given]:
    """A host without anything to attack."""
    yield Given()


class Attack(NamedTuple):
    """One hostile program. It fails by an AssertionError of its judge or its scene."""

    name: str
    expected: str
    """What must come of it, in the words of the table."""
    code: str
    judge: Callable[[Seen], None]
    limits: Limits = SMALL
    role: Role = Role.SOLVE
    scene: Callable[[Site], AbstractContextManager[Given]] = nothing
    """Puts something on the host before the job, and looks at the host after it."""
    gap: Gap | None = None
    """A sandbox that declares this gap does not hold the attack, and must be seen not to."""
    warm: bool = False
    """Tried in containers that waited for it, too: they may differ from ones that are started for
    it in what they were given late and in what runs the program, but not in their settings."""

    @property
    def sociable(self) -> bool:
        """Only tries what must be refused, and can do so beside others in one job."""
        return self.judge is refused_everything

    def carry_out(self, site: Site, tell: Callable[[str], None]) -> None:
        """Run the program, tell in a few words what came of it, and judge.

        Raises:
            AssertionError: the sandbox did not do what is expected.
        """
        out = site.folder / "collected"
        out.mkdir()
        with self.scene(site) as given:
            job = Job(
                role=self.role,
                code=PRELUDE + self.code,
                args=given.args,
                mounts=given.mounts,
                outputs=("**",),
                limits=self.limits,
            )
            result = site.sandbox.run(job, out)
            tell(summary(result))
            if result.status is Status.INFRA_ERROR:
                pytest.fail(f"the sandbox itself failed: {result.stderr}")
            read_back = Result.model_validate_json(result.model_dump_json())
            assert read_back == result, "a result can be written and read back"
            self.judge(Seen(result, out, self.limits))


def summary(result: Result) -> str:
    """The outcome in a few words."""
    words = [result.status.value]
    if result.status in (Status.NONZERO, Status.KILLED):
        words.append(str(result.exit_code))
    if result.status is Status.TIMEOUT:
        words.append(f"{result.wall_s:.1f} s")
    if result.oom_seen and result.status is not Status.OOM:
        words.append("oom seen")
    if result.artefacts or result.rejected:
        words.append(f"{len(result.artefacts)} taken, {len(result.rejected)} left")
    return ", ".join(words)


def refused_everything(seen: Seen) -> None:
    """The program ran to its end and had nothing to tell."""
    *gained, last = seen.result.stdout.splitlines() or [""]
    assert (seen.result.status, last, seen.result.stderr) == (Status.OK, "done", ""), seen.told
    assert not gained, "; ".join(gained)


def ended_as(*statuses: Status) -> Callable[[Seen], None]:
    """The job ended in one of these ways."""

    def judge(seen: Seen) -> None:
        assert seen.result.status in statuses, seen.told

    return judge


def ended_in_time(seen: Seen) -> None:
    """The job was ended at its time limit, and no more than a second later."""
    assert seen.result.status is Status.TIMEOUT, seen.told
    assert seen.limits.wall_s <= seen.result.wall_s <= seen.limits.wall_s + 1


def limits(**changes: float) -> Limits:
    """The small limits, with changes."""
    return Limits.model_validate({**SMALL.model_dump(), **changes})
