"""Every deterministic check on the package, layer by layer."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from mle_smith.checks import Layer
from mle_smith.checks import check_package as run_checks
from mle_smith.settings import Settings
from mle_smith.task import Task
from mle_smith.values import Blame
from nodes.subject import subject_of
from nodes.verdicts import all_asked, hand_over, not_submitted

STAGE = "check_package"
LAYERS = (
    Layer.STRUCTURE,
    Layer.PREPARATION,
    Layer.LEAKAGE,
    Layer.METRIC,
    Layer.DESCRIPTION,
)


def check_package(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Check the package; each finding goes back to the agent that it blames."""
    if not state.submitted:
        return hand_over(state, not_submitted(STAGE, Blame.REFACTOR, state.stopped))
    settings = runtime.context or Settings()
    subject = subject_of(state, "package", settings)
    checked = all_asked(run_checks(subject, LAYERS))
    state.workspace.checked.write_text(checked.model_dump_json(indent=1))
    return hand_over(state, checked.verdict(STAGE))
