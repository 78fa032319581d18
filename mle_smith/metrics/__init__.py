"""Metrics: the registry, and the self-contained metric.py that each is written out as."""

from mle_smith.metrics.emit import metric_source, sample_submission_source
from mle_smith.metrics.registry import METRICS, metric_spec, metrics_for
from mle_smith.metrics.spec import Label, MetricSpec, Prediction
from mle_smith.metrics.submission import (
    Answers,
    answers_of,
    class_columns,
    constant_prediction,
    unreadable_classes,
)

__all__ = [
    "METRICS",
    "Answers",
    "Label",
    "MetricSpec",
    "Prediction",
    "answers_of",
    "class_columns",
    "constant_prediction",
    "metric_source",
    "metric_spec",
    "metrics_for",
    "sample_submission_source",
    "unreadable_classes",
]
