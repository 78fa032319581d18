"""What texts and pairs of columns hold besides themselves: parts, differences, combinations.

A proxy of the target may be a part of a text, or the sum, difference, product or quotient of two
columns, or two codes that only together name a class. These are made here, to be judged like
columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.association import Goal, group_skill
from mle_smith.checks.features import Feature, Floats, Ints, Mask

_MAX_PARTS = 8
_MAX_LENGTH = 400
_MAX_PAIRED = 30
_FEWEST_WORDS = 50
"""Values, from which on a number may be several things in one."""
_HEXADECIMAL = r"0[xX][0-9a-fA-F]{1,15}|(?=.*[a-fA-F])[0-9a-fA-F]{4,15}"
_MAX_CROSSED = 120
_MOST_LIKELY = 400
"""Pairs of codes that are looked up, the most telling ones of many columns. Time."""
_SCREEN_ROWS = 1_500


class Derived(NamedTuple):
    """A column made of one or two others."""

    columns: tuple[str, ...]
    how: str
    feature: Feature


def parts(feature: Feature) -> Iterator[Derived]:
    """Numbers, words and letters of a text, each by its place."""
    filled = feature.text.dropna()
    if feature.number is not None or feature.time is not None or filled.empty:
        return
    if filled.str.len().max() > _MAX_LENGTH or feature.distinct < max(20, len(filled) // 50):
        return
    text = feature.text.fillna("")
    for pattern, what in (
        (r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", "number"),
        (r"[A-Za-z0-9_.]+", "word"),
    ):
        found = text.str.findall(pattern)
        most = min(_MAX_PARTS, int(found.map(len).max()))
        for place in (*range(most), -1):
            cells = found.str[place]
            if cells.notna().sum() >= 0.5 * len(cells):
                how = f"{what} {place + 1}" if place >= 0 else f"the last {what}"
                yield Derived(
                    (feature.name,), how, Feature(feature.name, cells, feature.train_rows)
                )
    if text.str.len().max() <= 40:
        letters = text.str.findall(r"[A-Za-z]")
        for place in range(min(4, int(letters.map(len).max()))):
            cells = letters.str[place]
            yield Derived(
                (feature.name,),
                f"letter {place + 1}",
                Feature(feature.name, cells, feature.train_rows),
            )


def fields(feature: Feature, classes: int) -> Iterator[Derived]:
    """Digits and bits of whole numbers, decimal or hexadecimal, such as a device's status word.

    Args:
        feature: the column.
        classes: that a field of some bits has to hold; of a quantity, so many steps.
    """
    values = _whole(feature)
    if values is None:
        return
    width = max(1, int(classes - 1).bit_length())
    length = int(values.max()).bit_length()
    for start in range(length):
        field = values >> start & 2**width - 1
        yield _field(feature, f"bits {start} to {start + width - 1}", field)
    for place in range(len(str(values.max()))):
        yield _field(feature, f"digit {place + 1} from the right", values // 10**place % 10)


def _field(feature: Feature, how: str, values: Ints) -> Derived:
    cells = pd.Series(values).astype("str")
    return Derived((feature.name,), how, Feature(feature.name, cells, feature.train_rows))


def _whole(feature: Feature) -> Ints | None:
    """Whole numbers of many values, none missing; None for other columns."""
    if feature.distinct < _FEWEST_WORDS or feature.missing.any():
        return None
    number = feature.number
    if number is not None and not feature.text.iloc[:50].str.fullmatch(_HEXADECIMAL).all():
        whole = bool((number == np.round(number)).all()) and number.min() >= 0
        return number.astype(np.int64) if whole and 1e3 < number.max() < 2**53 else None
    text = feature.text.str.strip()
    if not text.iloc[:50].str.fullmatch(_HEXADECIMAL).all():
        return None
    if not text.str.fullmatch(_HEXADECIMAL).all():
        return None
    return np.array([int(cell, 16) for cell in text], dtype=np.int64)


class Pair(NamedTuple):
    """Two columns, and numbers or codes made of both."""

    columns: tuple[str, str]
    how: str
    values: Floats

    def feature(self, goal: Goal) -> Feature:
        """The numbers as a column, the middle one where there is none."""
        filled = np.nan_to_num(self.values, nan=float(np.nanmedian(self.values)))
        name = f"{self.how} of {self.columns[0]} and {self.columns[1]}"
        return Feature(name, pd.Series(filled).map(repr), goal.feature.train_rows)


def calculated(features: Sequence[Feature], goal: Goal) -> Iterator[Pair]:
    """Sums, differences, products and quotients that go with the target far better than either.

    Screened by rank correlation with the quantity, or with one of the classes, on some rows.
    """
    numbers = [f for f in features if f.quantity is not None and f.distinct > 2][:_MAX_PAIRED]
    if len(numbers) < 2:
        return
    step = max(1, len(goal.codes) // _SCREEN_ROWS)
    marks = _ranked(goal.matrix[::step].T[:12])
    if goal.classes:
        marks = marks / _most_of_classes(goal)[:, None]
    alone = {
        f.name: float(_fit(f.quantity[::step], marks)) for f in numbers if f.quantity is not None
    }
    least = 0.75 if goal.classes else 0.9  # a tenth of classes may be wrong
    for one, other in combinations(numbers, 2):
        a, b = one.quantity, other.quantity
        assert a is not None
        assert b is not None
        for how, values in _operations(a, b):
            fit = _fit(values[::step], marks)
            if fit > least and 1 - fit < 0.5 * (1 - max(alone[one.name], alone[other.name])):
                yield Pair((one.name, other.name), how, values)


def fit_of(values: Floats, goal: Goal, rows: Mask) -> float:
    """Rank correlation of numbers with the quantity, or one of the classes, on some rows.

    As a part of the greatest that there can be. Equal steps of `rows` are looked at.
    """
    step = max(1, len(values) // _SCREEN_ROWS)
    marks = _ranked(goal.matrix[rows][::step].T[:12])
    if goal.classes:
        marks = marks / _most_of_classes(goal)[:, None]
    return _fit(values[::step], marks)


def _operations(a: Floats, b: Floats) -> Iterator[tuple[str, Floats]]:
    yield "difference", a - b
    yield "sum", a + b
    with np.errstate(all="ignore"):
        yield "product", a * b
        yield "quotient", np.where(b != 0, a / np.where(b != 0, b, 1), np.nan)
        yield "quotient the other way", np.where(a != 0, b / np.where(a != 0, a, 1), np.nan)


def _ranked(rows: Floats) -> Floats:
    ranks = np.apply_along_axis(rankdata, 1, rows)
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    sizes = np.sqrt((ranks**2).sum(axis=1, keepdims=True))
    return np.asarray(ranks / np.where(sizes > 0, sizes, 1.0))


def _most_of_classes(goal: Goal) -> Floats:
    """The rank correlation of a class with numbers that it cuts in two: below one."""
    share = goal.matrix.mean(axis=0)[:12]
    return np.asarray(np.sqrt(np.maximum(3 * share * (1 - share), 1e-6)))


def _fit(values: Floats | None, marks: Floats) -> float:
    if values is None:
        return 0.0
    known = np.isfinite(values)
    if known.mean() < 0.9:
        return 0.0
    filled = np.where(known, values, np.nanmedian(values[known]))
    return min(1.0, float(np.abs(marks @ _ranked(filled[None])[0]).max()))


def crossed(features: Sequence[Feature], goal: Goal) -> Iterator[tuple[tuple[str, str], float]]:
    """Skill of looking up two codes together, for columns of few values each."""
    coded = [f for f in features if 2 <= f.distinct <= 60][:_MAX_CROSSED]
    rows = len(goal.codes)
    pairs = [p for p in combinations(coded, 2) if p[0].distinct * p[1].distinct <= rows / 4]
    if len(coded) > _MAX_PAIRED:
        pairs = sorted(pairs, key=_spread_within(goal))[:_MOST_LIKELY]
    for one, other in pairs:
        yield (one.name, other.name), group_skill(crossed_codes(one, other), goal)


def _spread_within(goal: Goal) -> Callable[[tuple[Feature, Feature]], float]:
    """What is left of the target's spread within pairs of values, on some train rows."""
    rows = np.flatnonzero(goal.train_known)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, _SCREEN_ROWS).astype(int))]
    target = goal.matrix[rows]

    def left(pair: tuple[Feature, Feature]) -> float:
        codes = _joined(*pair)[rows]
        counts = np.bincount(codes)
        sums = np.stack([np.bincount(codes, column) for column in target.T])
        explained = float(((sums**2).sum(axis=0) / counts.clip(min=1)).sum())
        by_luck = float((target**2).sum()) * int((counts > 0).sum()) / len(rows)
        return by_luck - explained

    return left


def crossed_codes(*columns: Feature) -> Ints:
    """A small integer for each combination of values."""
    codes = columns[0].codes
    for other in columns[1:]:
        codes = pd.factorize((codes + 1) * (other.distinct + 1) + other.codes + 1)[0]
    return np.asarray(codes, dtype=np.int64)


def _joined(one: Feature, other: Feature) -> Ints:
    return (one.codes + 1) * (other.distinct + 1) + other.codes + 1
