"""Which classes a target has, and which of two a probability is about."""

from __future__ import annotations

from typing import NamedTuple

from mle_smith.values import Formulation

_YES = {"1", "1.0", "yes", "y", "true", "t", "positive", "pos"}


class Labels(NamedTuple):
    """The classes of a target, sorted, and the one that a probability is about."""

    classes: tuple[str, ...]
    positive: str | None


def labels_of(formulation: Formulation, counts: dict[str, int]) -> Labels:
    """The labels of a classification with these classes; none for other task types."""
    if not formulation.task_type.is_classification:
        return Labels((), None)
    return Labels(tuple(sorted(counts)), choose_positive(counts) if len(counts) == 2 else None)


def choose_positive(counts: dict[str, int]) -> str:
    """The class that means yes; if none does, the rarer one."""
    for label in sorted(counts):
        if label.casefold() in _YES:
            return label
    return min(counts, key=lambda label: (counts[label], label))
