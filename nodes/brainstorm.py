"""The Brainstormer: ideas for tasks from a data set's profile and its own measurements."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from langchain_core.messages import AnyMessage
from langgraph.runtime import Runtime

from mle_smith.models.roles import AgentRole
from mle_smith.package.layout import RunPaths
from mle_smith.settings import Settings
from mle_smith.task import Conversation, Dataset
from mle_smith.values import Formulation
from nodes.agent import keep_transcript, spent
from nodes.prompting import dataset_facts, render_prompt
from tools.explore import list_files, preview, profile_columns, run_python
from tools.propose import propose

ROLE = AgentRole.BRAINSTORMER
TOOLS = [list_files, preview, profile_columns, run_python, propose]


class _Brainstorming(Dataset, Conversation):
    """For type checkers: the Brainstormer's state."""


def brief(state: Dataset, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Tell the Brainstormer of the data set."""
    settings = runtime.context or Settings()
    messages = render_prompt(
        ROLE,
        steps=settings.budgets.brainstorm_steps,
        max_formulations=settings.max_formulations,
        dataset=dataset_facts(state.profile(), settings.max_formulations),
    )
    return {"messages": messages, "steps": 0, "ready": False, "stopped": None}


def report(state: _Brainstorming, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Keep the conversation; no idea at all refuses the data set, with the agent's own words."""
    keep_transcript(RunPaths(Path(state.run)).work / "transcripts", ROLE, state.messages)
    update: dict[str, Any] = {"brainstorm_usage": spent(state.messages).model_dump()}
    if not state.proposals:
        last: AnyMessage = state.messages[-1]
        words = last.text.strip() or "the budget of steps was used up"
        message = f"no task was found in these data: {words}"
        update["refusal"] = {"code": "forge.no_idea", "message": message}
    return update


def unfinished(state: Conversation) -> str:
    """What the Brainstormer is told when it stops without a proposal."""
    return (
        "You have proposed nothing. Call `propose`; if the data carry no task, say why once more."
    )


def task_inputs(state: Dataset) -> list[dict[str, Any]]:
    """What each task of the fan-out starts from, in the order of the proposals."""
    if state.refusal:
        return []
    names = task_ids(state.name, state.proposals)
    return [
        {
            "task_id": name,
            "formulation": formulation.model_dump(mode="json"),
            "desk": str(RunPaths(Path(state.run)).work / "tasks" / name),
            "run_folder": state.run,
            "raw_folder": state.raw,
            "profile_file": state.profile_path,
        }
        for name, formulation in zip(names, state.proposals, strict=True)
    ]


def task_ids(dataset: str, formulations: list[Formulation]) -> list[str]:
    """Readable names, unique in the run: data set, target, and a number."""
    return [
        f"{_slug(dataset, 32)}-{_slug('-'.join(f.targets), 40)}-{number}"
        for number, f in enumerate(formulations, 1)
    ]


def _slug(text: str, most: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold())[:most].strip("-") or "x"
