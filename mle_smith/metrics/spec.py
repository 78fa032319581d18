"""What a metric is: its name, direction, formula, and the few lines of code that compute it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from mle_smith.values import TaskType, Value

Label: TypeAlias = str | int | float | bool
"""A class as it stands in a table."""

Prediction: TypeAlias = Literal["label", "probability", "class_probabilities", "value"]
"""What a participant hands in for each row:

- `label`: one of the classes.
- `probability`: of the positive class, 0 to 1.
- `class_probabilities`: one column a class, each 0 to 1; rows are divided by their sum.
- `value`: a number for each target.
"""


class MetricSpec(Value):
    """One metric of the registry."""

    name: str
    title: str
    higher_is_better: bool
    best: float
    """The score of the answers themselves."""
    worst: float | None
    """The score that no submission can go below (or above); None where there is no such bound."""
    formula: str
    """In plain text, for participants; `y` is the answer and `p` the prediction. What concerns
    several targets or three classes and more only, stands at the end, after `; with`."""
    task_types: tuple[TaskType, ...]
    prediction: Prediction
    """With two classes; `prediction_for` says what it is with more."""
    description: str
    """When the metric is the right one, and what it does in corner cases."""
    centre: Literal["mean", "median"] = "mean"
    """Which constant suits a `value` metric."""
    code: str
    """Body of `score(truth, predicted)`: NumPy on arrays, returning the score.

    `truth` and `predicted` are, by prediction: `label` positions in CLASSES; `probability` 1 for
    the positive class, else 0, and its probability; `value` two arrays of rows by targets.
    """
    multiclass_code: str = ""
    """Body for three classes or more, where it is another one: `truth` holds positions in
    CLASSES and `predicted` has a column for each class."""

    def formula_for(self, targets: Sequence[str], classes: Sequence[Label] | None = None) -> str:
        """The formula for a task, without what matters to others only."""
        simple = len(targets) == 1 and len(classes or ()) <= 2
        return self.formula.partition("; with ")[0] if simple else self.formula

    def prediction_for(self, classes: Sequence[Label] | None) -> Prediction:
        """What a participant hands in when the answers have these classes."""
        if self.prediction == "probability" and classes is not None and len(classes) > 2:
            return "class_probabilities"
        return self.prediction
