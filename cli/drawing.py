"""`mle-smith graph`: the workflow as a drawing."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mle_smith.errors import UsageError


def graph(
    name: Annotated[str, typer.Argument(help="forge or task.")] = "forge",
    xray: Annotated[bool, typer.Option(help="Show what is inside agents and tasks.")] = True,
) -> None:
    """Print a graph as a Mermaid drawing."""
    sys.stdout.write(draw(name, xray=xray) + "\n")


def draw(name: str, *, xray: bool) -> str:
    """The Mermaid text of a graph. Raises UsageError for an unknown name."""
    from graph.forge import graph as forge
    from graph.task import graph as task

    graphs = {"forge": forge, "task": task}
    if name not in graphs:
        raise UsageError(f"no graph {name!r}; there are {', '.join(graphs)}", code="graph.name")
    return graphs[name].get_graph(xray=xray).draw_mermaid().strip()
