"""Put a task that could not be verified where users find the reasons."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime

from mle_smith.package.layout import RunPaths
from mle_smith.settings import Settings
from mle_smith.task import Task
from nodes.publish import outcome


def reject(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Write rejected/<task-id>/: the formulation, every verdict, and the files as they were."""
    run = RunPaths(Path(state.run_folder))
    final = run.rejected / state.task_id
    fresh = state.workspace.root / "rejecting"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    if state.workspace.files.exists():
        shutil.copytree(state.workspace.files, fresh / "files")
    reasons = {
        "id": state.task_id,
        "formulation": state.formulation.model_dump(mode="json"),
        "attempts": state.attempts,
        "verdicts": [verdict.model_dump(mode="json") for verdict in state.verdicts],
        "ladder": state.ladder.model_dump(mode="json") if state.ladder else None,
    }
    (fresh / "reasons.json").write_text(json.dumps(reasons, ensure_ascii=False, indent=2) + "\n")
    run.rejected.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(final, ignore_errors=True)
    fresh.rename(final)
    return {"outcomes": [outcome(state, "rejected", f"rejected/{state.task_id}")]}
