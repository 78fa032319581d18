"""The metrics of predicted classes."""

from __future__ import annotations

from mle_smith.metrics.spec import MetricSpec
from mle_smith.values import TaskType

_CLASSES = (TaskType.BINARY, TaskType.MULTICLASS)

LABEL_METRICS = (
    MetricSpec(
        name="accuracy",
        title="Accuracy",
        higher_is_better=True,
        best=1.0,
        worst=0.0,
        formula="the number of rows with p = y, divided by the number of rows",
        task_types=_CLASSES,
        prediction="label",
        description="Right when the classes are about equally frequent and all errors cost the "
        "same. With rare classes a constant does well: prefer balanced_accuracy or macro_f1.",
        code="return np.mean(truth == predicted)",
    ),
    MetricSpec(
        name="balanced_accuracy",
        title="Balanced accuracy",
        higher_is_better=True,
        best=1.0,
        worst=0.0,
        formula="the mean, over the classes that occur in the answers, of the share of the rows "
        "of that class with p = y",
        task_types=_CLASSES,
        prediction="label",
        description="Right for unequal classes that matter equally. A constant scores 1 divided "
        "by the number of classes.",
        code="return np.mean([np.mean(predicted[truth == c] == c) for c in np.unique(truth)])",
    ),
    MetricSpec(
        name="macro_f1",
        title="Macro F1",
        higher_is_better=True,
        best=1.0,
        worst=0.0,
        formula="the mean, over the classes that occur in the answers or the predictions, of "
        "F1 = 2 TP / (2 TP + FP + FN), each class counted against the rest",
        task_types=_CLASSES,
        prediction="label",
        description="Right for unequal classes where both missed and wrongly named rows count.",
        code="""\
scores = []
for c in np.union1d(truth, predicted):
    hits = np.sum((truth == c) & (predicted == c))
    scores.append(2 * hits / (np.sum(truth == c) + np.sum(predicted == c)))
return np.mean(scores)""",
    ),
    MetricSpec(
        name="f1",
        title="F1 of the positive class",
        higher_is_better=True,
        best=1.0,
        worst=0.0,
        formula="F1 = 2 TP / (2 TP + FP + FN), counted for the positive class; 0 when that class "
        "is neither present nor predicted",
        task_types=(TaskType.BINARY,),
        prediction="label",
        description="Right when one rare class is sought and rows of the other class are of no "
        "interest.",
        code="""\
positive = CLASSES.index(POSITIVE)
hits = np.sum((truth == positive) & (predicted == positive))
named = np.sum(truth == positive) + np.sum(predicted == positive)
return 2 * hits / named if named else 0.0""",
    ),
    MetricSpec(
        name="mcc",
        title="Matthews correlation coefficient",
        higher_is_better=True,
        best=1.0,
        worst=-1.0,
        formula="the correlation of p and y: (n c - sum_k t_k p_k) / sqrt((n^2 - sum_k t_k^2) "
        "(n^2 - sum_k p_k^2)) with n rows, c of them correct, class k occurring t_k times in the "
        "answers and p_k times in the predictions; 0 where that is undefined",
        task_types=_CLASSES,
        prediction="label",
        description="Right for unequal classes when one number has to cover the whole confusion "
        "table. A constant scores 0.",
        code="""\
rows = float(len(truth))
answers = np.bincount(truth, minlength=len(CLASSES))
guesses = np.bincount(predicted, minlength=len(CLASSES))
covariance = rows * np.sum(truth == predicted) - np.dot(answers, guesses)
spread = (rows**2 - np.dot(answers, answers)) * (rows**2 - np.dot(guesses, guesses))
return covariance / np.sqrt(spread) if spread > 0 else 0.0""",
    ),
    MetricSpec(
        name="quadratic_kappa",
        title="Quadratic weighted kappa",
        higher_is_better=True,
        best=1.0,
        worst=-1.0,
        formula="1 - mean((p - y)^2) / E, where classes count as their position 0, 1, 2, ... in "
        "the order given, and E is what mean((p - y)^2) would be if p and y were independent",
        task_types=(TaskType.MULTICLASS,),
        prediction="label",
        description="Right for ordered classes (grades, stages), where a near miss is better than "
        "a far one. The order of the classes is part of the task. A constant scores 0.",
        code="""\
observed = np.mean((predicted - truth) ** 2)
chance = np.mean(predicted**2) - 2 * np.mean(predicted) * np.mean(truth) + np.mean(truth**2)
return 1 - observed / chance if chance > 0 else 1.0""",
    ),
)
"""Defined by the confusion of classes; `truth` and `predicted` are positions in CLASSES."""
