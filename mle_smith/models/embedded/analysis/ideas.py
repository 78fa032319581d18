"""Ideas for tasks: a target with all that belongs to it, before anyone tried to predict it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mle_smith.models.embedded.analysis.exclusions import excluded
from mle_smith.models.embedded.analysis.lexicon import COUNT_WORDS, MONEY_WORDS, ORDERED_WORDS, has
from mle_smith.models.embedded.analysis.roles import Clock, Role, clock, entity, role
from mle_smith.models.embedded.analysis.subject import Repeated, Subject
from mle_smith.values import SplitKind, SplitPolicy, TaskType, Value

RARE_ROWS = 20
"""Rows below which a class is too rare to be learned and scored."""
RARE_SHARE = 0.004
"""Share of rows below which a class is too rare."""


_MOMENTS = 30
"""Different times from which a sorted file is a record of time rather than a few batches."""


class Idea(Value):
    """One candidate task."""

    source: str
    """The column that is predicted, or that what is predicted is derived from."""
    variant: str = "plain"
    """How it differs from predicting `source` itself; see `variants`."""
    targets: tuple[str, ...]
    task_type: TaskType
    inputs: tuple[str, ...]
    excluded: dict[str, str] = Field(default_factory=dict)
    split: SplitPolicy
    derive: dict[str, str] = Field(default_factory=dict)
    row_filter: str = ""
    skewed: bool = False
    """A number from 0 up with a long tail: errors are better seen on a log scale."""
    rare_share: float = 0.5
    """Share of the rarer class of two."""
    ordered: bool = False
    """The classes are numbers in an order."""
    documented: bool = False
    """A document of the data set names the column as what to predict."""
    plausibility: float = 0.0
    why: str = ""
    """What is said for it, a sentence; part of the justification."""

    @property
    def key(self) -> str:
        """Names the idea among others."""
        return f"{self.variant}:{self.source}"

    def plan(self) -> dict[str, Any]:
        """What `trial_script` needs to try it."""
        columns = self.split.group_columns or self.split.time_columns
        return {
            "key": self.key,
            "targets": list(self.targets),
            "inputs": list(self.inputs),
            "classes": self.task_type.is_classification,
            "log": self.skewed,
            "split": {"kind": str(self.split.kind), "columns": list(columns)},
            "derive": self.derive,
            "row_filter": self.row_filter,
        }


class Layout(Value):
    """What holds for a table whatever the target is."""

    roles: dict[str, Role]
    group: Repeated | None
    clock: Clock | None


def layout(subject: Subject) -> Layout:
    """Roles, entity and clock of a table."""
    roles = {c: role(subject, c) for c in subject.columns}
    return Layout(roles=roles, group=entity(subject), clock=clock(subject))


def idea(subject: Subject, plan: Layout, target: str, plausibility: float) -> Idea | None:
    """The plain task of predicting one column, or None when nothing is left to predict it from."""
    group = plan.group.column if plan.group and plan.group.column != target else None
    out = excluded(subject, plan.roles, target, group)
    inputs = tuple(c for c in subject.columns if c != target and c not in out)
    if not inputs:
        return None
    m = subject.measured(target)
    classes = subject.is_classes(target)
    kept = frequent_classes(subject, target) if classes else []
    count = len(kept) if classes else 0
    kind = (
        (TaskType.BINARY if count == 2 else TaskType.MULTICLASS) if classes else TaskType.REGRESSION
    )
    conditions, filtered = conditions_of(subject, target, kept)
    out |= {c: "constant in the rows that are kept" for c in filtered if c in inputs}
    shares = sorted(n for _, n in m.classes[:2])
    return Idea(
        source=target,
        targets=(target,),
        task_type=kind,
        inputs=tuple(c for c in inputs if c not in out),
        excluded=out,
        split=split_policy(subject, plan, target),
        row_filter=" & ".join(conditions),
        skewed=not classes and (m.minimum or 0) >= 0 and m.skew > skew_of(target),
        rare_share=shares[0] / max(1, sum(shares)) if count == 2 else 0.5,
        ordered=classes and subject.is_number(target) and count > 2 and has(target, ORDERED_WORDS),
        documented=target in subject.hints.goal,
        plausibility=plausibility,
    )


def skew_of(target: str) -> float:
    """Skewness from which a number is seen on a log scale: less for what is counted or paid."""
    return 1.0 if has(target, COUNT_WORDS | MONEY_WORDS) else 2.0


def frequent_classes(subject: Subject, target: str) -> list[str]:
    """The classes with enough rows to be learned, most frequent first."""
    m = subject.measured(target)
    least = max(RARE_ROWS, RARE_SHARE * subject.survey.rows)
    return [value for value, count in m.classes if count >= least]


def conditions_of(subject: Subject, target: str, kept: list[str]) -> tuple[list[str], list[str]]:
    """Conditions on rows (without rows that have no answer), and columns they make constant."""
    m = subject.measured(target)
    number = subject.is_number(target)
    conditions = []
    if kept and len(kept) < m.distinct:
        values = [float(v) for v in kept] if number else kept
        conditions.append(f"df[{target!r}].isin({values!r})")
    elif m.missing > 0:
        conditions.append(f"df[{target!r}].notna()")
    constant = []
    for zero_target, column, value, _ in subject.survey.subgroups:
        if zero_target != target:
            continue
        others = [v for v, _ in subject.measured(column).classes if v != value]
        if len(others) == 1:
            conditions.append(f"(df[{column!r}] == {others[0]!r})")
            constant.append(column)
        else:
            conditions.append(f"(df[{column!r}] != {value!r})")
    return conditions, constant


def split_policy(subject: Subject, plan: Layout, target: str) -> SplitPolicy:
    """How this target's rows are best divided."""
    rows = subject.survey.rows
    fraction = 0.3 if rows < 1000 else 0.25 if rows < 20_000 else 0.2
    group = plan.group
    if group is not None and group.column != target:
        reason = (
            f"{group.groups} values of {group.column!r} repeat over {rows} rows; "
            "rows of the same one are alike, so none may be on both sides"
        )
        return SplitPolicy(
            kind=SplitKind.GROUPED,
            group_columns=(group.column,),
            test_fraction=fraction,
            reason=reason,
        )
    when = plan.clock
    if when is not None and when.columns and _drifts(subject, when, target):
        return SplitPolicy(
            kind=SplitKind.TEMPORAL,
            time_columns=when.columns,
            test_fraction=fraction,
            reason="the rows are a record in the order of time, and neighbours are alike",
        )
    reason = "rows are independent of each other; no entity repeats and time does not order them"
    return SplitPolicy(kind=SplitKind.STRATIFIED, test_fraction=fraction, reason=reason)


def _drifts(subject: Subject, when: Clock, target: str) -> bool:
    """Whether the rows are a series or several, or a dated file in which neighbours are alike."""
    m = subject.measured(target)
    alike = m.lag1 >= 0.3 or m.repeats >= 0.3
    return when.series or when.panel or (when.sorted and alike and when.moments >= _MOMENTS)
