"""A model reads the package and gives a structured verdict."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.runtime import Runtime
from pydantic import ValidationError

from mle_smith.checks import Checked
from mle_smith.models.corrections import REFUSED, judged
from mle_smith.models.faults import POLICIES, Fault
from mle_smith.models.retrying import Ended
from mle_smith.models.roles import AgentRole
from mle_smith.package.layout import PackagePaths
from mle_smith.package.tables import describe_csv
from mle_smith.sandbox.untrusted import read_text
from mle_smith.settings import Settings
from mle_smith.task import Objection, Review, Task
from mle_smith.values import Blame, Finding, Severity, Usage, Verdict
from nodes.agent import consultant, keep_transcript, occasion_of, spent
from nodes.panel import findings_of
from nodes.prompting import render_prompt
from nodes.verdicts import hand_over

STAGE = "review"
ROLE = AgentRole.REVIEWER
_FORM = Review.__name__
_ASK = f"Give your review by calling `{_FORM}`, once."
_MOST_TRIES = 1 + 2 * POLICIES[Fault.WRONG_FORM].most


def review(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Ask the reviewers; serious objections of most of them send the task back.

    A task that no review can be had of is rejected: what was not reviewed is not verified.
    """
    settings = runtime.context or Settings()
    if not settings.review:
        return hand_over(state, Verdict(stage=STAGE))
    package = state.workspace.assembled("package")
    checked = Checked.model_validate_json(state.workspace.checked.read_text())
    messages = render_prompt(
        ROLE,
        formulation=state.formulation.model_dump(mode="json"),
        facts=package_facts(package, state, checked),
        description=read_text(package.description),
        prepare=read_text(package.prepare),
        metric=read_text(package.metric),
    )
    number = 1 + sum(verdict.stage == STAGE for verdict in state.verdicts)
    reviews: list[Review] = []
    missing: list[Finding] = []
    used = state.usage.get(ROLE, Usage())
    for seat in range(1, settings.reviewers + 1):
        given, said = _asked(state, settings, messages, number, seat)
        name = f"{ROLE}-{number}" + (f"-{seat}" if settings.reviewers > 1 else "")
        keep_transcript(state.workspace.transcripts, name, said)
        used += spent(said)
        if isinstance(given, Review):
            reviews.append(given)
        else:
            missing.append(given)
    found = findings_of(reviews, checked) if reviews else tuple(missing)
    usage = {**state.usage, ROLE: used}
    return {
        **hand_over(state, Verdict(stage=STAGE, findings=found)),
        "review": _one(reviews).model_dump(mode="json") if reviews else None,
        "usage": {name: spent_.model_dump() for name, spent_ in usage.items()},
    }


def _one(reviews: list[Review]) -> Review:
    """All reviews as one."""
    objections = tuple(dict.fromkeys(o.model_dump_json() for r in reviews for o in r.objections))
    return Review(
        summary=" ".join(dict.fromkeys(review.summary for review in reviews)),
        objections=tuple(map(Objection.model_validate_json, objections)),
    )


def _asked(
    state: Task, settings: Settings, messages: list[AnyMessage], number: int, seat: int
) -> tuple[Review | Finding, list[AnyMessage]]:
    """The review, or why there is none, and the conversation."""
    model = consultant(state, ROLE, settings)
    occasion = occasion_of(state, ROLE, STAGE, 1).model_copy(
        update={"attempt": number, "seat": seat}
    )
    said = [*messages]
    for step in range(1, _MOST_TRIES + 1):
        answer = model.ask(occasion.model_copy(update={"step": step}), said, [Review])
        if isinstance(answer, Ended):
            return _no_review(answer.fault, answer.message), [*said, AIMessage(answer.message)]
        move = judged(answer, said, tools=[_FORM], closing=[_FORM], unfinished=_ASK)
        if move.ended and move.fault:
            return _no_review(move.fault, move.reply.text), [*said, move.reply]
        said.append(move.reply)
        if move.correction:
            said.append(move.correction)
            continue
        given, answers = _read(move.reply)
        if given:
            return given, said
        said.extend(answers)
    return _no_review(Fault.WRONG_FORM, "its answers never had the form asked for"), said


def _read(reply: AIMessage) -> tuple[Review | None, list[ToolMessage]]:
    """The review in a reply; else what is wrong with each of its calls."""
    refused = reply.additional_kwargs.get(REFUSED, {})
    answers = []
    for call in reply.tool_calls:
        why = refused.get(call["id"])
        if why is None:
            try:
                return Review.model_validate(call["args"]), []
            except ValidationError as error:
                why = f"error: not the form that was asked for: {error}. Call `{_FORM}` again."
        answers.append(ToolMessage(why, tool_call_id=str(call["id"]), status="error"))
    return None, answers


def _no_review(fault: Fault, message: str) -> Finding:
    return Finding(
        code=POLICIES[fault].code,
        severity=Severity.ERROR,
        blame=Blame.FORMULATION,
        message=f"not verified, because no review could be had: {message}",
        evidence={"fault": str(fault), "role": str(ROLE)},
    )


def package_facts(package: PackagePaths, state: Task, checked: Checked) -> dict[str, Any]:
    """What a reviewer is told in numbers, beside the text of the package."""
    answers = describe_csv(package.answers)
    train = describe_csv(package.public / "train.csv")
    target = next(c for c in answers["columns"] if c["name"] == state.formulation.targets[0])
    facts: dict[str, Any] = {"minimum": target["minimum"], "maximum": target["maximum"]}
    if state.formulation.task_type.is_classification:
        facts["class_shares"] = {label: n / answers["rows"] for label, n in target["top"]}
    return {
        "train_rows": train["rows"],
        "test_rows": answers["rows"],
        "answers": facts,
        "missing_inputs": {c["name"]: c["missing"] / train["rows"] for c in train["columns"]},
        "single_column": checked.numbers.get("L06", {}).get("skill", {}),
        "checks": {
            # Of the odd submissions the counts say enough to a reviewer.
            code: {name: value for name, value in numbers.items() if name != "matrix"}
            for code, numbers in checked.numbers.items()
        },
        "warnings": [finding.model_dump(mode="json") for finding in checked.findings],
    }
