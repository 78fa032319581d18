"""Put a verified task where users find it: reports, then the manifest, then one rename."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime

from mle_smith.checks import Checked
from mle_smith.data.tables import DatasetProfile
from mle_smith.isolation import sandbox_for
from mle_smith.metrics import METRICS, answers_of
from mle_smith.metrics.classes import labels_of
from mle_smith.models.ledger import Ledger
from mle_smith.models.roles import AgentRole
from mle_smith.models.spec import ModelSpec
from mle_smith.package.layout import RunPaths
from mle_smith.package.manifest import (
    Manifest,
    MetricRecord,
    Provenance,
    SubmissionRecord,
    versions,
)
from mle_smith.package.seal import seal
from mle_smith.package.tables import describe_csv
from mle_smith.report import Report, check_records, omissions, questions, write_report
from mle_smith.settings import Settings
from mle_smith.task import Outcome, Task
from mle_smith.values import LedgerRow


def publish(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Seal the package and move it to tasks/<task-id>."""
    settings = runtime.context or Settings()
    run = RunPaths(Path(state.run_folder))
    final = run.tasks / state.task_id
    fresh = state.workspace.root / "publishing"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(state.workspace.assembled("package").root, fresh)
    checked = Checked.model_validate_json(state.workspace.checked.read_text())
    isolation = sandbox_for(settings).capabilities().isolation
    manifest = make_manifest(state, settings, state.profile(), checked, isolation)
    report = Report.of(manifest, verified=True, verdicts=tuple(state.verdicts)).model_copy(
        update={"questions": questions(), "not_run": omissions(checked)}
    )
    write_report(fresh, report, sealing=True)
    seal(fresh, manifest)
    run.tasks.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(final, ignore_errors=True)
    fresh.rename(final)
    return {"outcomes": [outcome(state, "verified", f"tasks/{state.task_id}")]}


def outcome(state: Task, status: str, path: str) -> dict[str, Any]:
    """How the task ended, for the run's summary."""
    formulation = state.formulation
    ended = Outcome.model_validate(
        {
            "task_id": state.task_id,
            "status": status,
            "path": path,
            "title": formulation.title,
            "target": ", ".join(formulation.targets),
            "task_type": formulation.task_type,
            "metric": formulation.metric,
            "stages": tuple(dict.fromkeys(v.stage for v in state.verdicts if v.passed)),
            "findings": state.verdict.errors if status == "rejected" else (),
            "ladder": state.ladder,
            "attempts": state.attempts,
            "usage": state.usage,
        }
    )
    return ended.model_dump(mode="json")


def make_manifest(
    state: Task, settings: Settings, profile: DatasetProfile, checked: Checked, isolation: str
) -> Manifest:
    """task.json, all but the checksums."""
    formulation = state.formulation
    package = state.workspace.assembled("package")
    train = describe_csv(package.public / "train.csv", top=200)
    metric = METRICS[formulation.metric]
    classes, positive = _classes(state, train)
    answers = answers_of(
        metric, targets=formulation.targets, classes=classes or None, positive=positive
    )
    return Manifest(
        id=state.task_id,
        title=formulation.title,
        formulation=formulation,
        metric=MetricRecord.of(metric, answers),
        targets=formulation.targets,
        classes=classes,
        submission=SubmissionRecord.of(answers),
        split=formulation.split,
        rows={"train": train["rows"], "test": describe_csv(package.answers)["rows"]},
        seeds={"run": settings.seed},
        provenance=Provenance(
            source=profile.name, raw_sha256=profile.raw_sha256, licence=profile.licence
        ),
        backbone={role: public_name(settings.model_of(role)) for role in AgentRole},
        versions=versions(),
        sandbox=isolation,
        attempts=state.attempts,
        checks=check_records(checked, state.verdicts),
        ladder=state.ladder,
        usage=state.usage,
        ledger=ledger_of(state),
    )


def _classes(state: Task, train: dict[str, Any]) -> tuple[tuple[str, ...], str | None]:
    counts = {
        label: count
        for column in train["columns"]
        if column["name"] == state.formulation.targets[0]
        for label, count in column["top"]
    }
    return labels_of(state.formulation, counts)


def ledger_of(state: Task) -> tuple[LedgerRow, ...]:
    """What the task's calls cost, without times: the same inputs give the same manifest."""
    rows = Ledger(RunPaths(Path(state.run_folder)).ledger).rows(state.task_id)
    return tuple(
        LedgerRow(**{**row.model_dump(exclude={"seconds"}), "model": public_name(row.model)})
        for row in rows
    )


def public_name(model: str) -> str:
    """A model's name without the address of a server, which is nobody's business."""
    return ModelSpec.parse(model).public_name
