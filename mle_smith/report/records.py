"""From what the checks said to what manifest and report keep of it."""

from __future__ import annotations

from collections.abc import Iterable

from mle_smith.checks import Checked
from mle_smith.checks.ladder import CODES as LADDER_CODES
from mle_smith.checks.registry import CHECKS
from mle_smith.package.manifest import CheckRecord
from mle_smith.report.report import Omission, Question
from mle_smith.values import Finding, Severity, Verdict

_RANK = [Severity.INFO, Severity.WARNING, Severity.ERROR]


def questions() -> tuple[Question, ...]:
    """Every question that is asked of a package, those that solutions answer last."""
    asked = [
        Question(layer=check.layer.value, title=check.title, codes=check.codes) for check in CHECKS
    ]
    asked.append(Question(layer="X", title="The ladder of solutions", codes=LADDER_CODES))
    return tuple(asked)


def omissions(checked: Checked) -> tuple[Omission, ...]:
    """What was not asked, and why."""
    return tuple(Omission(code=o.code, reason=o.reason) for o in checked.not_run)


def check_records(checked: Checked, verdicts: Iterable[Verdict]) -> tuple[CheckRecord, ...]:
    """What each check measured, and how bad what it found is; the latest verdict of each stage.

    Of several findings of one code the worst is kept; a report holds them all.
    """
    found: dict[str, Finding] = {}
    for finding in latest_findings(verdicts):
        known = found.get(finding.code)
        if known is None or _RANK.index(finding.severity) > _RANK.index(known.severity):
            found[finding.code] = finding
    return tuple(
        CheckRecord(
            code=code,
            severity=found[code].severity if code in found else None,
            numbers={
                **checked.numbers.get(code, {}),
                **(found[code].evidence if code in found else {}),
            },
        )
        for code in sorted({*checked.numbers, *found})
    )


def latest_findings(verdicts: Iterable[Verdict]) -> list[Finding]:
    """The findings that stand: those of the latest verdict of each stage."""
    latest = {verdict.stage: verdict for verdict in verdicts}
    return [finding for verdict in latest.values() for finding in verdict.findings]
