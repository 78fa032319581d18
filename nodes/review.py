"""A model reads the package and gives a structured verdict."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage
from langgraph.runtime import Runtime

from mle_smith.checks import Checked
from mle_smith.errors import ModelError
from mle_smith.models.load import load_model
from mle_smith.models.roles import AgentRole
from mle_smith.package.layout import PackagePaths
from mle_smith.package.tables import describe_csv
from mle_smith.sandbox.untrusted import read_text
from mle_smith.settings import Settings
from mle_smith.task import Objection, Review, Task
from mle_smith.values import Blame, Finding, Severity, Usage, Verdict
from nodes.agent import keep_transcript, spent
from nodes.prompting import render_prompt
from nodes.verdicts import hand_over

STAGE = "review"
ROLE = AgentRole.REVIEWER

_CODES = {
    "clarity": "R01",
    "metric_fit": "R02",
    "prerequisites": "R03",
    "leakage": "R04",
    "realism": "R05",
    "difficulty": "R06",
    "licence": "R07",
}


def review(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Ask the Reviewer; serious objections send the task back to whom they blame.

    Raises:
        ModelError: the model gave no review in the form that was asked for.
    """
    settings = runtime.context or Settings()
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
    chat = load_model(settings.model_of(ROLE), ROLE, seed=settings.seed)
    answer = chat.with_structured_output(Review, include_raw=True).invoke(messages)
    if not (isinstance(answer, dict) and isinstance(answer["parsed"], Review)):
        raise ModelError(f"the reviewer's answer has the wrong form: {answer}", code="model.form")
    given: Review = answer["parsed"]
    reply: AIMessage = answer["raw"]
    keep_transcript(state.workspace.transcripts, ROLE, [*messages, reply])
    used = state.usage.get(ROLE, Usage()) + spent([reply])
    usage = {**state.usage, ROLE: used}
    return {
        **hand_over(state, Verdict(stage=STAGE, findings=tuple(map(_finding, given.objections)))),
        "review": given.model_dump(mode="json"),
        "usage": {name: spent_.model_dump() for name, spent_ in usage.items()},
    }


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


def _finding(objection: Objection) -> Finding:
    return Finding(
        code=_CODES[objection.aspect],
        severity=Severity.ERROR if objection.serious else Severity.WARNING,
        blame=Blame(objection.blame),
        message=objection.message,
        evidence=dict(objection.evidence),
    )
