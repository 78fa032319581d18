"""The test agent: solves the task as a participant would, from public files only."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from mle_smith.models.roles import AgentRole
from mle_smith.settings import Settings
from mle_smith.task import Conversation, Task
from nodes.making import begin, finish
from nodes.prompting import render_prompt
from tools.solve import execute_code, get_history, request_info, validate_code

ROLE = AgentRole.TESTER
TOOLS = [request_info, validate_code, execute_code, get_history]


def brief(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Send the test agent in, knowing nothing of how the task was made."""
    settings = runtime.context or Settings()
    messages = render_prompt(
        ROLE, steps=settings.budgets.execute_steps, seconds=settings.job_seconds
    )
    return {**begin(state, ROLE), "messages": messages, "solutions": []}


report = finish(ROLE)


def unfinished(state: Conversation) -> str:
    """What the test agent is told when it stops without a valid submission."""
    if isinstance(state, Task) and any(solution.valid for solution in state.solutions):
        return ""
    return "You have no valid submission yet. Run a program with `execute_code`."
