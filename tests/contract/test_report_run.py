from __future__ import annotations

from typing import Any

import pytest

from mle_smith.report import run_page
from tests.support.reports import HOSTILE, LADDER, assert_harmless, finding


def entry(number: int, kind: str, text: str = "") -> dict[str, Any]:
    shared = {
        "id": f"task-{number}",
        "path": f"{kind}/task-{number}",
        "title": text or f"Task {number}",
        "target": text or "yield",
        "attempts": {"designer": 1},
        "usage": {"designer": {"calls": 2, "tool_calls": 1}},
        "stages": {"design": {"wall_s": 1.5, "runs": 3}},
    }
    if kind == "tasks":
        ladder = LADDER.model_dump(mode="json")
        return {**shared, "task_type": "regression", "metric": text or "rmse", "ladder": ladder}
    found = finding(text or "nothing foretells the target", code="X03")
    return {**shared, "findings": [found.model_dump(mode="json")]}


def summary(verified: int, rejected: int, text: str = "") -> dict[str, Any]:
    return {
        "dataset": text or "herbs",
        "raw_sha256": "ab" * 32,
        "data": {
            "licence": text or "CC0-1.0",
            "files": 2,
            "bytes": 2048,
            "tables": [{"name": text or "leaves", "rows": 1200, "columns": 9, "bytes": 2000}],
        },
        "settings": {"seed": 7, "models": {"designer": text or "embedded"}},
        "tasks": [entry(n, "tasks", text) for n in range(verified)],
        "rejected": [entry(n + verified, "rejected", text) for n in range(rejected)],
        "refused": {"code": "data.small", "message": text} if text else None,
        "funnel": {
            "proposed": verified + rejected,
            "drafted": verified + rejected,
            "packaged": verified,
            "reviewed": verified,
            "executed": verified,
            "verified": verified,
            "lost": {"X03": rejected} if rejected else {},
        },
        "stages": {"profile": {"wall_s": 0.5, "runs": 1}, "execute": {"wall_s": 70.0, "runs": 4}},
        "brainstorm_usage": {"calls": 3},
        "cost": {"dollars": 12.345, "calls": 9, "hits": 4, "tokens": 77, "retries": 1},
    }


@pytest.mark.parametrize(("verified", "rejected"), [(0, 0), (1, 0), (0, 2), (30, 20)])
def test_every_task_is_linked_and_counted(verified: int, rejected: int) -> None:
    page = assert_harmless(run_page(summary(verified, rejected)))
    wanted = [f"tasks/task-{n}/report.html" for n in range(verified)]
    wanted += [f"rejected/task-{n + verified}/report.html" for n in range(rejected)]
    assert page.links() == wanted
    for part in (
        f"{verified} verified",
        f"{verified + rejected} proposed",
        "1 min 10 s",
        "leaves 1,200 9",
        "ab" * 32,
        "CC0-1.0",
        "$12.35 4 replies from the cache, 1 retries",
    ):
        assert part in page.text, part
    assert page.text.count("nothing foretells the target") == rejected
    assert ("Lost by finding: X03" in page.text) == (rejected > 0)
    assert page.text.count("constant 11.5") == verified


def test_the_same_summary_gives_the_same_bytes() -> None:
    assert run_page(summary(2, 1)) == run_page(summary(2, 1))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_from_outside_stays_text(text: str) -> None:
    assert_harmless(run_page(summary(2, 2, text)))


def test_a_refused_data_set_has_a_page_that_says_why() -> None:
    refused = {
        **summary(0, 0),
        "raw_sha256": "",
        "data": None,
        "refused": {"code": "data.tiny", "message": "12 rows are too few"},
        "stages": {},
    }
    page = assert_harmless(run_page(refused))
    for part in (
        "The data set was refused",
        "12 rows are too few",
        "Time by stage: not measured.",
        "Tables: not measured.",
        "refused before it was read",
    ):
        assert part in page.text, part


def test_a_summary_of_an_older_version_is_shown_as_far_as_it_goes() -> None:
    old = summary(1, 1)
    del old["data"], old["settings"], old["cost"]
    for kind in ("tasks", "rejected"):
        for task in old[kind]:
            del task["usage"], task["stages"], task["attempts"]
    page = assert_harmless(run_page(old))
    assert page.text.count("not measured") == 3
