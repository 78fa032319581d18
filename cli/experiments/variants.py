"""What each experiment varies: a name for each variant, and the settings that make it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any


class Experiment(StrEnum):
    """Experiments of the paper."""

    BUDGET = "budget"
    NO_REVIEW = "no-review"
    FORMULATIONS = "formulations"
    BACKBONES = "backbones"


def variants(experiment: Experiment, models: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Settings by variant, over those that all variants share.

    Args:
        experiment: which one.
        models: the backbones; the first one plays in all experiments but `backbones`.
    """
    common = {"model": models[0]}
    if experiment is Experiment.BUDGET:
        return {
            f"{steps} steps": {
                **common,
                "budgets": {"design_steps": steps, "refactor_steps": steps},
            }
            for steps in (15, 30)
        }
    if experiment is Experiment.NO_REVIEW:
        return {
            "review": {**common, "review": True},
            "no review": {**common, "review": False},
        }
    if experiment is Experiment.FORMULATIONS:
        return {
            f"{most} formulation{'s' * (most > 1)}": {**common, "max_formulations": most}
            for most in (1, 3)
        }
    return {model: {"model": model} for model in models}
