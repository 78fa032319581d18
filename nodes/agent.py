"""What the loops of all agents have in common: ask the model, count, keep the conversation."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, messages_to_dict
from langchain_core.tools import BaseTool
from langgraph.runtime import Runtime
from pydantic import BaseModel

from mle_smith.models.consult import Consultant
from mle_smith.models.corrections import Move, judged
from mle_smith.models.exchange import Occasion
from mle_smith.models.faults import POLICIES, Fault
from mle_smith.models.retrying import Ended
from mle_smith.models.roles import AgentRole
from mle_smith.settings import Settings
from mle_smith.task import Conversation, Dataset, Task
from mle_smith.values import Blame, Finding, Severity, Usage
from tools.closing import CLOSING

_BLAMES = {AgentRole.DESIGNER: Blame.DESIGN, AgentRole.REFACTOR: Blame.REFACTOR}


def call_model(
    role: AgentRole,
    tools: Sequence[BaseTool],
    *,
    stage: str,
    budget: Callable[[Settings], int],
    unfinished: Callable[[Conversation], str],
) -> Callable[[Conversation, Runtime[Settings]], dict[str, Any]]:
    """The node that asks a role's model for its next move.

    Args:
        role: whose model is asked.
        tools: what it may call.
        stage: name of the agent in the ledger.
        budget: model calls that the settings allow.
        unfinished: what the model is told when it stops without having handed in; empty when it
            may stop.
    """
    names = [tool.name for tool in tools]

    def model(state: Conversation, runtime: Runtime[Settings]) -> dict[str, Any]:
        settings = runtime.context or Settings()
        occasion = occasion_of(state, role, stage, state.steps + 1)
        asked = [*state.messages, steps_left(state.steps, budget(settings))]
        answer = consultant(state, role, settings).ask(occasion, asked, tools)
        steps = state.steps + 1
        if isinstance(answer, Ended):
            return {
                "messages": [AIMessage(answer.message)],
                "steps": steps,
                "stopped": stop_finding(role, answer.fault, answer.message),
            }
        move = judged(
            answer, state.messages, tools=names, closing=CLOSING, unfinished=unfinished(state)
        )
        return {**_entered(move, role), "steps": steps}

    return model


def _entered(move: Move, role: AgentRole) -> dict[str, Any]:
    if move.ended and move.fault:
        said = move.reply.text.strip()
        meaning = POLICIES[move.fault].meaning
        message = f"the model was stopped ({move.fault}: {meaning}). Its last words: {said[:500]!r}"
        # A reply whose calls are not made must not stand in a conversation.
        last = AIMessage(
            said or message, id=move.reply.id, usage_metadata=move.reply.usage_metadata
        )
        return {"messages": [last], "stopped": stop_finding(role, move.fault, message)}
    follow = [move.correction] if move.correction else []
    return {"messages": [move.reply, *follow]}


def consultant(state: BaseModel, role: AgentRole, settings: Settings) -> Consultant:
    """Who asks the role's model on behalf of the run."""
    return Consultant(settings.model_of(role), settings.terms(), run_of(state))


def run_of(state: BaseModel) -> Path:
    """The run's folder, for a data set and for a task."""
    if isinstance(state, Dataset):
        return Path(state.run)
    if isinstance(state, Task):
        return Path(state.run_folder)
    raise TypeError(f"a {type(state).__name__} belongs to no run")


def occasion_of(state: BaseModel, role: AgentRole, stage: str, step: int) -> Occasion:
    """Where in the run a call is made."""
    if isinstance(state, Task):
        attempt = state.attempts.get(role, 1)
        return Occasion(task=state.task_id, role=role, stage=stage, attempt=attempt, step=step)
    return Occasion(role=role, stage=stage, step=step)


def steps_left(done: int, most: int) -> HumanMessage:
    """What a model is told of its budget; said anew at each step and not kept."""
    left = most - done - 1
    if left <= 0:
        return HumanMessage(f"Step {done + 1} of {most}, your last: hand in now.")
    return HumanMessage(f"Step {done + 1} of {most}; {left} left after this one.")


def stop_finding(role: AgentRole, fault: Fault, message: str) -> dict[str, Any]:
    """The finding that ends an agent's attempt."""
    hopeless = fault is Fault.TASK_BUDGET
    finding = Finding(
        code=POLICIES[fault].code,
        severity=Severity.ERROR,
        blame=Blame.FORMULATION if hopeless else _BLAMES.get(role, Blame.DESIGN),
        message=message,
        evidence={"fault": str(fault), "role": str(role)},
    )
    return finding.model_dump(mode="json")


def spent(messages: Sequence[AnyMessage]) -> Usage:
    """What a conversation cost."""
    replies = [message for message in messages if isinstance(message, AIMessage)]
    usage = [reply.usage_metadata for reply in replies if reply.usage_metadata]
    return Usage(
        calls=len(replies),
        input_tokens=sum(used["input_tokens"] for used in usage),
        output_tokens=sum(used["output_tokens"] for used in usage),
        tool_calls=sum(len(reply.tool_calls) for reply in replies),
    )


def keep_transcript(folder: Path, name: str, messages: Sequence[AnyMessage]) -> None:
    """Write a conversation to `folder/name.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(messages_to_dict(messages), ensure_ascii=False, indent=1, default=str)
    (folder / f"{name}.json").write_text(text)
