"""Run the checks on one package and say what they found, what they measured, what was not run.

How trouble is told apart:

- a defect of the package is a `Finding`, also when a file is missing or unreadable (`S01`, `S02`);
- a check that needs what is not there (a readable file, raw data, a sandbox) is *not run*;
- so is one whose sandbox failed (`MachineError`): that is never held against the package;
- so is one that its own arithmetic stopped on data it does not understand (`_UNFIT`): the reason
  then names the error, and the package passes or fails by the other checks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field
from pydantic_core import from_json, to_json
from sklearn import config_context

from mle_smith.checks.check import Cause, Check, Layer, Measured, Need, NotRun, Outcome
from mle_smith.checks.registry import CHECKS
from mle_smith.checks.subject import FileDefectError, Subject
from mle_smith.errors import MachineError
from mle_smith.sandbox.job import Capabilities, Job, Result, Sandbox
from mle_smith.values import Finding, Severity, Value, Verdict

_UNFIT = (ValueError, TypeError, KeyError, IndexError, ArithmeticError, RecursionError)
"""What pandas, numpy and scikit-learn raise on data that they were not made for."""

_SEVERITY_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


class Omitted(Value):
    """A question that was not asked."""

    code: str
    reason: str
    cause: Cause = Cause.LACKING


_HEADROOM = "M11"


class Took(NamedTuple):
    """What one check cost."""

    check: Check
    wall_s: float
    """From its start to its end: those that run code run beside the others."""
    cpu_s: float
    """Of the check's own thread: without what containers used."""


class Checked(Value):
    """All that the checks have to say about one package."""

    findings: tuple[Finding, ...] = ()
    not_run: tuple[Omitted, ...] = ()
    numbers: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """By code: what was measured, also where nothing is wrong. JSON values only."""

    @property
    def sound(self) -> bool:
        """Whether no finding is an error. What was not run is for the reader to weigh."""
        return all(f.severity is not Severity.ERROR for f in self.findings)

    def verdict(self, stage: str) -> Verdict:
        """The findings as the verdict of a stage."""
        return Verdict(stage=stage, findings=self.findings)


def check_package(
    subject: Subject,
    layers: Collection[Layer] | None = None,
    *,
    watch: Callable[[Took], None] | None = None,
) -> Checked:
    """Ask every registered question of one package.

    Args:
        subject: the package, and what is known beside it.
        layers: only these; None for all.
        watch: is told what each check cost, from several threads.

    Returns:
        Findings, errors first and by code then, what was not run, and the numbers taken.
    """
    chosen = [check for check in CHECKS if layers is None or check.layer in layers]
    findings: list[Finding] = []
    omitted: dict[str, Omitted] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for outcomes in _all_asked(chosen, subject, watch):
        for outcome in outcomes:
            match outcome:
                case Finding():
                    findings.append(outcome)
                case Measured(code, taken):
                    numbers.setdefault(code, {}).update(taken)
                case NotRun(code, reason, cause):
                    omitted.setdefault(code, Omitted(code=code, reason=reason, cause=cause))
    if any(f.code.startswith("L") and f.severity is Severity.ERROR for f in findings):
        # What leaks makes any task easy: whether it is too easy shows once nothing leaks.
        if any(f.code == _HEADROOM for f in findings):
            omitted[_HEADROOM] = Omitted(
                code=_HEADROOM, reason="the inputs leak; repair that first"
            )
        findings = [f for f in findings if f.code != _HEADROOM]
    findings.sort(key=lambda f: (_SEVERITY_ORDER[f.severity], f.code))
    return Checked(
        findings=tuple(f.model_copy(update={"evidence": _plain(f.evidence)}) for f in findings),
        not_run=tuple(omitted[code] for code in sorted(omitted)),
        numbers=_plain(dict(sorted(numbers.items()))),
    )


def _plain(value: Any) -> Any:
    """JSON values: NumPy's scalars become Python's, tuples lists, NaN and infinity null."""
    return from_json(to_json(value, inf_nan_mode="null", fallback=lambda scalar: scalar.item()))


def _all_asked(
    chosen: Sequence[Check], subject: Subject, watch: Callable[[Took], None] | None
) -> Iterator[list[Outcome]]:
    """What each check says, in their order.

    Those that run code are all begun at once, each in a thread of its own. The others follow once
    these wait for their containers: threads that calculate at the same time hold each other up.
    """
    announcing = None
    if subject.sandbox is not None:
        announcing = _Announcing(subject.sandbox)
        subject = replace(subject, sandbox=announcing)

    def ask(check: Check) -> list[Outcome]:
        wall, cpu = time.perf_counter(), time.thread_time()
        outcomes = list(_asked(check, subject))
        if watch is not None:
            watch(Took(check, time.perf_counter() - wall, time.thread_time() - cpu))
        return outcomes

    def ask_beside(check: Check, handed_over: threading.Event) -> list[Outcome]:
        try:
            if announcing is not None:
                announcing.heard_by(handed_over)
            return ask(check)
        finally:
            handed_over.set()

    beside = {c.name: threading.Event() for c in chosen if Need.SANDBOX in c.needs}
    pool = ThreadPoolExecutor(max(1, len(beside)), "mle-check")
    try:
        begun = {
            check.name: pool.submit(ask_beside, check, beside[check.name])
            for check in chosen
            if check.name in beside
        }
        for handed_over in beside.values():
            handed_over.wait()
        for check in chosen:
            future = begun.get(check.name)
            yield ask(check) if future is None else future.result()
    finally:
        # Who interrupts this has the sandbox closed next, which ends the jobs: do not wait here.
        pool.shutdown(wait=False, cancel_futures=True)


class _Announcing:
    """A sandbox that says when a thread hands a job over, and so leaves the processor to others."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._hearing = threading.local()

    def heard_by(self, event: threading.Event) -> None:
        """Set `event` with the next job of this thread."""
        self._hearing.event = event

    def capabilities(self) -> Capabilities:
        return self._sandbox.capabilities()

    def run(self, job: Job, out: Path | None = None) -> Result:
        event = getattr(self._hearing, "event", None)
        if event is not None:
            event.set()
        return self._sandbox.run(job, out)

    def close(self) -> None:
        self._sandbox.close()


def _asked(check: Check, subject: Subject) -> Iterator[Outcome]:
    lacking = _lacking(check, subject)
    if lacking:
        yield from (NotRun(code, lacking) for code in check.codes)
        return
    try:
        # Tables are finite and arguments right, so that trees, thousands of them, need not look.
        with config_context(assume_finite=True, skip_parameter_validation=True):
            yield from check(subject)
    except FileDefectError as defect:
        yield from (NotRun(code, str(defect)) for code in check.codes)
    except MachineError as fault:
        reason = f"the sandbox failed: {fault}"
        yield from (NotRun(code, reason, Cause.MACHINE) for code in check.codes)
    except _UNFIT as fault:
        reason = f"the check could not cope with the data: {type(fault).__name__}: {fault}"
        yield from (NotRun(code, reason[:300], Cause.UNFIT) for code in check.codes)


def _lacking(check: Check, subject: Subject) -> str:
    """Why the check cannot be asked, or nothing."""
    absent = {
        Need.RAW: ("the raw data were not given", subject.raw is None),
        Need.SANDBOX: ("no sandbox was given", subject.sandbox is None),
        Need.PRIVATE: ("private/ has no answers", not subject.paths.answers.is_file()),
        Need.FORMULATION: ("the formulation is not known", subject.plan is None),
    }
    return "; ".join(absent[need][0] for need in check.needs if absent[need][1])
