"""Do test rows have more twins in train than train rows have among themselves?

Defects L1 and L2, as a supplement to `copied_rows`, which asks what chance gives. Rows that were
divided at random have as many twins on the other side as train rows have among the rest of train;
copies have more. Twins are asked for in all columns, in all but one, and in long texts by their
words. Nothing is assumed about the columns, so that also coarse ones can be judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import hypergeom  # type: ignore[import-untyped]  # has no stubs
from sklearn.feature_extraction.text import HashingVectorizer

from mle_smith.checks.association import Goal
from mle_smith.checks.check import Measured, Outcome
from mle_smith.checks.features import Feature, Floats, Ints, Mask
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity, SplitKind

_MAX_LEFT_OUT = 40
_MAX_TEXT_ROWS = 2_500
_LONG_TEXT = 5


class _Twins(NamedTuple):
    how: str
    test: int
    """Test rows with a twin of the same target in train."""
    train: int
    """Train rows with one among the rest of train."""
    log10_luck: float


def twin_findings(subject: Subject) -> Iterator[Outcome]:
    """Twins across the split against twins within train; nothing for a split that is not random."""
    plan = subject.plan
    if plan is not None and plan.split.kind is not SplitKind.STRATIFIED:
        return
    if not subject.inputs or len(subject.test_rows) < 20:
        return
    goal = subject.goals[0]
    outcome = _outcome(goal)
    exact = _of_rows([_codes(f) for f in subject.inputs], outcome, goal, "all columns")
    yield from _judged(subject, "L01", [exact])
    near = list(_left_out(subject.inputs, outcome, goal))
    near += list(_rounded(subject.inputs, outcome, goal))
    near += list(_texts(subject, goal))
    yield from _judged(subject, "L02", near)


def _codes(feature: Feature) -> Ints:
    if feature.number is not None:
        return feature.codes
    return pd.factorize(feature.plain_text)[0].astype(np.int64)


def _outcome(goal: Goal) -> Ints:
    """Codes of the target; of a quantity, of a hundred stretches of it."""
    if goal.classes:
        return goal.codes
    return np.round(np.nan_to_num(goal.ranks, nan=-1.0) * 1e6).astype(np.int64)


def _of_rows(columns: Sequence[Ints], outcome: Ints, goal: Goal, how: str) -> _Twins:
    frame = pd.DataFrame(dict(enumerate([*columns, outcome])))
    keys = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    cut = goal.feature.train_rows
    train, test = keys[:cut], keys[cut:]
    within = pd.Series(train).duplicated(keep=False).to_numpy()
    across = np.isin(test, train)
    return _compared(how, across, within, rows=len(test))


def _compared(how: str, across: Mask, within: Mask, rows: int) -> _Twins:
    """The chance of so many twins on the test side, of all that there are, at random."""
    test, train = int(across.sum()), int(within.sum())
    total = rows + len(within)
    luck = float(hypergeom.logsf(test - 1, total, test + train, rows)) / np.log(10)
    return _Twins(how, test, train, luck)


def _left_out(features: Sequence[Feature], outcome: Ints, goal: Goal) -> Iterator[_Twins]:
    """All columns but one."""
    varied = [f for f in features if f.distinct > 1]
    if len(varied) < 3:
        return
    columns = [_codes(f).astype(np.uint64) for f in varied]
    generator = np.random.default_rng(0)
    weights = generator.integers(1, 2**63, len(columns), dtype=np.uint64) | np.uint64(1)
    mixed = [(c + np.uint64(2)) * w for c, w in zip(columns, weights, strict=True)]
    mixed = [(m ^ (m >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) for m in mixed]
    total = np.sum(mixed, axis=0, dtype=np.uint64)
    for place in range(min(len(varied), _MAX_LEFT_OUT)):
        if varied[place].distinct < 5:
            continue
        rest = (total - mixed[place]).view(np.int64)
        yield _of_rows([rest], outcome, goal, f"all columns but {varied[place].name!r}")


def _rounded(features: Sequence[Feature], outcome: Ints, goal: Goal) -> Iterator[_Twins]:
    """All columns, numbers to a fiftieth of their spread, on two grids."""
    numbers = [f for f in features if f.number is not None and f.distinct > 50]
    if not numbers:
        return
    others = [_codes(f) for f in features if f not in numbers]
    for shift in (0.0, 0.5):
        cells = []
        for feature in numbers:
            values = feature.number
            assert values is not None
            step = (float(np.nanstd(values)) or 1.0) / 50
            cells.append(np.nan_to_num(np.floor(values / step + shift), nan=-9e9).astype(np.int64))
        yield _of_rows([*others, *cells], outcome, goal, "rounded numbers")


def _texts(subject: Subject, goal: Goal) -> Iterator[_Twins]:
    """Long texts whose words are nearly the same."""
    for feature in subject.inputs:
        texts = feature.plain_text.fillna("")
        if feature.quantity is not None or texts.str.count(r"\S+").median() < _LONG_TEXT:
            continue
        cut = feature.train_rows
        head = np.unique(np.linspace(0, cut - 1, _MAX_TEXT_ROWS).astype(int))
        tail = np.unique(np.linspace(cut, len(texts) - 1, _MAX_TEXT_ROWS).astype(int))
        words = HashingVectorizer(ngram_range=(1, 2), alternate_sign=False, n_features=2**16)
        table = words.transform(texts.iloc[[*head, *tail]])
        known, asked = table[: len(head)], table[len(head) :]
        same = _same_target(goal)
        ours = _closest(asked, known, same, tail, head, apart=False)
        theirs = _closest(known, known, same, head, head, apart=True)
        for bound in (0.8, 0.65):
            across = (ours >= bound) & (ours < 1 - 1e-9)
            within = (theirs >= bound) & (theirs < 1 - 1e-9)
            yield _compared(f"words of {feature.name!r}", across, within, rows=len(tail))


def _same_target(goal: Goal) -> Floats:
    values = goal.values
    return values if goal.classes else np.round(values / (0.02 * (float(np.nanstd(values)) or 1.0)))


def _closest(
    asked: object, known: object, target: Floats, ours: Ints, theirs: Ints, *, apart: bool
) -> Floats:
    """For each asked text the cosine to the closest known one of the same target."""
    best = np.zeros(len(ours))
    for start in range(0, len(ours), 250):
        part = (asked[start : start + 250] @ known.T).toarray()  # type: ignore[index,attr-defined]
        mine = target[ours[start : start + 250]]
        part[mine[:, None] != target[theirs][None, :]] = 0
        if apart:
            rows = np.arange(len(part))
            part[rows, start + rows] = 0
        best[start : start + 250] = part.max(axis=1)
    return best


def _judged(subject: Subject, code: str, asked: Sequence[_Twins]) -> Iterator[Outcome]:
    if not asked:
        return
    limits = subject.thresholds
    found = min(asked, key=lambda t: t.log10_luck)
    rows = len(subject.test_rows)
    # Train rows look for twins among all but themselves, so both sides have the same chance.
    expected = found.train * rows / max(1, subject.inputs[0].train_rows)
    excess = found.test - expected
    numbers: dict[str, object] = {
        "test_rows_with_a_twin": found.test,
        "expected": round(expected, 2),
        "log10_chance": round(max(found.log10_luck, -300.0), 1),
        "in": found.how,
    }
    yield Measured(code, {"twins": numbers})
    least = limits.twin_log_chance - np.log10(len(asked))
    if found.log10_luck > least or excess < max(2, limits.duplicate_share * rows):
        return
    yield Finding(
        code=code,
        severity=Severity.ERROR,
        blame=Blame.DESIGN,
        message=f"{found.test} of {rows} test rows have a twin with the same target in train (in "
        f"{found.how}), where {expected:.1f} are usual among train rows; remove duplicates before "
        "splitting, or keep them on one side.",
        evidence={**numbers, "exploit": "the target of the twin", "repair": {"dedupe": True}},
    )
