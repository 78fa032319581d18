"""The embedded Reviewer: reasons over a package's text and numbers, and can say no."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mle_smith.metrics import METRICS
from mle_smith.models.embedded.policy import Brief, Call, Policy
from mle_smith.values import Formulation

_IMBALANCE = 0.85
"""From this share of one class on, plain accuracy rewards always answering that class."""
_FEW_TEST_ROWS = 40
_MANY_INPUTS_MISSING = 0.9


def reviewer(brief: Brief) -> Policy:
    """One structured review."""
    formulation = Formulation.model_validate(brief.block("formulation"))
    facts = brief.block("facts")
    description = brief.block("files")["description.md"]
    objections = [
        *_clarity(formulation, description),
        *_metric_fit(formulation, facts),
        *_prerequisites(formulation, facts),
        *_shortcuts(formulation, facts),
    ]
    yield Call("Review", {"summary": _summary(formulation, objections), "objections": objections})
    return "Reviewed."


def _objection(
    aspect: str, blame: str, serious: bool, message: str, **evidence: Any
) -> dict[str, Any]:
    return {
        "aspect": aspect,
        "blame": blame,
        "serious": serious,
        "message": message,
        "evidence": evidence,
    }


def _clarity(formulation: Formulation, description: str) -> Iterator[dict[str, Any]]:
    missing = [name for name in formulation.targets if f"`{name}`" not in description]
    if missing:
        yield _objection(
            "clarity", "refactor", True, f"the description does not name the target {missing}"
        )
    if METRICS[formulation.metric].formula.partition("; with ")[0] not in description:
        yield _objection("clarity", "refactor", True, "the description lacks the metric's formula")
    if not re.search(r"sample_submission\.csv", description):
        yield _objection("clarity", "refactor", True, "the description shows no sample submission")


def _metric_fit(formulation: Formulation, facts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    shares = facts["answers"].get("class_shares", {})
    top = max(shares.values(), default=0.0)
    if formulation.metric == "accuracy" and top > _IMBALANCE:
        yield _objection(
            "metric_fit",
            "design",
            True,
            f"{top:.0%} of the answers are one class, so accuracy rewards a constant; "
            "use a metric that weighs the classes equally",
            repair={"metric": "balanced_accuracy"},
        )
    if formulation.metric == "rmsle" and facts["answers"].get("minimum", 0) < 0:
        yield _objection(
            "metric_fit",
            "design",
            True,
            "rmsle needs answers of 0 or more; some are negative",
            repair={"metric": "rmse"},
        )


def _prerequisites(formulation: Formulation, facts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if facts["test_rows"] < _FEW_TEST_ROWS:
        yield _objection(
            "prerequisites",
            "design",
            False,
            f"only {facts['test_rows']} test rows: scores will be noisy",
        )
    missing = facts["missing_inputs"]
    empty = [name for name in formulation.inputs if missing.get(name, 0) > _MANY_INPUTS_MISSING]
    if empty:
        yield _objection(
            "prerequisites", "design", False, f"inputs that are mostly missing: {empty[:5]}"
        )


def _shortcuts(formulation: Formulation, facts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """An input whose name says it is the target, in another form."""
    for target in formulation.targets:
        words = set(re.findall(r"[a-z]{3,}", target.casefold()))
        for name in formulation.inputs:
            same = words & set(re.findall(r"[a-z]{3,}", name.casefold()))
            score = facts["single_column"].get(name, 0.0)
            if words and same == words and score > 0.9:
                yield _objection(
                    "leakage",
                    "design",
                    True,
                    f"`{name}` bears the target's name and alone predicts it ({score:.2f})",
                    repair={"drop_columns": [name]},
                )


def _summary(formulation: Formulation, objections: list[dict[str, Any]]) -> str:
    serious = sum(objection["serious"] for objection in objections)
    verdict = f"{serious} serious objections" if serious else "no serious objection"
    return (
        f"{formulation.title}: {len(formulation.inputs)} inputs, scored by {formulation.metric}; "
        f"{verdict}."
    )
