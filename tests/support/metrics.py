"""Loads emitted metric.py sources, and makes the tables they take."""

from __future__ import annotations

import types
from typing import Any, Protocol, cast

import pandas as pd


class MetricModule(Protocol):
    """What a metric.py defines."""

    HIGHER_IS_BETTER: bool
    InvalidSubmissionError: type[ValueError]

    def validate_submission(self, submission: pd.DataFrame, ground_truth: pd.DataFrame) -> None: ...

    def evaluate(self, y_true: pd.DataFrame, y_pred: pd.DataFrame) -> float: ...


def load_source(source: str) -> MetricModule:
    """The module that a source makes."""
    module = types.ModuleType("metric")
    exec(compile(source, "metric.py", "exec"), module.__dict__)
    return cast(MetricModule, module)


def table(**columns: Any) -> pd.DataFrame:
    """A table of the columns, with ids 0, 1, 2, … first."""
    frame = pd.DataFrame(columns)
    frame.insert(0, "id", range(len(frame)))
    return frame
