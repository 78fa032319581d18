"""Is what the description says of each column, and of the division of rows, true of the data?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mle_smith.checks.cell_forms import NOTHING
from mle_smith.checks.check import Measured, Outcome, check
from mle_smith.checks.description import (
    COLUMN_HEADS,
    description_of,
    markdown_tables,
    mentions,
    sentences,
)
from mle_smith.checks.features import Feature
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity

_NUMBER = r"[-+\u2212]?\d[\d,_]*(?:\.\d+)?(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"\[?({_NUMBER})\s*(?:to|–|—|-|\.\.\.?|…|,)\s*({_NUMBER})\]?")
_RANGE_HEADS = re.compile(r"\b(?:values?|range|min\w*|domain)\b", re.I)
_TYPE_HEADS = frozenset({"type", "dtype", "data type", "kind", "format"})
_NUMERIC = re.compile(
    r"\b(?:int\w*|float\w*|double|decimal|real|numeric\w*|numbers?|continuous)\b", re.I
)
_TEXTUAL = re.compile(r"^\W*(?:free )?(?:text|strings?|str|object)\W*$", re.I)
_OUTSIDE = 0.02
"""Share of the cells that may lie outside of a range that was rounded, or is of train alone."""
_LISTED = 0.5
"""Share of the columns from which on a table is taken for one of all columns."""
_APART = re.compile(
    r"\b(?:on one side|one side only|only one side|other ones than train|unseen|not seen|"
    r"never (?:appear|occur|shared?)|no overlap|do(?:es)? not (?:overlap|share|appear in both)|"
    r"disjoint|not in both)\b",
    re.I,
)
_LATER = re.compile(
    r"\b(?:later than (?:all )?(?:the )?train|after (?:all )?(?:the )?train|chronological\w*|"
    r"in time by|split by time|most recent|precedes? (?:all )?(?:the )?test)\b",
    re.I,
)
_GAPS_HEADS = re.compile(r"\b(?:missing|nulls?|empty|gaps|nans?)\b", re.I)
_GAPS = re.compile(rf"\s*({_NUMBER})\s*(%)?\s*")
_COMPLETE = re.compile(
    r"\b(?:no|without|free (?:of|from)) (?:(?:column|row|value|cell|entry|feature|input)s? "
    r"(?:has|have|with|is|are|contains?) )?(?:any |an? )?(?:missing|empty|null)\b|"
    r"\bnothing is missing\b|\b(?:data|table|rows?|columns?|cells?|files?) (?:is|are) "
    r"(?:all |fully )?(?:complete|filled)\b",
    re.I,
)
_SUBMITTED = re.compile(r"\b(?:predict\w*|submi\w+|must|should|may|can)\b", re.I)
_TABLES = {"train.csv": "train", "test.csv": "test"}
_QUOTED = re.compile(r"`([^`\n]+)`")


class _Described(NamedTuple):
    """A row of a table of columns."""

    column: str
    cells: dict[str, str]
    """By the table's heads, in small letters."""


@check(
    {
        "D09": "the data dictionary leaves columns out, or says of one what its cells are not",
        "D10": "what the description says of the division of rows is not so",
    },
    title="The data dictionary",
    asks="A table of the columns names all of them, the ranges, types and gaps that it gives are "
    "those of the cells, no gap is denied, and a column that is said to divide the rows, by its "
    "values or by time, does.",
)
def data_dictionary(subject: Subject) -> Iterator[Outcome]:
    """Truth of what is said of columns."""
    text = description_of(subject)
    columns = {f.name: f for f in subject.inputs}
    table = list(_described(text, {*columns, subject.id_column, *subject.targets}))
    outcomes = subject.outcomes if subject.paths.answers.is_file() else ()
    described = {**columns, **{f.name: f for f in outcomes}}
    wrong = [w for row in table if (f := described.get(row.column)) for w in _untrue(row, f)]
    wrong += [w for row in table for w in _wrong_gaps(subject, row)]
    wrong += _denied_gaps(subject, text, columns)
    yield Measured("D09", {"columns_described": len(table), "wrong": len(wrong)})
    if wrong:
        yield _finding("D09", f"not true of the data: {'; '.join(wrong[:4])}; correct it.", wrong)
    if len(table) >= _LISTED * len(columns):
        absent = [name for name in columns if not _spoken_of(name, text)]
        if absent:
            yield _finding(
                "D09", f"no word about the columns {absent[:8]}; say what they are.", absent
            )
    claims = list(_claims_of_split(subject, text, columns))
    if claims:
        yield _finding(
            "D10", f"not so: {'; '.join(claims[:3])}; say how rows were divided.", claims
        )


def _finding(code: str, message: str, what: list[str]) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        blame=Blame.DESIGN,
        message=message,
        evidence={"names": what[:50]},
    )


def _described(text: str, known: set[str]) -> Iterator[_Described]:
    for head, *rows in markdown_tables(text):
        heads = [cell.strip("*` ").lower() for cell in head]
        if not heads or heads[0] not in COLUMN_HEADS:
            continue
        for row in rows:
            name = row[0].strip().strip("`").replace("\\|", "|") if row else ""
            if name in known:
                yield _Described(name, dict(zip(heads[1:], row[1:], strict=False)))


