"""Writes docs/metrics.md from the registry: `python -m mle_smith.metrics.document`."""

from __future__ import annotations

import sys

from mle_smith.metrics.registry import METRICS
from mle_smith.metrics.spec import MetricSpec

_HEAD = """\
# Metrics

Generated from the registry (`mle_smith/metrics/`); regenerate with
`python -m mle_smith.metrics.document > docs/metrics.md`.

A package's `metric.py` is written from one template, stands alone (NumPy and pandas), and is proved
against scikit-learn by property tests. In the formulas `y` is the answer and `p` the prediction.

| name | metric | better | best | worst | tasks | a row of a submission |
|---|---|---|---|---|---|---|
"""

_RULES = """\
## What a submission looks like

A CSV file with a header: `id`, then the columns below; one row for each test row.

| prediction | columns | cells | a valid constant |
|---|---|---|---|
| `label` | the target | one of the classes | the first class |
| `probability` | the target | probability of the positive class, 0 to 1 | 0.5 |
| `class_probabilities` | `<target>_<class>` for each class | probability of that class, 0 to 1; \
rows are divided by their sum | 1 / number of classes |
| `value` | each target | a number | 0 |

Metrics of probabilities take one column with two classes and a column a class with more. In
`<target>_<class>`, every run of other characters than letters, digits, `.`, `+`, `-` becomes `_`;
a class of which nothing is left is called `class<number>`, and a name that would occur twice gets
its number too. With two classes the positive one is the last, unless the task names it.

- Rows may come in any order and are matched by id; 7, `7` and 7.0 are the same id.
- Columns may come in any order; further columns are ignored.
- Every test id must occur exactly once, and no other.
- Labels are compared as `1` = 1 = 1.0 = True; case matters, blanks around do not.
- A missing, infinite or non-numeric cell, a probability outside 0 to 1, a number beyond 1e100 in
  size, or an unknown class makes the submission invalid; the message names the column and an id.
- A score is always finite. Where a metric is undefined for the answers themselves (one class only,
  say), scoring fails with a ValueError that is not the participant's fault.

## Each metric

"""


def markdown() -> str:
    """The whole page."""
    rows = "".join(_row(spec) for spec in METRICS.values())
    sections = "\n".join(_section(spec) for spec in METRICS.values())
    return f"{_HEAD}{rows}\n{_RULES}{sections}"


def _row(spec: MetricSpec) -> str:
    worst = "none" if spec.worst is None else f"{spec.worst:g}"
    better = "higher" if spec.higher_is_better else "lower"
    tasks = ", ".join(task.value.replace("_", " ") for task in spec.task_types)
    return (
        f"| [`{spec.name}`](#{spec.name}) | {spec.title} | {better} | {spec.best:g} | {worst} "
        f"| {tasks} | {spec.prediction} |\n"
    )


def _section(spec: MetricSpec) -> str:

    return f"### {spec.name}\n\n**{spec.title}**: {spec.formula}.\n\n{spec.description}\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
