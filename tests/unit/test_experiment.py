"""Experiments vary one thing, and their figures are those of the runs."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from cli.experiments.figures import plot, row, table
from cli.experiments.variants import Experiment, variants
from graph.context import ForgeContext


def summary(verified: int, *, reviewed: int, dollars: float | None = 0.5) -> dict[str, Any]:
    tasks = [{"metric": f"m{number}", "task_type": "regression"} for number in range(verified)]
    return {
        "tasks": tasks,
        "funnel": {"proposed": 3, "reviewed": reviewed},
        "cost": {"dollars": dollars, "calls": 10},
        "stages": {"design": {"wall_s": 2.0, "runs": 1}, "judge": {"wall_s": 1.0, "runs": 1}},
    }


def test_a_row_adds_up_its_runs() -> None:
    made = row("v", [summary(2, reviewed=3), summary(1, reviewed=1)])
    assert (made.datasets, made.proposed, made.verified, made.success) == (2, 6, 3, 0.5)
    assert (made.late, made.dollars, made.calls, made.seconds) == (1, 1.0, 20, 6.0)
    assert (made.metrics, made.task_types) == (2, 1)


def test_an_unknown_price_stays_unknown() -> None:
    made = row("v", [summary(2, reviewed=2), summary(2, reviewed=2, dollars=None)])
    assert made.dollars is None
    assert "| unknown |" in table([made])


def test_a_plot_has_a_bar_for_each_figure_and_variant() -> None:
    rows = [row("a <b>", [summary(2, reviewed=3)]), row("c", [summary(0, reviewed=0)])]
    drawn = ElementTree.fromstring(plot(rows))
    bars = drawn.findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == 2 * 6
    assert max(float(bar.attrib["width"]) for bar in bars) > 300


@pytest.mark.parametrize("experiment", list(Experiment))
def test_each_variant_is_valid_and_differs_in_one_setting(experiment: Experiment) -> None:
    made = variants(experiment, ["embedded", "openai:gpt-5"])
    assert len(made) == 2
    first, second = (ForgeContext.model_validate(changes) for changes in made.values())
    differing = [
        name for name in ForgeContext.model_fields if getattr(first, name) != getattr(second, name)
    ]
    assert len(differing) == 1
