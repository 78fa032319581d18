"""`mle-smith experiment`: a set of data sets forged under variants, with a table and plots."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.experiments.figures import Row, plot, row, table
from cli.experiments.variants import Experiment, variants
from cli.options import JsonOption, SandboxOption, SeedOption
from cli.output import messages, print_json, results
from cli.progress import progress
from mle_smith.errors import UsageError


def experiment(
    name: Annotated[Experiment, typer.Argument(help="What is varied.")],
    sources: Annotated[list[Path], typer.Argument(metavar="DATASET...", help="One path each.")],
    out: Annotated[Path, typer.Option(help="Folder of all runs; used again, it goes on.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Backbone; several for `backbones`.")
    ] = None,
    max_formulations: Annotated[int, typer.Option(min=1, max=3)] = 3,
    sandbox: SandboxOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Forge every data set under every variant, and compare.

    budget: 15 against 30 steps. no-review: with and without the Reviewer. formulations: 1 against
    3. backbones: each --model. What is finished in OUT is not done again.
    """
    names = [_name(source) for source in sources]
    if len(set(names)) < len(names):
        raise UsageError("two data sets bear the same name", code="experiment.names")
    common = {"sandbox": sandbox, "seed": seed, "max_formulations": max_formulations}
    rows = []
    for variant, changes in variants(name, model or ["embedded"]).items():
        summaries = []
        for source, its_name in zip(sources, names, strict=True):
            folder = (out / name / _slug(variant) / its_name).resolve()
            messages().print(f"{variant}: {its_name}", markup=False)
            summaries.append(_run(source, folder, {**common, **changes}, as_json))
        rows.append(row(variant, summaries))
    _write(out / name, rows)
    if as_json:
        print_json([r._asdict() for r in rows])
    else:
        results().print(table(rows), markup=False)
        results().print(f"Written: {(out / name).resolve()}/table.md, plot.svg", markup=False)


def _run(source: Path, folder: Path, settings: dict[str, Any], as_json: bool) -> dict[str, Any]:
    """The summary of one run, which is begun, gone on with, or read."""
    from graph import run as runs
    from graph.context import ForgeContext
    from mle_smith.package.layout import RunPaths

    with progress(messages(), plain=as_json) as listener:
        if RunPaths(folder).summary.exists() or RunPaths(folder).work.exists():
            return runs.resume(folder, listener)
        context = ForgeContext.model_validate({**settings, "out": str(folder)})
        return runs.start([str(source)], context, listener)


def _write(folder: Path, rows: list[Row]) -> None:
    (folder / "table.md").write_text(table(rows))
    (folder / "plot.svg").write_text(plot(rows))
    (folder / "figures.json").write_text(json.dumps([r._asdict() for r in rows], indent=1) + "\n")


def _name(source: Path) -> str:
    """What a data set is called: after its file or folder, or its parent where that is `raw`."""
    path = source.resolve()
    named = path.parent if path.name == "raw" else path
    return _slug(named.name.split(".")[0])


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "x"
