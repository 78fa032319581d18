"""The forge graph: from sources to a run's folder of verified tasks."""

from __future__ import annotations

from langgraph.graph import END, START, StateGraph

from graph.agent import react_agent
from graph.context import ForgeContext
from graph.routes import after_reading, to_tasks
from graph.state import BrainstormState, ForgeInput, ForgeState
from graph.task import graph as task
from graph.timing import timed
from nodes import brainstorm
from nodes.collect import collect
from nodes.ingest import ingest
from nodes.profile import profile

brainstormer = react_agent(
    "brainstorm",
    BrainstormState,
    brainstorm.ROLE,
    brainstorm.TOOLS,
    brief=brainstorm.brief,
    report=brainstorm.report,
    done=lambda state: bool(getattr(state, "ready", False)),
    budget=lambda settings: settings.budgets.brainstorm_steps,
    unfinished=brainstorm.unfinished,
)

builder = StateGraph(ForgeState, input_schema=ForgeInput, context_schema=ForgeContext)
builder.add_node("ingest", timed("ingest", ingest), input_schema=ForgeState)
builder.add_node("profile", timed("profile", profile), input_schema=ForgeState)
builder.add_node("brainstorm", brainstormer)
builder.add_node("task", task)
builder.add_node("collect", timed("collect", collect), input_schema=ForgeState, defer=True)

builder.add_edge(START, "ingest")
builder.add_conditional_edges("ingest", after_reading, {"data": "profile", "refused": "collect"})
builder.add_conditional_edges(
    "profile", after_reading, {"data": "brainstorm", "refused": "collect"}
)
builder.add_conditional_edges("brainstorm", to_tasks, ["task", "collect"])
builder.add_edge("task", "collect")
builder.add_edge("collect", END)

graph = builder.compile(name="forge")
