"""The loop that every agent runs in: brief, then model and tools in turn, then report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel

from graph.context import ForgeContext
from graph.hands import OrderedToolNode
from graph.routes import after_model, after_tools
from graph.timing import ToolTimer, timed
from mle_smith.models.roles import AgentRole
from mle_smith.settings import Settings
from mle_smith.task import Conversation
from nodes.agent import call_model


def react_agent(
    name: str,
    state: type[BaseModel],
    role: AgentRole,
    tools: Sequence[BaseTool],
    *,
    brief: Callable[..., dict[str, Any]],
    report: Callable[..., dict[str, Any]],
    done: Callable[[Conversation], bool],
    budget: Callable[[Settings], int],
    unfinished: Callable[[Conversation], str],
) -> CompiledStateGraph[Any, ForgeContext, Any, Any]:
    """A ReAct agent as a subgraph: `brief → model ⇄ tools → report`.

    Args:
        name: of the compiled graph.
        state: the record that the agent works on, with a conversation.
        role: whose model is asked.
        tools: what the model may call.
        brief: node that writes the first messages.
        report: node that closes the conversation.
        done: whether the agent has handed in.
        budget: model calls that the settings allow.
        unfinished: what the model is told when it stops too early; empty when it may stop.
    """
    ask = call_model(role, tools, stage=name, budget=budget, unfinished=unfinished)
    graph = StateGraph(state, context_schema=ForgeContext)
    graph.add_node("brief", timed(name, brief), input_schema=state)
    graph.add_node("model", timed(name, ask), input_schema=state)
    timer = ToolTimer(name)
    hands = OrderedToolNode(list(tools), wrap_tool_call=timer.wrap)
    graph.add_node("tools", hands)
    graph.add_node("report", report, input_schema=state)
    graph.add_edge(START, "brief")
    graph.add_edge("brief", "model")
    graph.add_conditional_edges(
        "model", after_model(budget), {"act": "tools", "correct": "model", "stop": "report"}
    )
    graph.add_conditional_edges(
        "tools", after_tools(done, budget), {"go on": "model", "stop": "report"}
    )
    graph.add_edge("report", END)
    return graph.compile(name=name)
