"""`mle-smith prepare`: rebuild a package's public and private files from raw data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.output import print_json, results


def prepare(
    package: Annotated[Path, typer.Argument(help="The task package.")],
    raw: Annotated[list[str], typer.Option(help="The raw data it was made from. Repeatable.")],
    out: Annotated[Path, typer.Option(help="A new folder for public/ and private/.")],
    sandbox: Annotated[str, typer.Option(help="auto, docker or process.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Rebuild public/ and private/. Exit status 0 when every file is as the manifest says."""
    from mle_smith.package.build import prepare_package
    from mle_smith.sandbox.choose import open_sandbox

    box = open_sandbox(sandbox)
    try:
        prepared = prepare_package(package, raw, out, box)
    finally:
        box.close()
    if as_json:
        print_json(prepared.model_dump(mode="json"))
    else:
        console = results()
        for file in prepared.differ:
            console.print(f"differs: {file}", markup=False)
        console.print(f"{len(prepared.agree)} files as in task.json, {len(prepared.differ)} not")
    raise typer.Exit(1 if prepared.differ else 0)
