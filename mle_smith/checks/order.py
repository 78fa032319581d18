"""Do ids or the order of rows give answers away?

Defects L3 and L4.

A shuffled file has none of this, so any dependence that is both significant and material is a
defect. Two exceptions are honest: rows in the order of their time in a task about time, and rows
sorted by an input, where the order says no more than that input does: there only the order of rows
with the same value counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2, hypergeom, norm  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.association import Goal
from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.features import Feature, Floats, Ints, numbers_of
from mle_smith.checks.preparation import order_key
from mle_smith.checks.subject import Subject
from mle_smith.checks.thresholds import Thresholds
from mle_smith.values import Blame, Finding, Severity

_LAGS = 12
_MODULI = (2, 3, 4, 5, 7, 8, 10)
_MIN_ROWS = 20


class Dependence(NamedTuple):
    """How the target depends on an order: standard errors, and share of its variance."""

    significance: float
    effect: float
    how: str


_NONE = Dependence(0.0, 0.0, "not at all")


class Signal(NamedTuple):
    """Answers as rows by columns of variance."""

    rows: Floats
    rarest: float
    """Share of the rarest class; 1 for a quantity. Rare events lie close together by luck more
    often than the normal approximation says, so they are asked with fewer, larger groups."""
    total: float
    """Variance that effects are shares of."""

    def ordered(self, order: NDArray[Any]) -> Signal:
        """The same rows in another order."""
        return self._replace(rows=self.rows[order])


def signal_of(goal: Goal) -> Signal:
    """The test answers, without classes too rare to say anything (fewer than 4 rows)."""
    rows = goal.feature.of_test(goal.matrix)[:, _telling(goal)]
    rarest = 1.0
    if goal.classes:
        rarest = float(rows.mean(axis=0).min(initial=1.0))
    return Signal(rows, rarest, float(((rows - rows.mean(axis=0)) ** 2).sum()))


def _telling(goal: Goal) -> Ints:
    """Columns of the target's matrix that enough rows have, and enough have not."""
    counts = goal.feature.of_test(goal.matrix).sum(axis=0)
    rows = len(goal.feature.of_test(goal.codes))
    frequent = (counts >= 4) & (counts <= rows - 4)
    return np.flatnonzero(frequent | (not goal.classes)).astype(np.int64)


