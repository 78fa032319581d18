from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mle_smith.checks.registry import CHECKS
from mle_smith.package.manifest import CheckRecord
from mle_smith.package.seal import files_of, load, seal, verify_seal
from mle_smith.report import Report, questions, report_page, write_report
from mle_smith.values import (
    Formulation,
    LedgerRow,
    Severity,
    SplitKind,
    SplitPolicy,
    TaskType,
    Usage,
    Verdict,
)
from tests.support.packages import Example, Kind
from tests.support.reports import HOSTILE, LADDER, assert_harmless, finding, rung, told

Write = Callable[[Kind], Example]


def rejected(*verdicts: Verdict, formulation: Formulation | None = None) -> Report:
    return Report(
        id="a-task",
        title="A task",
        verified=False,
        formulation=formulation,
        verdicts=verdicts,
        questions=questions(),
    )


def test_a_report_is_part_of_the_sealed_package(example_package: Example) -> None:
    root, manifest = example_package.paths.root, example_package.manifest
    write_report(root, told(manifest), sealing=True)
    sealed = seal(root, manifest)
    assert {"report.json", "report.html"} <= {file.path for file in sealed.files}
    assert verify_seal(root) == []
    first = (root / "report.html").read_bytes()
    write_report(root, told(load(root)), sealing=True)
    assert (root / "report.html").read_bytes() == first
    assert verify_seal(root) == []


def test_the_page_is_made_of_report_json_alone(example: Write) -> None:
    task = example("regression")
    write_report(task.paths.root, told(task.manifest), sealing=True)
    read = Report.model_validate_json(task.paths.report_json.read_text())
    files = [f for f in files_of(task.paths.root) if f.role != "report"]
    assert report_page(read, files) == task.paths.report_html.read_text()


def test_the_page_tells_the_whole_story_and_needs_no_network(example: Write) -> None:
    task = example("regression")
    manifest = task.manifest.model_copy(
        update={
            "usage": {"designer": Usage(calls=4, input_tokens=1234)},
            "attempts": {"designer": 2},
            "backbone": {"designer": "embedded"},
            "sandbox": "docker: no network",
        }
    )
    write_report(task.paths.root, told(manifest), sealing=True)
    html = task.paths.report_html.read_text()
    page = assert_harmless(html)
    assert all(link.startswith("#") for link in page.links())
    assert "default-src 'none'" in html
    ids = {value for name, value in page.attributes if name == "id"}
    assert {link[1:] for link in page.links()} <= ids
    for part in (
        "Verified",
        "yield",
        "sqrt(mean((p - y)^2))",
        "lower is better",
        "240 train rows",
        "rows are independent",
        "10.5 to 12.5",
        "on 80 test rows",
        "6.2 (5 to 7.5",
        "length 0.75",
        "1 of 1 came out so",
        "strong 5.25",
        "private/test_answer.csv",
        "CC0-1.0",
        manifest.provenance.raw_sha256,
        "docker: no network",
        "1,234",
        "mle-smith prepare example-regression",
        *(file.sha256 for file in files_of(task.paths.root) if file.role != "report"),
    ):
        assert part.lower() in page.text.lower(), part


def test_calls_to_models_are_told_with_their_price(example: Write) -> None:
    call = LedgerRow(
        task="t",
        role="designer",
        stage="design",
        model="openai:some-model",
        calls=21,
        hits=3,
        failed=1,
        input_tokens=54321,
        cached_tokens=40000,
        output_tokens=2100,
        reasoning_tokens=900,
        cost=0.0423,
        retries=2,
    )
    unpriced = call.model_copy(update={"role": "refactor", "cost": None})
    manifest = example("regression").manifest.model_copy(update={"ledger": (call, unpriced)})
    page = assert_harmless(report_page(told(manifest)))
    told_of = "openai:some-model 21 3 2 1 54,321 40,000 cached 2,100 900 reasoning"
    assert f"designer {told_of} $0.0423" in page.text
    assert f"refactor {told_of} unknown" in page.text


def test_every_code_is_on_the_page(example: Write) -> None:
    page = assert_harmless(report_page(told(example("binary").manifest)))
    codes = {code for check in CHECKS for code in check.codes} | {f"X0{n}" for n in range(1, 6)}
    assert codes <= set(page.words)


