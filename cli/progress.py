"""Live progress of a run: a table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

Listener = Callable[[dict[str, Any]], None]

_STAGES = ("design", "check_draft", "refactor", "check_package", "review", "execute", "judge")


@contextlib.contextmanager
def progress(console: Console, *, plain: bool) -> Iterator[Listener]:
    """A listener for the graph's events, shown while the context lasts."""
    if plain or not console.is_terminal:
        yield _Lines(console)
        return
    board = _Board()
    with Live(board, console=console, refresh_per_second=8, transient=True):
        yield board


class _Lines:
    """One line for each stage that begins anew."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: dict[str, str] = {}
        self._began = time.monotonic()

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] != "begin" or self._last.get(event["task"]) == event["stage"]:
            return
        self._last[event["task"]] = event["stage"]
        seconds = time.monotonic() - self._began
        who = event["task"] or "data set"
        self._console.print(f"{seconds:6.1f}s  {who}: {event['stage']}", markup=False)


class _Board:
    """A table: a row for the data set and each task, a mark for each stage."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._dataset = ""
        self._tasks: dict[str, tuple[str, set[str]]] = {}

    def __call__(self, event: dict[str, Any]) -> None:
        if not event["task"]:
            self._dataset = event["stage"]
            return
        _, passed = self._tasks.get(event["task"], ("", set()))
        if event["event"] == "end":
            passed = passed | {event["stage"]}
        self._tasks[event["task"]] = (event["stage"], passed)

    def __rich__(self) -> Table:
        seconds = time.monotonic() - self._began
        title = f"{seconds:5.1f} s   {self._dataset or 'starting'}"
        table = Table(title=title, title_justify="left", expand=False)
        table.add_column("task", overflow="ellipsis", max_width=48)
        for stage in _STAGES:
            table.add_column(stage.replace("check_", "check "), justify="center")
        for name, (now, passed) in sorted(self._tasks.items()):
            marks = [
                "[bold yellow]…[/]" if stage == now else "[green]✓[/]" if stage in passed else ""
                for stage in _STAGES
            ]
            table.add_row(name, *(["[green]✓[/]"] * len(_STAGES) if now == "publish" else marks))
        return table
