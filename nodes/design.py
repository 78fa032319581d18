"""The Designer: a draft that runs, from a formulation."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from mle_smith.models.roles import AgentRole
from mle_smith.settings import Settings
from mle_smith.task import Conversation, Task
from nodes.making import begin, brief_maker, finish
from tools.build import building_tools, submit_draft
from tools.explore import list_files, preview, profile_columns, run_python
from tools.files import list_directory, read_file, write_file

ROLE = AgentRole.DESIGNER
TOOLS = [
    list_files,
    preview,
    profile_columns,
    run_python,
    list_directory,
    read_file,
    write_file,
    *building_tools("draft"),
    submit_draft,
]


def brief(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Give the Designer the formulation, and what to repair."""
    settings = runtime.context or Settings()
    return {
        **begin(state, ROLE),
        "messages": brief_maker(state, ROLE, settings.budgets.design_steps),
    }


report = finish(ROLE)


def unfinished(state: Conversation) -> str:
    """What the Designer is told when it stops without having handed in."""
    return "You have not handed in. Repair what is left, then call `submit_draft`."
