"""Are test rows copies of train rows, whose target is then known?

Defects L1 and L2.
Rows of a few coarse columns meet by chance, and honestly. What counts is what lies beyond chance:
for exact copies, matches beyond those a Chow-Liu tree of the columns expects; for near copies, a
crowd of rows far closer to one train row than to the next, with a gap behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.stats import binom  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.association import Goal
from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.copied_files import copied_file_findings
from mle_smith.checks.features import Floats, Ints
from mle_smith.checks.joined_rows import joined_rows
from mle_smith.checks.matches import (
    Matches,
    agreeing,
    codes_of,
    copies_finding,
    exact_matches,
    expected_matches,
)
from mle_smith.checks.nearness import JITTER, crowd_of_copies, embedding, neighbours
from mle_smith.checks.subject import Subject
from mle_smith.checks.thresholds import Thresholds
from mle_smith.checks.twins import twin_findings

_MAX_NEAR_ROWS = 2_000
_CLOSENESS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)


@check(
    {"L01": "test rows are copies of train rows", "L02": "test rows are near copies of train rows"},
    title="Copied rows",
    asks="Test rows whose inputs equal a train row's (L01), or come far closer to one than "
    "neighbours do (L02: rounding, jitter, case, blanks), and whose target is the same too. Chance "
    "matches of coarse columns, estimated from the data, do not count. In a random split test rows "
    "must have no more twins in train than train rows have in the rest of train: in all columns, "
    "in all but a few, in rounded numbers, in the words of long texts. Files that rows name are "
    "copies by their bytes, and pictures (in a sandbox) by their looks.",
    needs=(Need.PRIVATE,),
)
def copied_rows(subject: Subject) -> Iterator[Outcome]:
    """Exact and near copies across the split."""
    whole = subject.in_full  # the twin of a row may be any row
    yield from copied_file_findings(whole, whole.goals[0])
    if not subject.inputs:
        yield NotRun("L01", "no input columns")
        return
    yield from _exact(whole, whole.goals[0])
    yield from joined_rows(whole, whole.goals[0])
    yield from _near(subject, subject.goals[0])
    yield from twin_findings(whole)


def _exact(subject: Subject, goal: Goal) -> Iterator[Outcome]:
    limits = subject.thresholds
    inputs = [codes_of(feature) for feature in subject.inputs]
    alike = exact_matches(inputs, goal.feature.train_rows)
    copies = exact_matches([*inputs, goal.codes], goal.feature.train_rows)
    rows, total = len(copies.test), len(subject.test_rows)
    agreement = float(agreeing(goal, alike).mean()) if len(alike.test) else 0.0
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
    telling = agreement >= limits.duplicate_agreement or not goal.classes
    if surprising and telling:
        yield copies_finding("L01", "equal a train row", excess, total, numbers, limits)


class _Near(NamedTuple):
    """The closeness below which test rows are too many for chance."""

    matches: Matches
    chance: float
    """Log10 of the probability of so many, agreeing so often."""
    expected: int
    """Rows that are as close by the look of the next band of closeness."""


def _near(subject: Subject, goal: Goal) -> Iterator[Outcome]:
    limits = subject.thresholds
    same = exact_matches([f.codes for f in subject.inputs], goal.feature.train_rows)
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
    agreement = float(agreeing(goal, found.matches, JITTER).mean()) if near else 0.0
    numbers: dict[str, object] = {
        "near_rows": near,
        "of_rows": len(rows),
        "expected_by_chance": found.expected,
        "same_target": round(agreement, 4),
        "log10_chance": round(float(found.chance), 1),
    }
    crowd = crowd_of_copies(goal, head, rows, (closest, distances), limits)
    if crowd is not None:
        numbers["closer_than_train_rows_lie"] = crowd
    yield Measured("L02", numbers)
    if crowd is not None:
        yield copies_finding("L02", "nearly equal a train row", crowd, len(rows), numbers, limits)
        return
    excess = float(near - found.expected)
    significant = found.chance <= limits.near_log_chance
    if significant and agreement >= limits.near_agreement and excess > 0:
        yield copies_finding("L02", "nearly equal a train row", excess, len(rows), numbers, limits)


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
    usual = agreeing(goal, Matches(rows, neighbours[:, 3]), JITTER).mean()
    best = _Near(Matches(rows[:0], rows[:0]), 0.0, 0)
    for bound in _CLOSENESS:
        near = ratio <= bound
        count, beyond = int(near.sum()), int(((ratio > bound) & (ratio <= 2 * bound)).sum())
        below = (1 - (1 - bound) ** 3) / (1 - (1 - 2 * bound) ** 3)
        if count * (1 - below) <= beyond * below:
            continue
        matches = Matches(rows[near], neighbours[near, 0])
        same = int(agreeing(goal, matches, JITTER).sum())
        by_closeness = binom.logsf(count - 1, count + beyond, below)
        if by_closeness > limits.near_log_closeness * np.log(10):
            continue  # neighbours of a predictable target agree too, if they are merely near
        by_target = binom.logsf(same - 1, count, float(np.clip(usual, 0.02, 0.98)))
        chance = float((by_closeness + by_target) / np.log(10))
        if chance < best.chance:
            best = _Near(matches, chance, round(beyond * below / (1 - below)))
    return best


CHECKS = (copied_rows,)
