"""The cheat: tries to score without solving the task, with a participant's files and tools."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from mle_smith.models.roles import AgentRole
from mle_smith.settings import Settings
from mle_smith.task import Conversation, Task
from nodes.execute import TOOLS
from nodes.making import begin, finish
from nodes.prompting import render_prompt

__all__ = ["ROLE", "TOOLS", "brief", "report", "unfinished"]

ROLE = AgentRole.CHEAT


def brief(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Send the cheat in, knowing no more than the test agent did."""
    settings = runtime.context or Settings()
    messages = render_prompt(
        ROLE, steps=settings.budgets.execute_steps, seconds=settings.job_seconds
    )
    return {**begin(state, ROLE), "messages": messages}


def unfinished(state: Conversation) -> str:
    """Nothing: to see no way around a task is an answer."""
    return ""


report = finish(ROLE)
