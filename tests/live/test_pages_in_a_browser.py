"""Pages in Chromium, where there is one: none is wider than the screen, however odd the names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mle_smith.report import report_page, run_page
from tests.contract.test_report_page import hostile_report
from tests.contract.test_report_run import summary
from tests.support.browser import browser, measure
from tests.support.packages import KINDS, write_package
from tests.support.reports import told

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(browser() is None, reason="needs Chromium"),
]

LONG = "a_very_long_name_without_a_place_to_break_it_" * 8

PAGES: dict[str, Callable[[Path], str]] = {
    "verified": lambda folder: report_page(told(write_package(folder / "made", KINDS[0]).manifest)),
    "hostile": lambda folder: report_page(hostile_report(LONG)),
    "run": lambda folder: run_page(summary(3, 2)),
    "hostile run": lambda folder: run_page(summary(3, 2, LONG)),
}


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_the_screen(name: str, width: int, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(PAGES[name](tmp_path), encoding="utf-8")
    assert measure(page, width).width == width
