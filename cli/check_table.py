"""What `mle-smith check` shows to people: a table by layer, the findings, what was not run."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from cli.output import results
from mle_smith.checks import Checked
from mle_smith.report import report_of_check
from mle_smith.report.standing import Mark, layers
from mle_smith.report.text import clipped

MARKS: tuple[Mark, ...] = ("passed", "error", "warning", "info", "not run")
_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def show(package: Path, checked: Checked) -> None:
    """Print what the checks said of one package."""
    console = results()
    console.print("✓ sound" if checked.sound else "✗ not sound", end="  ", style=_style(checked))
    console.print(str(package), markup=False)
    console.print(_table(package, checked))
    for finding in checked.findings:
        console.print(f"{finding.code} {finding.severity.value}", style=_STYLES[finding.severity])
        console.print(f"  {clipped(finding.message)}", markup=False)
    reasons: dict[str, list[str]] = {}
    for omitted in checked.not_run:
        reasons.setdefault(omitted.reason, []).append(omitted.code)
    for reason, codes in reasons.items():
        console.print(f"not run, {clipped(reason)}: {', '.join(codes)}", style="dim", markup=False)
    console.print()


def _style(checked: Checked) -> str:
    return "bold green" if checked.sound else "bold red"


def _table(package: Path, checked: Checked) -> Table:
    """A row a layer, without those that only a forge asks."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("layer")
    for heading in ("asked", "passed", "errors", "warnings", "notes", "not run"):
        table.add_column(heading, justify="right")
    table.add_column("found", overflow="fold")
    for layer in layers(report_of_check(package, checked, None)):
        if layer.letter == "X":
            continue
        table.add_row(
            f"{layer.letter}  {layer.title}",
            str(len(layer.standings) - layer.having("not run")),
            *(_count(layer.having(mark), mark) for mark in MARKS),
            ", ".join(f"{s.code} {s.defect.split(' (')[0]}" for s in layer.standings if s.findings),
        )
    return table


def _count(count: int, mark: str) -> str:
    style = _STYLES.get(mark)
    return f"[{style}]{count}[/]" if count and style else str(count) if count else "[dim]·[/]"
