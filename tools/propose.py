"""Handing in ideas for tasks."""

from __future__ import annotations

from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langgraph.types import Command

from mle_smith.metrics import METRICS
from mle_smith.task import Dataset
from mle_smith.values import Formulation
from tools.situation import Situation, answer, settings_of


@tool
def propose(formulations: list[Formulation], runtime: Situation) -> Command[str] | str:
    """Hand in your ideas, best first. This ends your work.

    Args:
        formulations: one to three different tasks that the data can carry.
    """
    state: Dataset = runtime.state
    problems = _problems(state, formulations, settings_of(runtime).max_formulations)
    if problems:
        return answer(status="error", error=problems)
    message = ToolMessage(answer(status="accepted"), tool_call_id=runtime.tool_call_id or "")
    proposals = [formulation.model_dump(mode="json") for formulation in formulations]
    return Command(update={"proposals": proposals, "ready": True, "messages": [message]})


def _problems(state: Dataset, formulations: list[Formulation], most: int) -> list[str]:
    """What stands in the way of the ideas, in words that help to mend them."""
    problems = []
    if len(formulations) > most:
        problems.append(f"{len(formulations)} formulations; at most {most} are allowed")
    tables = {table.spec.name: table for table in state.profile().tables}
    for number, idea in enumerate(formulations, 1):
        unknown = [name for name in idea.tables if name not in tables]
        if unknown:
            problems.append(f"formulation {number}: no tables {unknown}")
            continue
        columns = {c.name for c in tables[idea.tables[0]].columns} | set(idea.derive)
        needed = {*idea.targets, *idea.inputs, *idea.split.group_columns, *idea.split.time_columns}
        if needed - columns:
            problems.append(f"formulation {number}: no columns {sorted(needed - columns)}")
        if idea.metric not in METRICS:
            problems.append(f"formulation {number}: metric must be one of {sorted(METRICS)}")
        elif idea.task_type not in METRICS[idea.metric].task_types:
            problems.append(f"formulation {number}: {idea.metric} does not fit {idea.task_type}")
    return problems
