"""`mle-smith prepare`: rebuild a package's public and private files from raw data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, SandboxOption
from cli.output import print_json, results


def prepare(
    package: Annotated[Path, typer.Argument(help="The task package.")],
    raw: Annotated[list[str], typer.Option(help="The raw data it was made from. Repeatable.")],
    out: Annotated[Path, typer.Option(help="A new folder for public/ and private/.")],
    sandbox: SandboxOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Rebuild public/ and private/. Exit status 0 when every file is as task.json says."""
    from mle_smith.data.source import stage
    from mle_smith.package.rebuild import prepare_package
    from mle_smith.sandbox.choose import open_sandbox
    from mle_smith.sandbox.scratch import work_folder

    with work_folder() as folder:
        staged = stage(raw, folder / "raw")
        box = open_sandbox(sandbox)
        try:
            rebuilt = prepare_package(package, staged.raw, out, box)
        finally:
            box.close()
    if as_json:
        print_json({**rebuilt.model_dump(mode="json"), "ok": rebuilt.ok})
        raise typer.Exit(0 if rebuilt.ok else 1)
    console = results()
    if not rebuilt.raw_agrees:
        console.print("The raw data are not the ones that the package was made from.")
    if not rebuilt.script_agrees:
        console.print("prepare.py was changed since the package was sealed.")
    if rebuilt.error:
        console.print(f"prepare.py failed: {rebuilt.error}", markup=False)
    for what in ("differ", "absent", "extra"):
        for file in getattr(rebuilt, what):
            console.print(f"{what}: {file}", markup=False)
    console.print(f"{len(rebuilt.agree)} files are as in task.json.")
    raise typer.Exit(0 if rebuilt.ok else 1)
