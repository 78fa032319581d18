"""Was anything learned from test rows before the split: scales, components, means for the missing?

Defect L12. A column whose mean over train and test together is exactly zero, or whose fillings are
the mean of both, was made of both. So were rows drawn between such of both (`interpolated`). Of
prepare.py the code is read (`learning`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.check import Measured, Need, Outcome, check
from mle_smith.checks.features import Floats, numbers_of
from mle_smith.checks.interpolated import interpolated_row_findings
from mle_smith.checks.learning import learning
from mle_smith.checks.subject import Subject
from mle_smith.errors import PackageError
from mle_smith.package.seal import load
from mle_smith.syntax import parse_python
from mle_smith.values import Blame, Finding, Severity

_MAX_ROWS = 500_000
_LEVELS = 20
"""A column of fewer values is asked whether it is filled with one that lies between its levels."""


class _Trace(NamedTuple):
    column: str
    how: str


@check(
    {"L12": "something was learned from train and test rows together"},
    title="Learned from all rows",
    asks="Columns centred, standardised or made uniform over train and test together while train "
    "alone is not; missing cells that hold the mean of both; code of prepare.py that fits, fills "
    "or averages a table that is not the train part; test rows that lie exactly on a line with a "
    "train row, as oversampling before the split leaves them.",
    needs=(Need.PRIVATE,),
)
def learned_from_all(subject: Subject) -> Iterator[Outcome]:
    """Traces of fits in the data, and fits in the code."""
    yield from interpolated_row_findings(subject)
    traces = [t for c in subject.input_columns for t in _traces(subject, c)]
    code = _fits(subject)
    yield Measured("L12", {"columns": len(traces), "places_in_code": code[:5]})
    if code:
        yield _finding(
            Severity.ERROR,
            f"prepare.py learns from rows that are not train's alone: {'; '.join(code[:3])}. Split "
            "first, and fit on train.",
            code=code[:10],
        )
    if traces and not code:
        # The source may have been standardised as a whole; who has the raw data can see that
        # prepare.py leaves the columns as they are, and may have seen it when the task was made.
        names = [t.column for t in traces]
        severity = Severity.INFO if subject.raw is not None else Severity.ERROR
        if severity is Severity.ERROR and set(names) <= _seen_with_raw_data(subject):
            severity = Severity.WARNING
        listed = ", ".join(f"{t.column!r} ({t.how})" for t in traces[:4])
        yield _finding(
            severity,
            f"{len(traces)} columns were made from train and test together: {listed}. Split first, "
            "and fit on train.",
            columns=names,
        )


def _seen_with_raw_data(subject: Subject) -> set[str]:
    """Columns that the manifest says to be standardised in the raw data already."""
    try:
        records = load(subject.package).checks
    except PackageError:
        return set()
    told = (r.numbers for r in records if r.code == "L12" and r.severity is Severity.INFO)
    return {str(name) for numbers in told for name in numbers.get("columns", ())}


def _finding(severity: Severity, message: str, **evidence: object) -> Finding:
    return Finding(
        code="L12", severity=severity, blame=Blame.REFACTOR, message=message, evidence=evidence
    )


def _traces(subject: Subject, column: str) -> Iterator[_Trace]:
    train, test = (
        numbers_of(frame[column].iloc[:_MAX_ROWS]) for frame in (subject.train, subject.test)
    )
    if train is None or test is None:
        return
    train, test = train[np.isfinite(train)], test[np.isfinite(test)]
    if len(train) < 30 or len(test) < 10:
        return
    both = np.concatenate([train, test])
    spread = float(both.std())
    if spread <= 0:
        return
    if np.unique(train).size < _LEVELS:
        yield from _fillings(column, train, both)
        return
    # Cells that were rounded to some digits keep a mean that is off by so little.
    digits = _resolution(both)
    tolerance = 4 * digits / np.sqrt(12 * len(both)) + 1e-9 * spread
    off = abs(float(train.mean()))
    if digits < 1e-2 * spread and abs(float(both.mean())) <= tolerance and off > 20 * tolerance:
        yield _Trace(column, "its mean over all rows is 0")
    elif _robust(both, digits) and not _robust(train, digits):
        yield _Trace(column, "its quartiles over all rows are 1 apart, around a median of 0")
    elif (_uniform(both) <= 1.5 and _uniform(train) > 4) or _ranked(both) > _ranked(train):
        yield _Trace(column, "its ranks over all rows are even")
    else:
        yield from _fillings(column, train, both)


def _robust(values: Floats, digits: float) -> bool:
    """Whether the median is taken away, and the distance of the quartiles divided by."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return bool(digits < 1e-2 and max(abs(middle), abs(high - low - 1)) <= digits + 1e-9)


def _resolution(values: Floats) -> float:
    """The smallest step between different values: what they were rounded to."""
    steps = np.diff(np.unique(values[:20_000]))
    return float(np.median(np.sort(steps)[: max(1, len(steps) // 20)])) if len(steps) else 0.0


def _ranked(values: Floats) -> bool:
    """Whether the values are their own ranks, equal ones included, from 0 to 1.

    The ends may be drawn out to 0 and 1, however many rows are equal there, and of equal rows the
    rank is one of two next to each other.
    """
    ranks, count = rankdata(values), len(values)
    _, places, equal = np.unique(values, return_inverse=True, return_counts=True)
    close = np.where(equal[places] > 1, 0.6, 0.1) / count
    inner = (values > values.min()) & (values < values.max())
    if not inner.any():
        return False
    scaled = (ranks / count, (ranks - 0.5) / count, (ranks - 1) / max(1, count - 1))
    return any((np.abs(values - one) < close)[inner].all() for one in scaled)


def _uniform(values: Floats) -> float:
    """The largest distance of the values from an even row of 0 to 1, in places."""
    even = np.linspace(0, 1, len(values))
    return float(np.abs(np.sort(values) - even).max() * len(values))


def _fillings(column: str, train: Floats, both: Floats) -> Iterator[_Trace]:
    """A value that occurs again and again, and is the mean of all the others."""
    values, counts = np.unique(both, return_counts=True)
    for place in np.argsort(-counts)[: 3 if len(values) >= _LEVELS else _LEVELS]:
        value, count = float(values[place]), int(counts[place])
        if count < 3:
            return
        rest, head = both[both != value], train[train != value]
        if len(head) < 20:
            continue
        close = 1e-9 * (1 + abs(value)) + 1e-12 * float(np.abs(rest).max())
        if len(values) < _LEVELS and not _between(value, np.unique(rest)):
            continue  # a design of few levels has its middle one for a mean
        if abs(float(rest.mean()) - value) <= close < abs(float(head.mean()) - value):
            yield _Trace(column, "its missing cells hold the mean of all rows")


def _between(value: float, levels: Floats) -> bool:
    """Whether a value lies off the even levels that all others lie on."""
    if len(levels) < 2:
        return False
    places = (levels - levels[0]) / float(np.diff(levels).min())
    place = (value - levels[0]) / float(np.diff(levels).min())
    even = bool(np.abs(places - places.round()).max() < 1e-6)
    return even and abs(place - round(place)) > 1e-3


def _fits(subject: Subject) -> list[str]:
    """Places of prepare.py that learn from a table that is not the train part."""
    try:
        tree = parse_python(subject.paths.prepare.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError):
        return []
    found = learning(tree, set(subject.targets), set(subject.input_columns))
    return [f"line {line}: {what}" for line, what in found]


CHECKS = (learned_from_all,)
