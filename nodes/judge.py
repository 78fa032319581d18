"""The verdict on what the test agent showed: the ladder of scores, and whether it holds."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from mle_smith.checks import Subject
from mle_smith.checks.ladder import climb
from mle_smith.sandbox.shared import shared_sandbox
from mle_smith.settings import Settings
from mle_smith.task import Task
from mle_smith.values import Verdict
from nodes.verdicts import hand_over
from tools.solve import SUBMISSION

STAGE = "judge"


def judge(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Grade constant, the agent's solutions and the answers together, and judge the gaps."""
    settings = runtime.context or Settings()
    subject = Subject(
        package=state.workspace.assembled("package").root,
        formulation=state.formulation,
        sandbox=shared_sandbox(settings),
        seed=settings.seed,
    )
    submissions = {
        f"solution {solution.number}": state.workspace.solution(solution.number)
        / "out"
        / SUBMISSION
        for solution in state.solutions
        if solution.valid
    }
    climbed = climb(subject, submissions)
    return {
        **hand_over(state, Verdict(stage=STAGE, findings=climbed.findings)),
        "ladder": climbed.ladder.model_dump(mode="json") if climbed.ladder else None,
    }
