"""How plausible each column is as a target, before anyone tried to predict it."""

from __future__ import annotations

from collections.abc import Sequence

from mle_smith.models.embedded.analysis.exclusions import DECIDES
from mle_smith.models.embedded.analysis.ideas import Layout, frequent_classes
from mle_smith.models.embedded.analysis.lexicon import CODE_WORDS, has, prior, tokens
from mle_smith.models.embedded.analysis.roles import Role
from mle_smith.models.embedded.analysis.subject import Subject

MOST_CLASSES = 40
"""Distinct values above which text is no class label."""
_COPY = 0.99
"""Correlation, or share of rows that one column decides of the other, of columns that are one."""
SCARCE = 0.9
"""Share of missing (or of zeros) from which a column is no target."""


def plausibilities(subject: Subject, plan: Layout) -> dict[str, float]:
    """A score for each column that could be a target, most plausible first.

    Around 0 is a mere attribute; from about 3 up an outcome that a document, the name or the
    make of the table declares.
    """
    usable = [c for c in subject.columns if plan.roles[c] is not Role.CONSTANT]
    last = _original(subject, usable) if usable else ""
    scores = {}
    for column in subject.columns:
        if plan.roles[column] is Role.USABLE and _fits(subject, column):
            scores[column] = (
                prior(column)
                + 0.4 * max(0.0, min(2.5, prior(_first_words(subject, column))))
                + _said(subject, column)
                + _made(subject, column)
                + _placed(subject, plan, column, last)
                + _spread(subject, column)
            )
    ranked = sorted(scores, key=lambda c: (-scores[c], subject.columns.index(c)))
    return {c: round(scores[c], 3) for c in ranked}


def _original(subject: Subject, usable: Sequence[str]) -> str:
    """The last column, or the first of those it is a copy of: copies are added at the end."""
    last = usable[-1]
    totals = {found.total for found in subject.survey.sums}
    for column in usable[:-1] if last not in totals else ():
        if max(subject.survey.correlation(column, last)) >= _COPY:
            return column
        both = (subject.survey.decides(column, last), subject.survey.decides(last, column))
        if subject.is_classes(last) and min(both) >= _COPY:
            return column
    return last


def _numbers_rows(subject: Subject, column: str) -> bool:
    """Whether its values are as many whole numbers in a row as there are rows, in any order."""
    profile = subject.profiles[column]
    if not subject.measured(column).whole or not profile.get("unique"):
        return False
    low, high = profile.get("minimum"), profile.get("maximum")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return False
    return bool(high - low < 1.1 * int(profile["distinct"]))


def _fits(subject: Subject, column: str) -> bool:
    """Whether it can be a target at all."""
    m = subject.measured(column)
    if m.missing >= SCARCE or _numbers_rows(subject, column):
        return False
    if subject.is_classes(column):
        return m.distinct <= MOST_CLASSES and len(frequent_classes(subject, column)) >= 2
    if m.whole and has(column, CODE_WORDS):
        return False
    return m.kind == "number" and m.zeros < 0.985 and m.distinct > 8


def _first_words(subject: Subject, column: str) -> str:
    """How a document begins to describe it."""
    return " ".join(str(subject.profiles[column].get("description") or "").split()[:6])


def _said(subject: Subject, column: str) -> float:
    """What documents say of it."""
    hints = subject.hints
    score = 1.3 * hints.goal.get(column, 0.0)
    if column in hints.titled:
        score += 2.6
    if column in hints.afterwards and column not in hints.goal:
        score -= 4.0
    return score


def _made(subject: Subject, column: str) -> float:
    """How it hangs together with other columns."""
    score = 0.0
    letters = {c.casefold() for c in subject.columns}
    if column.casefold() in {"x", "y", "z"} and {"x", "y"} <= letters:
        score -= 4.0  # coordinates or lengths
    for found in subject.survey.sums:
        if column == found.total:
            score += 1.5
        elif column in found.parts:
            score += 0.7
    by = [a for a, b, s in subject.survey.determines if b == column and s >= DECIDES]
    if any(subject.measured(a).distinct < subject.survey.rows / 5 for a in by):
        score -= 1.0
    return score - _battery(subject, column)


def _battery(subject: Subject, column: str) -> float:
    """What one of many like measurements loses: readings of one kind are inputs to each other."""
    parts = tokens(column)
    alike = [tokens(c) for c in subject.columns if c != column and tokens(c)[:1] == parts[:1]]
    closer = [a for a in alike if len(parts) >= 5 and len(set(a) & set(parts)) >= len(parts) / 2]
    if len(closer) >= 4:
        return 2.5
    return 0.8 if parts and len(alike) >= 3 else 0.0


def _placed(subject: Subject, plan: Layout, column: str, last: str) -> float:
    """Where it stands, and whether it varies where cases do."""
    score = 0.0
    if column == last and prior(column) >= 0:
        score += 1.0 + (1.0 if prior(column) >= 1 and subject.is_classes(column) else 0.0)
    elif column == subject.columns[0] and subject.is_classes(column):
        score += 0.5
    if plan.group is not None and column in plan.group.constant:
        score -= 2.0
    if plan.group is not None and column == plan.group.column:
        score -= 3.0
    return score


def _spread(subject: Subject, column: str) -> float:
    """How its values are spread."""
    m = subject.measured(column)
    score = 0.0
    if m.missing > 0.5:
        score -= 1.5
    if subject.is_classes(column):
        total = sum(n for _, n in m.classes) or 1
        largest = m.classes[0][1] / total
        score += 0.3 if largest <= 0.9 else -0.5 if largest <= 0.97 else -2.5
        score -= 1.5 if m.distinct > 15 else 0.0
    else:
        score += 0.2 if m.distinct > 20 else 0.0
        score -= 2.5 if m.zeros > 0.9 else 0.8 if m.zeros > 0.6 else 0.0
    return score
