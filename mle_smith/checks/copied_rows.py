"""Are test rows copies of train rows, whose target is then known?

Defects L1 and L2.
Rows of a few coarse columns meet by chance, and honestly. What counts is what lies beyond chance:
for exact copies, matches beyond those a Chow-Liu tree of the columns expects; for near copies, a
crowd of rows far closer to one train row than to the next, with a gap behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.association import Goal
from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.features import Feature, Floats, Ints
from mle_smith.checks.nearness import dimension_of, embedding, nearness, neighbours
from mle_smith.checks.subject import Subject
from mle_smith.checks.thresholds import Thresholds
from mle_smith.checks.twins import twin_findings
from mle_smith.values import Blame, Finding, Severity

_MAX_TREE_COLUMNS = 24
_MAX_NEAR_ROWS = 2_000
_CLOSENESS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
_SMOOTHING = 0.5
_MAX_LEFT_OUT = 40
_JITTER = 0.04
"""Standard deviations by which the target of a near copy may differ: it may have jitter too."""


class _Matches(NamedTuple):
    """Test rows that equal a train row, and what that train row's target is."""

    test: Ints
    train: Ints


@check(
    {"L01": "test rows are copies of train rows", "L02": "test rows are near copies of train rows"},
    title="Copied rows",
    asks="Test rows whose inputs equal a train row's (L01), or come far closer to one than "
    "neighbours do (L02: rounding, jitter, case, blanks), and whose target is the same too. Chance "
    "matches of coarse columns, estimated from the data, do not count. In a random split test rows "
    "must have no more twins in train than train rows have in the rest of train: in all columns, "
    "in all but one, in rounded numbers, in the words of long texts.",
    needs=(Need.PRIVATE,),
)
def copied_rows(subject: Subject) -> Iterator[Outcome]:
    """Exact and near copies across the split."""
    if not subject.inputs:
        yield NotRun("L01", "no input columns")
        return
    whole = subject.in_full  # the twin of a row may be any row
    yield from _exact(whole, whole.goals[0])
    yield from _all_but_one(whole, whole.goals[0])
    yield from _near(subject, subject.goals[0])
    yield from twin_findings(whole)


def _codes(feature: Feature) -> Ints:
    """Codes of the values; texts that differ in case and blanks only have the same."""
    if feature.number is not None:
        return feature.codes
    return pd.factorize(feature.plain_text)[0].astype(np.int64)


def _exact_matches(columns: Sequence[Ints], train_rows: int) -> _Matches:
    """For each test row that equals a train row in all columns, the first such row."""
    frame = pd.DataFrame(dict(enumerate(columns)))
    codes = pd.factorize(pd.util.hash_pandas_object(frame, index=False))[0]
    train, test = codes[:train_rows], codes[train_rows:]
    first = pd.Series(np.arange(len(train)), index=train)
    first = first[~first.index.duplicated()]
    found = first.reindex(test).to_numpy(dtype=np.float64)
    rows = np.flatnonzero(~np.isnan(found))
    return _Matches(rows.astype(np.int64), found[rows].astype(np.int64))


def _agreeing(goal: Goal, matches: _Matches, within: float = 0.01) -> NDArray[np.bool_]:
    """Which matches carry the same target: the same class, or a number `within` as many spreads."""
    values = goal.values
    ours = goal.feature.of_test(values)[matches.test]
    theirs = goal.feature.of_train(values)[matches.train]
    if goal.classes:
        return np.asarray(ours == theirs)
    spread = float(np.nanstd(values)) or 1.0
    return np.asarray(np.abs(ours - theirs) <= within * spread)


def _exact(subject: Subject, goal: Goal) -> Iterator[Outcome]:
    limits = subject.thresholds
    inputs = [_codes(feature) for feature in subject.inputs]
    alike = _exact_matches(inputs, goal.feature.train_rows)
    copies = _exact_matches([*inputs, goal.codes], goal.feature.train_rows)
    rows, total = len(copies.test), len(subject.test_rows)
    agreement = float(_agreeing(goal, alike).mean()) if len(alike.test) else 0.0
    chance = 0.0
    if rows >= 2:
        chance = expected_matches([*inputs, goal.codes], goal.feature.train_rows, copies)
    excess = max(0.0, rows - limits.chance_factor * chance)
    numbers: dict[str, object] = {
        "equal_rows": rows,
        "expected_by_chance": round(chance, 2),
        "rows_of_equal_inputs": len(alike.test),
        "same_target_among_them": round(agreement, 4),
        "share_beyond_chance": round(excess / max(1, total), 4),
    }
    yield Measured("L01", numbers)
    surprising = excess > limits.significance * np.sqrt(chance) + 1
    # Classes agree by luck and by being predictable; a quantity that is the same says it alone.
    agreeing = agreement >= limits.duplicate_agreement or not goal.classes
    if surprising and agreeing:
        yield _finding("L01", "equal a train row", excess, total, numbers, limits)


