"""Are test rows copies of train rows, whose target is then known?

Defects L1 and L2.
Rows of a few coarse columns meet by chance, and honestly. What counts is what lies beyond chance:
for exact copies, matches beyond those a Chow-Liu tree of the columns expects; for near copies,
neighbours much closer than the dimension of the data allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mle_smith.checks.association import Goal
from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.features import Feature, Floats, Ints
from mle_smith.checks.subject import Subject
from mle_smith.checks.thresholds import Thresholds
from mle_smith.values import Blame, Finding, Severity

_MAX_TREE_COLUMNS = 24
_MAX_NEAR_ROWS = 1_000
_SMOOTHING = 0.5


class _Matches(NamedTuple):
    """Test rows that equal a train row, and what that train row's target is."""

    test: Ints
    train: Ints


@check(
    {"L01": "test rows are copies of train rows", "L02": "test rows are near copies of train rows"},
    title="Copied rows",
    asks="Test rows whose inputs equal a train row's (L01), or come far closer to one than "
    "neighbours do (L02: rounding, jitter, case, blanks), and whose target is the same too. Chance "
    "matches of coarse columns, estimated from the data, do not count.",
    needs=(Need.PRIVATE,),
)
def copied_rows(subject: Subject) -> Iterator[Outcome]:
    """Exact and near copies across the split."""
    if not subject.inputs:
        yield NotRun("L01", "no input columns")
        return
    goal = subject.goals[0]
    exact = _exact_matches(subject.inputs)
    yield from _exact(subject, goal, exact)
    yield from _near(subject, goal, set(exact.test.tolist()))


def _row_codes(features: Sequence[Feature]) -> Ints:
    """One code for each distinct row of inputs."""
    frame = pd.DataFrame({i: feature.codes for i, feature in enumerate(features)})
    hashed = pd.util.hash_pandas_object(frame, index=False)
    return pd.factorize(hashed)[0].astype(np.int64)


def _exact_matches(features: Sequence[Feature]) -> _Matches:
    codes = _row_codes(features)
    train, test = features[0].of_train(codes), features[0].of_test(codes)
    first = pd.Series(np.arange(len(train)), index=train)
    first = first[~first.index.duplicated()]
    found = first.reindex(test).to_numpy(dtype=np.float64)
    rows = np.flatnonzero(~np.isnan(found))
    return _Matches(rows.astype(np.int64), found[rows].astype(np.int64))


def _agreeing(goal: Goal, matches: _Matches) -> NDArray[np.bool_]:
    """Which matches carry the same target: the same class, or nearly the same number."""
    values = goal.values
    ours = goal.feature.of_test(values)[matches.test]
    theirs = goal.feature.of_train(values)[matches.train]
    if goal.classes:
        return np.asarray(ours == theirs)
    spread = float(np.nanstd(values)) or 1.0
    return np.asarray(np.abs(ours - theirs) <= 0.01 * spread)


def _exact(subject: Subject, goal: Goal, matches: _Matches) -> Iterator[Outcome]:
    limits = subject.thresholds
    rows, total = len(matches.test), len(subject.test_rows)
    agreement = float(_agreeing(goal, matches).mean()) if rows else 0.0
    chance = 0.0
    if rows >= 2 and agreement > 0.5:
        chance = expected_matches(subject.inputs, goal)
    excess = max(0.0, rows - limits.chance_factor * chance)
    numbers: dict[str, object] = {
        "matching_rows": rows,
        "expected_by_chance": round(chance, 2),
        "same_target": round(agreement, 4),
        "share_beyond_chance": round(excess / max(1, total), 4),
    }
    yield Measured("L01", numbers)
    surprising = excess > limits.significance * np.sqrt(chance) + 1
    if surprising and agreement >= limits.duplicate_agreement:
        yield _finding("L01", "equal a train row", excess, total, numbers, limits)


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


def expected_matches(features: Sequence[Feature], goal: Goal) -> float:
    """Test rows that would equal some train row by chance, from a Chow-Liu tree of the columns.

    The tree is estimated on distinct train rows, each left out of its own estimate.
    """
    columns = [f.codes + 1 for f in features if f.distinct > 1]
    columns.sort(key=_entropy, reverse=True)
    columns = columns[:_MAX_TREE_COLUMNS]
    if not columns:
        return float(len(features[0].of_test(features[0].codes)))
    feature = features[0]
    distinct = _distinct_rows([feature.of_train(c) for c in (*columns, goal.codes)])
    kept = [feature.of_train(c)[distinct] for c in columns]
    asked = [feature.of_test(c) for c in columns]
    own = np.zeros(len(asked[0]))
    own[_exact_matches(features).test] = 1  # the copied row must not vouch for itself
    log_share = np.log(_share(kept[0], asked[0], own))
    for index in range(1, len(columns)):
        parent = max(range(index), key=lambda j: _mutual_information(kept[index], kept[j]))
        log_share += np.log(_conditional_share(kept, asked, index, parent, own))
    rate = len(feature.of_train(feature.codes)) * np.exp(log_share)
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


