from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mle_smith.package.manifest import CheckRecord, Manifest
from mle_smith.package.report import Report, ladder_marks, write_report
from mle_smith.package.seal import load, seal, verify_seal
from mle_smith.values import (
    Blame,
    Finding,
    Interval,
    Ladder,
    Rung,
    Severity,
    Usage,
    Verdict,
)
from tests.support.packages import Example, Kind

Write = Callable[[Kind], Example]
HOSTILE = "<script>alert('x')</script> & {{ 7 * 7 }} <img src=http://x.example>"


def rung(name: str, value: float, spread: float) -> Rung:
    return Rung(name=name, score=Interval(value=value, low=value - spread, high=value + spread))


LADDER = Ladder(
    metric="rmse",
    higher_is_better=False,
    test_rows=80,
    rungs=(
        rung("constant", 11.5, 1.0),
        rung("simple", 7.0, 0.5),
        rung("strong", 5.25, 0.5),
        rung("answers", 0, 0),
    ),
    gap=Interval(value=6.2, low=5.0, high=7.5),
)


def finding(message: str, severity: Severity = Severity.WARNING) -> Finding:
    evidence = {"rows": [1, 2], "text": HOSTILE, "gap": float("inf")}
    return Finding(
        code="L06", severity=severity, blame=Blame.DESIGN, message=message, evidence=evidence
    )


def report(manifest: Manifest, *, verified: bool = True, message: str = "looks odd") -> Report:
    return Report(
        id=manifest.id,
        title=manifest.title,
        verified=verified,
        formulation=manifest.formulation,
        verdicts=(
            Verdict(stage="check_package", findings=(finding(message),)),
            Verdict(stage="review"),
        ),
        silent_checks=("S01", "P02"),
        ladder=LADDER,
    )


class Page(HTMLParser):
    """Collects what a page holds, and that its elements are closed."""

    VOID = frozenset({"meta", "circle", "line", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_a_report_is_part_of_the_sealed_package(example_package: Example) -> None:
    root, manifest = example_package.paths.root, example_package.manifest
    write_report(root, report(manifest), manifest)
    sealed = seal(root, manifest)
    assert {"report.json", "report.html"} <= {file.path for file in sealed.files}
    assert verify_seal(root) == []
    first = (root / "report.html").read_bytes()
    write_report(root, report(manifest), load(root))
    assert (root / "report.html").read_bytes() == first
    assert verify_seal(root) == []


def test_the_json_holds_every_verdict_with_its_evidence(example: Write) -> None:
    task = example("regression")
    write_report(task.paths.root, report(task.manifest), task.manifest)
    told = json.loads(task.paths.report_json.read_text())
    assert told["verified"] is True
    assert [verdict["stage"] for verdict in told["verdicts"]] == ["check_package", "review"]
    found = told["verdicts"][0]["findings"][0]
    assert found["evidence"] == {"rows": [1, 2], "text": HOSTILE, "gap": None}
    assert told["ladder"]["rungs"][0]["score"]["value"] == 11.5


def test_the_page_tells_the_whole_story_and_needs_no_network(example: Write) -> None:
    task = example("regression")
    manifest = task.manifest.model_copy(
        update={
            "usage": {"designer": Usage(calls=4, input_tokens=1234)},
            "attempts": {"designer": 2},
            "backbone": {"designer": "embedded"},
            "sandbox": "docker: no network",
            "checks": (
                CheckRecord(code="P01", numbers={"files": 5}),
                CheckRecord(code="L06", severity=Severity.WARNING, numbers={"score": 0.75}),
            ),
        }
    )
    write_report(task.paths.root, report(manifest), manifest)
    shown = page(task.paths.root)
    assert shown.open == []
    assert shown.links == []
    assert "script" not in shown.tags
    text = " ".join(" ".join(shown.words).split())
    for part in (
        "VERIFIED",
        "yield",
        "sqrt(mean((p - y)^2))",
        "lower is better",
        "240 train",
        "stratified : rows are independent".replace(" :", ":"),
        "11.5 (10.5 to 12.5)",
        "On 80 test rows",
        "6.2 (5 to 7.5)",
        "L06",
        'P01 passed {"files": 5}',
        'L06 warning {"score": 0.75}',
        "private/test_answer.csv",
        "CC0-1.0",
        manifest.provenance.raw_sha256,
        "docker: no network",
        "1234",
        "mle-smith prepare example-regression",
    ):
        assert part in text, part


def test_text_from_outside_stays_text(example: Write) -> None:
    task = example("regression")
    formulation = task.manifest.formulation.model_copy(
        update={"justification": HOSTILE, "excluded": {HOSTILE: HOSTILE}, "inputs": (HOSTILE,)}
    )
    manifest = task.manifest.model_copy(update={"title": HOSTILE, "formulation": formulation})
    write_report(task.paths.root, report(manifest, message=HOSTILE), manifest)
    shown = page(task.paths.root)
    assert not {"script", "img"} & set(shown.tags)
    assert " ".join(shown.words).count("{{ 7 * 7 }}") >= 7
    assert shown.open == []


def test_a_rejected_task_has_a_report_without_a_package(example: Write, tmp_path: Path) -> None:
    manifest = example("binary").manifest
    folder = tmp_path / "rejected"
    folder.mkdir()
    lost = Verdict(stage="judge", findings=(finding("no signal", Severity.ERROR),))
    write_report(
        folder,
        Report(
            id=manifest.id,
            title=manifest.title,
            verified=False,
            formulation=manifest.formulation,
            verdicts=(lost,),
            silent_checks=("S01",),
        ),
    )
    text = " ".join(page(folder).words)
    assert "REJECTED" in text
    assert "Checks that found nothing: S01." in text
    assert "no signal" in text
    assert "Reproduce" not in text
    assert json.loads((folder / "report.json").read_text())["verified"] is False


@pytest.mark.parametrize("higher", [True, False])
def test_better_is_to_the_right(higher: bool) -> None:
    values = [0.1, 0.4, 0.6, 1.0] if higher else [9.0, 4.0, 2.0, 0.0]
    rungs = tuple(rung(str(number), value, 0.05) for number, value in enumerate(values))
    marks = ladder_marks(LADDER.model_copy(update={"higher_is_better": higher, "rungs": rungs}))
    assert [mark.x for mark in marks] == sorted(mark.x for mark in marks)
    assert all(mark.low <= mark.x <= mark.high for mark in marks)
    assert len({mark.y for mark in marks}) == 4


def test_a_ladder_of_equal_or_infinite_scores_is_drawn() -> None:
    same = tuple(rung(name, 1.0, 0.0) for name in ("constant", "strong"))
    assert len({mark.x for mark in ladder_marks(LADDER.model_copy(update={"rungs": same}))}) == 1
    endless = (rung("constant", float("inf"), 0), rung("strong", 2.0, 0.5))
    marks = ladder_marks(LADDER.model_copy(update={"rungs": endless}))
    assert all(re.fullmatch(r"[\d.]+", str(mark.x)) for mark in marks)
