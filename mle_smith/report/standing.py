"""How each code stands in a report, and why what is missing was not measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from mle_smith.report.records import latest_findings
from mle_smith.report.report import Question, Report
from mle_smith.values import Finding, Severity

Mark: TypeAlias = Literal["error", "warning", "info", "passed", "not run"]

_ASKED_IN = {"S": ("check_draft", "check_package", "check"), "X": ("judge",), "R": ("review",)}
_ASKED_IN_PACKAGE = ("check_package", "check")
_TITLES = {
    "S": "Structure",
    "P": "Preparation and split",
    "L": "Leakage",
    "M": "Metric",
    "D": "Description",
    "X": "Execution",
    "R": "Review",
}


class Standing(NamedTuple):
    """One code: what it stands for and what came of it."""

    code: str
    question: str
    defect: str
    mark: Mark
    reason: str
    """Why it was not run."""
    numbers: dict[str, Any]
    findings: tuple[Finding, ...]


class Layer(NamedTuple):
    """All codes of one layer."""

    letter: str
    title: str
    standings: tuple[Standing, ...]

    def having(self, mark: Mark) -> int:
        """Codes that ended so."""
        return sum(standing.mark == mark for standing in self.standings)


def layers(report: Report) -> list[Layer]:
    """Every code that the report knows of, by layer, in the registry's order of layers."""
    found: dict[str, list[Finding]] = {}
    for finding in latest_findings(report.verdicts):
        found.setdefault(finding.code, []).append(finding)
    known = {code for question in report.questions for code in question.codes}
    extra = [
        Question(layer=code[0], title=_TITLES.get(code[0], "Other"), codes={code: ""})
        for code in sorted({*found, *(check.code for check in report.checks)} - known)
    ]
    everything = [*report.questions, *extra]
    letters = dict.fromkeys([*_TITLES, *(q.layer for q in extra)])
    made = [
        Layer(letter, _TITLES.get(letter, "Other"), tuple(_standings(report, asked, found)))
        for letter in letters
        if (asked := [q for q in everything if q.layer == letter])
    ]
    return [layer for layer in made if layer.standings]


def _standings(
    report: Report, asked: Sequence[Question], found: dict[str, list[Finding]]
) -> list[Standing]:
    numbers = {check.code: check.numbers for check in report.checks}
    rows = []
    for question in asked:
        for code, defect in question.codes.items():
            reason = "" if code in found else why_not_run(report, code)
            worst = min(
                (f.severity for f in found.get(code, [])), key=list(Severity).index, default=None
            )
            mark: Mark = worst.value if worst else "not run" if reason else "passed"
            given = tuple(found.get(code, ()))
            rows.append(
                Standing(code, question.title, defect, mark, reason, numbers.get(code, {}), given)
            )
    return sorted(rows, key=lambda row: row.code)


def why_not_run(report: Report, code: str) -> str:
    """Why a code was not asked; nothing when it was."""
    for omission in report.not_run:
        if omission.code == code:
            return omission.reason
    stages = {verdict.stage for verdict in report.verdicts}
    if stages & set(_ASKED_IN.get(code[0], _ASKED_IN_PACKAGE)):
        return ""
    if report.origin == "check":
        return "solutions are graded, and packages reviewed, only while a task is forged"
    return f"the task came no further than {last_stage(report)}"


def last_stage(report: Report) -> str:
    """The stage whose verdict came last, in words."""
    return report.verdicts[-1].stage.replace("_", " ") if report.verdicts else "its proposal"


def absences(report: Report) -> dict[str, str]:
    """For each part that a page may have to do without: why it was not measured."""
    never = f"the task was rejected at {last_stage(report)}, before this was measured"
    no_ladder = never
    if report.origin == "check":
        never = "a check of a package does not measure this, and the package does not say it"
        no_ladder = "solutions are graded only while a task is forged, and this holds no ladder"
    numbers = {check.code for check in report.checks}
    older = "the check kept no such numbers"
    missing = older if report.verified and report.origin == "forge" else never
    return {
        "general": missing,
        "ladder": older if report.verified and report.origin == "forge" else no_ladder,
        "matrix": why_not_run(report, "M08") or (older if "M08" in numbers else missing),
        "noise": why_not_run(report, "M07") or (older if "M07" in numbers else missing),
        "split": "the rows were not counted: " + missing,
        "files": "a rejected task is not sealed; its files are kept beside this page, in files/"
        if report.origin == "forge"
        else "they were not listed",
        "time": "a package holds no times, so that the same inputs give the same bytes; "
        "index.html of the run has seconds by stage",
    }
