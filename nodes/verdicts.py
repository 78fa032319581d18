"""How a stage hands over what it found."""

from __future__ import annotations

from typing import Any

from mle_smith.checks import Checked
from mle_smith.errors import MachineError
from mle_smith.task import Task
from mle_smith.values import Blame, Finding, Severity, Verdict


def hand_over(state: Task, verdict: Verdict) -> dict[str, Any]:
    """The update of a stage: its verdict, and its errors as what is to be repaired."""
    return {
        "verdicts": [v.model_dump(mode="json") for v in [*state.verdicts, verdict]],
        "findings": [finding.model_dump(mode="json") for finding in verdict.errors],
    }


def not_submitted(stage: str, blame: Blame) -> Verdict:
    """The verdict on an agent that used up its steps, or stopped, without handing in."""
    finding = Finding(
        code="S00",
        severity=Severity.ERROR,
        blame=blame,
        message="nothing was handed in before the steps were used up or the agent stopped",
    )
    return Verdict(stage=stage, findings=(finding,))


def blamed_on(blame: Blame, verdict: Verdict) -> Verdict:
    """The verdict with every finding blamed on one role: the only one that has worked so far."""
    return verdict.model_copy(
        update={"findings": tuple(f.model_copy(update={"blame": blame}) for f in verdict.findings)}
    )


def assume_run(checked: Checked) -> Checked:
    """The same, when the sandbox held: a check that it failed has said nothing about the task.

    Raises:
        MachineError: a check was not run because the sandbox failed.
    """
    for omitted in checked.not_run:
        if omitted.reason.startswith("the sandbox failed"):
            raise MachineError(f"{omitted.code}: {omitted.reason}", code="sandbox.failed")
    return checked
