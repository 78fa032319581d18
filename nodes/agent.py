"""What the loops of all agents have in common: ask the model, count, keep the conversation."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, messages_to_dict
from langchain_core.tools import BaseTool
from langgraph.runtime import Runtime

from mle_smith.models.load import load_model
from mle_smith.models.roles import AgentRole
from mle_smith.settings import Settings
from mle_smith.task import Conversation
from mle_smith.values import Usage


def call_model(
    role: AgentRole, tools: Sequence[BaseTool]
) -> Callable[[Conversation, Runtime[Settings]], dict[str, Any]]:
    """The node that asks a role's model for its next move."""

    def model(state: Conversation, runtime: Runtime[Settings]) -> dict[str, Any]:
        settings = runtime.context or Settings()
        chat = load_model(settings.model_of(role), role, seed=settings.seed).bind_tools(tools)
        reply = chat.invoke(state.messages)
        return {"messages": [reply], "steps": state.steps + 1}

    return model


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
