"""What the Designer's and the Refactor's work have in common: beginning, brief, end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.messages import AnyMessage

from mle_smith.models.roles import AgentRole
from mle_smith.task import Conversation, Task
from mle_smith.values import Usage
from nodes.agent import keep_transcript, spent
from nodes.prompting import finding_facts, render_prompt, tables_of


class _Making(Task, Conversation):
    """For type checkers: the state of an agent that works on a task."""


def begin(state: Task, role: AgentRole) -> dict[str, Any]:
    """A new attempt of `role`."""
    attempts = {**state.attempts, role: state.attempts.get(role, 0) + 1}
    return {
        "attempts": attempts,
        "at_work": role.value,
        "submitted": False,
        "steps": 0,
        "stopped": None,
    }


def brief_maker(state: Task, role: AgentRole, steps: int) -> list[AnyMessage]:
    """The first messages for the Designer or the Refactor."""
    profile = state.profile()
    return render_prompt(
        role,
        steps=steps,
        formulation=state.formulation.model_dump(mode="json"),
        tables=tables_of(profile, state.formulation),
        dataset={"name": profile.name, "licence": profile.licence},
        findings=finding_facts(state.findings),
    )


def finish(role: AgentRole) -> Callable[[_Making], dict[str, Any]]:
    """The node that ends an attempt: keeps the conversation and adds up what it cost."""

    def report(state: _Making) -> dict[str, Any]:
        attempt = state.attempts[role]
        keep_transcript(state.workspace.transcripts, f"{role}-{attempt}", state.messages)
        total = state.usage.get(role, Usage()) + spent(state.messages)
        usage = {**state.usage, role: total}
        return {"usage": {name: used.model_dump() for name, used in usage.items()}}

    return report
