"""Turns answers into submissions of the package's own form: perfect, noisy, constant."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mle_smith.checks.features import numbers_of
from mle_smith.checks.subject import FileDefectError, Subject
from mle_smith.metrics.registry import METRICS
from mle_smith.metrics.spec import Prediction
from mle_smith.metrics.submission import class_columns, label_key
from mle_smith.package.layout import SAMPLE_SUBMISSION
from mle_smith.sandbox.untrusted import UntrustedError, read_text
from mle_smith.syntax import parse_python

_POSITIVE_WORDS = frozenset({"1", "yes", "true", "y", "t", "positive", "pos"})


@dataclass(frozen=True)
class SubmissionForm:
    """What a submission of this package looks like, told from its sample submission."""

    id_column: str
    columns: tuple[str, ...]
    """All columns, in the order of the sample."""
    targets: tuple[str, ...]
    kind: Prediction
    classes: tuple[str, ...]
    """As they stand in the answers, for classification; else empty."""
    positive: str | None
    """The class that a probability is about."""

    @cached_property
    def class_of_column(self) -> dict[str, str]:
        """By column of probabilities its class (`class_probabilities` only)."""
        return _class_columns(self.columns, self.targets[0], self.classes)

    def of(self, answers: pd.DataFrame) -> pd.DataFrame:
        """The submission that says what `answers` (id and targets, as text) say."""
        made = {self.id_column: answers[self.id_column].to_numpy()}
        for column in self.columns:
            if column == self.id_column:
                continue
            if self.kind in ("label", "value"):
                made[column] = answers[column].to_numpy()
            elif self.kind == "probability":
                made[column] = _marks(answers[self.targets[0]], self.positive)
            else:
                made[column] = _marks(answers[self.targets[0]], self.class_of_column[column])
        return pd.DataFrame(made)[list(self.columns)]


def _marks(labels: pd.Series[str], label: str | None) -> NDArray[np.str_]:
    return np.where((labels == label).to_numpy(), "1.0", "0.0")


def submission_form(subject: Subject, positive: str | None = None) -> SubmissionForm:
    """Read the form off the sample submission (and the metric's name, if it is known).

    Args:
        subject: the package.
        positive: the class that probabilities are about; None to infer it.

    Raises:
        FileDefectError: the sample submission fits no known form.
    """
    goal = subject.goals[0]
    columns = tuple(str(c) for c in subject.sample.columns)
    given = [c for c in columns if c != subject.id_column]
    values = subject.aligned[subject.targets[0]].dropna()
    classes = tuple(sorted(values.unique())) if goal.classes else ()
    kind: Prediction = "value"
    if goal.classes:
        kind = _class_kind(subject, given, classes)
    elif set(given) != set(subject.targets):
        raise FileDefectError(f"public/{SAMPLE_SUBMISSION}", "its columns are not the targets")
    if kind == "probability":
        positive = positive or declared_positive(subject, classes) or likely_positive(classes)
    form = SubmissionForm(subject.id_column, columns, subject.targets, kind, classes, positive)
    if kind == "class_probabilities" and set(form.class_of_column) != set(given):
        raise FileDefectError(f"public/{SAMPLE_SUBMISSION}", "its columns are no classes")
    return form


def _class_kind(subject: Subject, given: Sequence[str], classes: Sequence[str]) -> Prediction:
    if set(given) != set(subject.targets):
        return "class_probabilities"
    if subject.plan is not None and subject.plan.metric in METRICS:
        return METRICS[subject.plan.metric].prediction_for(classes)
    labels = {label_key(c) for c in classes}
    values = {label_key(v) for v in subject.sample[given[0]].dropna().unique()}
    numeric = numbers_of(subject.sample[given[0]]) is not None
    if numeric and not values <= labels and len(classes) == 2:
        return "probability"
    return "label"


def _class_columns(columns: Sequence[str], target: str, classes: Sequence[str]) -> dict[str, str]:
    found = {}
    for label in classes:
        for name in (*class_columns(target, [label]), f"{target}_{label}", label):
            if name in columns:
                found[name] = label
                break
    left = [c for c in columns if c.startswith(f"{target}_") and c not in found]
    rest = [label for label in classes if label not in found.values()]
    if len(left) == len(rest) == 1:
        found[left[0]] = rest[0]
    return found


def declared_positive(subject: Subject, classes: Sequence[str]) -> str | None:
    """The class that metric.py calls POSITIVE, read without running it."""
    value = declared_constant(subject, "POSITIVE")
    if value is None:
        return None
    return next((c for c in classes if label_key(c) == label_key(value)), None)


def declared_constant(subject: Subject, name: str) -> object:
    """The plain value that metric.py assigns to a name; None where it assigns none."""
    value = _constant_of_metric(subject, name)
    return value.value if isinstance(value, ast.Constant) else None


def declared_classes(subject: Subject) -> list[str]:
    """The classes that metric.py lists as CLASSES, read without running it."""
    value = _constant_of_metric(subject, "CLASSES")
    listed = value.elts if isinstance(value, ast.List | ast.Tuple) else []
    return [str(item.value) for item in listed if isinstance(item, ast.Constant)]


def _constant_of_metric(subject: Subject, name: str) -> ast.expr | None:
    """What metric.py assigns to a name at its top level."""
    try:
        tree = parse_python(read_text(subject.paths.metric))
    except (UntrustedError, SyntaxError, ValueError):
        return None
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            names = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == name for t in names):
                return node.value
    return None


def likely_positive(classes: Sequence[str]) -> str | None:
    """The class that is usually meant: 1, yes, true; else the last."""
    named = [c for c in classes if str(label_key(c)).lower() in _POSITIVE_WORDS]
    return named[0] if len(named) == 1 else max(classes, default=None)


def mixed(answers: pd.DataFrame, targets: Sequence[str], share: float, seed: int) -> pd.DataFrame:
    """The answers with the given share of rows (chosen by the seed) shuffled among themselves."""
    generator = np.random.default_rng(seed)
    count = round(share * len(answers))
    rows = generator.permutation(len(answers))[:count]
    worse = answers.copy()
    source = generator.permutation(rows)
    for target in targets:
        values = answers[target].to_numpy(dtype=object).copy()
        values[rows] = values[source]
        worse[target] = values
    return worse


def fuzz_sample(subject: Subject, most: int) -> pd.DataFrame:
    """A part of the answers in which every class of the whole occurs, in their order."""
    answers = subject.answers
    keep = set(np.linspace(0, len(answers) - 1, min(most, len(answers))).astype(int).tolist())
    if subject.goals[0].classes:
        for _, rows in answers.groupby(subject.targets[0], sort=True).indices.items():
            keep.update(int(row) for row in rows[:2])
    columns = [subject.id_column, *subject.targets]
    return answers.iloc[sorted(keep)][columns].reset_index(drop=True)
