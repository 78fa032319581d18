"""The table of `make attacks` shows the worst that was seen, and what was not looked at."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.support.attack_table.gather import Cell, Table, Verdict

PLACE = ("a.py", 1, "test")


def report(
    outcome: Literal["passed", "failed", "skipped"],
    *properties: tuple[str, object],
    when: Literal["setup", "call", "teardown"] = "call",
    case: str = "bomb",
    column: str = "docker",
) -> pytest.TestReport:
    longrepr = {"passed": None, "failed": "E: why\nmore", "skipped": ("a.py", 1, "Skipped: none")}
    return pytest.TestReport(
        nodeid="a.py::test",
        location=PLACE,
        keywords={},
        outcome=outcome,
        longrepr=longrepr[outcome],
        when=when,
        user_properties=[("attack", [0, "resources", case, "oom", column]), *properties],
    )


@pytest.mark.parametrize(
    ("one", "cell"),
    [
        (report("passed", ("observed", "oom")), Cell(Verdict.HELD, "oom")),
        (report("passed", ("declared", "why")), Cell(Verdict.DECLARED, "why")),
        (report("failed"), Cell(Verdict.MISS, "E: why")),
        (report("failed", when="setup"), Cell(Verdict.MISS, "E: why")),
        (report("skipped", when="setup"), Cell(Verdict.SKIPPED, "none")),
    ],
)
def test_what_a_report_says(one: pytest.TestReport, cell: Cell) -> None:
    table = Table()
    table.pytest_runtest_logreport(report("passed", when="setup"))
    table.pytest_runtest_logreport(one)
    (row,) = table.rows()
    assert (row.case, row.expected, row.cells) == ("bomb", "oom", {"docker": cell})
    assert table.afterwards == []


def test_the_worst_of_several_tests_of_a_case_is_shown() -> None:
    table = Table()
    for outcome in ("passed", "failed", "passed"):
        table.pytest_runtest_logreport(report("failed" if outcome == "failed" else "passed"))
    table.pytest_runtest_logreport(report("passed", column="landlock"))
    (row,) = table.rows()
    assert [cell.verdict for cell in row.cells.values()] == [Verdict.MISS, Verdict.HELD]
    assert table.columns() == ["docker", "landlock"]


def test_a_case_without_a_test_is_missing() -> None:
    table = Table((("resources", "bomb", "oom"), ("life-cycle", "no engine", "an error")))
    table.pytest_runtest_logreport(report("passed"))
    bomb, missing = table.rows()
    assert bomb.cells["docker"].verdict is Verdict.HELD
    assert [cell.verdict for cell in missing.cells.values()] == [Verdict.MISSING]


def test_what_is_left_behind_is_told() -> None:
    table = Table()
    table.pytest_runtest_logreport(report("passed"))
    table.pytest_runtest_logreport(report("failed", when="teardown"))
    assert table.rows()[0].cells["docker"].verdict is Verdict.HELD
    assert table.afterwards == ["E: why"]
