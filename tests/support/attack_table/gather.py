"""Gathers what the tests that carry the mark `attack` saw, as a table of cases and sandboxes."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import pytest

HOST = "host"
"""The column of what is done on the host for all kinds of sandbox."""


class Verdict(IntEnum):
    """What came of one case in one sandbox, the worst last."""

    HELD = 0
    DECLARED = 1
    """The sandbox says that it does not hold this, and was seen not to."""
    SKIPPED = 2
    """That kind of sandbox is not here."""
    MISS = 3
    MISSING = 4
    """A case that is asked for and has no test."""


class Cell(NamedTuple):
    """One case in one sandbox."""

    verdict: Verdict
    observed: str = ""
    """In a few words; for a miss or a skip, why."""


class Row(NamedTuple):
    """One case in all of them."""

    place: int
    """Rows come in the order of their tests."""
    group: str
    case: str
    expected: str
    cells: dict[str, Cell]


class Table:
    """The outcomes of one session: a plugin for the process that hears of all tests."""

    def __init__(self, asked: tuple[tuple[str, str, str], ...] = ()) -> None:
        """Begin.

        Args:
            asked: group, name and expectation of cases that must have a test somewhere.
        """
        self._asked = asked
        self._rows: dict[tuple[str, str], Row] = {}
        self.afterwards: list[str] = []
        """What went wrong when a test was over: something was left behind."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one phase of one test."""
        if report.when == "teardown" and report.failed:
            self.afterwards.append(_reason(report))
        cell = _cell(report)
        for name, value in report.user_properties:
            if name == "attack" and isinstance(value, list) and cell is not None:
                place, group, case, expected, column = map(str, value)
                row = Row(int(place), group, case, expected, {})
                self._take(row, column, cell)

    def _take(self, row: Row, column: str, cell: Cell) -> None:
        row = self._rows.setdefault((row.group, row.case), row)
        known = row.cells.get(column)
        if known is None or cell.verdict >= known.verdict:
            row.cells[column] = cell

    def columns(self) -> list[str]:
        """The kinds of sandbox that were tried; the host last."""
        seen = [column for row in self.rows() for column in row.cells]
        return sorted(dict.fromkeys(seen), key=lambda column: column == HOST)

    def rows(self) -> list[Row]:
        """All cases, those of a group together; asked ones without a test as missing."""
        rows = sorted(self._rows.values(), key=lambda row: row.place)
        for group, case, expected in self._asked:
            if (group, case) not in self._rows:
                missing = {HOST: Cell(Verdict.MISSING, "no test")}
                rows.append(Row(len(rows), group, case, expected, missing))
        groups = list(dict.fromkeys(row.group for row in rows))
        return sorted(rows, key=lambda row: groups.index(row.group))


def _cell(report: pytest.TestReport) -> Cell | None:
    """The outcome, if this phase of the test tells one."""
    properties = dict(report.user_properties)
    if report.skipped:
        return Cell(Verdict.SKIPPED, _reason(report))
    if report.failed and report.when != "teardown":
        return Cell(Verdict.MISS, _reason(report))
    if report.when != "call":
        return None
    if "declared" in properties:
        return Cell(Verdict.DECLARED, str(properties["declared"]))
    return Cell(Verdict.HELD, str(properties.get("observed", "")))


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    message = str(crash.message if crash else report.longrepr)
    return message.removeprefix("AssertionError: ").partition("\n")[0]
