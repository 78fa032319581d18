"""The task graph: from a formulation to a verified package, or to a rejection with reasons."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.graph import Graph
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graph.agent import react_agent
from graph.context import ForgeContext
from graph.routes import after_verdict
from graph.state import AgentState, TaskState
from graph.timing import timed
from nodes import cheat, design, execute, refactor
from nodes.check_draft import check_draft
from nodes.check_package import check_package
from nodes.judge import judge
from nodes.publish import publish
from nodes.reject import reject
from nodes.review import review
from nodes.sign_off import sign_off

designer = react_agent(
    "design",
    AgentState,
    design.ROLE,
    design.TOOLS,
    brief=design.brief,
    report=design.report,
    done=lambda state: bool(getattr(state, "submitted", False)),
    budget=lambda settings: settings.budgets.design_steps,
    unfinished=design.unfinished,
)
refactorer = react_agent(
    "refactor",
    AgentState,
    refactor.ROLE,
    refactor.TOOLS,
    brief=refactor.brief,
    report=refactor.report,
    done=lambda state: bool(getattr(state, "submitted", False)),
    budget=lambda settings: settings.budgets.refactor_steps,
    unfinished=refactor.unfinished,
)
test_agent = react_agent(
    "execute",
    AgentState,
    execute.ROLE,
    execute.TOOLS,
    brief=execute.brief,
    report=execute.report,
    done=lambda state: False,
    budget=lambda settings: settings.budgets.execute_steps,
    unfinished=execute.unfinished,
)

cheating_agent = react_agent(
    "cheat",
    AgentState,
    cheat.ROLE,
    cheat.TOOLS,
    brief=cheat.brief,
    report=cheat.report,
    done=lambda state: False,
    budget=lambda settings: settings.budgets.execute_steps,
    unfinished=cheat.unfinished,
)

builder = StateGraph(TaskState, context_schema=ForgeContext)
builder.add_node("design", designer)
builder.add_node("refactor", refactorer)
builder.add_node("execute", test_agent)
builder.add_node("cheat", cheating_agent)
for _node in (check_draft, check_package, review, judge, sign_off, publish, reject):
    builder.add_node(_node.__name__, timed(_node.__name__, _node), input_schema=TaskState)

builder.add_edge(START, "design")
builder.add_edge("design", "check_draft")
builder.add_conditional_edges(
    "check_draft",
    after_verdict,
    {"passed": "refactor", "redesign": "design", "reject": "reject"},
)
builder.add_edge("refactor", "check_package")
for _stage, _next in (
    ("check_package", "review"),
    ("review", "execute"),
    ("judge", "sign_off"),
    ("sign_off", "publish"),
):
    builder.add_conditional_edges(
        _stage,
        after_verdict,
        {"passed": _next, "redesign": "design", "repackage": "refactor", "reject": "reject"},
    )
builder.add_edge("execute", "cheat")
builder.add_edge("cheat", "judge")
builder.add_edge("publish", END)
builder.add_edge("reject", END)


class TaskGraph(CompiledStateGraph[Any, ForgeContext, Any, Any]):
    """The task graph; drawn inside another graph it shows its agents and their tools.

    The server counts levels (`/graph?xray=1`), and the agents are two levels below the forge.
    """

    def get_graph(self, config: RunnableConfig | None = None, *, xray: int | bool = False) -> Graph:
        """The drawing."""
        return super().get_graph(config, xray=_one_level_at_least(xray))

    async def aget_graph(
        self, config: RunnableConfig | None = None, *, xray: int | bool = False
    ) -> Graph:
        """The drawing, for the server."""
        return await super().aget_graph(config, xray=_one_level_at_least(xray))


def _one_level_at_least(xray: int | bool) -> int | bool:
    """`False` is "draw no subgraphs"; the number 0 is what is left of a parent's level 1."""
    return xray if isinstance(xray, bool) else max(xray, 1)


graph = TaskGraph(**vars(builder.compile(name="task")))
