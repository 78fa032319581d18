"""Assertions on a draft: its files are there, have the right shape, and run."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from mle_smith.checks import Layer, check_package
from mle_smith.settings import Settings
from mle_smith.task import Task
from mle_smith.values import Blame
from nodes.subject import subject_of
from nodes.verdicts import all_asked, blamed_on, hand_over, not_submitted

STAGE = "check_draft"


def check_draft(state: Task, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Check structure and metric of the draft; whatever is wrong goes back to the Designer."""
    if not state.submitted:
        return hand_over(state, not_submitted(STAGE, Blame.DESIGN, state.stopped))
    settings = runtime.context or Settings()
    subject = subject_of(state, "draft", settings)
    checked = all_asked(check_package(subject, {Layer.STRUCTURE}))
    return hand_over(state, blamed_on(Blame.DESIGN, checked.verdict(STAGE)))
