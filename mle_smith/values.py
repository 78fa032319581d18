"""The values that travel between the parts: findings, verdicts, formulations, scores.

All are frozen pydantic models. They hold names, numbers and text, never data frames.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_FORMULATIONS = 3
"""Formulations a data set is given at the most (the paper's budget)."""


class Value(BaseModel):
    """Base of all values: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Severity(StrEnum):
    """How bad a finding is. Only `ERROR` makes a verdict fail."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Blame(StrEnum):
    """Whom a finding sends the task back to."""

    DESIGN = "design"
    REFACTOR = "refactor"
    FORMULATION = "formulation"
    """Nobody can repair it: the idea itself does not hold, so the task is rejected."""
    MACHINE = "machine"
    """An infrastructure fault; never held against an agent."""


class Finding(Value):
    """One thing that a check, a review or the test agent found."""

    code: str = Field(pattern=r"^[A-Z]\d{2}[a-z]?$", examples=["L06"])
    """Stable identifier, documented in the registry of checks; its letter is the layer."""
    severity: Severity
    blame: Blame
    message: str
    """What is wrong, with the number that shows it, and what to do about it."""
    evidence: dict[str, Any] = Field(default_factory=dict)
    """JSON values only: the numbers, columns, rows or exploit behind the message."""


class Verdict(Value):
    """What one stage found. It passes unless a finding is an error."""

    stage: str
    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no finding is an error."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make the verdict fail."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)


class TaskType(StrEnum):
    """What a participant has to predict."""

    BINARY = "binary_classification"
    MULTICLASS = "multiclass_classification"
    REGRESSION = "regression"
    MULTI_OUTPUT = "multi_output_regression"
    FORECASTING = "forecasting"

    @property
    def is_classification(self) -> bool:
        """Whether the answers are classes."""
        return self in {TaskType.BINARY, TaskType.MULTICLASS}


class SplitKind(StrEnum):
    """How rows are divided into train and test."""

    STRATIFIED = "stratified"
    """At random, with the classes (or the quantiles of a number) in equal shares."""
    GROUPED = "grouped"
    """All rows of a group (a person, a machine, a series) on the same side."""
    TEMPORAL = "temporal"
    """The test rows are later than all train rows."""


class SplitPolicy(Value):
    """How rows are divided, by which columns, and why."""

    kind: SplitKind
    group_columns: tuple[str, ...] = ()
    """Together they name the group. Needed for `GROUPED`, empty otherwise."""
    time_columns: tuple[str, ...] = ()
    """Together, from coarse to fine, they order the rows. Empty with `TEMPORAL`: row order."""
    test_fraction: float = Field(default=0.25, gt=0, lt=1)
    reason: str = ""

    @model_validator(mode="after")
    def _columns_fit_the_kind(self) -> Self:
        if (self.kind is SplitKind.GROUPED) != bool(self.group_columns):
            raise ValueError("group_columns go with the split kind 'grouped', and only with it")
        return self


class Formulation(Value):
    """One idea for a task, as the Brainstormer proposes it and the Designer builds it."""

    title: str = Field(min_length=3, max_length=120)
    task_type: TaskType
    tables: tuple[str, ...] = Field(min_length=1)
    """Names of tables of the profile. Several of the same columns are stacked."""
    targets: tuple[str, ...] = Field(min_length=1)
    """Columns to predict; more than one only for `MULTI_OUTPUT`."""
    inputs: tuple[str, ...] = Field(min_length=1)
    """Columns that a participant is given."""
    excluded: dict[str, str] = Field(default_factory=dict)
    """Columns that a participant is not given, each with the reason."""
    metric: str
    """Name in the registry of metrics (`mle_smith.metrics`)."""
    split: SplitPolicy
    derive: dict[str, str] = Field(default_factory=dict)
    """New columns, each a pandas expression over `df` (`"df['a'] - df['b']"`), made in order."""
    row_filter: str = ""
    """A pandas expression over `df` that is true for the rows to keep; empty keeps all."""
    justification: str = ""
    """Why a practitioner would want this predicted."""
    risks: str = ""
    """What may make it a bad task: leakage, weak signal, few rows."""

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if (len(self.targets) > 1) != (self.task_type is TaskType.MULTI_OUTPUT):
            raise ValueError("several targets go with multi_output_regression, and only with it")
        both = set(self.targets) & set(self.inputs)
        if both:
            raise ValueError(f"a target cannot be an input too: {', '.join(sorted(both))}")
        for name, columns in {"targets": self.targets, "inputs": self.inputs}.items():
            if len(set(columns)) != len(columns):
                raise ValueError(f"{name} name a column twice")
        return self


class Interval(Value):
    """A number with its bootstrap confidence interval."""

    value: float
    low: float
    high: float


class Rung(Value):
    """One solution on the score ladder, from constant to the answers themselves."""

    name: str
    """`constant`, `simple`, `strong`, `answers`, or an agent's own name for its solution."""
    score: Interval


class Ladder(Value):
    """Scores of solutions of rising strength, and whether the test set can tell them apart."""

    metric: str
    higher_is_better: bool
    test_rows: int
    rungs: tuple[Rung, ...]
    gap: Interval | None = None
    """Paired bootstrap of strong minus constant, signed so that better is positive."""


class Usage(Value):
    """What a role spent."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    tool_calls: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{k: getattr(self, k) + getattr(other, k) for k in type(self).model_fields})


class LedgerRow(Value):
    """What calls to one model cost, for one role in one stage of one task."""

    task: str
    """Empty for calls about the data set as a whole."""
    role: str
    stage: str
    model: str
    calls: int
    """Calls that a model answered."""
    hits: int
    """Replies that came from the cache, and cost nothing."""
    failed: int
    """Calls that were given up."""
    input_tokens: int
    cached_tokens: int
    """Of the input: what the provider had in its cache."""
    output_tokens: int
    reasoning_tokens: int
    """Of the output."""
    cost: float | None
    """Dollars; None when the price of the model is not known."""
    retries: int


class TimedLedgerRow(LedgerRow):
    """The same with the time it took, which differs from run to run."""

    seconds: float
    """Waiting for replies, retries included."""
