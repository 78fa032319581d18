"""What the task graph does with a formulation that has a defect: repair it, or say no."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig

from graph.context import ForgeContext
from graph.task import graph
from mle_smith.data.profile import profile
from mle_smith.data.source import fingerprint
from mle_smith.package.seal import load
from mle_smith.values import Formulation, SplitKind, SplitPolicy, TaskType

pytestmark = pytest.mark.live

PENGUINS = Path(__file__).resolve().parents[2] / "examples" / "penguins" / "raw"
MEASURES = ("Culmen Length (mm)", "Culmen Depth (mm)", "Flipper Length (mm)", "Body Mass (g)")


def run_task(tmp_path: Path, formulation: Formulation) -> dict[str, Any]:
    """How the task of a formulation ends: its `Outcome`, as the graph holds it."""
    described = profile(PENGUINS, "penguins", fingerprint(PENGUINS))
    (tmp_path / "profile.json").write_text(described.model_dump_json())
    given = {
        "task_id": "penguins-1",
        "formulation": formulation.model_dump(mode="json"),
        "desk": str(tmp_path / "work"),
        "run_folder": str(tmp_path),
        "raw_folder": str(PENGUINS),
        "profile_file": str(tmp_path / "profile.json"),
    }
    config: RunnableConfig = {"recursion_limit": 300}
    state = graph.invoke(given, config, context=ForgeContext())
    outcome: dict[str, Any] = state["outcomes"][0]
    return outcome


def idea(**changes: Any) -> Formulation:
    return Formulation.model_validate(
        {
            "title": "Predict the species",
            "task_type": TaskType.MULTICLASS,
            "tables": ("penguins_raw",),
            "targets": ("Species",),
            "inputs": MEASURES,
            "metric": "log_loss",
            "split": SplitPolicy(kind=SplitKind.GROUPED, group_columns=("Individual ID",)),
            **changes,
        }
    )


def test_a_disguised_answer_costs_an_attempt_not_the_task(tmp_path: Path) -> None:
    leaky = idea(inputs=(*MEASURES, "code"), derive={"code": "df['Species'].str.len() * 7"})
    outcome = run_task(tmp_path, leaky)
    assert outcome["status"] == "verified", outcome["findings"]
    manifest = load(tmp_path / "tasks" / "penguins-1")
    assert manifest.attempts["designer"] == 2
    assert "code" not in manifest.formulation.inputs
    assert "L06" in manifest.formulation.excluded["code"]
    header = (tmp_path / "tasks" / "penguins-1" / "public" / "train.csv").read_text().split("\n")[0]
    assert "code" not in header


def test_a_coin_toss_is_rejected_with_the_reason(tmp_path: Path) -> None:
    coin = idea(
        title="Predict a coin",
        task_type=TaskType.BINARY,
        targets=("coin",),
        derive={"coin": "(df['Sample Number'] * 7919 % 101 % 2).astype(int)"},
        metric="roc_auc",
    )
    outcome = run_task(tmp_path, coin)
    assert outcome["status"] == "rejected"
    assert {finding["blame"] for finding in outcome["findings"]} >= {"formulation"}
    assert {finding["code"] for finding in outcome["findings"]} <= {"M14", "X03"}
    assert (tmp_path / "rejected" / "penguins-1" / "report.html").exists()
    assert not (tmp_path / "tasks").exists()
