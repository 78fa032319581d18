"""The metrics of predicted numbers."""

from __future__ import annotations

from mle_smith.metrics.spec import MetricSpec
from mle_smith.values import TaskType

_ONE = (TaskType.REGRESSION, TaskType.FORECASTING)
_MANY = (*_ONE, TaskType.MULTI_OUTPUT)

_SEVERAL = "; with several targets the mean of this over the targets"

QUANTITY_METRICS = (
    MetricSpec(
        name="rmse",
        title="Root mean squared error",
        higher_is_better=False,
        best=0.0,
        worst=None,
        formula=f"sqrt(mean((p - y)^2)){_SEVERAL}",
        task_types=_MANY,
        prediction="value",
        description="Right when large errors matter most. In the unit of the target, so targets "
        "of several scales are better served by r2.",
        code="return np.mean(np.sqrt(np.mean((predicted - truth) ** 2, axis=0)))",
    ),
    MetricSpec(
        name="mae",
        title="Mean absolute error",
        higher_is_better=False,
        best=0.0,
        worst=None,
        formula=f"mean(|p - y|){_SEVERAL}",
        task_types=_MANY,
        prediction="value",
        description="Right when every unit of error costs the same, and for targets with "
        "outliers. In the unit of the target.",
        centre="median",
        code="return np.mean(np.abs(predicted - truth))",
    ),
    MetricSpec(
        name="mape_safe",
        title="Mean absolute percentage error, safe at zero",
        higher_is_better=False,
        best=0.0,
        worst=None,
        formula="mean(|p - y| / max(|y|, m / 10)), where m is the mean of |y| over the answers: "
        "a target smaller than a tenth of the usual size counts as that tenth",
        task_types=_ONE,
        prediction="value",
        description="Right when relative errors count and some targets are zero or close to it. "
        "0.1 means off by 10 %.",
        centre="median",
        code="""\
sizes = np.abs(truth)
if not sizes.any():
    raise ValueError("all answers are 0, so the metric is undefined")
return np.mean(np.abs(predicted - truth) / np.maximum(sizes, np.mean(sizes) / 10))""",
    ),
    MetricSpec(
        name="smape",
        title="Symmetric mean absolute percentage error",
        higher_is_better=False,
        best=0.0,
        worst=2.0,
        formula="mean(2 |p - y| / (|p| + |y|)), where a row with p = y = 0 counts as 0",
        task_types=_ONE,
        prediction="value",
        description="Right when relative errors count and the score has to be bounded (0 to 2). "
        "A target of 0 scores 2 unless it is predicted exactly.",
        centre="median",
        code="""\
sizes = np.abs(predicted) + np.abs(truth)
return np.mean(2 * np.abs(predicted - truth) / np.where(sizes > 0, sizes, 1))""",
    ),
    MetricSpec(
        name="wape",
        title="Weighted absolute percentage error",
        higher_is_better=False,
        best=0.0,
        worst=None,
        formula="sum(|p - y|) / sum(|y|)",
        task_types=_ONE,
        prediction="value",
        description="Right for demand and counts with many zeros: the total error relative to "
        "the total amount.",
        centre="median",
        code="""\
if not truth.any():
    raise ValueError("all answers are 0, so the metric is undefined")
return np.sum(np.abs(predicted - truth)) / np.sum(np.abs(truth))""",
    ),
    MetricSpec(
        name="rmsle",
        title="Root mean squared logarithmic error",
        higher_is_better=False,
        best=0.0,
        worst=None,
        formula="sqrt(mean((ln(1 + p) - ln(1 + y))^2)), where a prediction below 0 counts as 0",
        task_types=_ONE,
        prediction="value",
        description="Right for amounts that are never negative and range over several powers of "
        "ten (prices, counts), where ratios count.",
        centre="median",
        code="""\
if truth.min() < 0:
    raise ValueError("an answer is negative, so the metric is undefined")
return np.sqrt(np.mean((np.log1p(np.maximum(predicted, 0)) - np.log1p(truth)) ** 2))""",
    ),
    MetricSpec(
        name="r2",
        title="Coefficient of determination (R2)",
        higher_is_better=True,
        best=1.0,
        worst=None,
        formula=f"1 - sum((p - y)^2) / sum((y - mean(y))^2){_SEVERAL}",
        task_types=_MANY,
        prediction="value",
        description="Right when the score should not depend on the target's unit. The mean of "
        "the answers scores 0; where all answers are equal, they alone score 1 and all else 0.",
        code="""\
error = np.sum((predicted - truth) ** 2, axis=0)
spread = np.sum((truth - truth.mean(axis=0)) ** 2, axis=0)
flat = np.where(error > 0, 0.0, 1.0)  # of a target whose answers are all equal
return np.mean(np.where(spread > 0, 1 - error / np.where(spread > 0, spread, 1), flat))""",
    ),
)
"""Defined by numbers; `truth` and `predicted` are arrays of rows by targets."""
