"""A reply that came as a stream, read as strictly as one that came whole."""

from __future__ import annotations

import json
from collections.abc import Iterable

from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall, ToolCall
from langchain_core.messages.tool import ToolCallChunk


def whole(chunks: Iterable[AIMessage]) -> AIMessage:
    """The reply that the chunks add up to.

    LangChain completes the arguments of a call that broke off, so that half a file would be
    written as if it were all of it. Here such a call is an invalid one.
    """
    total: AIMessageChunk | None = None
    for chunk in chunks:
        if not isinstance(chunk, AIMessageChunk):
            return chunk
        total = chunk if total is None else total + chunk
    if total is None:
        return AIMessage("")
    good: list[ToolCall] = []
    bad: list[InvalidToolCall] = []
    for call in total.tool_call_chunks:
        try:
            good.append(_strict(call))
        except ValueError as error:
            bad.append(
                InvalidToolCall(
                    name=call["name"],
                    args=call["args"],
                    id=call["id"],
                    error=str(error),
                    type="invalid_tool_call",
                )
            )
    return AIMessage(
        content=total.content,
        tool_calls=good,
        invalid_tool_calls=bad,
        id=total.id,
        usage_metadata=total.usage_metadata,
        response_metadata=total.response_metadata,
        additional_kwargs={k: v for k, v in total.additional_kwargs.items() if k != "tool_calls"},
    )


def _strict(call: ToolCallChunk) -> ToolCall:
    args = json.loads(call["args"] or "{}")
    if not isinstance(args, dict):
        raise ValueError("the arguments are no JSON object")
    return ToolCall(name=call["name"] or "", args=args, id=call["id"], type="tool_call")
