"""A review by a model over a real socket: its form, its objections, and what has no review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.runtime import Runtime

from graph.context import ForgeContext
from mle_smith.checks import Checked
from mle_smith.models.faults import POLICIES, Fault
from mle_smith.package.workspace import Workspace
from mle_smith.task import Task
from nodes.review import review
from tests.support.model_server import Answer, ModelServer, in_turn
from tests.support.model_wire import Say
from tests.support.packages import Example, write_package

FINE = {"summary": "A sound task.", "objections": []}
LEAK = {
    "aspect": "leakage",
    "blame": "design",
    "serious": True,
    "message": "`weight` is measured after the outcome",
    "evidence": {"columns": ["weight"]},
}


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return write_package(tmp_path_factory.mktemp("package"), "binary", rows=80)


def reviewed(
    example: Example, root: Path, answers: list[Answer], way: str = "", reviewers: int = 1
) -> tuple[dict[str, Any], ModelServer]:
    """What the node returns for a task whose package is `example`."""
    desk = Workspace(root / "desk")
    desk.assembled("package").root.parent.mkdir(parents=True)
    desk.assembled("package").root.symlink_to(example.paths.root)
    desk.checked.write_text(Checked().model_dump_json())
    task = Task(
        task_id="t-1",
        formulation=example.manifest.formulation,
        desk=str(desk.root),
        run_folder=str(root),
        raw_folder="raw",
        profile_file="profile.json",
    )
    with ModelServer(in_turn(answers)) as server:
        context = ForgeContext(
            model=f"openai:test@{server.url}{way}",
            cache=None,
            retry_pause=0,
            reviewers=reviewers,
        )
        return review(task, Runtime(context=context)), server


@pytest.mark.parametrize("way", ["?api=chat", "?api=responses", "?api=chat&stream=true"])
def test_a_review_is_taken_as_it_is(example: Example, tmp_path: Path, way: str) -> None:
    given, server = reviewed(example, tmp_path, [Say(calls=(("Review", FINE),))], way)
    assert given["review"] == {**FINE, "objections": []}
    assert given["verdicts"][0]["findings"] == []
    assert server.paid == 1


def test_a_serious_objection_sends_the_task_back_to_whom_it_blames(
    example: Example, tmp_path: Path
) -> None:
    said = Say(calls=(("Review", {"summary": "No.", "objections": [LEAK]}),))
    given, _ = reviewed(example, tmp_path, [said])
    (finding,) = given["findings"]
    assert (finding["code"], finding["severity"], finding["blame"]) == ("R04", "error", "design")
    assert finding["evidence"] == {"columns": ["weight"]}


@pytest.mark.parametrize(
    "wrong",
    [
        Say("It looks fine to me."),
        Say(calls=(("Review", {"objections": []}),)),
        Say(calls=(("Review", '{"summary": "fi'),)),
        Say(calls=(("Review", {"summary": "x", "objections": [{**LEAK, "blame": "you"}]}),)),
    ],
)
def test_a_review_of_the_wrong_form_is_asked_for_again(
    example: Example, tmp_path: Path, wrong: Say
) -> None:
    given, server = reviewed(example, tmp_path, [wrong, Say(calls=(("Review", FINE),))])
    assert given["review"] is not None
    assert server.paid == 2
    shown = server.requests[1].said[-1][1]
    assert "Review" in shown


@pytest.mark.parametrize(
    ("lasting", "fault"),
    [
        (Say(calls=(("Review", {"summary": 3}),)), Fault.SAME_CALL_AGAIN),
        (Say("Fine."), Fault.STOPPED_EARLY),
        (Say(refusal="I will not."), Fault.REFUSAL),
        (Say("", ending="content_filter"), Fault.CONTENT_FILTER),
    ],
)
def test_what_was_not_reviewed_is_not_verified(
    example: Example, tmp_path: Path, lasting: Say, fault: Fault
) -> None:
    given, server = reviewed(example, tmp_path, [lasting])
    (finding,) = given["findings"]
    assert finding["code"] == POLICIES[fault].code
    assert finding["blame"] == "formulation"
    assert given["review"] is None
    assert server.paid <= 6


def test_ever_new_wrong_forms_are_bounded(example: Example, tmp_path: Path) -> None:
    wrong: list[Answer] = [Say(calls=(("Review", {"summary": n}),)) for n in range(20)]
    given, server = reviewed(example, tmp_path, wrong)
    assert given["findings"][0]["code"] == POLICIES[Fault.WRONG_FORM].code
    assert server.paid == 1 + 2 * POLICIES[Fault.WRONG_FORM].most


def panel(example: Example, root: Path, *said: dict[str, Any]) -> dict[str, Any]:
    """What the node returns when each reviewer says one of these."""
    answers: list[Answer] = [Say(calls=(("Review", review_),)) for review_ in said]
    given, server = reviewed(example, root, answers, reviewers=len(said))
    assert server.paid == len(said)
    return given


def test_most_of_a_panel_decides(example: Example, tmp_path: Path) -> None:
    no = {"summary": "No.", "objections": [LEAK]}
    minority = panel(example, tmp_path / "1", FINE, no, FINE)
    assert minority["findings"] == []
    noted = {f["code"]: f["severity"] for f in minority["verdicts"][0]["findings"]}
    assert noted["R04"] == "warning"
    majority = panel(example, tmp_path / "2", no, FINE, no)
    (finding,) = majority["findings"]
    assert finding["code"] == "R04"
    assert len(majority["review"]["objections"]) == 1


def test_a_disagreement_with_the_checks_is_noted(example: Example, tmp_path: Path) -> None:
    given = panel(example, tmp_path, {"summary": "No.", "objections": [LEAK]})
    (noted,) = [f for f in given["verdicts"][0]["findings"] if f["code"] == "R08"]
    assert noted["severity"] == "info"
    assert "leakage, where the checks (L) found nothing" in noted["message"]
