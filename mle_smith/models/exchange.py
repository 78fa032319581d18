"""One question to a model and its reply, in a form that no provider has a say in.

The digest of a question is made of what was said, not of how: the ids that providers and LangChain
give to messages and calls are left out. So a recording of one model can be replayed for another,
and a server can look a question up that reached it over the wire.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    message_to_dict,
    messages_from_dict,
)
from pydantic import Field

from mle_smith.models.roles import AgentRole
from mle_smith.values import Value

Said: TypeAlias = tuple[str, str, tuple[tuple[str, str], ...]]
"""Who spoke (`system`, `user`, `assistant`, `tool`), the text, and the calls: name, arguments."""


class Occasion(Value):
    """Where in a run a call is made; no two calls of a run share one."""

    task: str = ""
    """Empty for calls about the data set as a whole."""
    role: AgentRole
    stage: str
    attempt: int = Field(default=1, ge=1)
    step: int = Field(default=1, ge=1)
    seat: int = Field(default=1, ge=1)
    """Which of several reviewers."""

    @property
    def key(self) -> str:
        """A readable name for the call."""
        seat = f"/{self.seat}" if self.seat > 1 else ""
        return f"{self.task or 'dataset'}/{self.role}/{self.attempt}/{self.step}{seat}"


class Exchange(Value):
    """A question, by its digest, and the reply: one line of a recording."""

    occasion: Occasion
    model: str
    digest: str
    reply: dict[str, Any]
    """As `dump_reply` gives it."""


def said(messages: Sequence[BaseMessage]) -> list[Said]:
    """The conversation as its digest sees it."""
    return [_said(message) for message in messages]


def _said(message: BaseMessage) -> Said:
    if isinstance(message, SystemMessage):
        return ("system", message.text, ())
    if isinstance(message, HumanMessage):
        return ("user", message.text, ())
    if isinstance(message, ToolMessage):
        return ("tool", message.text, ())
    if isinstance(message, AIMessage):
        calls = tuple((call["name"], canonical(call["args"])) for call in message.tool_calls)
        return ("assistant", message.text, calls)
    raise TypeError(f"a conversation with a model holds no {type(message).__name__}")


def canonical(value: Any) -> str:
    """The one JSON text of a value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def digest(conversation: Sequence[Said]) -> str:
    """The SHA-256 of a conversation."""
    return hashlib.sha256(canonical(conversation).encode()).hexdigest()


def dump_reply(reply: AIMessage) -> dict[str, Any]:
    """A reply as JSON values, its arguments in the order in which they were given.

    The order may show in what tools make of them, and a resumed run must make the same.
    """
    dumped: dict[str, Any] = json.loads(as_line(message_to_dict(reply)))
    return dumped


def as_line(value: Any) -> str:
    """JSON on one line, in the order of the value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def load_reply(dumped: dict[str, Any]) -> AIMessage:
    """A reply as `dump_reply` wrote it."""
    (message,) = messages_from_dict([dumped])
    if not isinstance(message, AIMessage):
        raise TypeError("a recorded reply is no AI message")
    return message
