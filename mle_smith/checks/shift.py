"""Can train and test rows be told apart, though chance alone should have divided them?

Adversarial validation: a forest learns which side a row is on, from the inputs. Where rows were
divided at random it cannot; where it can, the test rows were changed, chosen or sorted, and scores
on them say little about the task.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import (  # type: ignore[import-untyped]  # has no stubs
    binom,
    chi2_contingency,
    ks_2samp,
)
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score

from mle_smith.checks.association import Goal, encoded
from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.features import Feature, Floats, Ints, Mask, evenly_spaced
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity, SplitKind

_FEWEST = 40
_MAX_ROWS = 2_000
"""A side. Time: half a second."""
_FEWEST_THINGS = 10
_BY_CHANCE = 0.01
"""Two things have one name."""
_LIKE = 0.9
"""Things of test whose names are formed as some of train are."""
_CHANCE = 1e-6
_NOTHING_IN_COMMON = 0.9
_SELDOM = 3
"""Rows of a value. Good and Turing count the values of one row; rows that are alike may have been
kept together."""


@check(
    {"P14": "train and test rows can be told apart, though they were divided at random"},
    title="Adversarial validation",
    asks="From rows that are like no other a forest learns, by the inputs, whether a row is a "
    "train or a test row. Where the split is at random it must not tell rows apart that it has not "
    "seen. Of a split that is not known, as of foreign packages, it is a warning: groups or times "
    "may have divided the rows.",
)
def told_apart(subject: Subject) -> Iterator[Outcome]:
    """Area under the curve of a forest, on rows that its trees have not seen."""
    planned = subject.plan is not None
    if not _may_be_random(subject):
        yield NotRun("P14", "the split is not at random")
        return
    inputs = [feature for feature in subject.inputs if feature.distinct > 1 and not _names(feature)]
    if not inputs:
        yield NotRun("P14", "there are no inputs")
        return
    columns = [*map(_values, inputs), *(part for f in inputs for part in _calendar(f))]
    table = np.stack(columns, axis=1)
    # Rows that are equal may have been kept together, and so be known again.
    single = ~pd.DataFrame(table).duplicated(keep=False).to_numpy()
    train, test = (_some(np.flatnonzero(side & single)) for side in _sides(inputs[0]))
    if min(len(train), len(test)) < _FEWEST:
        yield NotRun("P14", f"one side has fewer than {_FEWEST} rows that are like no other")
        return
    area, error = _area(table[[*train, *test]], len(train), subject.seed)
    numbers = {"area_under_curve": round(area, 4), "standard_error": round(error, 4)}
    yield Measured("P14", numbers)
    limits = subject.thresholds
    if area < limits.apart_warning or area - 0.5 < limits.significance * error:
        return
    certain = planned and area >= limits.apart
    yield Finding(
        code="P14",
        severity=Severity.ERROR if certain else Severity.WARNING,
        blame=Blame.REFACTOR,
        message=f"a forest tells test rows from train rows (area under the curve {area:.2f}, 0.50 "
        "by chance); divide the rows at random, and do the same to both sides, or split by the "
        "groups or the time that divides them and say so.",
        evidence=numbers,
    )


@check(
    {"P15": "the answers are not distributed as the targets of train are (defect M1)"},
    title="Targets on both sides",
    asks="Shares of the classes, or the distribution of the quantity (Kolmogorov and Smirnov), of "
    "answers and of train. Where the split is at random they are alike, unless the answers are in "
    "another unit or code. Of a split that is not known, nearly nothing in common is an error.",
    needs=(Need.PRIVATE,),
)
def unlike_targets(subject: Subject) -> Iterator[Outcome]:
    """How far apart the two distributions are, from 0 to 1."""
    planned = subject.plan is not None
    if not _may_be_random(subject):
        yield NotRun("P15", "the split is not at random")
        return
    limits = subject.thresholds
    for goal in subject.goals:
        train, test = goal.feature.of_train(goal.codes), goal.feature.of_test(goal.codes)
        train, test = train[train >= 0], test[test >= 0]
        if min(len(train), len(test)) < _FEWEST:
            continue
        distance, chance = _classes_apart(train, test) if goal.classes else _apart(goal)
        numbers = {"distance": round(distance, 4)}
        yield Measured("P15", {goal.feature.name: numbers})
        if distance < limits.targets_apart or chance > _CHANCE:
            continue
        certain = planned or distance >= _NOTHING_IN_COMMON
        yield Finding(
            code="P15",
            severity=Severity.ERROR if certain else Severity.WARNING,
            blame=Blame.DESIGN,
            message=f"the answers to {goal.feature.name!r} are distributed otherwise than train's "
            f"(distance {distance:.2f} of at most 1); give both in one unit and one code, and "
            "divide the rows at random.",
            evidence={**numbers, "target": goal.feature.name},
        )


@check(
    {"P16": "cells of test hold values that train never has (defect M10)"},
    title="Values that train does not know",
    asks="Of each column that repeats its values: test cells whose value no train row has, against "
    "the part of train rows whose value few have (Good and Turing). Where the split is at random "
    "more are a shifted, recoded or spoilt column. Of a split that is not known it is a warning.",
)
def unknown_values(subject: Subject) -> Iterator[Outcome]:
    """Test cells of unknown values, beyond chance."""
    planned = subject.plan is not None
    if not _may_be_random(subject):
        yield NotRun("P16", "the split is not at random")
        return
    limits = subject.thresholds
    for feature in subject.inputs:
        train, test = feature.of_train(feature.codes), feature.of_test(feature.codes)
        train, test = train[train >= 0], test[test >= 0]
        if len(train) < _FEWEST or not len(test):
            continue
        counts = np.bincount(train, minlength=feature.distinct)
        usual = float((counts[train] <= _SELDOM).mean())
        unknown = int((counts[test] == 0).sum())
        share = unknown / len(test)
        if share - usual < limits.unknown_values or _things_of_one_side(feature):
            continue
        chance = float(binom.sf(unknown - 1, len(test), max(usual, 1 / len(train))))
        numbers = {"share_of_test": round(share, 4), "expected_at_most": round(usual, 4)}
        yield Measured("P16", {feature.name: numbers})
        if chance > _CHANCE:
            continue
        yield Finding(
            code="P16",
            severity=Severity.ERROR if planned else Severity.WARNING,
            blame=Blame.REFACTOR,
            message=f"{share:.0%} of the test cells of {feature.name!r} hold values that train "
            f"never has, where at most {usual:.0%} would by chance; do the same to both sides.",
            evidence={**numbers, "columns": [feature.name]},
        )


def _things_of_one_side(feature: Feature) -> bool:
    """Whether no thing of test is in train, but things of its kind: a group that was not planned.

    A column that is coded in another way on each side has no value in common either.
    """
    if feature.number is not None:
        return False
    cut = feature.train_rows
    train, test = (set(t.dropna()) for t in (feature.text[:cut], feature.text[cut:]))
    if len(test) < _FEWEST_THINGS or len(train & test) > _BY_CHANCE * len(test):
        return False
    forms = {_form(text) for text in train}
    return sum(_form(text) in forms for text in test) >= _LIKE * len(test)


def _form(text: str) -> tuple[int, bool, bool, str]:
    """The length of a text, which letters it has, and what else it has in which order."""
    lower, upper = text != text.upper(), text != text.lower()
    return len(text), lower, upper, re.sub(r"[^\W_]+", "", text)


def _may_be_random(subject: Subject) -> bool:
    """Whether chance divided the rows, as far as is known."""
    return subject.plan is None or subject.plan.split.kind is SplitKind.STRATIFIED


def _classes_apart(train: Ints, test: Ints) -> tuple[float, float]:
    """Total variation of the shares, and the chance of as much by the chi-squared test."""
    size = int(max(train.max(), test.max())) + 1
    counts = np.stack([np.bincount(side, minlength=size) for side in (train, test)])
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:
        return 0.0, 1.0
    shares = counts / counts.sum(axis=1, keepdims=True)
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    return distance, float(chi2_contingency(counts).pvalue)


def _apart(goal: Goal) -> tuple[float, float]:
    train, test = goal.feature.of_train(goal.values), goal.feature.of_test(goal.values)
    compared = ks_2samp(train[~np.isnan(train)], test[~np.isnan(test)], method="asymp")
    return float(compared.statistic), float(compared.pvalue)


def _names(feature: Feature) -> bool:
    """Whether hardly two rows have the same text: names, which may be numbered, say nothing."""
    written = feature.number is None and feature.time is None
    return written and feature.distinct > len(feature.codes) // 2


def _sides(feature: Feature) -> tuple[Mask, Mask]:
    is_train = np.arange(len(feature.text)) < feature.train_rows
    return is_train, ~is_train


def _some(rows: Ints) -> Ints:
    return rows[evenly_spaced(len(rows), _MAX_ROWS)]


def _values(feature: Feature) -> Floats:
    """The column in numbers that say nothing of where a value is first seen."""
    if feature.quantity is not None:
        return encoded(feature)
    return pd.factorize(feature.text, sort=True)[0].astype(np.float64)


def _calendar(feature: Feature) -> Iterator[Floats]:
    """Day of the month, month, weekday and hour of a time: dates that were compared as texts."""
    if feature.time is None:
        return
    times = pd.DatetimeIndex(pd.to_datetime(feature.time, unit="s", errors="coerce"))
    for part in (times.day, times.month, times.day_of_week, times.hour):
        values = np.nan_to_num(np.asarray(part, dtype=np.float64), nan=-1.0)
        if values.min() < values.max():
            yield values


def _area(table: Floats, train_rows: int, seed: int) -> tuple[float, float]:
    """Area, and its standard error by Hanley and McNeil (1982) where nothing is to be told."""
    test_rows = len(table) - train_rows
    side = np.repeat([0, 1], [train_rows, test_rows])
    forest = ExtraTreesClassifier(
        100, min_samples_leaf=5, max_features=0.5, bootstrap=True, oob_score=True, random_state=seed
    )
    told = np.nan_to_num(forest.fit(table, side).oob_decision_function_[:, 1], nan=0.5)
    error = math.sqrt((len(side) + 1) / (12 * train_rows * test_rows))
    return float(roc_auc_score(side, told)), error


CHECKS = (told_apart, unlike_targets, unknown_values)
