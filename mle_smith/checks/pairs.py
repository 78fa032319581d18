"""Are test rows train rows with the two sides of a pair exchanged?

Defect L16: links both ways, questions in either order, matches seen from each side.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import binom  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.association import Goal
from mle_smith.checks.check import Measured, Need, Outcome, check
from mle_smith.checks.features import Feature, Ints
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity

_MAX_COLUMNS = 30
_FEWEST = 5


@check(
    {"L16": "test pairs are train pairs the other way round, with the same target"},
    title="Reversed pairs",
    asks="Two columns of the same values: test rows (a, b) whose (b, a) is in train, and how often "
    "the target is the same, against chance.",
    needs=(Need.PRIVATE,),
)
def reversed_pairs(subject: Subject) -> Iterator[Outcome]:
    """Lookup of the reversed pair in train."""
    candidates = [f for f in subject.inputs if f.distinct >= 8][:_MAX_COLUMNS]
    asked = [p for p in combinations(candidates, 2) if _same_kind(*p)]
    if not asked:
        yield Measured("L16", {"pairs_of_columns": 0})
    for one, other in asked:
        for goal in subject.goals:
            yield from _judged(subject, goal, one, other)


def _same_kind(one: Feature, other: Feature) -> bool:
    """Whether the columns name the same things: their values are the same to a fifth."""
    if (one.number is None) != (other.number is None):
        return False
    if one.number is not None and bool((one.number % 1 != 0).any()):
        return False
    ours, theirs = set(one.plain_text.dropna()), set(other.plain_text.dropna())
    return len(ours & theirs) >= max(8, 0.2 * min(len(ours), len(theirs)))


def _judged(subject: Subject, goal: Goal, one: Feature, other: Feature) -> Iterator[Outcome]:
    names = pd.concat([one.plain_text, other.plain_text])
    codes = pd.factorize(names)[0].astype(np.int64)
    size = int(codes.max()) + 2
    left, right = codes[: len(one.codes)], codes[len(one.codes) :]
    forward, backward = left * size + right, right * size + left
    rows, places = _lookup(one.of_train(forward), one.of_test(backward))
    proper = one.of_test(left)[rows] != one.of_test(right)[rows]
    rows, places = rows[proper], places[proper]
    ours, theirs = (
        goal.feature.of_test(goal.values)[rows],
        goal.feature.of_train(goal.values)[places],
    )
    same = ours == theirs
    chance = float((goal.matrix.mean(axis=0) ** 2).sum()) if goal.classes else 0.05
    if not goal.classes:
        same = np.abs(ours - theirs) <= 0.01 * (float(np.nanstd(goal.values)) or 1.0)
    count, hits = len(rows), int(same.sum())
    share = count / max(1, len(subject.test_rows))
    luck = float(binom.sf(hits - 1, count, min(chance, 1.0))) if count else 1.0
    numbers: dict[str, object] = {
        "reversed_rows": count,
        "share": round(share, 4),
        "same_target": round(hits / count, 4) if count else None,
        "by_chance": round(chance, 4),
    }
    yield Measured("L16", {f"{one.name}, {other.name}": numbers})
    if count < _FEWEST or share < 0.01 or hits < 0.85 * count:
        return
    if luck > (0.05 if hits == count else 1e-3):
        return
    yield Finding(
        code="L16",
        severity=Severity.ERROR,
        blame=Blame.DESIGN,
        message=f"{share:.1%} of the test rows are in train with {one.name!r} and {other.name!r} "
        f"exchanged, {hits} of {count} with the same {goal.feature.name!r}; keep both directions "
        "of a pair on one side.",
        evidence={
            **numbers,
            "columns": [one.name, other.name],
            "exploit": "the target of the reversed pair",
            "repair": {"split": "grouped", "by": [one.name, other.name]},
        },
    )


def _lookup(known: Ints, asked: Ints) -> tuple[Ints, Ints]:
    """Rows of `asked` that are among `known`, and where the first of these is."""
    first = pd.Series(np.arange(len(known)), index=known)
    first = first[~first.index.duplicated()]
    found = first.reindex(asked).to_numpy(dtype=np.float64, na_value=np.nan)
    rows = np.flatnonzero(~np.isnan(found))
    return rows.astype(np.int64), found[rows].astype(np.int64)


CHECKS = (reversed_pairs,)
