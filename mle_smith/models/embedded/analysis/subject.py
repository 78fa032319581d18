"""Everything the Brainstormer knows of one table (or of several, stacked), in one value."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mle_smith.models.embedded.analysis.hints import Hints
from mle_smith.models.embedded.analysis.lexicon import LABEL_WORDS, has
from mle_smith.values import Value


class Measured(BaseModel):
    """One column as the survey measured it; see `columns_script.describe`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    missing: float = 0.0
    distinct: int = 0
    classes: list[tuple[str, int]] = Field(default_factory=list)
    smallest_class: int = 0
    repeats: float = 0.0
    kind: str = "text"
    whole: bool = False
    minimum: float | None = None
    maximum: float | None = None
    quantiles: list[float] = Field(default_factory=list)
    skew: float = 0.0
    zeros: float = 0.0
    lag1: float = 0.0
    rising: float = 0.0
    counts_up: float = 0.0
    step: float = 0.0


class Sum(Value):
    """A number that is the sum of others."""

    total: str
    parts: tuple[str, ...]
    exact: bool


class Repeated(Value):
    """A column whose values repeat, and what is constant within them."""

    column: str
    groups: int
    rows_per_group: float
    constant: tuple[str, ...]
    contiguous: float
    single: float
    keys: tuple[str, ...]


class Survey(Value):
    """What `survey_script` printed."""

    rows: int
    columns: dict[str, Measured]
    correlations: tuple[tuple[str, str, float | None, float | None], ...] = ()
    determines: tuple[tuple[str, str, float], ...] = ()
    sums: tuple[Sum, ...] = ()
    identities: tuple[tuple[str, tuple[str, ...]], ...] = ()
    bins: tuple[tuple[str, str], ...] = ()
    pins: tuple[tuple[str, str, str, str, float, float], ...] = ()
    subgroups: tuple[tuple[str, str, str, float], ...] = ()
    follows: tuple[tuple[str, str, float], ...] = ()
    groups: tuple[Repeated, ...] = ()

    def correlation(self, first: str, second: str) -> tuple[float, float]:
        """(|r|, |r of ranks|) of two columns; 0 where below what the survey reports."""
        for a, b, plain, ranked in self.correlations:
            if {a, b} == {first, second}:
                return plain or 0.0, ranked or 0.0
        return 0.0, 0.0

    def close(self) -> frozenset[frozenset[str]]:
        """Pairs of columns that measure nearly the same (|r| of .95 and more)."""
        return frozenset(frozenset({a, b}) for a, b, r, _ in self.correlations if (r or 0) >= 0.95)

    def decides(self, given: str, then: str) -> float:
        """How well the first column decides the second (0 to 1; 0 below what is reported)."""
        return next((s for a, b, s in self.determines if (a, b) == (given, then)), 0.0)


class Subject(Value):
    """One table, or several of the same columns: what was profiled, said and measured."""

    name: str
    """Of the data set."""
    tables: tuple[str, ...]
    profiles: dict[str, dict[str, Any]]
    """`ColumnProfile` by name, in file order."""
    survey: Survey
    hints: Hints
    repeated_rows: int = 0
    """Rows that repeat another one; tasks are made without them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that were surveyed, in file order."""
        return tuple(c for c in self.profiles if c in self.survey.columns)

    def measured(self, column: str) -> Measured:
        """What the survey measured of one column."""
        return self.survey.columns[column]

    def is_number(self, column: str) -> bool:
        """Whether it holds numbers (codes of classes too)."""
        return self.measured(column).kind == "number"

    def is_classes(self, column: str) -> bool:
        """Whether its values are best read as classes: text, two values, or few whole numbers."""
        m = self.measured(column)
        if m.kind == "time":
            return False
        if m.kind == "text" or m.distinct == 2:
            return True
        named = has(column, LABEL_WORDS) and m.distinct <= 30
        return m.whole and (m.distinct <= 8 or named)
