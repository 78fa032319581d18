"""A person's word decides on a task before it is published."""

from __future__ import annotations

import shutil
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from cli.forge import decisions
from graph.context import ForgeContext
from graph.routes import after_verdict
from graph.state import TaskState
from graph.timing import timed
from mle_smith.errors import UsageError
from mle_smith.package.workspace import Workspace
from mle_smith.values import Verdict
from nodes.sign_off import Decision, sign_off
from tests.support.packages import write_package

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}}


def end(state: TaskState) -> dict[str, Any]:
    return {}


@pytest.fixture
def task(tmp_path: Path) -> dict[str, Any]:
    """A task that the judge has passed."""
    example = write_package(tmp_path, "binary", rows=80)
    desk = Workspace(tmp_path / "desk")
    shutil.copytree(example.paths.root, desk.assembled("package").root)
    return {
        "task_id": "t-1",
        "formulation": example.manifest.formulation.model_dump(mode="json"),
        "desk": str(desk.root),
        "run_folder": str(tmp_path),
        "raw_folder": "raw",
        "profile_file": "profile.json",
        "attempts": {"designer": 1, "refactor": 1},
        "verdicts": [Verdict(stage="judge").model_dump(mode="json")],
    }


def waiting_graph() -> Any:
    graph = StateGraph(TaskState, context_schema=ForgeContext)
    graph.add_node("sign_off", timed("sign_off", sign_off), input_schema=TaskState)
    ways: dict[Hashable, str] = {
        "passed": "publish",
        "redesign": "design",
        "repackage": "refactor",
        "reject": "reject",
    }
    for name in ways.values():
        graph.add_node(name, end)
        graph.add_edge(name, END)
    graph.add_edge(START, "sign_off")
    graph.add_conditional_edges("sign_off", after_verdict, ways)
    return graph.compile(checkpointer=InMemorySaver())


@pytest.mark.parametrize(
    ("said", "next_node", "code"),
    [
        ("accept", "publish", None),
        ("Reject: nobody wants this", "reject", "H01"),
        ({"decision": "redo", "note": "weigh the classes equally"}, "design", "H02"),
    ],
)
def test_a_word_sends_the_task_on(
    task: dict[str, Any], said: object, next_node: str, code: str | None
) -> None:
    graph = waiting_graph()
    context = ForgeContext(human_review=True)
    graph.invoke(task, CONFIG, context=context)
    (waiting,) = graph.get_state(CONFIG).interrupts
    assert waiting.value["task"] == "t-1"
    assert "Predict" in waiting.value["description"]
    steps = list(graph.stream(Command(resume=said), CONFIG, context=context))
    assert next_node in [name for step in steps for name in step]
    findings = graph.get_state(CONFIG).values["findings"]
    assert [finding["code"] for finding in findings] == ([code] if code else [])


def test_nobody_is_asked_unless_the_settings_say_so(task: dict[str, Any]) -> None:
    graph = waiting_graph()
    steps = list(graph.stream(task, CONFIG, context=ForgeContext()))
    assert "publish" in [name for step in steps for name in step]


@pytest.mark.parametrize("said", ["perhaps", "", {"decision": "redo", "who": "me"}, 3])
def test_other_words_are_no_decision(said: object) -> None:
    with pytest.raises(ValueError, match=r"decision|valid"):
        Decision.read(said)


def test_the_command_line_takes_a_word_for_each_task() -> None:
    assert decisions(["a=accept", "b=redo: x=1"]) == {"a": "accept", "b": "redo: x=1"}
    with pytest.raises(UsageError, match="TASK=accept"):
        decisions(["accept"])
