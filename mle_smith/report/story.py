"""The way of a task: every verdict in order, whom it sent the task back to, what was repaired."""

from __future__ import annotations

from typing import NamedTuple

from mle_smith.report.records import latest_findings
from mle_smith.report.report import Report
from mle_smith.report.text import words
from mle_smith.values import Blame, Finding, Severity


class Step(NamedTuple):
    """One verdict."""

    stage: str
    passed: bool
    then: str
    """What followed: whom the task went back to, or that it ended here."""
    findings: tuple[Finding, ...]


class Repair(NamedTuple):
    """A defect that an earlier attempt had and the last one has not."""

    finding: Finding
    stage: str


def steps(report: Report) -> list[Step]:
    """Every verdict, in the order in which they were given."""
    last = len(report.verdicts) - 1
    return [
        Step(
            words(verdict.stage),
            verdict.passed,
            ""
            if verdict.passed or report.origin == "check"
            else "the task was rejected"
            if number == last
            else f"back to the {_whom(verdict.errors)}",
            verdict.findings,
        )
        for number, verdict in enumerate(report.verdicts)
    ]


def _whom(errors: tuple[Finding, ...]) -> str:
    return "Designer" if any(f.blame is Blame.DESIGN for f in errors) else "Refactor"


def repairs(report: Report) -> list[Repair]:
    """Errors of earlier verdicts that no longer stand, each code and message once."""
    standing = {f.code for f in latest_findings(report.verdicts) if f.severity is Severity.ERROR}
    gone: dict[tuple[str, str], Repair] = {}
    for verdict in report.verdicts:
        for finding in verdict.errors:
            if finding.code not in standing:
                key = (finding.code, finding.message)
                gone.setdefault(key, Repair(finding, words(verdict.stage)))
    return list(gone.values())


def reasons(report: Report) -> tuple[Finding, ...]:
    """Why the task was rejected, or the package is not sound: the errors of the last verdict."""
    return report.verdicts[-1].errors if report.verdicts and not report.verified else ()