def _all_but_one(subject: Subject, goal: Goal) -> Iterator[Finding]:
    """Rows that were joined to several others: they differ in one column."""
    limits = subject.thresholds
    varied = [feature for feature in subject.inputs if feature.distinct > 1][:_MAX_LEFT_OUT]
    if len(varied) < 3:
        return
    columns = [_codes(feature) for feature in varied]
    total, train_rows = len(subject.test_rows), goal.feature.train_rows
    equal = len(_exact_matches([*columns, goal.codes], train_rows).test)
    for place, feature in enumerate(varied):
        others = [*columns[:place], *columns[place + 1 :], goal.codes]
        copies = _exact_matches(others, train_rows)
        rows = len(copies.test)
        if rows - equal < max(2, limits.joined_share * total):
            continue
        chance = expected_matches(others, train_rows, copies)
        numbers: dict[str, object] = {
            "rows": rows,
            "expected_by_chance": round(chance, 2),
            "all_columns_but": feature.name,
        }
        if rows >= limits.joined_factor * max(chance, 1.0):
            what = f"equal a train row in all columns but {feature.name!r}"
            yield _finding("L02", what, rows - chance, total, numbers, limits)
            return


def _finding(
    code: str, what: str, rows: float, total: int, numbers: dict[str, object], limits: Thresholds
) -> Finding:
    many = rows >= limits.duplicate_rows and rows >= limits.duplicate_share * total
    return Finding(
        code=code,
        severity=Severity.ERROR if many else Severity.WARNING,
        blame=Blame.DESIGN,
        message=f"about {rows:.0f} of {total} test rows {what}, target included, beyond what "
        "chance gives; remove duplicates before splitting, or keep them on one side.",
        evidence={**numbers, "repair": {"dedupe": True}},
    )


def expected_matches(columns: Sequence[Ints], train_rows: int, matches: _Matches) -> float:
    """Test rows that would equal some train row by chance, from a Chow-Liu tree of the columns.

    The tree is estimated on distinct train rows. A train row that a test row equals does not count
    in the estimate for that test row, or a copy would vouch for itself.
    """
    varied = [c + 1 for c in columns if c.max(initial=-1) > 0]
    varied = sorted(varied, key=_entropy, reverse=True)[:_MAX_TREE_COLUMNS]
    test_rows = len(columns[0]) - train_rows
    if not varied:
        return float(test_rows)
    distinct = _distinct_rows([c[:train_rows] for c in varied])
    kept = [c[:train_rows][distinct] for c in varied]
    asked = [c[train_rows:] for c in varied]
    own = np.zeros(test_rows)
    own[matches.test] = 1
    log_share = np.log(_share(kept[0], asked[0], own))
    for index in range(1, len(varied)):
        parent = max(range(index), key=lambda j: _mutual_information(kept[index], kept[j]))
        log_share += np.log(_conditional_share(kept, asked, index, parent, own))
    rate = train_rows * np.exp(log_share)
    return float((1 - np.exp(-rate)).sum())


def _entropy(codes: Ints) -> float:
    share = np.bincount(codes) / len(codes)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


def _distinct_rows(columns: Sequence[Ints]) -> Ints:
    frame = pd.DataFrame(dict(enumerate(columns)))
    return np.flatnonzero(~frame.duplicated().to_numpy()).astype(np.int64)


def _mutual_information(one: Ints, other: Ints) -> float:
    joint = one * (int(other.max()) + 1) + other
    return _entropy(one) + _entropy(other) - _entropy(pd.factorize(joint)[0].astype(np.int64))


def _share(kept: Ints, asked: Ints, own: Floats) -> Floats:
    """Share of kept rows with the asked value, `own` such rows left out."""
    counts = np.bincount(kept, minlength=int(max(kept.max(), asked.max())) + 1)[asked]
    left = np.maximum(counts - own, 0) + _SMOOTHING
    return np.asarray(left / (len(kept) + _SMOOTHING))


def _conditional_share(
    kept: Sequence[Ints], asked: Sequence[Ints], child: int, parent: int, own: Floats
) -> Floats:
    """The same of a column among the rows that agree in its parent column."""
    width = int(max(kept[child].max(), asked[child].max())) + 1
    joint = pd.Series(kept[parent] * width + kept[child]).value_counts()
    both = joint.reindex(asked[parent] * width + asked[child]).fillna(0).to_numpy(np.float64)
    size = int(max(kept[parent].max(), asked[parent].max())) + 1
    parents = np.bincount(kept[parent], minlength=size)[asked[parent]]
    both, parents = np.maximum(both - own, 0), np.maximum(parents - own, 0)
    marginal = _share(kept[child], asked[child], own)
    return np.asarray((both + _SMOOTHING * marginal) / (parents + _SMOOTHING))


