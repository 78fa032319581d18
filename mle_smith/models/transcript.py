"""A conversation as a person reads it: who said what, which tools were called, what came back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    messages_from_dict,
)

from mle_smith.models.context import shortened

_RESULT = 2_000
"""Characters of a result that are shown, unless all is asked for."""
_BRIEF = 1_200
"""The same of the first messages, which are mostly the prompt and the profile."""


def readable(title: str, messages: Sequence[BaseMessage], *, whole: bool = False) -> str:
    """Markdown of one conversation.

    Args:
        title: whose it is.
        messages: all of it.
        whole: leave nothing out.
    """
    lines = [f"# {title}", ""]
    step = 0
    for message in messages:
        step += isinstance(message, AIMessage)
        lines += _message(message, step, None if whole else _RESULT, None if whole else _BRIEF)
    return "\n".join(lines).rstrip() + "\n"


def read(text: str) -> list[BaseMessage]:
    """The conversation that a transcript's file holds."""
    return messages_from_dict(json.loads(text))


def _message(
    message: BaseMessage, step: int, result: int | None, brief: int | None
) -> Iterator[str]:
    text = message.text.strip()
    if isinstance(message, SystemMessage):
        yield from ("## Instructions", "", _cut(text, brief), "")
    elif isinstance(message, HumanMessage):
        heading = "## The case" if step == 0 else "**The model is told:**"
        yield from (heading, "", _cut(text, brief), "")
    elif isinstance(message, ToolMessage):
        yield from (f"Result of `{message.name or 'the call'}`:", "")
        yield from (_fence(_cut(text, result)), "")
    elif isinstance(message, AIMessage):
        yield from (f"## Step {step}", "")
        if text:
            yield from (text, "")
        for call in message.tool_calls:
            yield from _call(call["name"], call["args"])


def _call(name: str, args: dict[str, Any]) -> Iterator[str]:
    """A call: short arguments in its line, long texts below it as they are."""
    long = {key: value for key, value in args.items() if isinstance(value, str) and "\n" in value}
    short = ", ".join(
        f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in args.items() if k not in long
    )
    yield f"Calls `{name}({short}{', ' * bool(short and long)}{', '.join(f'{k}=…' for k in long)})`"
    yield ""
    for value in long.values():
        yield from (_fence(value.rstrip()), "")


def _fence(text: str) -> str:
    """The text between fences that it does not hold itself."""
    ticks = "```"
    while ticks in text:
        ticks += "`"
    return f"{ticks}\n{text}\n{ticks}"


def _cut(text: str, most: int | None) -> str:
    return text if most is None else shortened(text, most)
