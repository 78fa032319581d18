"""How the quality benchmark matches formulations with an expert's key."""

from __future__ import annotations

import pytest

from benchmarks.forge_quality.key import Expected, judge
from mle_smith.values import Formulation, SplitKind, SplitPolicy, TaskType

COLUMNS = ("case no", "member", "registered", "cnt", "outcome", "when", "price")


def _formulation(
    target: str, *inputs: str, split: SplitPolicy | None = None, **more: object
) -> Formulation:
    return Formulation.model_validate(
        {
            "title": "made",
            "task_type": TaskType.REGRESSION,
            "tables": ("t",),
            "targets": (target,),
            "inputs": inputs or ("when",),
            "metric": "rmse",
            "split": split or SplitPolicy(kind=SplitKind.STRATIFIED),
            **more,
        }
    )


def _key(policy: str = "random") -> Expected:
    return Expected(
        dataset="made",
        acceptable=("cnt (hour file)", "outcome (col 5, lived/died)", "price, log or plain"),
        poor=("case no",),
        leaks=(
            "member and registered when cnt is the target (they add up to it)",
            "for price: outcome, member",
            "member for registered and the reverse",
            "case no",
        ),
        split=policy,
        groups=("member",),
    )


@pytest.mark.parametrize(
    ("target", "verdict"),
    [("cnt", "acceptable"), ("outcome", "acceptable"), ("price", "acceptable"),
     ("case no", "poor"), ("registered", "unlisted")],
)  # fmt: skip
def test_targets(target: str, verdict: str) -> None:
    assert judge(_formulation(target), COLUMNS, _key()).verdict == verdict


def test_a_derived_target_counts_as_what_it_is_made_of() -> None:
    found = _formulation("cnt_high", derive={"cnt_high": "(df['cnt'] > 3).astype(int)"})
    assert judge(found, COLUMNS, _key()).verdict == "acceptable"


@pytest.mark.parametrize(
    ("target", "inputs", "leaky"),
    [
        ("cnt", ("registered", "when"), ("registered",)),
        ("price", ("registered", "outcome"), ("outcome",)),
        ("registered", ("member",), ("member",)),
        ("member", ("registered",), ("registered",)),
        ("outcome", ("registered",), ()),
        ("outcome", ("case no",), ("case no",)),
    ],
)
def test_leaks(target: str, inputs: tuple[str, ...], leaky: tuple[str, ...]) -> None:
    assert judge(_formulation(target, *inputs), COLUMNS, _key()).leaky == leaky


@pytest.mark.parametrize(
    ("policy", "kind", "kept"),
    [
        ("group by member", SplitKind.GROUPED, True),
        ("group by member", SplitKind.STRATIFIED, False),
        ("temporal (last year)", SplitKind.STRATIFIED, False),
        ("temporal or random", SplitKind.STRATIFIED, True),
        ("temporal by when", SplitKind.TEMPORAL, True),
        ("stratified random", SplitKind.STRATIFIED, True),
        ("stratified random", SplitKind.TEMPORAL, False),
    ],
)
def test_split(policy: str, kind: SplitKind, kept: bool) -> None:
    columns = ("member",) if kind is SplitKind.GROUPED else ()
    split = SplitPolicy(kind=kind, group_columns=columns)
    assert judge(_formulation("cnt", split=split), COLUMNS, _key(policy)).split_kept is kept
