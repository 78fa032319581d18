"""Which columns a participant must not be given when a certain column is the target, and why."""

from __future__ import annotations

from collections.abc import Iterator

from mle_smith.models.embedded.analysis.lexicon import (
    ELAPSED_WORDS,
    EVENT_WORDS,
    MONEY_WORDS,
    has,
    kin,
    tokens,
)
from mle_smith.models.embedded.analysis.roles import REASONS, Role
from mle_smith.models.embedded.analysis.subject import Subject

COPY = 0.98
"""|r| from which one number is a copy of another."""
NEAR = 0.9
"""|r| from which columns of related names measure the same thing."""
DECIDES = 0.97
"""Normalised hit rate from which one column decides another."""


def excluded(
    subject: Subject, roles: dict[str, Role], target: str, group: str | None
) -> dict[str, str]:
    """Every column that is no input for this target, with the first reason that applies."""
    reasons: dict[str, str] = {}
    for column in subject.columns:
        if column == target:
            continue
        reason = next(_reasons(subject, roles, target, column, group), None)
        if reason is not None:
            reasons[column] = reason
    return reasons


def _reasons(
    subject: Subject, roles: dict[str, Role], target: str, column: str, group: str | None
) -> Iterator[str]:
    if column == group:
        yield "it names the entity; entities of the test part are new"
    if roles[column] in REASONS:
        yield REASONS[roles[column]]
    if column in subject.hints.afterwards:
        yield f"the documentation: {subject.hints.afterwards[column]!r}"
    yield from _ends(subject, column)
    yield from _sums(subject, target, column)
    yield from _identities(subject, target, column)
    yield from _same(subject, target, column)
    yield from _afterwards(subject, target, column)
    for found in subject.survey.sums:
        members = {found.total, *found.parts}
        if column in members and target not in members:
            for other in sorted(members - {column}):
                yield from _afterwards(subject, target, other)
    goal = subject.hints.goal
    if target in goal and column in goal:
        yield "another outcome of the same case"


def _ends(subject: Subject, column: str) -> Iterator[str]:
    for end, start, _ in subject.survey.follows:
        if end == column and not any(s == end for _, s, _ in subject.survey.follows):
            yield f"known only at the end of what begins at {start!r}"


def _sums(subject: Subject, target: str, column: str) -> Iterator[str]:
    for found in subject.survey.sums:
        members = {found.total, *found.parts}
        if not {target, column} <= members:
            continue
        if column == found.total:
            yield f"it is a sum that contains {target!r}"
        elif target == found.total:
            yield f"it is a part of the sum {target!r}"
        elif found.exact or _later(subject, column, target):
            yield f"it adds up to {found.total!r} with the target, and is known no earlier"


def _identities(subject: Subject, target: str, column: str) -> Iterator[str]:
    for whole, parts in subject.survey.identities:
        if whole == target and column in parts:
            others = [repr(p) for p in parts if p != column]
            yield f"the target follows from it{' and ' + ', '.join(others) if others else ''}"
    for number, bins in subject.survey.bins:
        if {number, bins} == {target, column}:
            yield "the one is the other, cut into ranges"


def _later(subject: Subject, column: str, target: str) -> bool:
    order = subject.columns
    return order.index(column) > order.index(target)


def _same(subject: Subject, target: str, column: str) -> Iterator[str]:
    plain, ranked = subject.survey.correlation(target, column)
    related = kin(target, column)
    if plain >= COPY:
        yield f"nearly a copy of the target (r = {plain:.3f})"
    if related and max(plain, ranked) >= NEAR:
        yield f"it measures what the target measures (r = {max(plain, ranked):.3f})"
    if subject.survey.decides(column, target) >= DECIDES:
        yield "its value decides the target"
    if subject.survey.decides(target, column) >= DECIDES and _is_coarser(subject, target, column):
        yield "a coarser reading of the target"


def _is_coarser(subject: Subject, target: str, column: str) -> bool:
    """Whether the column could be a grouping of the target's classes."""
    if not subject.is_classes(target):
        return False
    return subject.measured(column).distinct < subject.measured(target).distinct


def _afterwards(subject: Subject, target: str, column: str) -> Iterator[str]:
    for named, value, other, how, inside, _ in subject.survey.pins:
        if (named, other) != (target, column):
            continue
        if how == "missing" or has(column, MONEY_WORDS):
            yield f"filled only after the outcome: empty in {inside:.1%} where it is {value!r}"
    if subject.is_classes(target) and _is_event(target) and _is_elapsed(column):
        yield "how long the case was watched depends on the event itself"


def _is_event(target: str) -> bool:
    return has(target, EVENT_WORDS) or any(p.endswith(("stat", "status")) for p in tokens(target))


def _is_elapsed(column: str) -> bool:
    parts = tokens(column)
    return has(column, ELAPSED_WORDS) or any(len(p) > 4 and p.endswith("time") for p in parts)