def _untrue(row: _Described, feature: Feature) -> Iterator[str]:
    """Ranges and types that the cells of the column are not of."""
    numbers = feature.number
    filled = np.zeros(0) if numbers is None else feature.of_train(numbers)
    filled = filled[~np.isnan(filled)]
    for head, cell in row.cells.items():
        stated = _RANGE.fullmatch(cell.strip("` "))
        if len(filled) and stated is not None and _RANGE_HEADS.search(head):
            low, high = sorted(_number(bound) for bound in stated.groups())
            slack = 0.01 * max(abs(low), abs(high))
            outside = float(((filled < low - slack) | (filled > high + slack)).mean())
            if outside > _OUTSIDE:
                there = f"{filled.min():.6g} to {filled.max():.6g}"
                yield f"{feature.name!r} is from {there}, not {cell}"
        if head in _TYPE_HEADS and not feature.missing.all():
            if numbers is None and _NUMERIC.search(cell) and not _holds_digits(feature):
                yield f"{feature.name!r} holds text, not {cell}"
            elif numbers is not None and _TEXTUAL.match(cell) and _has_fractions(feature):
                yield f"{feature.name!r} holds numbers, not {cell}"


def _wrong_gaps(subject: Subject, row: _Described) -> Iterator[str]:
    """Counts and shares of missing cells that are not those of train."""
    if row.column not in subject.train.columns or len(subject.train) < subject.train_count:
        return
    cells = subject.train[row.column]
    empty = float(cells.isna().mean())
    words = float(cells.str.lower().isin(NOTHING | {"none"}).mean())  # to some readers, also empty
    for head, cell in row.cells.items():
        stated = _GAPS.fullmatch(cell) if _GAPS_HEADS.search(head) else None
        if stated is None:
            continue
        unit, off = (100, 1.0) if stated[2] else (len(cells), 0.5)
        if not -off <= _number(stated[1]) - unit * empty <= unit * words + off:
            yield f"of {row.column!r} {unit * empty:.6g} are missing, not {cell}"


def _denied_gaps(subject: Subject, text: str, columns: dict[str, Feature]) -> Iterator[str]:
    """Sentences by which no cell is missing, of the columns that they name or of all."""
    for sentence in sentences(text):
        if not _COMPLETE.search(sentence) or _SUBMITTED.search(sentence):
            continue
        quoted = _QUOTED.findall(sentence)
        named = [n for n in quoted if n in columns]
        if quoted and not named and not any(q in _TABLES for q in quoted):
            continue  # about something else
        sides = [_TABLES[q] for q in quoted if q in _TABLES] or [*_TABLES.values()]
        for name in named or columns:
            if any(getattr(subject, side)[name].isna().any() for side in sides):
                yield f"cells of {name!r} are missing"
                break


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("_", "").replace("\u2212", "-"))


def _holds_digits(feature: Feature) -> bool:
    """Numbers with units, times, and columns with a mark for what is missing pass for numbers."""
    return bool(feature.text.dropna().str.contains(r"\d", regex=True).mean() > 0.5)


def _has_fractions(feature: Feature) -> bool:
    """Whole numbers may be codes, which are text if you like."""
    assert feature.number is not None
    filled = feature.number[~np.isnan(feature.number)]
    return bool((filled != filled.round()).mean() > 0.5)


def _spoken_of(name: str, text: str) -> bool:
    """Whether a column is named, by itself or as one of a numbered row of columns."""
    if mentions(text, name) or mentions(text, name.replace("|", "\\|")):
        return True
    stem = re.escape(name.rstrip("0123456789"))
    return name[-1:].isdigit() and re.search(rf"(?<!\w){stem}(?:\d+|\*|N\b|<)", text) is not None


def _claims_of_split(subject: Subject, text: str, columns: dict[str, Feature]) -> Iterator[str]:
    """Sentences about the division by a column that do not hold."""
    for sentence in sentences(text):
        named = [n for n in _QUOTED.findall(sentence) if n in columns]
        if len(named) != 1 or sentence.startswith("|"):
            continue
        feature = columns[named[0]]
        if _APART.search(sentence) and _shared(feature) > _OUTSIDE:
            yield f"test rows share values of {feature.name!r} with train rows"
        elif _LATER.search(sentence) and _mixed_in_time(feature):
            yield f"test rows are not later than train rows by {feature.name!r}"


def _shared(feature: Feature) -> float:
    """Share of test rows whose value train knows."""
    before, after = feature.of_train(feature.codes), feature.of_test(feature.codes)
    after = after[after >= 0]
    return float(np.isin(after, before).mean()) if len(after) else 0.0


def _mixed_in_time(feature: Feature) -> bool:
    if feature.quantity is None:
        return _shared(feature) > 0.5
    before, after = feature.of_train(feature.quantity), feature.of_test(feature.quantity)
    if np.isnan(before).all() or np.isnan(after).all():
        return False
    return bool(np.nanquantile(after, 0.25) < np.nanquantile(before, 0.75))


CHECKS = (data_dictionary,)
