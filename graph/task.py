"""The task graph: from a formulation to a verified package, or to a rejection with reasons."""

from __future__ import annotations

from langgraph.graph import END, START, StateGraph

from graph.agent import react_agent
from graph.context import ForgeContext
from graph.routes import after_verdict
from graph.state import AgentState, TaskState
from graph.timing import timed
from nodes import design, execute, refactor
from nodes.check_draft import check_draft
from nodes.check_package import check_package
from nodes.judge import judge
from nodes.publish import publish
from nodes.reject import reject
from nodes.review import review

designer = react_agent(
    "design",
    AgentState,
    design.ROLE,
    design.TOOLS,
    brief=design.brief,
    report=design.report,
    done=lambda state: bool(getattr(state, "submitted", False)),
    budget=lambda settings: settings.budgets.design_steps,
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
)

builder = StateGraph(TaskState, context_schema=ForgeContext)
builder.add_node("design", designer)
builder.add_node("refactor", refactorer)
builder.add_node("execute", test_agent)
for _node in (check_draft, check_package, review, judge, publish, reject):
    builder.add_node(_node.__name__, timed(_node.__name__, _node), input_schema=TaskState)

builder.add_edge(START, "design")
builder.add_edge("design", "check_draft")
builder.add_conditional_edges(
    "check_draft",
    after_verdict,
    {"passed": "refactor", "redesign": "design", "reject": "reject"},
)
builder.add_edge("refactor", "check_package")
for _stage, _next in (("check_package", "review"), ("review", "execute"), ("judge", "publish")):
    builder.add_conditional_edges(
        _stage,
        after_verdict,
        {"passed": _next, "redesign": "design", "repackage": "refactor", "reject": "reject"},
    )
builder.add_edge("execute", "judge")
builder.add_edge("publish", END)
builder.add_edge("reject", END)

graph = builder.compile(name="task")
