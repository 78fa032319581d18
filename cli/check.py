"""`mle-smith check`: every deterministic check on a package, wherever it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import JsonOption, SandboxOption, SeedOption
from cli.output import print_json, results
from mle_smith.errors import PackageError, SourceError


def check(
    packages: Annotated[list[Path], typer.Argument(metavar="PACKAGE...", help="Task packages.")],
    raw: Annotated[
        Path | None, typer.Option(help="The raw data, to rebuild the package from.")
    ] = None,
    sandbox: SandboxOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Check packages. Exit status 0 when all are sound, 1 when one is not."""
    from mle_smith.checks import Subject, check_package
    from mle_smith.sandbox.choose import open_sandbox

    for package in packages:
        if not package.is_dir():
            raise PackageError(f"{package} is no folder; name a task package", code="package.path")
    if raw is not None and not raw.exists():
        raise SourceError(f"{raw} does not exist", code="source.missing")
    box = open_sandbox(sandbox)
    try:
        reports = []
        for package in packages:
            folder = package.resolve()
            subject = Subject(package=folder, raw=raw, sandbox=box, seed=seed)
            reports.append(_report(folder, check_package(subject)))
    finally:
        box.close()
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            _show(report)
    raise typer.Exit(0 if all(report["sound"] for report in reports) else 1)


def _report(package: Path, checked: Any) -> dict[str, Any]:
    return {
        "package": str(package),
        "sound": checked.sound,
        "findings": [finding.model_dump(mode="json") for finding in checked.findings],
        "not_run": [{"code": o.code, "reason": o.reason} for o in checked.not_run],
        "numbers": checked.numbers,
    }


def _show(report: dict[str, Any]) -> None:
    console = results()
    console.print(f"{report['package']}: ", end="", markup=False)
    console.print("[green]sound[/]" if report["sound"] else "[bold red]not sound[/]")
    for finding in report["findings"]:
        text = f"  {finding['code']} {finding['severity']}: {finding['message']}"
        console.print(text, markup=False)
    reasons: dict[str, list[str]] = {}
    for omitted in report["not_run"]:
        reasons.setdefault(omitted["reason"], []).append(omitted["code"])
    for reason, codes in reasons.items():
        console.print(f"  not run ({reason}): {', '.join(codes)}", markup=False)
