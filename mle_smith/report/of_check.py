"""The report of one check of a package, ours or not."""

from __future__ import annotations

from pathlib import Path

from mle_smith.checks import Checked
from mle_smith.errors import PackageError
from mle_smith.package.manifest import Manifest
from mle_smith.package.seal import load
from mle_smith.report.records import check_records, omissions, questions
from mle_smith.report.report import Report
from mle_smith.values import Formulation

STAGE = "check"


def report_of_check(package: Path, checked: Checked, plan: Formulation | None) -> Report:
    """What the checks said, with the facts of the package's manifest where it has one."""
    manifest = _manifest(package)
    verdicts = (checked.verdict(STAGE),)
    sizes = checked.numbers.get("P04", {})
    facts = {
        "origin": "check",
        "questions": questions(),
        "checks": check_records(checked, verdicts),
        "not_run": omissions(checked),
        "silent_checks": tuple(
            sorted(checked.numbers.keys() - {finding.code for finding in checked.findings})
        ),
        "rows": {side: sizes[f"{side}_rows"] for side in ("train", "test") if sizes},
    }
    if manifest is not None:
        report = Report.of(manifest, verified=checked.sound, verdicts=verdicts)
        return report.model_copy(update=facts)
    return Report(
        id=package.name,
        title=plan.title if plan else package.name,
        verified=checked.sound,
        formulation=plan,
        verdicts=verdicts,
    ).model_copy(update=facts)


def _manifest(package: Path) -> Manifest | None:
    try:
        return load(package)
    except PackageError:
        return None
