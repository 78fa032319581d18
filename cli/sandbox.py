"""`mle-smith sandbox`: the place where generated code runs."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.options import JsonOption, SandboxOption
from cli.output import messages, print_json, results
from mle_smith.errors import SandboxUnavailableError, UsageError

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
    """Tell whether the engine and the image are there."""
    from mle_smith.sandbox import image
    from mle_smith.sandbox.engine import connect

    with closing(connect()) as client:
        found = image.status(client)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        there = f"{found.size_mb} MB" if found.present else "not there: mle-smith sandbox build"
        results().print(f"Image {found.tag}: {there}", markup=False)
    raise typer.Exit(0 if found.present else 1)


@app.command()
def clean(
    images: Annotated[bool, typer.Option(help="Remove the images and their cache, too.")] = False,
) -> None:
    """Remove what sandboxes of ended programs left behind."""
    from mle_smith.sandbox import image
    from mle_smith.sandbox.choose import open_sandbox
    from mle_smith.sandbox.engine import connect

    if images:
        with closing(connect()) as client:
            gone = image.remove(client)
        for name in gone:
            results().print(f"removed {name}", markup=False)
        return
    open_sandbox("auto").close()  # opening and closing reap what is ours and dead
    results().print("Clean.")


@app.command()
def run(
    script: Annotated[Path, typer.Argument(help="A Python program.")],
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", help="A folder or file it may read, below $MLE_IN. Repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A new folder for what it writes to $MLE_OUT.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Wall-clock limit.")] = 120,
    memory_mb: Annotated[int, typer.Option(min=64, help="Memory limit in MiB.")] = 2048,
    sandbox: SandboxOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Run a program in the sandbox. Exit status 0 when it ended well, 1 when it did not."""
    from mle_smith.sandbox.choose import open_sandbox
    from mle_smith.sandbox.job import Job, Limits, Mount, Role, Status

    if not script.is_file():
        raise UsageError(f"{script} is no file; name a Python program", code="run.script")
    if out is not None and out.exists():
        raise UsageError(f"{out} exists; name a new folder", code="run.out")
    job = Job(
        role=Role.PREPARE,
        code=script.read_text(),
        mounts=tuple(
            Mount(source=p.resolve(), target=f"/in/{p.resolve().name}") for p in inputs or []
        ),
        outputs=("**",),
        limits=Limits(wall_s=seconds, memory_mb=memory_mb),
    )
    with tempfile.TemporaryDirectory() as folder, closing(open_sandbox(sandbox)) as box:
        result = box.run(job, Path(folder))
        if out is not None:
            shutil.copytree(folder, out)
    if as_json:
        print_json(result.model_dump(mode="json"))
    else:
        results().print(result.stdout, markup=False, end="")
        messages().print(result.stderr, markup=False, end="")
        messages().print(
            f"{result.status} in {result.wall_s:.2f} s ({result.isolation})", markup=False
        )
    if result.status is Status.INFRA_ERROR:
        raise typer.Exit(3)
    raise typer.Exit(0 if result.ok else 1)
