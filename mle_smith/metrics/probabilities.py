"""The metrics of predicted probabilities, for two classes and for more."""

from __future__ import annotations

from mle_smith.metrics.spec import MetricSpec
from mle_smith.values import TaskType

_CLASSES = (TaskType.BINARY, TaskType.MULTICLASS)

_ONE_CLASS = 'raise ValueError("the answers hold one class only, so the metric is undefined")'

PROBABILITY_METRICS = (
    MetricSpec(
        name="log_loss",
        title="Log loss",
        higher_is_better=False,
        best=0.0,
        worst=None,
        formula="the mean of ln(1 / q), where q is the probability given to the row's true class, "
        "or 2.2e-16 where it is less than that",
        task_types=_CLASSES,
        prediction="probability",
        description="Right when calibrated probabilities are wanted. Sure and wrong costs most "
        "(36.04 a row at the worst).",
        code="""\
given = np.where(truth == 1, predicted, 1 - predicted)
return np.mean(np.log(1 / np.maximum(given, np.finfo(float).eps)))""",
        multiclass_code="""\
given = predicted[np.arange(len(truth)), truth]
return np.mean(np.log(1 / np.maximum(given, np.finfo(float).eps)))""",
    ),
    MetricSpec(
        name="roc_auc",
        title="ROC AUC",
        higher_is_better=True,
        best=1.0,
        worst=0.0,
        formula="the share of pairs of a positive and a negative row in which the positive one "
        "has the higher probability, ties counted half; with three classes or more the mean of "
        "this over the classes, each against the rest",
        task_types=_CLASSES,
        prediction="probability",
        description="Right when rows are to be ranked and the classes are not extremely unequal. "
        "A constant scores 0.5. Only the order of the probabilities counts.",
        code=f"""\
positives, negatives = np.sum(truth == 1), np.sum(truth == 0)
if not positives or not negatives:
    {_ONE_CLASS}
ranks = pd.Series(predicted).rank().to_numpy()
above = np.sum(ranks[truth == 1]) - positives * (positives + 1) / 2
return above / (positives * negatives)""",
        multiclass_code=f"""\
areas = []
for c in np.unique(truth):
    positives, negatives = np.sum(truth == c), np.sum(truth != c)
    if not negatives:
        {_ONE_CLASS}
    ranks = pd.Series(predicted[:, c]).rank().to_numpy()
    above = np.sum(ranks[truth == c]) - positives * (positives + 1) / 2
    areas.append(above / (positives * negatives))
return np.mean(areas)""",
    ),
    MetricSpec(
        name="pr_auc",
        title="Average precision (PR AUC)",
        higher_is_better=True,
        best=1.0,
        worst=0.0,
        formula="sum_i (R_i - R_(i-1)) P_i over the distinct probabilities from high to low, "
        "with P_i the precision and R_i the recall of the rows at or above the i-th; with three "
        "classes or more the mean of this over the classes, each against the rest",
        task_types=_CLASSES,
        prediction="probability",
        description="Right when the positive class is rare and rows are to be ranked. A constant "
        "scores the share of positive rows.",
        code="""\
if not np.any(truth == 1):
    raise ValueError("the answers hold no positive row, so the metric is undefined")
order = np.argsort(-predicted, kind="stable")
ends = np.flatnonzero(np.append(np.diff(predicted[order]) != 0, True))
found = np.cumsum(truth[order])[ends]  # rows of equal probability go together
precision = found / (ends + 1)
return np.sum(np.diff(found, prepend=0) * precision) / found[-1]""",
        multiclass_code="""\
areas = []
for c in np.unique(truth):
    order = np.argsort(-predicted[:, c], kind="stable")
    ends = np.flatnonzero(np.append(np.diff(predicted[order, c]) != 0, True))
    found = np.cumsum(truth[order] == c)[ends]  # rows of equal probability go together
    precision = found / (ends + 1)
    areas.append(np.sum(np.diff(found, prepend=0) * precision) / found[-1])
return np.mean(areas)""",
    ),
    MetricSpec(
        name="brier",
        title="Brier score",
        higher_is_better=False,
        best=0.0,
        worst=None,
        formula="the mean of (p - y)^2 with y = 1 for the positive class and 0 otherwise; with "
        "three classes or more the mean over rows of the sum of this over the classes",
        task_types=_CLASSES,
        prediction="probability",
        description="Right when calibrated probabilities are wanted and single sure errors must "
        "not dominate, as they do in log_loss.",
        code="return np.mean((predicted - truth) ** 2)",
        multiclass_code="""\
wanted = np.eye(len(CLASSES))[truth]
return np.mean(np.sum((predicted - wanted) ** 2, axis=1))""",
    ),
)
"""Defined by probabilities of classes."""
