"""Writes code for packages: metric.py, from one template, and the sample submission's line."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from mle_smith.metrics.registry import metric_spec
from mle_smith.metrics.spec import Label
from mle_smith.metrics.submission import Answers, answers_of, constant_prediction

_WIDTH = 100


def metric_source(
    metric: str,
    *,
    targets: Sequence[str],
    classes: Sequence[Label] | None = None,
    positive: Label | None = None,
    id_column: str = "id",
) -> str:
    """The complete source of a metric.py that needs only NumPy and pandas.

    Args:
        metric: name in the registry.
        targets: columns of the answers to predict.
        classes: for classification all classes, in the order that they are documented in; for
            quadratic_kappa that order is their rank.
        positive: the class whose probability (or F1) counts, with two classes; the last one
            when it is not given.
        id_column: the column that ties rows together.

    Raises:
        UsageError: the metric is unknown or does not fit the answers, or the classes cannot be
            told apart in a CSV file.
    """
    spec = metric_spec(metric)
    answers = answers_of(spec, targets=targets, classes=classes, positive=positive)
    several = answers.kind == "class_probabilities"
    environment = Environment(
        loader=PackageLoader("mle_smith.metrics"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["literal"] = _literal
    return environment.get_template("metric.py.j2").render(
        spec=spec,
        formula=textwrap.fill(f"Formula: {spec.formula_for(targets, classes)}.", _WIDTH),
        code=spec.multiclass_code if several and spec.multiclass_code else spec.code,
        kind=answers.kind,
        id_column=id_column,
        targets=list(answers.targets),
        classes=list(answers.classes),
        positive=answers.positive,
        uses_positive=_uses_positive(answers, spec.code),
        columns=list(answers.columns),
    )


def sample_submission_source(
    metric: str,
    *,
    targets: Sequence[str],
    classes: Sequence[Label] | None = None,
    positive: Label | None = None,
    test: str = "test",
    id_column: str = "id",
) -> str:
    """A Python expression for prepare.py: the sample submission for the frame called `test`.

    It takes nothing from that frame but the ids, so that it cannot give an answer away.
    """
    constants = constant_prediction(metric, targets=targets, classes=classes, positive=positive)
    cells = "".join(
        f", {_literal(column)}: {_literal(value)}" for column, value in constants.items()
    )
    identity = _literal(id_column)
    return f"pd.DataFrame({{{identity}: {test}[{identity}]{cells}}})"


def _uses_positive(answers: Answers, code: str) -> bool:
    return answers.kind == "probability" or "POSITIVE" in code


def _literal(value: object) -> str:
    """A Python literal, over several lines where one would be too long."""
    short = repr(value)
    if isinstance(value, str) and "'" in short and '"' not in short:
        short = '"' + short[1:-1] + '"'
    if not isinstance(value, list):
        return short
    items = [_literal(item) for item in value]
    line = f"[{', '.join(items)}]"
    if len(line) <= _WIDTH - 20:
        return line
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]"
