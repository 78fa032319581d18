"""Carries out every attack in every kind of sandbox and prints what came of it.

Usage: python -m tests.attacks [ARGUMENT OF PYTEST...]. Exit status 0: everything is as expected or
declared; 1: something is not.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from tests.support.attack_table.gather import Cell, Row, Table, Verdict
from tests.support.attack_table.life_cycle import LIFE_CYCLE

_TESTS = Path(__file__).parent
_STYLES = {
    Verdict.HELD: "green",
    Verdict.DECLARED: "yellow",
    Verdict.SKIPPED: "dim",
    Verdict.MISS: "bold red",
    Verdict.MISSING: "bold red",
}


def main(arguments: list[str]) -> int:
    """Run the tests that carry the mark `attack`; print the table."""
    asked = () if arguments else tuple(("life-cycle", *case) for case in LIFE_CYCLE.items())
    table = Table(asked)
    files = [str(path) for path in sorted(_TESTS.glob("*/test_sandbox_*.py"))]
    quiet = ["-q", "-q", "--no-header", "--no-summary", "--tb=no", "-rN", "-m", "attack"]
    parallel = ["-n", "2", "--dist", "worksteal"]
    plugin = ["-p", "tests.support.attack_table.plugin"]
    status = pytest.main([*quiet, *parallel, *plugin, *files, *arguments], plugins=[table])
    rows = table.rows()
    _show(rows, table.columns(), table.afterwards)
    wrong = any(
        cell.verdict in (Verdict.MISS, Verdict.MISSING)
        for row in rows
        for cell in row.cells.values()
    )
    return 1 if wrong or table.afterwards or status != 0 else 0


def _show(rows: list[Row], columns: list[str], afterwards: list[str]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=180)
    drawn = RichTable(title="What programs tried, and what came of it", title_justify="left")
    for name in ("case", "expected", *columns):
        drawn.add_column(name, overflow="fold")
    for position, row in enumerate(rows):
        if position == 0 or rows[position - 1].group != row.group:
            drawn.add_section()
            drawn.add_row(Text(row.group.upper(), style="bold"))
        cells = [_drawn(row.cells.get(column)) for column in columns]
        drawn.add_row(Text(row.case), Text(row.expected, style="dim"), *cells)
    console.print(drawn)
    _explain(console, rows, afterwards)


def _drawn(cell: Cell | None) -> Text:
    if cell is None:
        return Text("-", style="dim")
    word = cell.verdict.name if cell.verdict >= Verdict.MISS else cell.verdict.name.lower()
    if cell.verdict is Verdict.HELD and cell.observed:
        word += f": {cell.observed}"
    return Text(word, style=_STYLES[cell.verdict])


def _explain(console: Console, rows: list[Row], afterwards: list[str]) -> None:
    count: Counter[Verdict] = Counter()
    for row in rows:
        for column, cell in row.cells.items():
            count[cell.verdict] += 1
            if cell.verdict is not Verdict.HELD:
                name = cell.verdict.name.lower()
                console.print(Text(f"{name}: {row.case} ({column}): {cell.observed[:600]}"))
    for reason in afterwards:
        console.print(Text(f"left behind: {reason[:600]}"))
    console.print(Text("-: not tried there; a container that waited has the settings of any other"))
    words = ", ".join(f"{count[verdict]} {verdict.name.lower()}" for verdict in Verdict)
    console.print(Text(f"\n{len(rows)} cases, {sum(count.values())} times tried: {words}"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
