"""Writes the report of a task, verified or rejected: report.json for programs, .html for people."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from mle_smith.package.layout import REPORT_HTML, REPORT_JSON
from mle_smith.package.manifest import FileRecord, Manifest, canonical_json
from mle_smith.package.seal import files_of, write_atomically
from mle_smith.values import Formulation, Interval, Ladder, Value, Verdict

_LEFT, _RIGHT, _ROW = 150.0, 550.0, 34.0
"""Of the chart: where the scale begins and ends, and the height of a rung, in SVG units."""


class Report(Value):
    """All verdicts on a task, with their evidence."""

    schema_version: Literal[1] = 1
    id: str
    title: str
    verified: bool
    formulation: Formulation
    verdicts: tuple[Verdict, ...]
    """In the order in which they were given, of all attempts."""
    silent_checks: tuple[str, ...] = ()
    """Codes of the checks that ran last and found nothing."""
    ladder: Ladder | None = None


class RungMark(NamedTuple):
    """Where a rung of the ladder is drawn."""

    name: str
    label: str
    y: float
    x: float
    low: float
    high: float


def write_report(folder: Path, report: Report, manifest: Manifest | None = None) -> None:
    """Write report.json and report.html into a folder.

    Args:
        folder: of a package about to be sealed, or of a rejected task.
        report: what to say.
        manifest: of a verified task, not yet sealed; the page then shows provenance and files.
    """
    old = {REPORT_JSON, REPORT_HTML}
    files = () if manifest is None else files_of(folder)
    write_atomically(folder / REPORT_JSON, canonical_json(report))
    page = report_html(report, manifest, [file for file in files if file.path not in old])
    write_atomically(folder / REPORT_HTML, page)


def report_html(report: Report, manifest: Manifest | None, files: Sequence[FileRecord]) -> str:
    """The page: self-contained, without scripts; every text in it is escaped."""
    environment = Environment(
        loader=PackageLoader("mle_smith.package"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
        keep_trailing_newline=True,
    )
    environment.filters["compact"] = _compact
    environment.filters["words"] = lambda text: str(text).replace("_", " ")
    marks = [] if report.ladder is None else ladder_marks(report.ladder)
    return environment.get_template("report.html.j2").render(
        report=report,
        manifest=manifest,
        files=files,
        marks=marks,
        scale={"left": _LEFT, "right": _RIGHT, "height": _ROW * (len(marks) + 1)},
    )


def ladder_marks(ladder: Ladder) -> list[RungMark]:
    """The rungs on a common scale on which better is always to the right."""
    sign = 1.0 if ladder.higher_is_better else -1.0
    ends = [
        end
        for rung in ladder.rungs
        for end in (rung.score.value, rung.score.low, rung.score.high)
        if math.isfinite(end)
    ]
    worst, best = (
        min((sign * end for end in ends), default=0.0),
        max((sign * end for end in ends), default=1.0),
    )
    width = best - worst or 1.0

    def place(score: float) -> float:
        share = (sign * score - worst) / width if math.isfinite(score) else 0.0
        return round(_LEFT + share * (_RIGHT - _LEFT), 2)

    return [
        RungMark(
            name=rung.name[:20],
            label=_interval(rung.score),
            y=_ROW * (number + 1),
            x=place(rung.score.value),
            low=min(place(rung.score.low), place(rung.score.high)),
            high=max(place(rung.score.low), place(rung.score.high)),
        )
        for number, rung in enumerate(ladder.rungs)
    ]


def _interval(score: Interval) -> str:
    if score.low == score.high:
        return f"{score.value:.4g}"
    return f"{score.value:.4g} ({score.low:.4g} to {score.high:.4g})"


def _compact(evidence: dict[str, Any]) -> str:
    """Evidence as short JSON text."""
    return json.dumps(json.loads(canonical_json(evidence)), ensure_ascii=False)
