"""Is the sample submission made from the answers?

Defect L13.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import binom, norm, rankdata  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.association import Goal, correlation
from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.dependence import order_dependence, signal_of
from mle_smith.checks.features import numbers_of, plain
from mle_smith.checks.order import in_time_order
from mle_smith.checks.subject import FileDefectError, Subject
from mle_smith.package.layout import SAMPLE_SUBMISSION
from mle_smith.values import Blame, Finding, Severity

_FEW_VALUES = 60
_MOST_MOVED = 20
_MOVED = 0.9
_MOVED_LEAST = 0.02


def _error(message: str, **evidence: object) -> Finding:
    return Finding(
        code="L13",
        severity=Severity.ERROR,
        blame=Blame.DESIGN,
        message=message,
        evidence=evidence,
    )


@check(
    {"L13": "the sample submission is made from the answers"},
    title="The sample submission",
    asks="Its predictions do not agree with the answers, nor does its order, beyond chance; its "
    "constants are not the mean of the answers.",
    needs=(Need.PRIVATE,),
)
def sample_submission(subject: Subject) -> Iterator[Outcome]:
    """Predictions of the sample submission against the answers."""
    key = subject.id_column
    ids, answers = subject.sample[key], subject.answers
    if not answers[key].is_unique:
        raise FileDefectError("private/test_answer.csv", "its ids are not unique")
    if not ids.equals(answers[key]):
        if not ids.is_unique or set(ids) != set(answers[key]):
            reason = "its ids are not those of the answers"
            raise FileDefectError(f"public/{SAMPLE_SUBMISSION}", reason)
        answers = answers.set_index(key).loc[ids].reset_index()
    for goal in subject.goals:
        target = goal.feature.name
        yield from _predictions_made_of(subject, goal, answers[target])
        yield from _constant_of(subject, goal, answers[target])
        if target in subject.sample.columns:
            yield from _shuffled(goal, subject.sample[target], answers[target])
    if key in subject.test.columns and not ids.reset_index(drop=True).equals(
        subject.test[key].reset_index(drop=True)
    ):
        yield from _sample_order(subject)


def _predictions_made_of(
    subject: Subject, goal: Goal, answers: pd.Series[str]
) -> Iterator[Outcome]:
    target = goal.feature.name
    limits = subject.thresholds
    best = (0.0, 0.0)
    for column in subject.sample.columns:
        given = subject.sample[column]
        if not (column == target or column.startswith(f"{target}_")) or given.nunique() < 2:
            continue
        best = max(best, _agreement(given, answers, column, goal), _spelling(given, answers, goal))
        if by := _moved_on(given, answers):
            yield _error(
                f"the sample submission holds the answers to {target!r} moved on by {by} rows; "
                "write one constant into each row.",
                target=target,
                rows=by,
                repair={"sample_submission": "constant"},
            )
            return
        rows, chance = _exceptions(given, answers) if goal.classes else (0, 1.0)
        if rows >= limits.sample_exceptions and chance <= limits.sample_exceptions_chance:
            yield _error(
                f"the sample submission is one constant but for {rows} rows, each of which tells "
                f"its answer to {target!r} (a chance of {chance:.2g}); write the constant there "
                "too.",
                target=target,
                rows=rows,
                chance=chance,
                repair={"sample_submission": "constant"},
            )
            return
    significance, excess = best
    yield Measured("L13", {"standard_errors": round(significance, 2), "excess": round(excess, 4)})
    if significance >= limits.sample_significance and excess >= limits.sample_excess:
        yield _error(
            f"the sample submission agrees with the answers to {target!r} beyond chance (excess "
            f"{excess:.1%}, {significance:.0f} standard errors); write one constant into each row.",
            target=target,
            excess=round(excess, 4),
            repair={"sample_submission": "constant"},
        )


def _agreement(
    given: pd.Series[str], answers: pd.Series[str], column: str, goal: Goal
) -> tuple[float, float]:
    """Standard errors and size of what the column knows of the answers.

    Asked of the rows that differ from its most frequent value: the rest may be a constant.
    """
    ours, theirs = plain(given), plain(answers)
    varied = (ours != ours.mode()[0]).to_numpy()
    shares = theirs.value_counts(normalize=True)
    chances = ours[varied].map(shares).fillna(0.0).astype(np.float64)
    same = int((ours[varied].to_numpy() == theirs[varied].to_numpy()).sum())
    luck = binom.sf(same - 1, int(varied.sum()), float(np.clip(chances.mean(), 1e-3, 1.0)))
    found = (_z(float(luck)), (same - float(chances.sum())) / len(ours))
    numbers, truth = numbers_of(given), numbers_of(answers)
    if goal.classes:
        label = plain(pd.Series([column.removeprefix(f"{goal.feature.name}_")]))[0]
        marked = (theirs == label).to_numpy().astype(np.float64)
        codes = pd.factorize(theirs, sort=True)[0].astype(np.float64)
        truth = marked if marked.any() else codes
    if numbers is not None and truth is not None and not np.isnan(numbers).any():
        r = abs(correlation(rankdata(numbers), rankdata(truth)))
        found = max(found, (r * np.sqrt(len(ours)), r**2))
    return (float(found[0]), float(found[1]))


def _moved_on(given: pd.Series[str], answers: pd.Series[str]) -> int:
    """By how many rows what is given has to be moved to go with the answers, value by value."""
    ours, values = pd.factorize(plain(given))
    theirs, labels = pd.factorize(plain(answers))
    rows, few = len(ours), len(values) <= _FEW_VALUES and len(labels) <= _FEW_VALUES
    if not few or min(len(values), len(labels)) < 2 or rows < 2 * _MOST_MOVED:
        return 0
    usual = float(np.bincount(theirs[theirs >= 0]).max()) / rows
    for by in (*range(1, _MOST_MOVED), *range(-_MOST_MOVED, 0)):
        table = np.zeros((len(values) + 1, len(labels) + 1))
        np.add.at(table, (ours, np.roll(theirs, by)), 1)
        told = float(table[:-1].max(axis=1).sum()) / rows
        # Of a constant so many are right by themselves.
        if told - usual >= _MOVED * (1 - usual) and 1 - usual > _MOVED_LEAST:
            return int(abs(by))
    return 0


def _exceptions(given: pd.Series[str], answers: pd.Series[str]) -> tuple[int, float]:
    """Rows of a nearly constant column that are not the constant, and the chance of their values.

    By lot, where each value stands for one class; 1 where it does not.
    """
    ours, theirs = plain(given).reset_index(drop=True), plain(answers).reset_index(drop=True)
    varied = ours != ours.mode()[0]
    pairs = pd.DataFrame({"ours": ours, "theirs": theirs})[varied].drop_duplicates()
    if varied.mean() > 0.3 or not (pairs["ours"].is_unique and pairs["theirs"].is_unique):
        return 0, 1.0
    shares = theirs.map(theirs.value_counts(normalize=True))
    return int(varied.sum()), float(np.prod(shares[varied].to_numpy(dtype=np.float64)))


def _spelling(given: pd.Series[str], answers: pd.Series[str], goal: Goal) -> tuple[float, float]:
    """The same of the way in which equal numbers are written (0.5 and 0.50)."""
    numbers, truth = numbers_of(given), numbers_of(answers)
    if numbers is None or len(np.unique(numbers)) == given.nunique():
        return 0.0, 0.0
    usual = given.groupby(numbers).transform(lambda cells: cells.mode()[0])
    mark = (given != usual).to_numpy().astype(np.float64)
    labels = plain(answers)
    sides = [labels == label for label in labels.unique()] if goal.classes else [rankdata(truth)]
    r = max(abs(correlation(mark, np.asarray(side, dtype=np.float64))) for side in sides)
    return float(r * np.sqrt(len(mark))), float(r**2)


def _z(chance: float) -> float:
    return float(norm.isf(max(chance, 1e-300)))


def _constant_of(subject: Subject, goal: Goal, answers: pd.Series[str]) -> Iterator[Finding]:
    """A constant that is the mean of the answers, and not that of train."""
    name = goal.feature.name
    if name not in subject.sample.columns or subject.sample[name].nunique() != 1:
        return
    constant, truth = numbers_of(subject.sample[name]), numbers_of(answers)
    train = numbers_of(subject.train[name])
    if constant is None or truth is None or train is None:
        return
    for centre in (np.nanmean, np.nanmedian):
        theirs, known = float(centre(truth)), float(centre(train))
        unusual = theirs != round(theirs, 1) and not np.isclose(theirs, known, rtol=1e-6)
        if unusual and np.isclose(constant[0], theirs, rtol=1e-9, atol=0):
            yield _error(
                f"the sample submission's constant {constant[0]:g} is the {centre.__name__[3:]} of "
                "the answers, to the last digit; take one that knows nothing of them.",
                target=name,
                repair={"sample_submission": "constant"},
            )
            return


def _shuffled(goal: Goal, given: pd.Series[str], answers: pd.Series[str]) -> Iterator[Finding]:
    """The very answers, a quantity of many values, in another order."""
    ours, theirs = plain(given).dropna(), plain(answers).dropna()
    if goal.classes or theirs.nunique() < 10 or ours.nunique() < 10:
        return
    shared = (ours.value_counts() - theirs.value_counts()).abs().sum()
    if shared <= 0.02 * len(theirs) and len(ours) == len(theirs):
        yield _error(
            f"the sample submission holds the answers to {goal.feature.name!r} in another order; "
            "write one constant into each row.",
            target=goal.feature.name,
            repair={"sample_submission": "constant"},
        )


def _sample_order(subject: Subject) -> Iterator[Outcome]:
    """The order of the sample submission, where it is not that of the test rows."""
    if subject.temporal and not in_time_order(subject):
        yield NotRun("L13", "its order is not that of the test rows, and may be that of time")
        return
    goal = subject.goals[0]
    kept = subject.test[subject.id_column].iloc[subject.test_rows]
    places = pd.Series(np.arange(len(kept)), index=kept.to_numpy())
    order = places.reindex(subject.sample[subject.id_column]).dropna().astype(np.int64)
    found = order_dependence(signal_of(goal).ordered(order.to_numpy()))
    material = found.effect >= subject.thresholds.order_effect
    if found.significance >= subject.thresholds.order_significance and material:
        yield _error(
            f"the order of the sample submission's rows foretells {goal.feature.name!r} "
            f"({found.significance:.0f} standard errors); write them in the order of test.csv.",
            effect=round(found.effect, 4),
            repair={"sample_submission": "test order"},
        )


CHECKS = (sample_submission,)
