"""The index of a run: index.html, a pure function of run.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mle_smith.report.page import environment
from mle_smith.report.plots import RungMark, sparkline
from mle_smith.values import Ladder, Usage

_STEPS = ("proposed", "drafted", "packaged", "reviewed", "executed", "verified")


class FunnelStep(NamedTuple):
    """How many tasks came as far as this."""

    name: str
    tasks: int
    width: float
    lost: int
    """Of those of the step before."""


class Row(NamedTuple):
    """A task of the run."""

    entry: dict[str, Any]
    page: str
    """Its report, relative to the run's folder."""
    ladder: Ladder | None
    spark: list[RungMark]
    seconds: float | None
    usage: Usage


class Stage(NamedTuple):
    """What a stage took, over all tasks."""

    name: str
    seconds: float
    runs: int
    width: float


def run_page(summary: Mapping[str, Any]) -> str:
    """The page of a run; parts that an older run.json does not have are shown as not measured."""
    verified = [_row(entry) for entry in summary["tasks"]]
    rejected = [_row(entry) for entry in summary["rejected"]]
    return (
        environment()
        .get_template("run.html.j2")
        .render(
            run=summary,
            data=summary.get("data"),
            settings=summary.get("settings"),
            verified=verified,
            rejected=rejected,
            funnel=funnel_steps(summary["funnel"]),
            lost=summary["funnel"].get("lost", {}),
            stages=_stages(summary.get("stages", {})),
            usage=sum(
                (row.usage for row in (*verified, *rejected)),
                Usage.model_validate(summary.get("brainstorm_usage", {})),
            ),
        )
    )


def funnel_steps(funnel: Mapping[str, Any]) -> list[FunnelStep]:
    """The steps from proposal to verified task."""
    most = max((funnel.get(step, 0) for step in _STEPS), default=0) or 1
    counts = [funnel.get(step, 0) for step in _STEPS]
    return [
        FunnelStep(step, count, round(100 * count / most, 2), max(before - count, 0))
        for step, count, before in zip(_STEPS, counts, [counts[0], *counts], strict=False)
    ]


def _row(entry: dict[str, Any]) -> Row:
    ladder = Ladder.model_validate(entry["ladder"]) if entry.get("ladder") else None
    stages = entry.get("stages")
    used = [Usage.model_validate(usage) for usage in entry.get("usage", {}).values()]
    return Row(
        entry,
        f"{entry['path']}/report.html",
        ladder,
        sparkline(ladder) if ladder else [],
        sum(stage["wall_s"] for stage in stages.values()) if stages else None,
        sum(used, Usage()),
    )


def _stages(costs: Mapping[str, Mapping[str, float]]) -> list[Stage]:
    longest = max((cost["wall_s"] for cost in costs.values()), default=0.0) or 1.0
    return [
        Stage(name, cost["wall_s"], int(cost["runs"]), round(100 * cost["wall_s"] / longest, 2))
        for name, cost in costs.items()
    ]
