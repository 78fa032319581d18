"""How the embedded roles act on findings: what a finding's `repair` hint changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mle_smith.values import Formulation, SplitKind, SplitPolicy


def repaired(formulation: Formulation, findings: Sequence[dict[str, Any]]) -> Formulation:
    """The formulation with the repairs that findings ask for in `evidence["repair"]`.

    Understood: `drop_columns` (no longer inputs), `split` with `by` (another policy),
    `test_fraction`, `metric`. A repair that would leave no inputs is not made.
    """
    for finding in findings:
        hint = finding.get("evidence", {}).get("repair", {})
        formulation = _drop(formulation, hint.get("drop_columns", ()), finding)
        formulation = _resplit(formulation, hint, finding)
        if hint.get("metric"):
            formulation = formulation.model_copy(update={"metric": hint["metric"]})
    return formulation


def _drop(formulation: Formulation, columns: Sequence[str], finding: dict[str, Any]) -> Formulation:
    kept = tuple(name for name in formulation.inputs if name not in set(columns))
    if not kept or len(kept) == len(formulation.inputs):
        return formulation
    reason = f"{finding['code']}: {finding['message']}"[:200]
    gone = {name: reason for name in formulation.inputs if name not in kept}
    return formulation.model_copy(
        update={"inputs": kept, "excluded": {**formulation.excluded, **gone}}
    )


def _resplit(
    formulation: Formulation, hint: dict[str, Any], finding: dict[str, Any]
) -> Formulation:
    split = formulation.split
    reason = f"{finding['code']}: {finding['message']}"[:200]
    by = tuple(hint.get("by", ()))
    if hint.get("split") == SplitKind.GROUPED and by:
        split = SplitPolicy(
            kind=SplitKind.GROUPED,
            group_columns=by,
            test_fraction=split.test_fraction,
            reason=reason,
        )
    elif hint.get("split") == SplitKind.TEMPORAL:
        split = SplitPolicy(
            kind=SplitKind.TEMPORAL,
            time_columns=by,
            test_fraction=split.test_fraction,
            reason=reason,
        )
    if hint.get("test_fraction"):
        split = split.model_copy(update={"test_fraction": float(hint["test_fraction"])})
    return formulation.model_copy(update={"split": split})