def _near(subject: Subject, goal: Goal, exact: set[int]) -> Iterator[Outcome]:
    limits = subject.thresholds
    space = _embedding(subject.inputs, subject.seed)
    head = subject.inputs[0].of_train(space)
    rest = [row for row in range(len(subject.test_rows)) if row not in exact]
    if len(rest) < 10 or len(head) < 10 or space.shape[1] == 0:
        yield NotRun("L02", "too few rows that are not exact copies")
        return
    keep = np.unique(np.linspace(0, len(rest) - 1, _MAX_NEAR_ROWS).astype(int))
    rows = np.asarray(rest)[keep]
    nearest, distances = _neighbours(subject.inputs[0].of_test(space)[rows], head)
    dimension = _intrinsic_dimension(_ratio(distances, 1))
    # Three further neighbours have three chances to be as close.
    bound = min(limits.near_ratio_max, (limits.near_ratio_chance / 3) ** (1 / dimension))
    usual = float(np.median(distances[:, 0]))
    near = (_ratio(distances, 3) <= bound) & (distances[:, 0] <= limits.near_distance * usual)
    matches = _Matches(rows[near], nearest[near])
    agreeing = _agreeing(goal, matches)
    agreement = float(agreeing.mean()) if near.any() else 0.0
    chance = len(rows) * limits.near_ratio_chance
    numbers: dict[str, object] = {
        "near_rows": int(near.sum()),
        "of_rows": len(rows),
        "expected_by_chance": round(chance, 2),
        "same_target": round(agreement, 4),
        "dimension": round(dimension, 2),
    }
    yield Measured("L02", numbers)
    excess = float(near.sum()) - limits.near_chance_factor * chance
    if agreement >= limits.duplicate_agreement and excess >= limits.duplicate_rows:
        yield _finding("L02", "nearly equal a train row", excess, len(rows), numbers, limits)


def _embedding(features: Sequence[Feature], seed: int) -> NDArray[np.float32]:
    """Rows as points: numbers standardised, each other value a random direction of length 1."""
    generator = np.random.default_rng(seed)
    blocks = []
    for feature in features:
        values = feature.quantity
        if feature.distinct < 2:
            continue
        if values is None:
            codes = pd.factorize(feature.plain_text)[0]
            directions = generator.normal(size=(int(codes.max(initial=0)) + 2, 4))
            directions /= np.linalg.norm(directions, axis=1, keepdims=True)
            blocks.append(directions[codes])
            continue
        centre, spread = np.nanmedian(values), np.nanstd(values)
        scaled = np.clip((values - centre) / (spread or 1.0), -8, 8)
        blocks.append(np.nan_to_num(scaled, nan=-9.0)[:, None])
    if not blocks:
        return np.zeros((len(features[0].codes), 0), dtype=np.float32)
    return np.concatenate(blocks, axis=1).astype(np.float32)


def _neighbours(asked: NDArray[np.float32], head: NDArray[np.float32]) -> tuple[Ints, Floats]:
    """For each asked point its nearest point of `head`, and the distances of its four nearest."""
    chosen, found = [], []
    lengths = (head.astype(np.float64) ** 2).sum(axis=1)
    for start in range(0, len(asked), 200):
        part = asked[start : start + 200]
        squares = lengths - 2.0 * (part @ head.T)
        four = np.argpartition(squares, 3, axis=1)[:, :4]
        distances = np.linalg.norm(head[four].astype(np.float64) - part[:, None, :], axis=2)
        order = distances.argsort(axis=1, kind="stable")
        chosen.append(np.take_along_axis(four, order, axis=1)[:, 0])
        found.append(np.take_along_axis(distances, order, axis=1))
    return np.concatenate(chosen).astype(np.int64), np.concatenate(found)


def _ratio(distances: Floats, other: int) -> Floats:
    """Distance of the nearest in units of that of another neighbour; 1 where both are 0."""
    further = distances[:, other]
    return np.where(further > 0, distances[:, 0] / np.where(further > 0, further, 1), 1.0)


def _intrinsic_dimension(ratio: Floats) -> float:
    """From the median of nearest to second nearest distance: P(ratio < r) = r ** dimension."""
    median = float(np.clip(np.median(ratio), 1e-6, 0.999))
    return float(np.clip(np.log(0.5) / np.log(median), 1.0, 40.0))


CHECKS = (copied_rows,)
