"""What part each column can play: identifier, counter, time, comment, entity, or an input."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from mle_smith.models.embedded.analysis.lexicon import (
    COMMENT_WORDS,
    ENTITY_WORDS,
    ID_WORDS,
    NAME_WORDS,
    PROVENANCE_WORDS,
    WEAK_ENTITY_WORDS,
    has,
    time_part,
    tokens,
)
from mle_smith.models.embedded.analysis.subject import Repeated, Subject
from mle_smith.package.layout import ID_COLUMN


class Role(StrEnum):
    """The part a column plays whatever the target is."""

    USABLE = "usable"
    TIME = "time"
    CONSTANT = "constant"
    IDENTIFIER = "identifier"
    COMMENT = "comment"
    PROVENANCE = "provenance"
    TEXT = "text"


REASONS: Mapping[Role, str] = {
    Role.CONSTANT: "it has one value throughout",
    Role.IDENTIFIER: "it names or numbers the row and says nothing of what it stands for",
    Role.COMMENT: "a free remark, written when everything was known",
    Role.PROVENANCE: "it tells how and when the rows were collected, not what they are",
}
"""Roles that are never inputs, with the reason."""

_RANGES = {
    "month": (1, 12), "day": (1, 31), "hour": (0, 24), "minute": (0, 59), "week": (0, 53),
    "second": (0, 60), "quarter": (1, 4),
}  # fmt: skip


class Clock(NamedTuple):
    """How time orders the rows."""

    columns: tuple[str, ...]
    """From coarse to fine; empty when only the order of the rows tells."""
    sorted: bool
    """The file is in the order of time."""
    series: bool
    """(Nearly) each row has a time of its own."""
    per_day: int = 1
    """Rows of a day when they are hours, else 1."""
    panel: bool = False
    """Several series side by side: a time and what is measured name the row together."""
    moments: int = 0
    """Different times, as far as the finest column tells."""


def role(subject: Subject, column: str) -> Role:
    """The role of one column."""
    profile, m = subject.profiles[column], subject.measured(column)
    if m.distinct < 2:
        return Role.CONSTANT
    if column == ID_COLUMN:
        return Role.IDENTIFIER  # the name of a package's own numbers
    if is_time(subject, column):
        return Role.TIME
    if _is_identifier(subject, column):
        return Role.IDENTIFIER
    if m.kind == "text":
        if has(column, COMMENT_WORDS) and m.distinct > 8:
            return Role.COMMENT
        long = float(profile.get("mean_length") or 0) >= 40
        known = subject.survey.rows * (1 - m.missing)
        if long and m.distinct > max(30, known / 4):
            return Role.TEXT if m.missing < 0.5 else Role.COMMENT
        if m.distinct > 60 and m.distinct > known * 0.6:
            return Role.IDENTIFIER
    if has(column, PROVENANCE_WORDS) and m.distinct <= max(20, subject.survey.rows // 20):
        return Role.PROVENANCE
    return Role.USABLE


def is_time(subject: Subject, column: str) -> bool:
    """Whether it holds a time or a part of one: by its kind, or by its name and its range."""
    m = subject.measured(column)
    if m.kind == "time":
        return True
    part = time_part(column)
    if part is None or m.kind != "number":
        return False
    low, high = m.minimum or 0.0, m.maximum or 0.0
    if part == "year":
        return bool((low >= 1700 and high <= 2200) or (m.whole and low >= 0 and high <= 99))
    if part in _RANGES:
        bottom, top = _RANGES[part]
        return m.whole and bottom <= low + 1 and high <= top
    if part in {"step", "date"}:
        return m.whole and (m.rising > 0.6 or m.distinct <= 40)
    return m.rising >= 0.95 or (m.rising > 0.8 and m.distinct > 20)


def _is_identifier(subject: Subject, column: str) -> bool:
    m = subject.measured(column)
    known = max(1, round(subject.survey.rows * (1 - m.missing)))
    share = m.distinct / known
    parts = tokens(column)
    if m.kind == "number":
        if not m.whole:
            return False
        counter = m.counts_up >= 0.9 and m.distinct > 15
        named = bool(set(parts) & ID_WORDS) or (bool(parts) and parts[-1].endswith("id"))
        row_number = share > 0.99 and m.rising >= 0.999 and m.distinct > 20
        numbered = bool(set(parts[-1:]) & {"number", "no", "nr", "num", "code", "index", "nbr"})
        return counter or row_number or (named and m.distinct > 15) or (numbered and share > 0.3)
    if has(column, NAME_WORDS | ID_WORDS) and (share > 0.3 or m.distinct > 100):
        return True
    length = float(subject.profiles[column].get("mean_length") or 0)
    return share > 0.9 and m.distinct > 20 and length < 40


def entity(subject: Subject) -> Repeated | None:
    """The column whose value names what several rows have in common: a person, a machine, a series.

    By its name (a word for such a thing) when values repeat, or by measurement: several columns
    that otherwise vary are constant within it, a number among them, or together with a time it
    names the row (a panel).
    """
    found = []
    for repeated in subject.survey.groups:
        weight = _entity_weight(subject, repeated)
        if weight > 0:
            found.append((weight, -repeated.groups, repeated))
    return max(found, key=lambda f: f[:2])[2] if found else None


def _entity_weight(subject: Subject, repeated: Repeated) -> float:
    column = repeated.column
    m = subject.measured(column)
    if is_time(subject, column) or repeated.groups < 8 or repeated.rows_per_group < 1.04:
        return 0.0
    if m.kind == "number" and m.counts_up >= 0.5:
        return 0.0
    parts = tokens(column)
    strong = set(parts) & (ENTITY_WORDS - WEAK_ENTITY_WORDS)
    named = bool(strong) or (bool(parts) and parts[-1].endswith("id") and len(parts[-1]) > 3)
    weak = bool(set(parts) & WEAK_ENTITY_WORDS)
    panel = any(is_time(subject, key) for key in repeated.keys)
    constants = [c for c in repeated.constant if not is_time(subject, c)]
    numbers = [c for c in constants if subject.is_number(c) and subject.measured(c).distinct >= 5]
    text_like = m.kind == "text" or (m.whole and repeated.contiguous >= 0.5)
    structure = len(constants) >= 2 and bool(numbers) and text_like and repeated.groups >= 10
    is_panel = panel and (text_like or weak or named) and repeated.rows_per_group >= 3
    if not (named or structure or is_panel or (weak and (constants or repeated.contiguous > 0.8))):
        return 0.0
    loose = not (constants or panel or repeated.contiguous >= 0.5)
    if m.kind == "number" and loose and (m.maximum or 0) <= 60:
        return 0.0  # how many, rather than which
    return 2.0 * named + 1.5 * is_panel + 1.0 * structure + 0.5 * weak + 0.5 * repeated.contiguous


def clock(subject: Subject) -> Clock | None:
    """How time orders the rows, if it does."""
    stamps = [c for c in subject.columns if subject.measured(c).kind == "time"]
    parts = {
        part: c
        for c in reversed(subject.columns)
        if subject.is_number(c) and is_time(subject, c) and (part := time_part(c))
    }
    if stamps:
        return _with_panel(subject, _clock_of_stamps(subject, stamps, parts))
    if "year" in parts:
        order = [parts[p] for p in ("year", "quarter", "month", "week", "day", "hour", "minute")
                 if p in parts and not (p == "week" and "month" in parts)]  # fmt: skip
        return _with_panel(subject, _clock_of_parts(subject, order, parts))
    if subject.hints.ordered_by_time:
        return Clock((), sorted=True, series=False)
    return None


def _with_panel(subject: Subject, found: Clock) -> Clock:
    """The clock, told whether several series run side by side."""
    beside = [
        key
        for repeated in subject.survey.groups
        if repeated.column in found.columns
        for key in repeated.keys
        if subject.measured(key).kind == "text"
    ]
    moments = max((subject.measured(c).distinct for c in found.columns), default=0)
    return found._replace(panel=bool(beside) and not found.series, moments=moments)


def _clock_of_stamps(subject: Subject, stamps: list[str], parts: dict[str, str]) -> Clock:
    ends = {end for end, _, _ in subject.survey.follows}
    starts = [c for c in stamps if c not in ends] or stamps
    first = max(starts, key=lambda c: (subject.measured(c).distinct, -subject.columns.index(c)))
    m, rows = subject.measured(first), subject.survey.rows
    columns: tuple[str, ...] = (first,)
    distinct = m.distinct
    finer = [parts[p] for p in ("hour", "minute") if p in parts]
    if finer and m.step == 0 and m.distinct < rows:
        columns = (first, *finer)
        distinct = m.distinct * subject.measured(finer[0]).distinct
    ordered = m.rising >= 0.98 or m.rising <= 0.02 or (m.step == 0 and m.rising >= 0.9)
    per_day = max(1, round(rows / max(1, m.distinct))) if len(columns) > 1 else 1
    if len(columns) == 1 and 0 < m.step < 86400:
        per_day = round(86400 / m.step)
    return Clock(columns, ordered, series=ordered and distinct >= 0.9 * rows, per_day=per_day)


def _clock_of_parts(subject: Subject, order: list[str], parts: dict[str, str]) -> Clock:
    year = subject.measured(order[0])
    steps = 1.0
    for column in order:
        steps *= subject.measured(column).distinct
    if "month" in parts and "day" in parts:
        steps *= 365.25 / 372
    rows = subject.survey.rows
    whole = all(subject.measured(c).whole for c in order)
    distinct = steps if whole else max(subject.measured(c).distinct for c in order)
    series = year.rising >= 0.999 and distinct >= 0.9 * rows
    per_day = subject.measured(parts["hour"]).distinct if "hour" in parts else 1
    return Clock(tuple(order), year.rising >= 0.999, series, per_day)
