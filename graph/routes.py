"""Every decision about what comes next: functions of the state and the settings, nothing else.

Each returns a label; the graphs map labels to nodes, and the labels are what the drawing shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.runtime import Runtime
from langgraph.types import Send

from mle_smith.models.roles import AgentRole
from mle_smith.settings import Settings
from mle_smith.task import Conversation, Dataset, Task
from mle_smith.values import Blame
from nodes.brainstorm import task_inputs

Way: TypeAlias = Literal["passed", "redesign", "repackage", "reject"]


def after_reading(state: Dataset) -> Literal["data", "refused"]:
    """Whether there are data to go on with."""
    return "refused" if state.refusal else "data"


def to_tasks(state: Dataset) -> list[Send] | str:
    """One task for each proposal; straight to the end when there is none."""
    return [Send("task", given) for given in task_inputs(state)] or "collect"


def after_verdict(state: Task, runtime: Runtime[Settings]) -> Way:
    """Where the latest verdict sends a task, within the attempts that its agents have left.

    Errors that blame the formulation cannot be repaired. Otherwise the design is repaired first:
    what the Refactor does rests on it.
    """
    if state.verdict.passed:
        return "passed"
    blamed = {finding.blame for finding in state.verdict.errors}
    if Blame.FORMULATION in blamed:
        return "reject"
    most = (runtime.context or Settings()).budgets.attempts
    redesign = Blame.DESIGN in blamed
    role = AgentRole.DESIGNER if redesign else AgentRole.REFACTOR
    if state.attempts.get(role, 0) >= most:
        return "reject"
    return "redesign" if redesign else "repackage"


def after_model(
    budget: Callable[[Settings], int],
) -> Callable[[Conversation, Runtime[Settings]], Literal["act", "correct", "stop"]]:
    """The route of an agent after its model: to the tools that it asked for, or to its end.

    Where the model was told that its reply will not do, it is asked again within its `budget`.
    """

    def route(state: Conversation, runtime: Runtime[Settings]) -> Literal["act", "correct", "stop"]:
        last = state.messages[-1]
        if isinstance(last, AIMessage) and last.tool_calls:
            return "act"
        left = state.steps < budget(runtime.context or Settings())
        return "correct" if left and isinstance(last, HumanMessage) else "stop"

    return route


def after_tools(
    done: Callable[[Conversation], bool], budget: Callable[[Settings], int]
) -> Callable[[Conversation, Runtime[Settings]], Literal["go on", "stop"]]:
    """The route of an agent after its tools: it ends when it is `done` or its `budget` is spent."""

    # An annotated state would be cut down to the fields of its type, and `done` asks for others.
    def route(state: Any, runtime: Runtime[Settings]) -> Literal["go on", "stop"]:
        spent = state.steps >= budget(runtime.context or Settings())
        return "stop" if spent or done(state) else "go on"

    return route
