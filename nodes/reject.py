"""Put a task that could not be verified where users find the reasons."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime

from mle_smith.package.layout import RunPaths
from mle_smith.package.report import Report, write_report
from mle_smith.settings import Settings
from mle_smith.task import Task
from nodes.publish import outcome


def reject(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Write rejected/<task-id>/: a report with every verdict, and the files as they were."""
    run = RunPaths(Path(state.run_folder))
    final = run.rejected / state.task_id
    fresh = state.workspace.root / "rejecting"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    if state.workspace.files.exists():
        shutil.copytree(state.workspace.files, fresh / "files")
    report = Report(
        id=state.task_id,
        title=state.formulation.title,
        verified=False,
        formulation=state.formulation,
        verdicts=tuple(state.verdicts),
        ladder=state.ladder,
    )
    write_report(fresh, report)
    run.rejected.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(final, ignore_errors=True)
    fresh.rename(final)
    return {"outcomes": [outcome(state, "rejected", f"rejected/{state.task_id}")]}
