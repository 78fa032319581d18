"""A person's word before a task is published, where the settings ask for one."""

from __future__ import annotations

from typing import Any, Literal

from langgraph.runtime import Runtime
from langgraph.types import interrupt
from pydantic import field_validator

from mle_smith.settings import Settings
from mle_smith.task import Task
from mle_smith.values import Blame, Finding, Severity, Value, Verdict
from nodes.verdicts import hand_over

STAGE = "sign_off"


class Decision(Value):
    """What a person says of a task."""

    decision: Literal["accept", "reject", "redo"]
    note: str = ""
    """Why; with `redo`, what is to change."""

    @classmethod
    def read(cls, given: object) -> Decision:
        """A decision as a resumed run is given it: `"accept"`, `"redo: the note"`, or an object.

        Raises:
            ValueError: it is none of these.
        """
        if isinstance(given, str):
            word, _, note = given.partition(":")
            return cls.model_validate({"decision": word.strip(), "note": note.strip()})
        return cls.model_validate(given)

    @field_validator("decision", mode="before")
    @classmethod
    def _in_any_case(cls, word: object) -> object:
        return word.casefold() if isinstance(word, str) else word


def sign_off(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Show the task to a person and wait; without `human_review`, do nothing."""
    settings = runtime.context or Settings()
    if not settings.human_review:
        return {}
    said = Decision.read(interrupt(shown(state)))
    if said.decision == "accept":
        return hand_over(state, Verdict(stage=STAGE))
    redo = said.decision == "redo"
    finding = Finding(
        code="H02" if redo else "H01",
        severity=Severity.ERROR,
        blame=Blame.DESIGN if redo else Blame.FORMULATION,
        message=said.note or f"a person said {said.decision}",
    )
    return hand_over(state, Verdict(stage=STAGE, findings=(finding,)))


def shown(state: Task) -> dict[str, Any]:
    """What a person decides on. JSON values."""
    package = state.workspace.assembled("package")
    return {
        "task": state.task_id,
        "title": state.formulation.title,
        "formulation": state.formulation.model_dump(mode="json"),
        "description": package.public_description.read_text(),
        "review": state.review.model_dump(mode="json") if state.review else None,
        "ladder": state.ladder.model_dump(mode="json") if state.ladder else None,
        "warnings": [
            finding.model_dump(mode="json")
            for verdict in state.verdicts
            for finding in verdict.findings
        ],
        "files": str(package.root),
        "answers": ["accept", "reject: WHY", "redo: WHAT TO CHANGE"],
    }
