"""Do ids or the order of rows give answers away?

Defects L3 and L4.

A shuffled file has none of this, so any dependence that is both significant and material is a
defect. Two exceptions are honest: rows in the order of their time in a task about time, and rows
sorted by an input, where the order says no more than that input does: there only the order of rows
with the same value counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mle_smith.checks.association import Goal
from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.dependence import (
    MIN_ROWS,
    NONE,
    Dependence,
    Signal,
    group_dependence,
    of_family,
    order_dependence,
    rise,
    signal_of,
)
from mle_smith.checks.entities import words_of
from mle_smith.checks.features import Feature, Floats, Ints, evenly_spaced, numbers_of
from mle_smith.checks.names import name_dependence, name_numbers
from mle_smith.checks.preparation import order_key
from mle_smith.checks.subject import Subject
from mle_smith.checks.thresholds import Thresholds
from mle_smith.checks.transfer import transferred
from mle_smith.values import Blame, Finding, Severity

_MAX_TRAIN_ROWS = 4_000
_SPARSEST = 10
"""Numbers that there may be for each row, so that they are numbers of rows."""
_KEY_WORDS = frozenset({"id", "key", "no", "nr", "uid", "pid", "ref", "reference", "serial"})
_UNEVEN = 0.1
"""Part of their span by which they may lie off an even spread. No measurement lies as evenly."""


@check(
    {"L03": "ids foretell the answers", "L04": "the order of the test rows foretells the answers"},
    title="Ids and row order",
    asks="Test answers in the order of the rows, and by id (order, remainders, letters, length), "
    "against a random order: stretches, neighbours, periods, how unusual they are, and the train "
    "row in the same place; and what a forest learns from the ids of train rows, and from inputs "
    "that number the rows. What an input by which the rows are sorted explains does not count, nor "
    "does the order of time in a task about time.",
    needs=(Need.PRIVATE,),
)
def order(subject: Subject) -> Iterator[Outcome]:
    """Dependence of answers on ids and positions."""
    for goal in subject.goals:
        if in_time_order(subject):
            yield NotRun("L04", "the rows are in the order of their time, as the task has it")
        else:
            found = _of_places(goal)
            least = subject.thresholds.order_significance
            what = "the position of a row in test.csv"
            yield from _judged(subject, goal, "L04", found, least, what)
        if subject.id_column in subject.test.columns:
            ids = _ids(subject)
            if subject.temporal and _rising(ids):
                yield NotRun("L03", "ids number the rows in the order of time")
            else:
                found, least = _told_by_ids(subject, goal, ids)
                yield from _judged(subject, goal, "L03", found, least, "the id")
        for feature in [] if subject.temporal else filter(_numbers_rows, subject.inputs):
            yield from _numbering(subject, goal, feature)


def _numbers_rows(feature: Feature) -> bool:
    """Whether an input is a number of the row: whole, of each row another, evenly spread.

    One that is called a key or a number need not be even: there may be ranges of them.
    """
    values, rows = feature.number, len(feature.codes)
    if values is None or feature.missing.any() or feature.distinct < 0.99 * rows:
        return False
    ordered, span = np.sort(values), float(np.ptp(values)) + 1
    if (values != np.round(values)).any():
        return False
    if words_of(feature.name) & _KEY_WORDS:
        return True
    if span > _SPARSEST * rows:
        return False
    even = np.linspace(ordered[0], ordered[-1], rows)
    return bool(np.abs(ordered - even).max() <= _UNEVEN * span)


def _numbering(subject: Subject, goal: Goal, feature: Feature) -> Iterator[Outcome]:
    limits = subject.thresholds
    found = transferred(name_numbers(feature.text), goal, subject.seed, "as train teaches")
    numbers = {
        "standard_errors": round(found.significance, 2),
        "share_of_variance": round(found.effect, 4),
    }
    yield Measured("L03", {feature.name: numbers})
    if found.significance >= limits.order_significance and found.effect >= limits.number_effect:
        yield Finding(
            code="L03",
            severity=Severity.ERROR,
            blame=Blame.DESIGN,
            message=f"{feature.name!r} numbers the rows, and explains {found.effect:.1%} of "
            f"{goal.feature.name!r} ({found.significance:.0f} standard errors): they were numbered "
            "in an order that knew the answers; drop it.",
            evidence={
                **numbers,
                "columns": [feature.name],
                "target": goal.feature.name,
                "repair": {"drop_columns": [feature.name]},
            },
        )


def _told_by_ids(subject: Subject, goal: Goal, ids: pd.Series[str]) -> tuple[Dependence, float]:
    """What ids say of the answers, and the standard errors from which on it counts."""
    limits = subject.thresholds
    by_themselves = name_dependence(ids, signal_of(goal))
    if subject.id_column not in subject.train.columns:
        return by_themselves, limits.significance
    before = subject.train[subject.id_column].iloc[subject.train_rows]
    numbers = name_numbers(pd.concat([before, ids]))
    learned = transferred(numbers, goal, subject.seed, "as a forest learns from ids of train")
    if limits.agreement_significance <= learned.significance < limits.order_significance:
        # Ids were given before the rows were divided: train rows say the same, and are more.
        in_train = _told_in_train(goal, before)
        if (in_train + learned.significance) / np.sqrt(2) >= limits.significance:
            return learned, limits.agreement_significance
    # One question is asked here, and a hundred and fifty there.
    if learned.significance - limits.order_significance > (
        by_themselves.significance - limits.significance
    ):
        return learned, limits.order_significance
    return by_themselves, limits.significance


def _told_in_train(goal: Goal, ids: pd.Series[str]) -> float:
    """Standard errors of what ids of train rows say of their own target."""
    known = np.flatnonzero(goal.train_known)
    some = known[evenly_spaced(len(known), _MAX_TRAIN_ROWS)]
    return name_dependence(ids.iloc[some], signal_of(goal, some)).significance


def _rising(ids: pd.Series[str]) -> bool:
    numbers = numbers_of(ids)
    if numbers is None:
        return ids.is_monotonic_increasing
    return bool((np.diff(numbers) > 0).all())


def in_time_order(subject: Subject) -> bool:
    """Whether the test rows of a split by time follow each other in time, as far as can be told."""
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
    subject: Subject, goal: Goal, code: str, found: Dependence, least: float, what: str
) -> Iterator[Outcome]:
    limits = subject.thresholds
    numbers: dict[str, object] = {
        "standard_errors": round(found.significance, 2),
        "share_of_variance": round(found.effect, 4),
        "through": found.how,
    }
    if _significant(found, limits, least):
        order = _order_of(subject, code)
        signal = signal_of(goal).ordered(order)
        by = sorting_input(subject.inputs, order)
        if by is not None:
            found = _within_ties(signal, by.of_test(by.codes)[order])
            numbers["rows_sorted_by"] = by.name
            numbers["standard_errors_within_ties"] = round(found.significance, 2)
    yield Measured(code, numbers)
    if _significant(found, limits, least):
        material, of_a_class = found.effect >= limits.order_effect, ""
        if not material and signal.rows.shape[1] > 1:
            rarer = _of_one_class(signal, least)
            numbers["share_of_one_class"] = round(rarer.effect, 4)
            material = rarer.effect >= limits.order_effect
            of_a_class = f" and {rarer.effect:.1%} of one of its classes"
        yield Finding(
            code=code,
            severity=Severity.ERROR if material else Severity.WARNING,
            blame=Blame.DESIGN,
            message=f"{what} explains {found.effect:.1%} of {goal.feature.name!r}"
            f"{of_a_class} ({found.significance:.0f} standard errors, {found.how}); shuffle the "
            "rows with a fixed seed before ids are given, and write them in that order.",
            evidence={**numbers, "target": goal.feature.name, "repair": {"shuffle": True}},
        )


def _significant(found: Dependence, limits: Thresholds, least: float) -> bool:
    large = found.effect >= 0.5
    return found.significance >= (min(limits.significance_of_large, least) if large else least)


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
        if (codes < 0).mean() > 0.1 or (values is not None and _empty(feature, values) > 0.1):
            continue  # what is left of a column may be in order by luck
        steps = np.diff(codes if values is None else feature.of_test(values)[order])
        steps = steps[~np.isnan(steps)]
        runs, distinct = int((np.diff(codes) != 0).sum()) + 1, len(np.unique(codes))
        sorted_ = values is not None and bool((steps >= 0).all() or (steps <= 0).all())
        if distinct > 1 and (sorted_ or (runs == distinct and 2 * distinct <= len(codes))):
            return feature
    return None


def _empty(feature: Feature, values: Floats) -> float:
    return float(np.isnan(feature.of_test(values)).mean())


def _of_places(goal: Goal) -> Dependence:
    """What the places of test rows say: of answers, of unusual answers, and beside train."""
    signal = signal_of(goal)
    asked = [order_dependence(signal), _beside_train(goal, signal)]
    if not goal.classes:
        far = order_dependence(signal.folded())
        asked.append(far._replace(how=f"how unusual they are: {far.how}"))
    return max(of_family(found, len(asked)) for found in asked)


def _beside_train(goal: Goal, signal: Signal) -> Dependence:
    """What the train row in the same place says: of rows that were matched, say."""
    count = min(len(signal.rows), goal.feature.train_rows)
    signal = signal._replace(rows=signal.rows[:count])
    how = "as the train row in the same place has it"
    if goal.classes:
        return group_dependence(signal, goal.feature.of_train(goal.codes)[:count], how)
    return rise(signal, goal.feature.of_train(goal.matrix)[:count, 0], how)


def _of_one_class(signal: Signal, least: float) -> Dependence:
    """The class of which the order says most, as a share of its own variance."""
    asked = [order_dependence(part) for part in signal.of_each_class()]
    asked = [of_family(found, len(asked)) for found in asked]
    return max(
        (found for found in asked if found.significance >= least),
        key=lambda found: found.effect,
        default=NONE,
    )


def _within_ties(signal: Signal, codes: Ints) -> Dependence:
    """The dependence that is left among rows of the same value of the sorting input."""
    runs = np.cumsum(np.diff(codes, prepend=codes[:1]) != 0)
    long = np.bincount(runs)[runs] >= MIN_ROWS
    rows, runs = signal.rows[long], pd.factorize(runs[long])[0]
    if len(rows) < MIN_ROWS:
        return NONE
    counts = np.bincount(runs)
    means = np.stack([np.bincount(runs, column) / counts for column in rows.T], axis=1)
    return order_dependence(signal._replace(rows=rows - means[runs]))


CHECKS = (order,)
