"""Is an input made of the targets of test rows too: means by group, ranks within a group?

Defect L8. An encoding that was learned from train goes with the means of train; one that was
computed before the split goes with those of all rows. An honest feature of the group goes with
both nearly alike, so the two residuals are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from mle_smith.checks.association import Goal, column_skill
from mle_smith.checks.check import Measured, Need, Outcome, check
from mle_smith.checks.features import Feature, Floats, Ints, Mask
from mle_smith.checks.group_tables import told_of_groups
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity

_PRIORS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 50.0, 100.0)
_MAX_NUMBERS = 60
_FEWEST_VALUES = 3
"""A mean over three rows of two classes has four, of which one may be missing."""
_FEWEST_GROUPS = 8
_ByGroup: TypeAlias = npt.NDArray[Any]
_MAX_GROUPINGS = 12
"""Groupings, the finest, whose means are asked for."""
_FEWEST_OF_A_GROUPING = 4
_MOST_GROUPINGS = 40
"""Groupings whose means of the other rows are: few groups are enough for these."""
_MAX_CLASSES = 12
_LEFT_BY_OTHERS = 0.02
"""Variance that a mean of the other rows may leave."""


class _Ranked(NamedTuple):
    """Targets by their rank, of the rows of groups that are large enough."""

    kept: Mask
    within: Floats
    """In the group."""
    overall: Floats


@dataclass(frozen=True)
class _Grouping:
    """Rows by the values of a column."""

    name: str
    codes: Ints
    target: Floats

    @cached_property
    def ranked(self) -> _Ranked:
        """Ranks of the targets of all rows: the same for each number that is asked."""
        return _ranked(self.codes, self.target)


class _Encoding(NamedTuple):
    ratio: float
    """Residual variance with all rows, as a part of that with train rows."""
    explained: float
    groups: int
    how: str


@check(
    {"L08": "an input is computed from the targets of test rows"},
    title="Encodings of the target",
    asks="Numbers that are the same for all rows of a group, against the group's mean target of "
    "train and of all rows (drawn to the common mean by several priors): an error where all rows "
    "explain the number and train alone leaves several times as much. The mean of the other rows, "
    "and the rank within the group, likewise; so are numbers that another file has of the groups.",
    needs=(Need.PRIVATE,),
)
def encodings(subject: Subject) -> Iterator[Outcome]:
    """Target encodings that saw the answers."""
    whole = subject.in_full  # the mean of some rows of a group is not that of the group
    for goal in whole.goals:
        outcomes = list(_outcomes(goal))
        groupings = _groupings(whole.inputs, outcomes[0])
        numbers = [f for f in whole.inputs if f.number is not None][:_MAX_NUMBERS]
        numbers = [f for f in numbers if f.distinct >= _FEWEST_VALUES and f.missing.mean() <= 0.3]
        yield Measured("L08", {"numbers_tried": len(numbers), "groupings": len(groupings)})
        for feature in numbers:
            found = _found(feature, goal, outcomes, groupings)
            if found is None:
                continue
            evidence = {
                "residual_of_all_rows_to_train": round(found.ratio, 4),
                "explained_by_all_rows": round(found.explained, 4),
                "groups": found.groups,
            }
            yield Measured("L08", {feature.name: evidence})
            yield Finding(
                code="L08",
                severity=Severity.ERROR,
                blame=Blame.DESIGN,
                message=f"{feature.name!r} is {found.how} of {goal.feature.name!r}, with the "
                f"answers of test rows ({found.explained:.1%} explained, a residual of "
                f"{found.ratio:.1%} of that with train alone); compute it from train, or drop it.",
                evidence={
                    **evidence,
                    "columns": [feature.name],
                    "exploit": f"{feature.name} alone",
                    "exploit_skill": round(column_skill(feature, goal, subject.seed), 4),
                    "repair": {"drop_columns": [feature.name]},
                },
            )
        yield from _of_tables(whole, goal, outcomes)


def _of_tables(whole: Subject, goal: Goal, outcomes: list[Floats]) -> Iterator[Finding]:
    """Means and sums that stand in a file of their own."""
    in_train = np.arange(len(goal.codes)) < goal.feature.train_rows
    for told in told_of_groups(whole.side_files.tables, whole.inputs):
        means = (_group_mean(told.values, told.codes, outcome, in_train) for outcome in outcomes)
        found = next((mean for mean in means if mean is not None), None)
        if found is not None:
            yield Finding(
                code="L08",
                severity=Severity.ERROR,
                blame=Blame.REFACTOR,
                message=f"{told.column!r} is made of {goal.feature.name!r} by {told.groups!r}, "
                f"with the answers of test rows ({found.explained:.1%} explained, a residual of "
                f"{found.ratio:.1%} of that with train alone): less the train rows it tells them. "
                "Compute it from train, or leave it out.",
                evidence={
                    "groups": found.groups,
                    "residual_of_all_rows_to_train": round(found.ratio, 4),
                    "exploit": f"{told.column}, less the train rows of each {told.groups}",
                },
            )
            return


def _outcomes(goal: Goal) -> Iterator[Floats]:
    if not goal.classes:
        yield np.nan_to_num(goal.values, nan=float(np.nanmean(goal.values)))
        return
    for code in range(min(goal.feature.distinct, _MAX_CLASSES)):
        yield (goal.codes == code).astype(np.float64)
        if goal.feature.distinct == 2:
            return


def _groupings(features: Sequence[Feature], target: Floats) -> list[_Grouping]:
    """Columns that may name groups, those of most values first."""
    fit = [
        _Grouping(f.name, f.codes + 1, target)
        for f in features
        if 2 <= f.distinct <= 0.6 * len(f.codes) and f.missing.mean() < 0.5
    ]
    return sorted(fit, key=lambda by: -int(by.codes.max()))[:_MOST_GROUPINGS]


def _found(
    feature: Feature, goal: Goal, outcomes: list[Floats], groupings: list[_Grouping]
) -> _Encoding | None:
    values = feature.number
    assert values is not None  # only numbers are asked
    own = _Grouping("", feature.codes + 1, outcomes[0])
    others = [by for by in groupings if by.name != feature.name]
    in_train = np.zeros(len(values), dtype=bool)
    in_train[: feature.train_rows] = True
    fine = [by for by in others if by.codes.max() >= _FEWEST_OF_A_GROUPING][:_MAX_GROUPINGS]
    stacked = np.stack(outcomes)
    for by in ([own] if feature.distinct <= 0.6 * len(values) else []) + fine:
        name, groups = by.name, by.codes
        for outcome in outcomes:
            found = _group_mean(values, groups, outcome, in_train)
            if found is None and name:  # train rows may have another encoding
                tested = np.where(in_train, np.nan, values)
                found = _group_mean(tested, groups, outcome, in_train)
            if found is None and name:
                found = _mean_of_test(values, groups, outcome, in_train)
            if found is None and name and not goal.classes:
                found = _rank(values, by)
            if found is not None:
                return found._replace(how=f"{found.how}{f' by {name!r}' if name else ''}")
        of_others = name and (
            _others(values, groups, stacked) or _others_of_train(values, groups, stacked, in_train)
        )
        if of_others:
            return of_others._replace(how=f"{of_others.how} by {name!r}")
    told = ((by, _others(values, by.codes, stacked)) for by in others if by not in fine)
    return next((f._replace(how=f"{f.how} by {by.name!r}") for by, f in told if f), None)


def _group_mean(values: Floats, groups: Ints, outcome: Floats, in_train: Mask) -> _Encoding | None:
    known = ~np.isnan(values)
    if not known.any():
        return None
    size = int(groups.max()) + 1
    counts = np.bincount(groups[known], minlength=size)
    filled = np.where(known, values, 0.0)
    means = np.bincount(groups, filled, size) / np.maximum(counts, 1)
    within = float((((filled - means[groups]) ** 2) * known).sum())
    total = float(((filled - filled[known].mean()) ** 2)[known].sum())
    # What varies within the group may honestly go with the target, row by row.
    if total <= 0 or within > 1e-3 * total:
        return None
    all_rows = np.bincount(groups, outcome, size)
    train = np.bincount(groups, outcome * in_train, size)
    many, few = np.bincount(groups, minlength=size), np.bincount(groups[in_train], minlength=size)
    both = (few >= 1) & (many > few) & (counts > 0)
    if both.sum() < _FEWEST_GROUPS:
        return None
    centre = float(outcome.mean())
    means, all_rows, train = means[both], all_rows[both], train[both]
    many, few = many[both], few[both]
    spread = float(means.var())
    (of_sizes,) = _residuals(means, many[None].astype(np.float64))
    of_classes = bool(np.isin(outcome, (0.0, 1.0)).all())
    wholes = _residuals(means, _encoded(all_rows, many, centre, odds=of_classes))
    more_than_sizes = wholes[wholes < 0.5 * of_sizes]
    residual_all = float(more_than_sizes.min(initial=np.inf))
    residual_train = float(_residuals(means, _encoded(train, few, centre, odds=of_classes)).min())
    explained = 1 - residual_all / spread if spread > 0 and residual_all < np.inf else 0.0
    # A feature that is honestly the group's own goes with the mean of more rows more closely.
    honest = float((1 / many).mean() / (1 / few).mean())
    ratio = residual_all / max(residual_train, 1e-18) / honest
    most = 0.35 if len(many) < 20 else 0.5 if len(many) < 60 else 0.65
    if residual_train < 1e-10 * spread or ratio > most or explained < 0.6:
        return None
    return _Encoding(ratio, explained, int(both.sum()), "the group mean")


def _encoded(sums: _ByGroup, counts: _ByGroup, centre: float, *, odds: bool) -> Floats:
    """What is made of the targets of a group: their mean by several priors, their sum, the odds.

    A row each, of a value a group.
    """
    priors = np.array(_PRIORS)[:, None]
    made = [(sums + priors * centre) / (counts + priors), sums[None]]
    if odds:
        made.append(np.log((sums + 0.5) / (counts - sums + 0.5))[None])
    return np.concatenate(made)


def _residuals(values: Floats, encodings: Floats) -> Floats:
    """Variance of the values that a straight line of each encoding, a row of its own, leaves."""
    centred = values - values.mean()
    apart = encodings - encodings.mean(axis=1, keepdims=True)
    spread = (apart**2).mean(axis=1)
    slope = (apart @ centred) / len(values) / np.where(spread > 0, spread, 1.0)
    left: Floats = ((centred - slope[:, None] * apart) ** 2).mean(axis=1)
    return left


def _residual(values: Floats, by: Floats) -> float:
    """The same of one encoding."""
    return float(_residuals(values, by[None])[0])


def _others(values: Floats, groups: Ints, outcomes: Floats) -> _Encoding | None:
    """Leave-one-out means: the group's sum less the row's own target."""
    known = ~np.isnan(values)
    counts = np.bincount(groups[known], minlength=int(groups.max()) + 1)[groups]
    return _mean_of_others(*_left_by_others(values, groups, outcomes, known, counts))


def _others_of_train(
    values: Floats, groups: Ints, outcomes: Floats, in_train: Mask
) -> _Encoding | None:
    """The same of train rows, with the targets of the group's test rows among the others."""
    known = in_train & ~np.isnan(values)
    size = int(groups.max()) + 1
    of_train = np.bincount(groups[in_train], minlength=size)[groups]
    of_all = np.bincount(groups, minlength=size)[groups]
    mixed = known & (of_all > of_train)
    left, count = _left_by_others(values, groups, outcomes, mixed, of_all)
    if left.min() >= _LEFT_BY_OTHERS:
        return None
    honest = _left_by_others(values, groups, outcomes, mixed, of_train)[0]
    clear = (honest >= _LEFT_BY_OTHERS) | (left < 0.25 * honest)
    return _mean_of_others(np.where(clear, left, np.inf), count)


