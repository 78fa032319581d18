"""A small agent with tools of a test's own, asked through the real loop, and a run to ask it in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.runtime import Runtime
from langgraph.types import Command

from graph.agent import react_agent
from graph.context import ForgeContext
from graph.state import AgentState
from mle_smith.models.ledger import Ledger
from mle_smith.models.roles import AgentRole
from mle_smith.package.layout import RunPaths
from mle_smith.settings import Budgets, Settings
from mle_smith.task import Conversation, Task
from nodes.making import begin
from tests.support.model_server import Script

UNFINISHED = "You have not handed in."


@tool
def note(text: str, runtime: ToolRuntime[Any, Any]) -> str:
    """Write a line down.

    Args:
        text: the line.
    """
    book = Path(runtime.state.desk) / "notes"
    with book.open("a") as file:
        file.write(text + "\n")
    return f"noted {text}"


@tool
def submit_draft(runtime: ToolRuntime[Any, Any]) -> Command[str]:
    """Hand in."""
    message = ToolMessage("submitted", tool_call_id=runtime.tool_call_id or "")
    return Command(update={"submitted": True, "messages": [message]})


def _brief(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    said: list[AnyMessage] = [SystemMessage("You take notes."), HumanMessage("Begin.")]
    return {**begin(state, AgentRole.DESIGNER), "messages": said}


def _unfinished(state: Conversation) -> str:
    return UNFINISHED


def _report(state: Task) -> dict[str, Any]:
    return {}


agent = react_agent(
    "design",
    AgentState,
    AgentRole.DESIGNER,
    [note, submit_draft],
    brief=_brief,
    report=_report,
    done=lambda state: bool(getattr(state, "submitted", False)),
    budget=lambda settings: settings.budgets.design_steps,
    unfinished=_unfinished,
)


class Desk:
    """A run's folder with one task in it."""

    def __init__(self, root: Path, task_id: str = "t-1") -> None:
        self.root = root
        self.desk = root / "desk" / task_id
        self.desk.mkdir(parents=True, exist_ok=True)
        self.task_id = task_id

    def run(self, model: str, **settings: Any) -> AgentState:
        """Let the agent work until it ends."""
        context = ForgeContext.model_validate(
            {
                "model": model,
                "cache": None,
                "retry_pause": 0.001,
                "budgets": Budgets(design_steps=12),
                **settings,
            }
        )
        given = {
            "task_id": self.task_id,
            "formulation": FORMULATION,
            "desk": str(self.desk),
            "run_folder": str(self.root),
            "raw_folder": "raw",
            "profile_file": "profile.json",
        }
        return AgentState.model_validate(agent.invoke(given, context=context))

    @property
    def notes(self) -> list[str]:
        """What the agent wrote down."""
        book = self.desk / "notes"
        return book.read_text().splitlines() if book.exists() else []

    @property
    def ledger(self) -> Ledger:
        """Of the run."""
        return Ledger(RunPaths(self.root).ledger)


FORMULATION = {
    "title": "Predict y",
    "task_type": "regression",
    "tables": ["t"],
    "targets": ["y"],
    "inputs": ["x"],
    "metric": "rmse",
    "split": {"kind": "stratified"},
}


def no_orphans(messages: list[AnyMessage]) -> bool:
    """Whether each call is answered once, right after its reply, and each answer has its call."""
    open_calls: list[str] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            if message.tool_call_id not in open_calls:
                return False
            open_calls.remove(message.tool_call_id)
        elif open_calls:
            return False
        elif isinstance(message, AIMessage):
            open_calls = [str(call["id"]) for call in message.tool_calls]
    return not open_calls


__all__ = ["FORMULATION", "UNFINISHED", "Desk", "Script", "agent", "no_orphans"]
