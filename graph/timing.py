"""What every node is wrapped in: progress for whoever watches, and seconds for the summary."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langgraph.config import get_stream_writer
from langgraph.runtime import Runtime

from graph.hands import refusal
from mle_smith.package.layout import RunPaths
from mle_smith.settings import Settings
from mle_smith.task import Dataset, Task

Node = Callable[..., dict[str, Any]]


def timed(stage: str, node: Node) -> Node:
    """The node, which also tells the stream that `stage` began and ended, and logs its seconds.

    Raises:
        KeyError: the node returned a key that its state does not have; LangGraph would drop it
            without a word.
    """

    def run(state: Any, runtime: Runtime[Settings]) -> dict[str, Any]:
        _tell(state, stage, "begin")
        started = time.perf_counter()
        update = node(state, runtime)
        seconds = time.perf_counter() - started
        unknown = set(update) - set(type(state).model_fields) - {"outcomes"}
        if unknown:
            raise KeyError(f"{stage} returned {sorted(unknown)}, which its state does not have")
        _tell(state, stage, "end")
        _note(_log(state, update), stage, seconds)
        return update

    return run


class ToolTimer:
    """A wrapper of an agent's tool calls that logs their seconds and tells the stream."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def wrap(self, request: Any, execute: Callable[[Any], Any]) -> Any:
        """Make the call, unless the reply that it stands in notes why not."""
        refused = refusal(request)
        if refused is not None:
            return refused
        started = self._begin(request)
        answer = execute(request)
        _note(_log(request.state, {}), self._stage, time.perf_counter() - started)
        return answer

    def _begin(self, request: Any) -> float:
        _tell(request.state, self._stage, "begin", tool=request.tool_call["name"])
        return time.perf_counter()


def _tell(state: Any, stage: str, event: str, **more: str) -> None:
    task = state.task_id if isinstance(state, Task) else ""
    get_stream_writer()({"task": task, "stage": stage, "event": event, **more})


def _note(log: Path | None, stage: str, seconds: float) -> None:
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(json.dumps({"stage": stage, "wall_s": round(seconds, 4)}) + "\n")


def _log(state: Any, update: dict[str, Any]) -> Path | None:
    """Where the seconds of a node go: beside the task, or beside the run."""
    if isinstance(state, Task):
        return state.workspace.timings
    folder = state.run or update.get("run", "") if isinstance(state, Dataset) else ""
    return RunPaths(Path(folder)).work / "timings.jsonl" if folder else None
