"""What a submission looks like: its columns, and a valid constant one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mle_smith.errors import UsageError
from mle_smith.metrics.registry import metric_spec
from mle_smith.metrics.spec import Label, MetricSpec, Prediction
from mle_smith.values import TaskType, Value

_READ_AS_MISSING = frozenset(
    {"#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"}
    | {"<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
)
"""Texts that pandas reads from a CSV file as a missing value."""


class Answers(Value):
    """What is to be predicted, and the columns it is handed in as."""

    targets: tuple[str, ...]
    classes: tuple[Label, ...]
    """Empty for numbers."""
    positive: Label | None
    """With two classes, the one that probabilities are about."""
    kind: Prediction
    columns: tuple[str, ...]
    """The columns of a submission, after the id."""


def label_key(value: object) -> int | float | str:
    """The form in which labels are compared: 7, 7.0, "7" and " 7 " are the same, True is 1.

    Two classes with the same key cannot be told apart after a round trip through a CSV file.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = str(value).strip()
    if text.lower() in ("true", "false"):
        return int(text.lower() == "true")
    if re.fullmatch(r"[+-]?[0-9]{1,400}([.][0-9]*)?", text):
        return float(text) if text.partition(".")[2].strip("0") else int(text.split(".")[0])
    return text


def unreadable_classes(classes: Sequence[Label]) -> dict[Label, str]:
    """The classes that would not survive a CSV file, each with the reason.

    An empty text and texts such as `NA` or `None` are read back as missing values; labels that
    differ in blanks or leading zeros only are read back as one. Rename them in prepare.py.
    """
    found: dict[Label, str] = {}
    seen: dict[object, Label] = {}
    for label in classes:
        key = label_key(label)
        if isinstance(label, str) and (not label.strip() or label.strip() in _READ_AS_MISSING):
            found[label] = "is read back from a CSV file as a missing value"
        elif key in seen:
            found[label] = f"cannot be told from {seen[key]!r} in a CSV file"
        seen.setdefault(key, label)
    return found


def answers_of(
    spec: MetricSpec,
    *,
    targets: Sequence[str],
    classes: Sequence[Label] | None = None,
    positive: Label | None = None,
) -> Answers:
    """What is predicted for a metric, checked for sense.

    Raises:
        UsageError: the metric does not fit the answers, or the classes a CSV file.
    """
    labels = tuple(_plain(label) for label in classes or ())
    _check(spec, tuple(targets), labels)
    if len(labels) == 2 and positive is None:
        positive = labels[-1]
    if len(labels) == 2:
        keys = {label_key(label): label for label in labels}
        if label_key(positive) not in keys:
            raise _misfit(f"the positive class {positive!r} is not one of {list(labels)}")
        positive = keys[label_key(positive)]
    kind = spec.prediction_for(labels or None)
    columns = tuple(targets)
    if kind == "class_probabilities":
        columns = class_columns(targets[0], labels)
    return Answers(
        targets=tuple(targets),
        classes=labels,
        positive=positive if len(labels) == 2 else None,
        kind=kind,
        columns=columns,
    )


def _plain(label: Label) -> Label:
    """The label without NumPy's types, which would be written into metric.py as they are."""
    plain = label.item() if isinstance(label, np.generic) else label
    return str(plain) if isinstance(plain, str) else plain


def _check(spec: MetricSpec, targets: tuple[str, ...], classes: tuple[Label, ...]) -> None:
    if not targets or len(set(targets)) != len(targets):
        raise _misfit(f"targets must be there, each once: {list(targets)}")
    if len(targets) > 1 and TaskType.MULTI_OUTPUT not in spec.task_types:
        raise _misfit(f"{spec.name} takes one target, not {len(targets)}")
    if spec.prediction == "value":
        if classes:
            raise _misfit(f"{spec.name} scores numbers, not classes")
        return
    if len(classes) < 2:
        raise _misfit(f"{spec.name} needs at least two classes")
    if len(classes) > 2 and TaskType.MULTICLASS not in spec.task_types:
        raise _misfit(f"{spec.name} takes two classes, not {len(classes)}")
    for label, reason in unreadable_classes(classes).items():
        raise UsageError(
            f"the class {label!r} {reason}; rename it in prepare.py", code="metric.classes"
        )


def _misfit(message: str) -> UsageError:
    return UsageError(message, code="metric.misfit")


def class_columns(target: str, classes: Sequence[Label]) -> tuple[str, ...]:
    """The submission's probability columns: `<target>_<class>`, in the order of the classes.

    In the class every run of characters other than letters, digits, `.`, `+` and `-` becomes
    `_`; a class of which nothing is left is called by its number, and names that would occur
    twice get a number too.
    """
    columns: list[str] = []
    for number, label in enumerate(classes, start=1):
        text = re.sub(r"[^\w.+-]+", "_", unicodedata.normalize("NFKC", str(label))).strip("_")
        name = f"{target}_{text or f'class{number}'}"
        while name in columns:
            name = f"{name}_{number}"
        columns.append(name)
    return tuple(columns)


def constant_prediction(
    metric: str,
    *,
    targets: Sequence[str],
    classes: Sequence[Label] | None = None,
    positive: Label | None = None,
    train: pd.DataFrame | None = None,
) -> dict[str, Label]:
    """The same valid prediction for every row: a value for each column after the id.

    Without `train` it knows nothing, which is what a sample submission holds: the first class;
    0.5; 1 divided by the number of classes; 0. With `train` it is the constant that suits the
    metric: the most frequent class; the share of the positive class; the share of each class;
    the mean or the median of the target.

    Raises:
        UsageError: as `metric_source` does.
    """
    spec = metric_spec(metric)
    answers = answers_of(spec, targets=targets, classes=classes, positive=positive)
    if answers.kind == "value":
        return _constant_values(spec, answers, train)
    shares = pd.Series(1.0 / len(answers.classes), index=[label_key(c) for c in answers.classes])
    if train is not None:
        seen = train[answers.targets[0]].dropna().map(label_key).value_counts(normalize=True)
        shares = seen.reindex(shares.index).fillna(0.0)
    if answers.kind == "label":
        return {answers.columns[0]: answers.classes[int(np.argmax(shares.to_numpy()))]}
    if answers.kind == "probability":
        return {answers.columns[0]: float(shares[label_key(answers.positive)])}
    return dict(zip(answers.columns, (float(share) for share in shares), strict=True))


def _constant_values(
    spec: MetricSpec, answers: Answers, train: pd.DataFrame | None
) -> dict[str, Label]:
    if train is None:
        return dict.fromkeys(answers.columns, 0.0)
    known: Mapping[str, pd.Series] = {c: train[c].dropna().astype(float) for c in answers.columns}
    return {c: float(getattr(values, spec.centre)()) for c, values in known.items()}
