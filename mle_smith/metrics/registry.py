"""All metrics, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mle_smith.errors import UsageError
from mle_smith.metrics.labels import LABEL_METRICS
from mle_smith.metrics.probabilities import PROBABILITY_METRICS
from mle_smith.metrics.quantities import QUANTITY_METRICS
from mle_smith.metrics.spec import MetricSpec
from mle_smith.values import TaskType

METRICS: Mapping[str, MetricSpec] = MappingProxyType(
    {spec.name: spec for spec in (*LABEL_METRICS, *PROBABILITY_METRICS, *QUANTITY_METRICS)}
)
"""Every metric that a formulation can name."""


def metric_spec(name: str) -> MetricSpec:
    """The metric of that name.

    Raises:
        UsageError: there is none; the message lists those there are.
    """
    if name not in METRICS:
        raise UsageError(
            f"no metric is called {name!r}; choose one of: {', '.join(METRICS)}",
            code="metric.unknown",
        )
    return METRICS[name]


def metrics_for(task_type: TaskType) -> tuple[MetricSpec, ...]:
    """The metrics that suit a type of task, in the registry's order."""
    return tuple(spec for spec in METRICS.values() if task_type in spec.task_types)