class _Near(NamedTuple):
    """The closeness below which test rows are too many for chance."""

    matches: _Matches
    chance: float
    """Log10 of the probability of so many, agreeing so often."""
    expected: int
    """Rows that are as close by the look of the next band of closeness."""


def _near(subject: Subject, goal: Goal) -> Iterator[Outcome]:
    limits = subject.thresholds
    same = _exact_matches([f.codes for f in subject.inputs], goal.feature.train_rows)
    exact = set(same.test.tolist())
    space = embedding(subject.inputs, subject.seed)
    head = subject.inputs[0].of_train(space)
    rest = [row for row in range(len(subject.test_rows)) if row not in exact]
    if len(rest) < 10 or len(head) < 10 or space.shape[1] == 0:
        yield NotRun("L02", "too few rows that are not exact copies")
        return
    keep = np.unique(np.linspace(0, len(rest) - 1, _MAX_NEAR_ROWS).astype(int))
    rows = np.asarray(rest)[keep]
    closest, distances = neighbours(subject.inputs[0].of_test(space)[rows], head)
    found = _closest_band(goal, rows, closest, distances, limits)
    near = len(found.matches.test)
    agreement = float(_agreeing(goal, found.matches, _JITTER).mean()) if near else 0.0
    numbers: dict[str, object] = {
        "near_rows": near,
        "of_rows": len(rows),
        "expected_by_chance": found.expected,
        "same_target": round(agreement, 4),
        "log10_chance": round(float(found.chance), 1),
    }
    crowd = _crowd(subject, goal, space, rows, (closest, distances))
    if crowd is not None:
        numbers["closer_than_train_rows_lie"] = crowd
    yield Measured("L02", numbers)
    if crowd is not None:
        yield _finding("L02", "nearly equal a train row", crowd, len(rows), numbers, limits)
        return
    excess = float(near - found.expected)
    significant = found.chance <= limits.near_log_chance
    if significant and agreement >= limits.near_agreement and excess > 0:
        yield _finding("L02", "nearly equal a train row", excess, len(rows), numbers, limits)


def _crowd(
    subject: Subject,
    goal: Goal,
    space: NDArray[np.float32],
    rows: Ints,
    found: tuple[Ints, Floats],
) -> int | None:
    """Test rows far closer to a train row than train rows lie to each other; None for no crowd."""
    closest, distances = found
    ratios = nearness(distances)
    dimension = dimension_of(subject.inputs[0].of_train(space))
    chance = 1 - (1 - np.minimum(ratios, 1.0) ** dimension) ** 3
    order = np.argsort(chance)[: max(3, len(rows) // 2)]
    counts = np.arange(1, len(order) + 1)
    luck = binom.logsf(counts - 1, len(rows), chance[order].clip(1e-30, 1)) / np.log(10)
    luck[:2] = 0.0  # one pair, or two, may be what they are: twins by nature
    best = int(luck.argmin())
    if luck[best] > subject.thresholds.crowd_log_chance:
        return None
    members = order[: best + 1]
    matches = _Matches(rows[members], closest[members, 0])
    agreement = float(_agreeing(goal, matches, _JITTER).mean())
    return len(members) if agreement >= subject.thresholds.near_agreement else None


def _closest_band(
    goal: Goal, rows: Ints, neighbours: Ints, distances: Floats, limits: Thresholds
) -> _Near:
    """The least likely of several bounds on how much nearer the nearest is than the fourth.

    On a line, the ratio of these distances is below r with the chance 1 - (1 - r)³; in higher
    dimensions small ratios are rarer still, against those up to the double, however the density
    varies. Copies with jitter are the exception.
    """
    further = distances[:, 3]
    ratio = np.where(further > 0, distances[:, 0] / np.where(further > 0, further, 1), 1.0)
    usual = _agreeing(goal, _Matches(rows, neighbours[:, 3]), _JITTER).mean()
    best = _Near(_Matches(rows[:0], rows[:0]), 0.0, 0)
    for bound in _CLOSENESS:
        near = ratio <= bound
        count, beyond = int(near.sum()), int(((ratio > bound) & (ratio <= 2 * bound)).sum())
        below = (1 - (1 - bound) ** 3) / (1 - (1 - 2 * bound) ** 3)
        if count * (1 - below) <= beyond * below:
            continue
        matches = _Matches(rows[near], neighbours[near, 0])
        agreeing = int(_agreeing(goal, matches, _JITTER).sum())
        by_closeness = binom.logsf(count - 1, count + beyond, below)
        if by_closeness > limits.near_log_closeness * np.log(10):
            continue  # neighbours of a predictable target agree too, if they are merely near
        by_target = binom.logsf(agreeing - 1, count, float(np.clip(usual, 0.02, 0.98)))
        chance = float((by_closeness + by_target) / np.log(10))
        if chance < best.chance:
            best = _Near(matches, chance, round(beyond * below / (1 - below)))
    return best


CHECKS = (copied_rows,)