def _mean_of_others(left: Floats, groups: int) -> _Encoding | None:
    """The encoding that leaves the least, if it leaves next to nothing."""
    least = float(left.min())
    if least >= _LEFT_BY_OTHERS:
        return None
    return _Encoding(least, 1 - least, groups, "the mean of the others")


def _left_by_others(
    values: Floats, groups: Ints, outcomes: Floats, asked: Mask, counts: Ints
) -> tuple[Floats, int]:
    """How far the asked rows are from means of the others of their group, of so many rows each.

    Returns:
        Of each outcome, a row each, the part of the variance within groups that is left (infinite
        where it cannot be asked), and the number of groups.
    """
    left = np.full(len(outcomes), np.inf)
    kept = asked & (counts >= 3)
    kept &= np.bincount(groups[kept], minlength=int(groups.max()) + 1)[groups] >= 2
    if kept.sum() < 30:
        return left, 0
    codes = pd.factorize(groups[kept])[0]
    targets, number, count = outcomes[:, kept], values[kept], counts[kept]
    own = np.stack([_centred(target, codes) for target in targets])
    varied_own = (own**2).mean(axis=1)
    # What stands for the row's own target is no encoding.
    fit = (varied_own > 0) & (_residuals(number, targets) >= 0.1 * float(number.var()))
    if not fit.any():
        return left, 0
    # A mean of others times their number, and as many again as the prior counts for, is a sum: the
    # group's, which centring takes away, less the row's own.
    counted, plain = _centred(number * (count - 1), codes), _centred(number, codes)
    steady = 1e-9 * float(number.var())
    with_counted, with_plain = own @ counted / len(codes), own @ plain / len(codes)
    for prior in _PRIORS:
        varied = float(((counted + prior * plain) ** 2).mean())
        if varied <= steady:
            continue  # the same for all rows of a group
        shared = (with_counted + prior * with_plain)[fit]
        left[fit] = np.minimum(
            left[fit], np.maximum(0.0, 1 - shared**2 / (varied * varied_own[fit]))
        )
    return left, int(codes.max()) + 1


