"""The summary of a run: what was proposed, what was verified, what was lost and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime
from pydantic import Field

from mle_smith.models.ledger import Ledger
from mle_smith.models.roles import AgentRole
from mle_smith.package.layout import RunPaths
from mle_smith.package.seal import write_atomically
from mle_smith.report import run_page
from mle_smith.settings import Settings
from mle_smith.task import Dataset, Outcome
from mle_smith.values import TimedLedgerRow

FUNNEL = {
    "drafted": "check_draft",
    "packaged": "check_package",
    "reviewed": "review",
    "executed": "judge",
}
"""Steps of the funnel after `proposed`, each with the stage that a task has to pass."""


class _Collecting(Dataset):
    outcomes: list[Outcome] = Field(default_factory=list)


def collect(state: _Collecting, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Write index.html for people, and run.json, the last file of a run."""
    settings = runtime.context or Settings()
    run = RunPaths(Path(state.run))
    ledger = Ledger(run.ledger).rows()
    outcomes = sorted(state.outcomes, key=lambda outcome: outcome.task_id)
    summary = {
        "dataset": state.name,
        "raw_sha256": state.raw_sha256,
        "data": data_facts(state),
        "settings": {
            "seed": settings.seed,
            "models": {role.value: settings.model_of(role) for role in AgentRole},
        },
        "tasks": [_task(o, run) for o in outcomes if o.status == "verified"],
        "rejected": [_rejected(o, run) for o in outcomes if o.status == "rejected"],
        "refused": state.refusal,
        "funnel": funnel(len(state.proposals), outcomes),
        "stages": stage_costs(run, [outcome.task_id for outcome in outcomes]),
        "brainstorm_usage": state.brainstorm_usage.model_dump(),
        "ledger": [row.model_dump() for row in ledger],
        "cost": total(ledger),
    }
    write_atomically(run.index, run_page(summary))
    write_atomically(run.summary, json.dumps(summary, ensure_ascii=False, indent=2) + "\n")
    return {}


def data_facts(state: Dataset) -> dict[str, Any] | None:
    """What the data set holds; None when it was refused before it was described."""
    if not state.profile_path or not Path(state.profile_path).exists():
        return None
    profile = state.profile()
    return {
        "licence": profile.licence,
        "files": len(profile.files),
        "bytes": sum(file.size for file in profile.files),
        "tables": [
            {
                "name": table.spec.name,
                "rows": table.rows,
                "columns": len(table.columns),
                "bytes": table.bytes,
            }
            for table in profile.tables
        ],
    }


def total(ledger: Sequence[TimedLedgerRow]) -> dict[str, Any]:
    """Sums over a ledger; dollars are null when the price of any call is not known."""
    costs = [row.cost for row in ledger]
    known = [cost for cost in costs if cost is not None]
    return {
        "dollars": sum(known) if len(known) == len(costs) else None,
        "calls": sum(row.calls for row in ledger),
        "hits": sum(row.hits for row in ledger),
        "tokens": sum(row.input_tokens + row.output_tokens for row in ledger),
        "retries": sum(row.retries for row in ledger),
    }


def funnel(proposed: int, outcomes: list[Outcome]) -> dict[str, Any]:
    """How many tasks came how far, and how many were lost by which finding."""
    passed = {
        step: sum(stage in outcome.stages for outcome in outcomes) for step, stage in FUNNEL.items()
    }
    lost = Counter(
        code
        for outcome in outcomes
        if outcome.status == "rejected"
        for code in {finding.code for finding in outcome.findings}
    )
    verified = sum(outcome.status == "verified" for outcome in outcomes)
    return {
        "proposed": proposed,
        **passed,
        "verified": verified,
        "lost": dict(sorted(lost.items())),
    }


def stage_costs(run: RunPaths, task_ids: list[str]) -> dict[str, dict[str, float]]:
    """Seconds by stage over the data set and all tasks: `wall`, and `runs` of the stage."""
    return _costs([run.work / "timings.jsonl", *(_timings(run, task_id) for task_id in task_ids)])


def _timings(run: RunPaths, task_id: str) -> Path:
    return run.work / "tasks" / task_id / "timings.jsonl"


def _costs(files: list[Path]) -> dict[str, dict[str, float]]:
    costs: dict[str, dict[str, float]] = {}
    for file in files:
        for line in file.read_text().splitlines() if file.exists() else []:
            entry = json.loads(line)
            cost = costs.setdefault(entry["stage"], {"wall_s": 0.0, "runs": 0})
            cost["wall_s"] = round(cost["wall_s"] + entry["wall_s"], 3)
            cost["runs"] += 1
    return costs


def _task(outcome: Outcome, run: RunPaths) -> dict[str, Any]:
    return {
        "id": outcome.task_id,
        "path": outcome.path,
        "title": outcome.title,
        "target": outcome.target,
        "task_type": outcome.task_type,
        "metric": outcome.metric,
        "ladder": outcome.ladder.model_dump(mode="json") if outcome.ladder else None,
        **_spent(outcome, run),
    }


def _rejected(outcome: Outcome, run: RunPaths) -> dict[str, Any]:
    return {
        "id": outcome.task_id,
        "path": outcome.path,
        "title": outcome.title,
        "target": outcome.target,
        "findings": [finding.model_dump(mode="json") for finding in outcome.findings],
        **_spent(outcome, run),
    }


def _spent(outcome: Outcome, run: RunPaths) -> dict[str, Any]:
    """What the task took: attempts and calls by role, seconds by stage."""
    return {
        "attempts": outcome.attempts,
        "usage": {role: used.model_dump() for role, used in outcome.usage.items()},
        "stages": _costs([_timings(run, outcome.task_id)]),
    }
