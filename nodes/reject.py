"""Put a task that could not be verified where users find the reasons."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime

from mle_smith.checks import Checked
from mle_smith.models.roles import AgentRole
from mle_smith.package.layout import RunPaths
from mle_smith.package.manifest import Provenance, versions
from mle_smith.report import Report, check_records, omissions, questions, write_report
from mle_smith.settings import Settings
from mle_smith.task import Task
from nodes.publish import ledger_of, outcome, public_name


def reject(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Write rejected/<task-id>/: a report with every verdict, and the files as they were."""
    run = RunPaths(Path(state.run_folder))
    final = run.rejected / state.task_id
    fresh = state.workspace.root / "rejecting"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    if state.workspace.files.exists():
        shutil.copytree(state.workspace.files, fresh / "files")
    write_report(fresh, rejection(state, runtime.context or Settings()))
    run.rejected.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(final, ignore_errors=True)
    fresh.rename(final)
    return {"outcomes": [outcome(state, "rejected", f"rejected/{state.task_id}")]}


def rejection(state: Task, settings: Settings) -> Report:
    """The report of a task that could not be verified: as far as it came."""
    file = state.workspace.checked
    checked = Checked.model_validate_json(file.read_text()) if file.exists() else Checked()
    profile = state.profile()
    sizes = checked.numbers.get("P04", {})
    return Report(
        id=state.task_id,
        title=state.formulation.title,
        verified=False,
        formulation=state.formulation,
        verdicts=tuple(state.verdicts),
        questions=questions(),
        checks=check_records(checked, state.verdicts),
        not_run=omissions(checked),
        silent_checks=tuple(sorted(checked.numbers.keys() - {f.code for f in checked.findings})),
        ladder=state.ladder,
        rows={side: sizes[f"{side}_rows"] for side in ("train", "test") if sizes},
        seeds={"run": settings.seed},
        provenance=Provenance(
            source=profile.name, raw_sha256=profile.raw_sha256, licence=profile.licence
        ),
        backbone={role: public_name(settings.model_of(role)) for role in AgentRole},
        versions=versions(),
        attempts=state.attempts,
        usage=state.usage,
        ledger=ledger_of(state),
    )