def order_dependence(signal: Signal) -> Dependence:
    """Dependence of rows on their position: stretches (blocks), neighbours and periods (lags)."""
    count = len(signal.rows)
    centred = signal.rows - signal.rows.mean(axis=0)
    variance = float((centred**2).sum())
    if count < _MIN_ROWS or variance <= 0:
        return _NONE
    blocks = int(np.clip(min(count // 10, count * signal.rarest / 5), 2, 24))
    found = [_between(signal, np.arange(count) * blocks // count, "in stretches")]
    found += [_at_the_ends(column, signal) for column in signal.rows.T]
    pairs = count * signal.rarest**2
    for lag in range(1, min(_LAGS, count // 4) + 1 if pairs >= 4 else 1):
        correlation = float((centred[:-lag] * centred[lag:]).sum()) / variance
        z = abs(correlation + 1 / count) * np.sqrt(count)
        effect = abs(correlation) * variance / signal.total
        found.append(Dependence(float(z), effect, f"rows {lag} apart are alike, or unlike"))
    return max(found, key=lambda d: (d.significance, d.effect))


def _at_the_ends(column: Floats, signal: Signal) -> Dependence:
    """Members of one class among the first, or last, so many rows: exact, also for rare classes."""
    members = int(column.sum())
    if not np.isin(column, (0.0, 1.0)).all() or not 2 <= members <= len(column) // 2:
        return _NONE
    most = int(max(column[:members].sum(), column[-members:].sum()))
    chance = 2 * float(hypergeom.sf(most - 1, len(column), members, members))
    share = members / len(column)
    effect = max(0.0, (most / members - share) / (1 - share))
    return Dependence(float(norm.isf(max(min(chance, 1.0), 1e-300))), effect, "at one end")


def group_dependence(signal: Signal, groups: NDArray[Any], how: str) -> Dependence:
    """Dependence of rows on a grouping of them; groups too small to tell are thrown together."""
    codes = pd.factorize(groups)[0]
    small = np.bincount(codes) * signal.rarest < 4
    codes = pd.factorize(np.where(small[codes], -2, codes))[0]
    if len(codes) < _MIN_ROWS or codes.max() < 1 or codes.max() > len(codes) // 5:
        return _NONE
    return _between(signal, codes, how)


def _between(signal: Signal, codes: Ints, how: str) -> Dependence:
    """Variance between groups against that of a random order (Satterthwaite's chi-square)."""
    centred = signal.rows - signal.rows.mean(axis=0)
    counts = np.bincount(codes)
    degrees = len(counts) - 1
    variance = float((centred**2).sum())
    if degrees < 1 or variance <= 0:
        return _NONE
    sums = [np.bincount(codes, column) for column in centred.T]
    between = sum(float((s**2 / counts).sum()) for s in sums) / variance
    weights = np.linalg.eigvalsh(centred.T @ centred) / variance
    concentration = float((weights**2).sum())
    chance = chi2.sf(between * (len(centred) - 1) / concentration, degrees / concentration)
    expected = degrees / (len(centred) - 1)
    effect = max(0.0, between - expected) * variance / signal.total
    return Dependence(float(norm.isf(max(float(chance), 1e-300))), effect, how)


def id_dependence(ids: pd.Series[str], signal: Signal) -> Dependence:
    """The strongest dependence of rows on what ids say: order, remainders, letters, length."""
    numbers = numbers_of(ids)
    text = ids.fillna("")
    inner = text.str.extract(r"(\d{1,15})\D*$", expand=False)
    values = numbers if numbers is not None else pd.to_numeric(inner).to_numpy(np.float64)
    found = [_NONE]
    if not np.isnan(values).any() and np.abs(values).max(initial=0) < 2**53:
        found.append(order_dependence(signal.ordered(np.argsort(values, kind="stable"))))
        whole = values.astype(np.int64)
        for modulus in _MODULI:
            found.append(group_dependence(signal, whole % modulus, f"the remainder by {modulus}"))
    found.append(order_dependence(signal.ordered(np.argsort(text.to_numpy(), kind="stable"))))
    for pattern, how in ((r"^([^\d]*)", "its letters"), (r"(.)$", "its last character")):
        part = text.str.extract(pattern, expand=False).fillna("")
        found.append(group_dependence(signal, pd.factorize(part)[0], how))
    found.append(group_dependence(signal, text.str.len().to_numpy(), "its length"))
    return max(found, key=lambda d: d.significance)


@check(
    {"L03": "ids foretell the answers", "L04": "the order of the test rows foretells the answers"},
    title="Ids and row order",
    asks="Test answers in the order of the rows, and by id (order, remainders, letters, length), "
    "against a random order: stretches, neighbours, periods. What an input by which the "
    "rows are sorted explains does not count, nor does the order of time in a task about time.",
    needs=(Need.PRIVATE,),
)
def order(subject: Subject) -> Iterator[Outcome]:
    """Dependence of answers on ids and positions."""
    for goal in subject.goals:
        signal = signal_of(goal)
        if _in_time_order(subject):
            yield NotRun("L04", "the rows are in the order of their time, as the task has it")
        else:
            plain = order_dependence(signal)
            yield from _judged(subject, goal, "L04", plain, "the position of a row in test.csv")
        if subject.id_column in subject.test.columns:
            ids = _ids(subject)
            if subject.temporal and _rising(ids):
                yield NotRun("L03", "ids number the rows in the order of time")
            else:
                yield from _judged(subject, goal, "L03", id_dependence(ids, signal), "the id")


def _rising(ids: pd.Series[str]) -> bool:
    numbers = numbers_of(ids)
    if numbers is None:
        return ids.is_monotonic_increasing
    return bool((np.diff(numbers) > 0).all())


def _in_time_order(subject: Subject) -> bool:
    if not subject.temporal:
        return False
    columns = list(subject.plan.split.time_columns) if subject.plan else []
    if not set(columns) <= set(subject.test.columns):
        return True  # time is not public; the order of rows is all that is left of it
    if not columns:
        columns = [f.name for f in subject.inputs if f.time is not None][:1]
    keys = order_key(subject.test, columns) if columns else None
    if keys is None:
        return True
    ranked = np.lexsort(keys[::-1])
    steps = [np.diff(key[ranked]) for key in keys]
    return bool((ranked == np.arange(len(ranked))).all()) or not any(s.any() for s in steps)


def _judged(
    subject: Subject, goal: Goal, code: str, found: Dependence, what: str
) -> Iterator[Outcome]:
    limits = subject.thresholds
    numbers: dict[str, object] = {
        "standard_errors": round(found.significance, 2),
        "share_of_variance": round(found.effect, 4),
        "through": found.how,
    }
    if _significant(found, limits):
        order = _order_of(subject, code)
        by = sorting_input(subject.inputs, order)
        if by is not None:
            found = _within_ties(signal_of(goal).ordered(order), by.of_test(by.codes)[order])
            numbers["rows_sorted_by"] = by.name
            numbers["standard_errors_within_ties"] = round(found.significance, 2)
    yield Measured(code, numbers)
    if _significant(found, limits):
        material = found.effect >= limits.order_effect
        yield Finding(
            code=code,
            severity=Severity.ERROR if material else Severity.WARNING,
            blame=Blame.DESIGN,
            message=f"{what} explains {found.effect:.1%} of {goal.feature.name!r} "
            f"({found.significance:.0f} standard errors, {found.how}); shuffle the rows with a "
            "fixed seed before ids are given, and write them in that order.",
            evidence={**numbers, "target": goal.feature.name, "repair": {"shuffle": True}},
        )


def _significant(found: Dependence, limits: Thresholds) -> bool:
    large = found.effect >= 0.5
    return found.significance >= (limits.significance_of_large if large else limits.significance)


def _ids(subject: Subject) -> pd.Series[str]:
    return subject.test[subject.id_column].iloc[subject.test_rows].reset_index(drop=True)


def _order_of(subject: Subject, code: str) -> NDArray[Any]:
    """The order of rows in question: that of the ids (L03) or of the file (L04)."""
    if code == "L04":
        return np.arange(len(subject.test_rows))
    ids = _ids(subject)
    numbers = numbers_of(ids)
    return np.argsort(ids.to_numpy() if numbers is None else numbers, kind="stable")


def sorting_input(features: Sequence[Feature], order: NDArray[Any]) -> Feature | None:
    """The input by whose values test rows are sorted, or lie together, in this order; if any."""
    for feature in features:
        codes = feature.of_test(feature.codes)[order]
        values = feature.quantity
        steps = np.diff(codes if values is None else feature.of_test(values)[order])
        steps = steps[~np.isnan(steps)]
        runs, distinct = int((np.diff(codes) != 0).sum()) + 1, len(np.unique(codes))
        sorted_ = values is not None and bool((steps >= 0).all() or (steps <= 0).all())
        if distinct > 1 and (sorted_ or (runs == distinct and 2 * distinct <= len(codes))):
            return feature
    return None


def _within_ties(signal: Signal, codes: Ints) -> Dependence:
    """The dependence that is left among rows of the same value of the sorting input."""
    runs = np.cumsum(np.diff(codes, prepend=codes[:1]) != 0)
    long = np.bincount(runs)[runs] >= _MIN_ROWS
    rows, runs = signal.rows[long], pd.factorize(runs[long])[0]
    if len(rows) < _MIN_ROWS:
        return _NONE
    counts = np.bincount(runs)
    means = np.stack([np.bincount(runs, column) / counts for column in rows.T], axis=1)
    return order_dependence(signal._replace(rows=rows - means[runs]))


CHECKS = (order,)
