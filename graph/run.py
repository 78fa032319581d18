"""Runs the forge from the command line and from Python: checkpoints, resume, progress, tidy end."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Interrupt

from graph.context import ForgeContext
from graph.forge import builder
from mle_smith import task, values
from mle_smith.errors import UsageError, WaitingError
from mle_smith.models.consult import Consultant
from mle_smith.models.roles import AgentRole
from mle_smith.package.layout import RunPaths
from nodes.sign_off import Decision

RECURSION_LIMIT = 400
"""Super-steps of one graph; a subgraph counts its own. Three attempts of 30 steps take 200."""

_KEPT = [
    kind
    for module in (values, task)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, values.Value | StrEnum)
]
"""What of ours a checkpoint may be read back as, and nothing else: the fields of the states."""

Event = dict[str, Any]
Listener = Callable[[Event], None]


def start(
    sources: Sequence[str], context: ForgeContext, listener: Listener = lambda event: None
) -> dict[str, Any]:
    """Forge tasks of one data set into `context.out`, which must not be in use.

    Args:
        sources: files, folders or archives of the data set.
        context: settings, with `out`.
        listener: is told of every stage that begins or ends.

    Returns:
        The content of run.json.

    Raises:
        MLESmithError: as its kinds say. A run that a machine error stopped can be resumed.
    """
    run = RunPaths(Path(context.out).resolve())
    if run.root.exists() and (not run.root.is_dir() or any(run.root.iterdir())):
        raise UsageError(
            f"{run.root} exists and is not an empty folder: name another with --out, "
            f"or go on with an unfinished run by --resume {run.root}",
            code="out.in_use",
        )
    _ready(run, context)
    made = _first_missing(run.root)
    run.work.mkdir(parents=True)
    request = {"sources": list(sources), "context": context.model_dump(mode="json")}
    _request_file(run).write_text(json.dumps(request, indent=1))
    try:
        return _drive(run, {"sources": list(sources)}, context, listener)
    except UsageError:
        # Nothing of the data could be used, so nothing of the run is worth keeping.
        shutil.rmtree(made, ignore_errors=True)
        raise


def resume(
    folder: Path,
    listener: Listener = lambda event: None,
    change: Callable[[ForgeContext], ForgeContext] = lambda context: context,
    decisions: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Go on with a run where it stopped; a finished one is only read.

    Args:
        folder: of the run.
        listener: is told of every stage that begins or ends.
        change: makes the settings what they are from now on, such as with a higher budget.
        decisions: a person's word on tasks that wait for it, by task id: `"accept"`,
            `"reject: WHY"` or `"redo: WHAT TO CHANGE"`.

    Raises:
        UsageError: the folder holds no run, or a decision is none.
        WaitingError: tasks wait for a person's word, and none was given.
    """
    run = RunPaths(folder.resolve())
    if run.summary.exists():
        return read_summary(run)
    if not _request_file(run).exists():
        raise UsageError(
            f"{folder} holds no run to resume: name the folder that --out named",
            code="resume.nothing",
        )
    request = json.loads(_request_file(run).read_text())
    context = change(ForgeContext.model_validate(request["context"]))
    changed = {**request, "context": context.model_dump(mode="json")}
    _ready(run, context)
    _request_file(run).write_text(json.dumps(changed, indent=1))
    with _saver(run) as saver:
        begun = saver.get_tuple(_config()) is not None
    given = None if begun else {"sources": request["sources"]}
    return _drive(run, given, context, listener, _checked(decisions or {}))


def _checked(decisions: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    try:
        return {task: Decision.read(said).model_dump() for task, said in decisions.items()}
    except ValueError as error:
        raise UsageError(
            "a decision is 'accept', 'reject: WHY' or 'redo: WHAT TO CHANGE'",
            code="review.decision",
        ) from error


def read_summary(run: RunPaths) -> dict[str, Any]:
    """The content of run.json."""
    summary: dict[str, Any] = json.loads(run.summary.read_text())
    return summary


def _drive(
    run: RunPaths,
    given: dict[str, Any] | Command[Any] | None,
    context: ForgeContext,
    listener: Listener,
    decisions: Mapping[str, dict[str, Any]] = MappingProxyType({}),
) -> dict[str, Any]:
    with _saver(run) as saver:
        graph: CompiledStateGraph[Any, ForgeContext, Any, Any] = builder.compile(
            checkpointer=saver, name="forge"
        )
        if given is None:
            given = _answers(_waiting(graph), decisions)
        for part in graph.stream(
            given,
            _config(),
            context=context,
            stream_mode=["custom"],
            subgraphs=True,
            durability="sync",
            version="v2",
        ):
            listener(cast("Event", part["data"]))  # only "custom" parts were asked for
        waiting = [interrupt.value for interrupt in _waiting(graph)]
    if waiting:
        names = ", ".join(shown["task"] for shown in waiting)
        raise WaitingError(
            f"waiting for your word on {names}: go on with --resume {run.root} "
            "--decide TASK=accept, TASK='reject: WHY' or TASK='redo: WHAT TO CHANGE'",
            waiting={shown["task"]: shown for shown in waiting},
        )
    _tidy(run)
    return read_summary(run)


def _waiting(graph: CompiledStateGraph[Any, ForgeContext, Any, Any]) -> tuple[Interrupt, ...]:
    """Tasks that wait for a person's word."""
    return graph.get_state(_config()).interrupts


def _answers(
    waiting: Sequence[Interrupt], decisions: Mapping[str, dict[str, Any]]
) -> Command[Any] | None:
    """What the run goes on with: the decisions on the tasks that wait; None when there is none."""
    known = {
        interrupt.id: decisions[interrupt.value["task"]]
        for interrupt in waiting
        if interrupt.value["task"] in decisions
    }
    return Command(resume=known) if known else None


def _ready(run: RunPaths, context: ForgeContext) -> None:
    """Say what is missing of the models before any work is done."""
    for role in AgentRole:
        Consultant(context.model_of(role), context.terms(), run.root).ready(role)


def _config() -> RunnableConfig:
    return {"configurable": {"thread_id": "forge"}, "recursion_limit": RECURSION_LIMIT}


@contextlib.contextmanager
def _saver(run: RunPaths) -> Iterator[SqliteSaver]:
    connection = sqlite3.connect(run.checkpoint, check_same_thread=False)
    try:
        yield SqliteSaver(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=_KEPT))
    finally:
        connection.close()


def _tidy(run: RunPaths) -> None:
    """Keep the conversations of a finished run, and remove its workspaces and checkpoint."""
    if not run.work.exists():
        return
    kept = run.root / "transcripts"
    for folder in sorted(run.work.rglob("transcripts")):
        owner = folder.parent.name if folder.parent != run.work else ""
        shutil.copytree(folder, kept / owner, dirs_exist_ok=True)
    shutil.rmtree(run.work)


def _request_file(run: RunPaths) -> Path:
    return run.work / "request.json"


def _first_missing(path: Path) -> Path:
    """The outermost folder that has to be made for `path`."""
    while not path.parent.exists():
        path = path.parent
    return path
