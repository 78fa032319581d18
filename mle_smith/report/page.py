"""Writes the report of a task, verified or rejected: report.json for programs, .html for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from mle_smith.metrics.registry import METRICS
from mle_smith.models.spec import EMBEDDED
from mle_smith.package.layout import REPORT_HTML, REPORT_JSON
from mle_smith.package.manifest import FileRecord, MetricRecord, canonical_json
from mle_smith.package.seal import files_of, write_atomically
from mle_smith.report import text
from mle_smith.report.fuzz import OUTCOMES, fuzz_matrix
from mle_smith.report.leaks import leak_table, pairs
from mle_smith.report.plots import ladder_plot, noise_curve, split_plot
from mle_smith.report.report import Report
from mle_smith.report.standing import Mark, absences, layers
from mle_smith.report.story import reasons, repairs, steps


def write_report(folder: Path, report: Report, *, sealing: bool = False) -> None:
    """Write report.json and report.html into a folder.

    Args:
        folder: of a package about to be sealed, or of a rejected task.
        report: what to say.
        sealing: the folder holds a complete package, and the page lists its files.
    """
    old = {REPORT_JSON, REPORT_HTML}
    files = [file for file in files_of(folder) if file.path not in old] if sealing else []
    write_atomically(folder / REPORT_JSON, canonical_json(report))
    write_atomically(folder / REPORT_HTML, report_page(report, files))


def report_page(report: Report, files: Sequence[FileRecord] = ()) -> str:
    """The page: self-contained, without scripts; every text in it is escaped."""
    numbers = {check.code: check.numbers for check in report.checks}
    judged = layers(report)
    metric = report.metric or _known_metric(report)
    plan = report.formulation
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            files=files,
            metric=metric,
            layers=judged,
            counts={mark: sum(layer.having(mark) for layer in judged) for mark in _MARKS},
            leaks=leak_table(judged),
            outcomes=OUTCOMES,
            matrix=fuzz_matrix(numbers.get("M08", {})),
            ladder=ladder_plot(report.ladder) if report.ladder else None,
            noise=noise_curve(
                numbers.get("M07", {}), report.ladder, metric.higher_is_better if metric else None
            ),
            split=split_plot(report.rows, plan.split if plan else None),
            groups=numbers.get("P08", {}).get("train_groups"),
            steps=steps(report),
            repairs=repairs(report) if report.verified else [],
            reasons=reasons(report),
            absent=absences(report),
            paid=[row for row in report.ledger if row.model != EMBEDDED],
        )
    )


_MARKS: tuple[Mark, ...] = ("error", "warning", "info", "passed", "not run")


def environment() -> Environment:
    """The templates of all pages, with what makes values of any origin fit to be shown."""
    made = Environment(
        loader=PackageLoader("mle_smith.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
        keep_trailing_newline=True,
        finalize=text.finalized,
    )
    made.filters |= {
        "name": text.name,
        "words": text.words,
        "number": text.number,
        "size": text.size,
        "seconds": text.seconds,
        "dollars": text.dollars,
        "pairs": pairs,
        "address": lambda path: quote(path, safe="/"),
    }
    return made


def _known_metric(report: Report) -> MetricRecord | None:
    """The registry's word on the metric of a task that has no manifest."""
    spec = METRICS.get(report.formulation.metric) if report.formulation else None
    return MetricRecord.of(spec) if spec else None
