"""The verdict on what the test agent showed: the ladder of scores, and whether it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime

from mle_smith.checks.ladder import Solution, build_ladder
from mle_smith.metrics import METRICS
from mle_smith.models.roles import AgentRole
from mle_smith.settings import Settings
from mle_smith.task import Task
from mle_smith.values import Verdict
from nodes.subject import subject_of
from nodes.verdicts import hand_over
from tools.solve import SUBMISSION

STAGE = "judge"


def judge(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Grade constant, solutions, cheats and the answers together, and judge the gaps."""
    settings = runtime.context or Settings()
    subject = subject_of(state, "package", settings)
    climb = build_ladder(subject, _named(state), _cheats(state))
    return {
        **hand_over(state, Verdict(stage=STAGE, findings=climb.findings)),
        "ladder": climb.ladder.model_dump(mode="json") if climb.ladder else None,
    }


def _named(state: Task) -> list[Solution]:
    """The agent's valid submissions, the weakest called `simple` and the best `strong`."""
    sign = 1 if METRICS[state.formulation.metric].higher_is_better else -1
    valid = [s for s in state.solutions if s.score is not None and s.by == AgentRole.TESTER]
    ranked = sorted(valid, key=lambda solution: (sign * (solution.score or 0), solution.number))
    names = {solution.number: f"solution {solution.number}" for solution in ranked}
    if len(ranked) > 1:
        names |= {ranked[0].number: "simple", ranked[-1].number: "strong"}
    return [Solution(names[s.number], _submission(state, s.number)) for s in ranked]


def _cheats(state: Task) -> list[Solution]:
    """The cheat's valid submissions, each called by what it does."""
    return [
        Solution(s.about or f"cheat {s.number}", _submission(state, s.number))
        for s in state.solutions
        if s.score is not None and s.by == AgentRole.CHEAT
    ]


def _submission(state: Task, number: int) -> Path:
    return state.workspace.solution(number) / "out" / SUBMISSION
