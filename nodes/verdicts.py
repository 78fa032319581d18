"""How a stage hands over what it found."""

from __future__ import annotations

from typing import Any

from mle_smith.checks import Cause, Checked
from mle_smith.errors import MachineError
from mle_smith.task import Task
from mle_smith.values import Blame, Finding, Severity, Verdict


def hand_over(state: Task, verdict: Verdict) -> dict[str, Any]:
    """The update of a stage: its verdict, and its errors as what is to be repaired."""
    return {
        "verdicts": [v.model_dump(mode="json") for v in [*state.verdicts, verdict]],
        "findings": [finding.model_dump(mode="json") for finding in verdict.errors],
    }


def not_submitted(stage: str, blame: Blame, stopped: Finding | None = None) -> Verdict:
    """The verdict on an agent that did not hand in: used up its steps, or was `stopped`."""
    finding = Finding(
        code="S00",
        severity=Severity.ERROR,
        blame=blame,
        message="nothing was handed in before the steps were used up or the agent stopped",
    )
    return Verdict(stage=stage, findings=(stopped or finding,))


def blamed_on(blame: Blame, verdict: Verdict) -> Verdict:
    """The verdict with every finding blamed on one role: the only one that has worked so far."""
    return verdict.model_copy(
        update={"findings": tuple(f.model_copy(update={"blame": blame}) for f in verdict.findings)}
    )


def all_asked(checked: Checked) -> Checked:
    """The same, when every question that concerns the task was really asked.

    A check that stopped on the data has cleared nothing, so the task cannot be verified.

    Raises:
        MachineError: a check was not run because the sandbox failed; trying again may help.
    """
    unfit = []
    for omitted in checked.not_run:
        if omitted.cause is Cause.MACHINE:
            raise MachineError(f"{omitted.code}: {omitted.reason}", code="sandbox.failed")
        if omitted.cause is Cause.UNFIT:
            unfit.append(
                Finding(
                    code=omitted.code,
                    severity=Severity.ERROR,
                    blame=Blame.FORMULATION,
                    message=f"not verified, because this could not be checked: {omitted.reason}",
                )
            )
    return checked.model_copy(update={"findings": (*checked.findings, *unfit)})