def test_a_leak_is_shown_with_its_proof(example: Write) -> None:
    leak = finding(
        "it gives the answer away",
        Severity.ERROR,
        exploit="a tree on 'copy' alone",
        skill_alone=0.99,
        skill_of_all_others=0.4,
    )
    lost = Verdict(stage="check_package", findings=(leak,))
    page = assert_harmless(report_page(told(example("binary").manifest, lost, verified=False)))
    for part in ("Exploit: a tree on", "the exploit 0.99", "honest work without it 0.4"):
        assert part in page.text, part
    assert ("width", "99.0%") in page.attributes


def test_what_was_repaired_is_told(example: Write) -> None:
    leak = finding("column copy foretells all", Severity.ERROR)
    page = assert_harmless(
        report_page(
            told(
                example("binary").manifest,
                Verdict(stage="check_package", findings=(leak,)),
                Verdict(stage="check_package"),
                Verdict(stage="judge"),
            )
        )
    )
    assert "Defects that an earlier attempt had, and this task has not" in page.text
    assert "failed; back to the Designer" in page.text
    assert "Nothing had to be repaired" not in page.text


def test_a_rejected_task_gets_the_same_page_with_its_reasons(example: Write) -> None:
    plan = example("binary").manifest.formulation
    lost = Verdict(stage="check_draft", findings=(finding("no prepare", Severity.ERROR, "S01"),))
    page = assert_harmless(report_page(rejected(lost, formulation=plan)))
    assert "Why it was rejected" in page.text
    assert "no prepare" in page.text
    for part in ("Score ladder", "Fuzz matrix", "Noise curve", "Cost", "Files", "Provenance"):
        assert f"{part}: not measured." in page.text, part
    assert "the task came no further than check draft" in page.text
    assert "mle-smith forge RAW" in page.text
    assert page.tags.count("h2") >= 11


def test_a_task_of_which_nothing_is_known_has_a_page() -> None:
    page = assert_harmless(report_page(rejected().model_copy(update={"questions": ()})))
    assert "No verdict was reached" in page.text


def hostile_report(text: str) -> Report:
    plan = Formulation.model_construct(
        title=text,
        task_type=TaskType.REGRESSION,
        tables=(text,),
        targets=(text,),
        inputs=(text + "1",),
        excluded={text: text},
        metric=text,
        split=SplitPolicy(kind=SplitKind.GROUPED, group_columns=(text,), reason=text),
        derive={text: text},
        row_filter=text,
        justification=text,
        risks=text,
    )
    evidence: dict[str, Any] = {text: {text: text}, "exploit": text, "rows": [text]}
    found = finding(text, Severity.ERROR).model_copy(update={"evidence": evidence})
    matrix = [{"case": text, "expected": "same", "outcome": text, "as_expected": False}]
    return Report.model_construct(
        **rejected().model_dump(exclude={"questions", "formulation", "verdicts"}),
        questions=questions(),
    ).model_copy(
        update={
            "id": text,
            "title": text,
            "formulation": plan,
            "verdicts": (Verdict(stage="check_package", findings=(found,)),),
            "checks": (
                CheckRecord(code="L06", numbers={"skill": {text: 0.5}, text: text}),
                CheckRecord(code="M08", numbers={"matrix": matrix}),
            ),
            "classes": (text,),
            "ladder": LADDER.model_copy(update={"metric": text, "rungs": (rung(text, 1.0, 0.1),)}),
            "backbone": {text: text},
            "attempts": {text: 1},
            "sandbox": text,
        }
    )


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_from_outside_stays_text(text: str) -> None:
    html = report_page(hostile_report(text))
    page = assert_harmless(html)
    assert page.text.count("{{ 7 * 7 }}") >= (7 if "7 * 7" in text else 0)
    assert len(html) < 400_000


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec=None), max_size=60))
def test_no_text_at_all_does_harm(text: str) -> None:
    assert_harmless(report_page(hostile_report(text)))


def test_what_is_escaped_is_still_to_be_read() -> None:
    text = "<b>a & 'b'</b>"
    page = assert_harmless(report_page(hostile_report(text)))
    assert text in page.text


def test_the_json_holds_every_verdict_with_its_evidence(example: Write) -> None:
    task = example("regression")
    odd = finding("looks odd", rows=[1, 2], text=HOSTILE[0], gap=float("inf"))
    report = told(task.manifest, Verdict(stage="check_package", findings=(odd,)))
    write_report(task.paths.root, report, sealing=True)
    read = json.loads(task.paths.report_json.read_text())
    assert read["verified"] is True
    evidence = read["verdicts"][0]["findings"][0]["evidence"]
    assert evidence == {"rows": [1, 2], "text": HOSTILE[0], "gap": None}
    assert read["ladder"]["rungs"][0]["score"]["value"] == 11.5
