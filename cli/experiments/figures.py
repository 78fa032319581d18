"""What a set of runs shows: one row of figures a variant, as a table and as bars."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, NamedTuple


class Row(NamedTuple):
    """The figures of one variant over all data sets."""

    variant: str
    datasets: int
    proposed: int
    verified: int
    success: float
    """Verified of proposed."""
    late: int
    """Tasks whose defect came out only when they were solved: they had passed the review."""
    dollars: float | None
    """None when a price is not known."""
    calls: int
    seconds: float
    """Of all stages, added up over tasks that share the processors."""
    metrics: int
    """Different metrics among the verified tasks."""
    task_types: int


_HEADINGS = (
    "variant",
    "data sets",
    "proposed",
    "verified",
    "success",
    "late defects",
    "dollars",
    "calls",
    "stage seconds",
    "metrics",
    "task types",
)


def row(variant: str, summaries: Sequence[dict[str, Any]]) -> Row:
    """The figures of the runs of one variant, each as run.json has it."""
    tasks = [task for summary in summaries for task in summary["tasks"]]
    proposed = sum(summary["funnel"]["proposed"] for summary in summaries)
    reviewed = sum(summary["funnel"]["reviewed"] for summary in summaries)
    dollars = [summary["cost"]["dollars"] for summary in summaries]
    stages = [stage for summary in summaries for stage in summary["stages"].values()]
    return Row(
        variant=variant,
        datasets=len(summaries),
        proposed=proposed,
        verified=len(tasks),
        success=len(tasks) / proposed if proposed else 0.0,
        late=reviewed - len(tasks),
        dollars=None if None in dollars else sum(dollars),
        calls=sum(summary["cost"]["calls"] for summary in summaries),
        seconds=sum(stage["wall_s"] for stage in stages),
        metrics=len({task["metric"] for task in tasks}),
        task_types=len({task["task_type"] for task in tasks}),
    )


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = [f"| {' | '.join(_HEADINGS)} |", "|---" * len(_HEADINGS) + "|"]
    lines += [f"| {' | '.join(map(_cell, r))} |" for r in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace("|", "\\|")


_PLOTTED = {
    "success": "Success: verified of proposed tasks",
    "late": "Late defects: tasks that passed the review and failed when they were solved",
    "dollars": "Dollars",
    "seconds": "Seconds of all stages",
    "metrics": "Different metrics",
    "task_types": "Different task types",
}
_WIDTH, _BAR, _LABEL = 640, 22, 220


def plot(rows: Sequence[Row]) -> str:
    """SVG: for each figure, a bar for each variant; what is not known has no bar."""
    parts: list[str] = []
    y = 24
    for name, title in _PLOTTED.items():
        values = [getattr(r, name) for r in rows]
        most = max((v for v in values if v), default=1) or 1
        parts.append(f'<text x="8" y="{y}" font-weight="bold">{title}</text>')
        for r, value in zip(rows, values, strict=True):
            y += _BAR
            length = (_WIDTH - _LABEL - 90) * (value or 0) / most
            label = html.escape(r.variant[:32])
            parts.append(f'<text x="20" y="{y}">{label}</text>')
            parts.append(
                f'<rect x="{_LABEL}" y="{y - 12}" width="{length:.1f}" height="14" fill="#4c78a8"/>'
            )
            parts.append(f'<text x="{_LABEL + length + 6:.1f}" y="{y}">{_cell(value)}</text>')
        y += 2 * _BAR
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" '
        f'font-family="sans-serif" font-size="13" style="background: white">\n{body}\n</svg>\n'
    )
