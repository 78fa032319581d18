"""Where a tool is called: the record, the settings and the sandbox behind a `ToolRuntime`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

from langchain.tools import ToolRuntime

from mle_smith.isolation import sandbox_for
from mle_smith.package.workspace import Workspace
from mle_smith.sandbox.job import Limits, Sandbox
from mle_smith.settings import Settings
from mle_smith.task import Dataset, Task

Situation: TypeAlias = ToolRuntime[
    Any, Any
]  # the state is an agent's: Task or Dataset plus messages


def settings_of(runtime: Situation) -> Settings:
    """The run's settings; defaults where the graph was called without any."""
    return runtime.context or Settings()


def sandbox_of(runtime: Situation) -> Sandbox:
    """The sandbox that this run's code goes to."""
    return sandbox_for(settings_of(runtime))


def limits_of(runtime: Situation) -> Limits:
    """What one program of an agent may use."""
    return Limits(wall_s=settings_of(runtime).job_seconds)


def task_of(runtime: Situation) -> Task:
    """The task at hand. For tools of agents of the task graph."""
    state = runtime.state
    if not isinstance(state, Task):
        raise TypeError(f"this tool works on a task, not on {type(state).__name__}")
    return state


def workspace_of(runtime: Situation) -> Workspace:
    """The task's folders."""
    return task_of(runtime).workspace


def raw_of(runtime: Situation) -> Path:
    """Folder of the raw data, for a task and for a data set."""
    state = runtime.state
    return Path(state.raw if isinstance(state, Dataset) else state.raw_folder)


def answer(**facts: Any) -> str:
    """A tool's answer: one JSON object."""
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, default=str)
