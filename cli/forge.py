"""`mle-smith forge`: tasks from a raw data set."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from cli.budget import (
    MaxCost,
    MaxMinutes,
    MaxTaskCost,
    MaxTaskMinutes,
    MaxTaskTokens,
    MaxTokens,
    caps_given,
    with_caps,
)
from cli.human import ask
from cli.models import models_given
from cli.options import JsonOption, SandboxOption, SeedOption
from cli.output import messages, print_json, results
from cli.progress import Listener, progress
from mle_smith.errors import UsageError, WaitingError
from mle_smith.package.layout import fresh_run_folder
from mle_smith.values import MAX_FORMULATIONS


class Run(Protocol):
    """A run that is ready to be started or gone on with."""

    def __call__(self, *, listener: Listener) -> dict[str, Any]:
        """Its summary."""


def forge(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...",
            help="Files, folders or archives of ONE data set.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Output folder. Default: a new one in ./mle-runs.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="'embedded' (default), 'PROVIDER:MODEL', 'openai:MODEL@BASE_URL'; "
            "ROLE=MODEL sets one role. Repeatable."
        ),
    ] = None,
    max_formulations: Annotated[
        int, typer.Option(min=1, max=MAX_FORMULATIONS, help="Ideas tried at the most.")
    ] = MAX_FORMULATIONS,
    sandbox: SandboxOption = "auto",
    seed: SeedOption = 0,
    memory: Annotated[
        int, typer.Option(min=256, metavar="MIB", help="Memory for reading the raw data.")
    ] = 1536,
    i_accept_weaker_isolation: Annotated[
        bool,
        typer.Option(
            "--i-accept-weaker-isolation",
            help="Run a language model's code without Docker (--sandbox process).",
        ),
    ] = False,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with an unfinished run.")
    ] = None,
    reviewers: Annotated[
        int, typer.Option(min=1, max=9, help="Reviews of a package; most of them decide.")
    ] = 1,
    human_review: Annotated[
        bool, typer.Option("--human-review", help="Ask a person before a task is published.")
    ] = False,
    decide: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK=WORD",
            help="With --resume: accept, 'reject: WHY' or 'redo: WHAT TO CHANGE'. Repeatable.",
        ),
    ] = None,
    max_cost: MaxCost = None,
    max_tokens: MaxTokens = None,
    max_minutes: MaxMinutes = None,
    max_task_cost: MaxTaskCost = None,
    max_task_tokens: MaxTaskTokens = None,
    max_task_minutes: MaxTaskMinutes = None,
    prices: Annotated[
        Path | None, typer.Option(help="JSON file of prices, over the bundled ones.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="File of the reply cache. Default: in ~/.cache.")
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Ask the models anew, and keep no replies.")
    ] = False,
    record: Annotated[
        Path | None, typer.Option(help="File to record all model traffic in.")
    ] = None,
    replay: Annotated[Path | None, typer.Option(help="Recording to take all replies from.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Forge verified tasks from a raw data set.

    Exit status: 0 when at least one task is verified, 1 when none is, 2 for a wrong call or
    damaged data, 3 when this machine could not do it.
    """
    from graph import run as runs
    from graph.context import ForgeContext

    caps = caps_given(
        run=(max_cost, max_tokens, max_minutes),
        task=(max_task_cost, max_task_tokens, max_task_minutes),
    )
    if (resume is None) == (not sources):
        raise UsageError("name either a SOURCE or --resume RUN", code="forge.call")
    with_budget = partial(with_caps, caps=caps)
    if resume is not None:
        folder = resume.resolve()
        first = partial(runs.resume, folder, change=with_budget, decisions=decisions(decide or []))
    else:
        folder = (out or fresh_run_folder(sources or [])).resolve()
        common, by_role = models_given(model or [])
        context = ForgeContext.model_validate(
            {
                "model": common,
                "role_models": by_role,
                "out": str(folder),
                "max_formulations": max_formulations,
                "sandbox": sandbox,
                "seed": seed,
                "memory_mb": memory,
                "accept_weaker_isolation": i_accept_weaker_isolation,
                "reviewers": reviewers,
                "human_review": human_review,
                "prices": _absolute(prices),
                "cache": None if no_cache else _absolute(cache),
                "record": _absolute(record),
                "replay": _absolute(replay),
            }
        )
        first = partial(runs.start, sources or [], with_budget(context))
    summary = _finished(first, lambda said: partial(runs.resume, folder, decisions=said), as_json)
    if as_json:
        print_json(document(folder, summary))
    else:
        _show(folder, summary)
    raise typer.Exit(0 if summary["tasks"] else 1)


