"""`mle-smith sandbox`: the place where generated code runs."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli import sandbox_run
from cli.options import JsonOption
from cli.output import messages, print_json, results
from mle_smith.errors import SandboxUnavailableError

if TYPE_CHECKING:
    from mle_smith.sandbox.leftovers import Leftovers  # Docker's library takes long to import.

app = typer.Typer(help="Build, inspect, try and clean the sandbox.", no_args_is_help=True)


@app.command()
def build(
    force: Annotated[bool, typer.Option(help="Build it even if it is there.")] = False,
    method: Annotated[
        Literal["auto", "dockerfile", "debootstrap"],
        typer.Option(help="What to build on: a registry's base image, or Debian packages."),
    ] = "auto",
    base: Annotated[
        str | None, typer.Option(help="The image that the Dockerfile builds on.")
    ] = None,
    if_possible: Annotated[
        bool, typer.Option(help="Do nothing, and say so, where there is no Docker engine.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the sandbox image by whatever way works here, and say what was done."""
    from mle_smith.sandbox import image
    from mle_smith.sandbox.recipe import DEFAULT_BASE

    console = messages()
    try:
        built = image.build(
            lambda step: console.print(step, markup=False),
            method=method,
            base=base or DEFAULT_BASE,
            force=force,
        )
    except SandboxUnavailableError as error:
        if not if_possible:
            raise
        console.print(f"No image was built: {error}", markup=False)
        return
    if as_json:
        print_json(built.model_dump(mode="json"))
    else:
        for note in built.notes:
            results().print(note, markup=False)
        how = "was there already" if built.method == "present" else f"was built by {built.method}"
        results().print(f"Image {built.tag} {how} ({built.seconds} s).", markup=False)


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Tell what is here, what `--sandbox auto` takes, and what is left over; changes nothing.

    Exit status 0 when generated code can run here, 3 when it cannot.
    """
    from mle_smith.sandbox.state import sandbox_state

    state = sandbox_state()
    if as_json:
        print_json(state.model_dump(mode="json"))
    else:
        console = results()
        for fact in (state.engine, state.image, state.process):
            console.print(f"{fact.name}: {'' if fact.ok else 'no: '}{fact.state}", markup=False)
        holds = state.isolation or "docker, once its image is built, which the first job does"
        console.print(f"auto takes {holds if state.able else 'nothing'}", markup=False)
        console.print(f"left over: {_counts(state.leftovers)}", markup=False)
        for step in state.next_steps:
            console.print(f"next: {step}", markup=False)
    raise typer.Exit(0 if state.able else 3)


@app.command()
def clean(
    images: Annotated[bool, typer.Option(help="Remove the images and their cache, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what sandboxes of ended programs left behind. What is in use is not touched."""
    from mle_smith.sandbox import image, leftovers
    from mle_smith.sandbox.engine import connect

    gone = leftovers.remove()
    removed: list[str] = []
    if images:
        with closing(connect()) as client:
            removed = image.remove(client)
    if as_json:
        print_json({**gone.model_dump(mode="json"), "images": removed})
        return
    console = results()
    for kind, names in _kinds(gone):
        for name in names:
            console.print(f"removed {kind} {name}", markup=False)
    for name in removed:
        console.print(f"removed {name}", markup=False)
    if not gone.count and not removed:
        console.print("Nothing was left over.")
    if not gone.engine:
        console.print("No Docker engine answers: containers were not looked for.")


app.command()(sandbox_run.run)


def _kinds(found: Leftovers) -> list[tuple[str, list[str]]]:
    return [
        ("container", [name[:12] for name in found.containers]),
        ("control group", [str(path) for path in found.groups]),
        ("mount", [str(path) for path in found.mounts]),
        ("folder", [str(path) for path in found.folders]),
    ]


def _counts(found: Leftovers) -> str:
    kinds = [(kind, len(names)) for kind, names in _kinds(found) if names]
    words = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in kinds)
    return (words or "nothing") + ("" if found.engine else " (containers: no engine answers)")
