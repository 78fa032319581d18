"""The tools of an agent, one call after the other, in the order in which the model made them.

A plain `ToolNode` runs the calls of a reply side by side. Models rely on their order: they write
three files and run them in one reply.
"""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import patch_config
from langgraph.prebuilt import ToolNode
from langgraph.runtime import Runtime

from mle_smith.models.corrections import REFUSED


class OrderedToolNode(ToolNode):
    """A `ToolNode` without concurrency, under `invoke` and under `ainvoke`."""

    def _func(self, input: Any, config: RunnableConfig, runtime: Runtime[Any]) -> Any:
        return super()._func(input, patch_config(config, max_concurrency=1), runtime)

    async def _afunc(self, input: Any, config: RunnableConfig, runtime: Runtime[Any]) -> Any:
        return await asyncio.to_thread(self._func, input, config, runtime)


def refusal(request: Any) -> ToolMessage | None:
    """The answer to a call that is not made, with the reason; None when it is to be made.

    `judged` notes the reason with the reply: arguments that are no JSON, a tool that is not there,
    the same call once more.
    """
    call = request.tool_call
    replies = [m for m in request.state.messages if isinstance(m, AIMessage)]
    reason = replies[-1].additional_kwargs.get(REFUSED, {}).get(call["id"]) if replies else None
    if reason is None:
        return None
    return ToolMessage(reason, name=call["name"], tool_call_id=call["id"], status="error")