def _finished(run: Run, go_on: Callable[[dict[str, str]], Run], as_json: bool) -> dict[str, Any]:
    """The summary of a run, after all that a person at the terminal was asked for."""
    while True:
        try:
            with progress(messages(), plain=as_json) as listener:
                return run(listener=listener)
        except WaitingError as error:
            said = ask(error.waiting) if sys.stdin.isatty() and not as_json else {}
            if not said:
                raise
            run = go_on(said)


def document(folder: Path, summary: dict[str, Any]) -> dict[str, Any]:
    """What `--json` prints: run.json with absolute paths."""
    located = {
        kind: [{**entry, "path": str(folder / entry["path"])} for entry in summary[kind]]
        for kind in ("tasks", "rejected")
    }
    return {"run": str(folder), **summary, **located}


def _cost(cost: dict[str, Any]) -> str:
    """What a run cost, in words."""
    dollars = cost["dollars"]
    price = "price not known (--prices FILE)" if dollars is None else f"${dollars:.4f}"
    return f"{cost['calls']} calls, {cost['tokens']} tokens, {cost['hits']} from cache; {price}"


def decisions(given: list[str]) -> dict[str, str]:
    """The decisions of `--decide TASK=WORD`, by task."""
    split = [value.partition("=") for value in given]
    wrong = [task for task, equals, _ in split if not equals]
    if wrong:
        raise UsageError(f"--decide {wrong[0]}: write TASK=accept", code="review.decision")
    return {task: word for task, _, word in split}


def _absolute(path: Path | None) -> str:
    """The path for a run that may be resumed from another folder; empty when there is none."""
    return str(path.expanduser().resolve()) if path else ""


def _show(folder: Path, summary: dict[str, Any]) -> None:
    from rich.table import Table

    console = results()
    if summary["refused"]:
        console.print(f"Refused: {summary['refused']['message']}", markup=False)
        return
    table = Table(title="Verified tasks", title_justify="left")
    for heading in ("task", "target", "type", "metric"):
        table.add_column(heading, overflow="fold")
    for heading in ("constant", "simple", "strong", "best"):
        table.add_column(heading, justify="right", no_wrap=True)
    for task in summary["tasks"]:
        rungs = {rung["name"]: rung["score"]["value"] for rung in task["ladder"]["rungs"]}
        scores = [f"{rungs[name]:.4g}" for name in ("constant", "simple", "strong", "answers")]
        kind = task["task_type"].replace("_", " ")
        table.add_row(task["id"], task["target"], kind, task["metric"], *scores)
    if summary["tasks"]:
        console.print(table)
    for task in summary["rejected"]:
        console.print(f"Rejected {task['id']}:", style="yellow")
        for finding in task["findings"]:
            console.print(f"  {finding['code']} {finding['message']}", markup=False)
    console.print(f"\nModels:     {_cost(summary['cost'])}", markup=False)
    console.print(f"Run folder: {folder}", markup=False)
    if summary["tasks"]:
        first = folder / summary["tasks"][0]["path"]
        console.print(f"Report:     {first / 'report.html'}", markup=False)
        console.print(f"Next:       mle-smith grade {first} SUBMISSION.csv", markup=False)
