"""Do test rows have more twins in train than train rows have among themselves?

Defects L1 and L2, as a supplement to `copied_rows`, which asks what chance gives. Rows that were
divided at random have as many twins on the other side as train rows have among the rest of train;
copies have more. Twins are asked for in all columns, in all but a few, and in long texts by their
words. Nothing is assumed about the columns, so that also coarse ones can be judged. A split that
keeps twins on one side is known by that, and those across are copies then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom, hypergeom  # type: ignore[import-untyped]  # has no stubs
from sklearn.feature_extraction.text import HashingVectorizer

from mle_smith.checks.association import Goal
from mle_smith.checks.check import Measured, Outcome
from mle_smith.checks.features import Feature, Floats, Ints, Mask
from mle_smith.checks.matches import codes_of
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity, SplitKind

Keys: TypeAlias = npt.NDArray[np.uint64]

_MAX_LEFT_OUT = 40
_LOTS = 20
"""Of two columns in twelve a half misses both one time in four: twenty find 99 % of such rows."""
_MAX_TEXT_ROWS = 2_500
_LONG_TEXT = 5


class _Twins(NamedTuple):
    how: str
    test: int
    """Test rows with a twin of the same target in train."""
    train: int
    """Train rows with one among the rest of train."""
    log10_luck: float


@dataclass(frozen=True)
class _Rows:
    """The rows of both sides, and what is asked of twins beside their inputs."""

    inputs: Sequence[Feature]
    outcome: Ints
    in_train: Mask

    @cached_property
    def keys(self) -> Keys:
        """Equal for rows that are the same in all columns."""
        return _keys([*map(codes_of, self.inputs), self.outcome])

    @cached_property
    def distinct(self) -> Mask:
        """One row of those that are the same, by lot: they may have been kept on one side."""
        order = np.random.default_rng(0).permutation(len(self.keys))
        first = np.zeros(len(self.keys), dtype=bool)
        first[order[~pd.Series(self.keys[order]).duplicated().to_numpy()]] = True
        return first


def twin_findings(subject: Subject) -> Iterator[Outcome]:
    """Twins across the split against twins within train; nothing for a split by time."""
    plan = subject.plan
    if plan is not None and plan.split.kind not in (SplitKind.STRATIFIED, SplitKind.GROUPED):
        return  # what comes later may honestly be more like the rest
    if not subject.inputs or len(subject.test_rows) < 20:
        return
    goal = subject.goals[0]
    in_train = np.arange(len(goal.codes)) < goal.feature.train_rows
    rows = _Rows(subject.inputs, _outcome(goal), in_train)
    exact = _twins("all columns", rows.keys, in_train)
    yield from _judged(subject, "L01", [exact])
    near = [*_left_out(rows), *_mostly_same(rows), *_rounded(rows), *_texts(subject, goal)]
    yield from _judged(subject, "L02", near)
    if plan is not None and plan.split.kind is SplitKind.STRATIFIED:
        yield from _exceptions(subject, rows)


def _outcome(goal: Goal) -> Ints:
    """Codes of the target; of a quantity, its ranks."""
    if goal.classes:
        return goal.codes
    return np.round(np.nan_to_num(goal.ranks, nan=-1.0) * 1e6).astype(np.int64)


def _keys(columns: Sequence[Ints]) -> Keys:
    """A number for each row that depends on its place in no column: the sum of one of each cell."""
    generator = np.random.default_rng(0)
    weights = generator.integers(1, 2**63, len(columns), dtype=np.uint64) | np.uint64(1)
    mixed = [_mixed(c, w) for c, w in zip(columns, weights, strict=True)]
    return np.asarray(np.sum(mixed, axis=0, dtype=np.uint64))


def _mixed(codes: Ints, weight: np.uint64) -> Keys:
    product = (codes.astype(np.uint64) + np.uint64(2)) * weight
    return (product ^ (product >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15)


def _twins(how: str, keys: Keys, in_train: Mask) -> _Twins:
    codes = pd.factorize(keys)[0]
    in_train_there = np.bincount(codes[in_train], minlength=len(codes))[codes]
    across, within = in_train_there[~in_train] >= 1, in_train_there[in_train] >= 2
    return _compared(how, across, within)


def _compared(how: str, across: Mask, within: Mask) -> _Twins:
    """The chance of so many twins on the test side, of all that there are, at random."""
    test, train = int(across.sum()), int(within.sum())
    total = len(across) + len(within)
    luck = float(hypergeom.logsf(test - 1, total, test + train, len(across))) / np.log(10)
    return _Twins(how, test, train, luck)


def _left_out(rows: _Rows) -> Iterator[_Twins]:
    """All columns but one."""
    varied = [f for f in rows.inputs if f.distinct > 1]
    if len(varied) < 3:
        return
    kept = rows.distinct
    columns = [codes_of(f)[kept] for f in varied]
    for place, feature in enumerate(varied[:_MAX_LEFT_OUT]):
        if feature.distinct >= 5:
            others = [*columns[:place], *columns[place + 1 :], rows.outcome[kept]]
            yield _twins(f"all columns but {feature.name!r}", _keys(others), rows.in_train[kept])


def _mostly_same(rows: _Rows) -> Iterator[_Twins]:
    """All columns but two, three or a fifth.

    Rows that are the same in some half of the columns, drawn by lot, are compared in all of them.
    """
    kept = rows.distinct
    in_train = rows.in_train[kept]
    varied = [f for f in rows.inputs if f.distinct > 1]
    many = len(varied)
    bounds = sorted({2, 3, many // 5} & set(range(2, many // 2)))
    if not bounds:
        return
    columns = np.stack([codes_of(f)[kept] for f in varied])
    generator = np.random.default_rng(0)
    fewest = np.full(len(in_train), many)
    for _ in range(_LOTS):
        half = generator.choice(many, many // 2, replace=False)
        keys = _keys([*columns[half], rows.outcome[kept]])
        twin = _some_twin(keys, in_train, generator)
        found = np.flatnonzero(twin >= 0)
        differing = (columns[:, found] != columns[:, twin[found]]).sum(axis=0)
        fewest[found] = np.minimum(fewest[found], differing)
    for bound in bounds:
        near = fewest <= bound
        yield _compared(f"all columns but {bound}", near[~in_train], near[in_train])


def _some_twin(keys: Keys, in_train: Mask, generator: np.random.Generator) -> Ints:
    """For each row another row, of train, that has its key, by lot; -1 where there is none."""
    order = generator.permutation(len(keys))
    order = order[np.lexsort((~in_train[order], keys[order]))]  # by key, train rows first
    ordered, train = keys[order], in_train[order]
    start = np.r_[True, ordered[1:] != ordered[:-1]]
    group = np.cumsum(start) - 1
    first = np.flatnonzero(start)
    count = np.bincount(group, train).astype(np.int64)
    place = np.arange(len(keys)) - first[group]
    most = np.maximum(count[group], 1)
    other = np.where(train, (place + 1) % most, place % most) + first[group]
    alone = count[group] < np.where(train, 2, 1)
    twin = np.full(len(keys), -1)
    twin[order] = np.where(alone, -1, order[other])
    return twin


def _rounded(rows: _Rows) -> Iterator[_Twins]:
    """All columns, numbers to a fiftieth of their spread, on two grids."""
    numbers = [f for f in rows.inputs if f.number is not None and f.distinct > 50]
    if not numbers:
        return
    kept = rows.distinct
    others = [codes_of(f) for f in rows.inputs if f not in numbers]
    for shift in (0.0, 0.5):
        cells = []
        for feature in numbers:
            values = feature.number
            assert values is not None
            step = (float(np.nanstd(values)) or 1.0) / 50
            cells.append(np.nan_to_num(np.floor(values / step + shift), nan=-9e9).astype(np.int64))
        keys = _keys([c[kept] for c in (*others, *cells, rows.outcome)])
        yield _twins("rounded numbers", keys, rows.in_train[kept])


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
            yield _compared(f"words of {feature.name!r}", across, within)


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
    grouped = subject.plan is not None and subject.plan.split.kind is SplitKind.GROUPED
    least = limits.twin_log_chance_of_groups if grouped else limits.twin_log_chance
    least -= np.log10(len(asked))
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


def _exceptions(subject: Subject, rows: _Rows) -> Iterator[Outcome]:
    """Some twins across the split, where the split keeps twins on one side."""
    limits = subject.thresholds
    codes = pd.factorize(rows.keys)[0]
    size, in_train = np.bincount(codes), np.bincount(codes, rows.in_train)
    asked = (size > 1) & (in_train < size)
    alone, units = int((asked & (in_train == 0)).sum()), int(asked.sum())
    # By lot, two rows of which one is a test row are both in test with this chance; more, seldomer.
    share = float(1 - rows.in_train.mean())
    luck = float(binom.logsf(alone - 1, units, share / (2 - share))) / np.log(10)
    across, total = int((in_train[codes[~rows.in_train]] > 0).sum()), int((~rows.in_train).sum())
    least = max(limits.duplicate_rows, limits.duplicate_share * total)
    if luck > limits.twins_together_log_chance or across < least:
        return
    yield Finding(
        code="L01",
        severity=Severity.ERROR,
        blame=Blame.DESIGN,
        message=f"{across} of {total} test rows have a twin with the same target in train, though "
        f"the split keeps twins on one side: of {units} sets of twins in test, {alone} are in test "
        "alone. Remove duplicates before splitting.",
        evidence={
            "test_rows_with_a_twin": across,
            "sets_of_twins_in_test": units,
            "in_test_alone": alone,
            "log10_chance_by_lot": round(max(luck, -300.0), 1),
            "exploit": "the target of the twin",
            "repair": {"dedupe": True},
        },
    )