def _mean_of_test(
    values: Floats, groups: Ints, outcome: Floats, in_train: Mask
) -> _Encoding | None:
    """Whether test rows hold the means of test alone: each file was encoded by itself."""
    asked = ~in_train & ~np.isnan(values)
    codes = pd.factorize(groups[asked])[0]
    counts = np.bincount(codes)
    if (counts > 1).sum() < _FEWEST_GROUPS:
        return None
    number, means = values[asked], (np.bincount(codes, outcome[asked]) / counts)[codes]
    spread, left = float(number.var()), _residual(number, means)
    same = _residual(number, outcome[asked])
    if spread <= 0 or left > 0.02 * spread or same < 2 * left + 0.02 * spread:
        return None
    return _Encoding(left / spread, 1 - left / spread, len(counts), "the mean in test alone")


def _centred(values: Floats, codes: Ints) -> Floats:
    """What is left of values when the mean of their group is taken away."""
    means = np.bincount(codes, values) / np.bincount(codes)
    return np.asarray(values - means[codes])


def _ranked(groups: Ints, outcome: Floats) -> _Ranked:
    frame = pd.DataFrame({"group": groups, "target": outcome})
    targets = frame.groupby("group")["target"]
    kept = targets.transform("size").to_numpy() >= 4
    within = np.asarray(targets.rank(pct=True), dtype=np.float64)
    overall = np.asarray(frame["target"].rank(pct=True), dtype=np.float64)
    return _Ranked(kept, within[kept], overall[kept])


def _rank(values: Floats, by: _Grouping) -> _Encoding | None:
    """The rank of the target within its group, where the target itself explains far less."""
    known = ~np.isnan(values)
    if len(np.unique(values[known])) < _FEWEST_GROUPS:
        return None
    ranked = by.ranked if known.all() else _ranked(by.codes[known], by.target[known])
    if ranked.kept.sum() < 60:
        return None
    number = values[known][ranked.kept]
    left, otherwise = _residual(number, ranked.within), _residual(number, ranked.overall)
    spread = float(number.var())
    if spread <= 0 or left > 0.25 * spread or left > 0.5 * otherwise:
        return None
    return _Encoding(left / otherwise, 1 - left / spread, len(np.unique(by.codes)), "the rank")


CHECKS = (encodings,)
