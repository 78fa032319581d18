"""How cells are written, apart from what they say: blanks around, needless zeros, odd capitals.

Defect L15: a mark in the form of a cell, which no value and no missing cell shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.association import Goal, column_skill, correlation, mask_skill
from mle_smith.checks.dependence import Dependence, group_dependence, signal_of
from mle_smith.checks.features import Feature, Floats, Ints, Mask
from mle_smith.checks.standing import reordered

_SHORTEST = r"-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?"
_DECIMALS = r"\.\d*$"
_MOST_CODES = 60
_FEWEST_NUMBERS = 5
_MORE_IN_TEST = 0.005
_FAR = "with a number that stands for none"
_MOST_FAR = 3
_FEWEST_GAPS = 15
_TIE = 0.5
"""Part of a form's variance that the target explains, and twice as much as any input, from which
on it is a mark of the target, however few rows have it."""
_MOST_LAYOUTS = 6
"""Ways to write numbers that belong together: a date, a range, a time of day."""
NOTHING = frozenset(
    {
        *("", "?", "-", "--", ".", "na", "n/a", "n.a.", "nan", "null", "missing"),
        *("unknown", "not known", "unspecified", "not specified", "not available", "unavailable"),
        *("not recorded", "no data", "not given", "undefined"),
    }
)
"""Words for a value that is not there, in small letters."""


class Form(NamedTuple):
    """Cells of a column, or whole lines, that are written otherwise than they need be."""

    feature: Feature
    how: str
    there: Mask
    of_lines: bool = False

    @property
    def columns(self) -> list[str]:
        """The column's name; none of lines."""
        return [] if self.of_lines else [self.feature.name]

    def __str__(self) -> str:
        return f"{'lines' if self.of_lines else f'cells of {self.feature.name!r}'} {self.how}"


def forms(feature: Feature) -> Iterator[Form]:
    """The ways in which cells of a column differ in form."""
    text = feature.text.fillna("")
    if feature.missing.all():
        return
    for how, there in _ways(feature, text):
        if 0.01 <= there[~feature.missing].mean() <= 0.99:
            yield Form(feature, how, np.asarray(there, dtype=np.bool_))


def _ways(feature: Feature, text: pd.Series[str]) -> Iterator[tuple[str, Mask]]:
    bare = text.str.strip()
    yield "with blanks around", (text != bare).to_numpy()
    if feature.number is not None:
        filled = feature.text.notna()
        yield "with needless signs", (filled & ~bare.str.fullmatch(_SHORTEST)).to_numpy()
        digits = (bare.str.len() - bare.str.find(".") - 1).where(bare.str.contains(_DECIMALS), 0)
        for far in _far(feature.number):
            yield _FAR, far
        if filled.any():
            usual_digits = digits[filled].mode()[0]
            yield "with fewer digits", (filled & (digits < usual_digits)).to_numpy()
            yield "with more digits", (filled & (digits > usual_digits)).to_numpy()
        return
    layout = bare.str.replace(r"\d+", "0", regex=True)
    if layout.str.fullmatch(r"[0\W]*").mean() > 0.99 and layout.nunique() <= _MOST_LAYOUTS:
        for other in layout.value_counts().index[1:]:
            yield f"written like {other!r}", (layout == other).to_numpy()
    if feature.distinct <= len(text) // 4:
        usual = bare.groupby(feature.plain_text).agg(lambda cells: cells.mode()[0])
        yield "in other letters", (bare != feature.plain_text.map(usual).fillna("")).to_numpy()


def _far(numbers: Floats) -> Iterator[Mask]:
    """The cells of each common number that stands for no value: off all others, or below zero."""
    values, counts = np.unique(numbers[~np.isnan(numbers)], return_counts=True)
    common = np.argsort(-counts, kind="stable")[:_MOST_FAR]
    rest = np.delete(values, common)
    if len(rest) < _FEWEST_NUMBERS:
        return
    for value in values[common]:
        away = not rest.min() - np.ptp(rest) <= value <= rest.max() + np.ptp(rest)
        if away or value < 0 <= rest.min():
            yield np.asarray(numbers == value)


def telling_form(
    features: Sequence[Feature], lines: Sequence[Form], goal: Goal, least: float, seed: int
) -> tuple[Form, float] | None:
    """The form of cells or lines that foretells the target best, with its skill.

    None if there is no such form, or something else explains it.

    A source of data may have a hand of its own, and the target may depend on the source: then the
    form goes with an input at least as closely as with the target.
    """
    asked = [*(form for f in features for form in forms(f)), *lines]
    found = [(form, mask_skill(form.there[:, None], goal, seed)) for form in asked]
    for form, skill in sorted(found, key=lambda pair: -pair[1]):
        tie = explained(form.there, goal.feature)
        if skill < least and tie < _TIE:
            continue
        # A number that stands for none is a value of its column, which tells it by itself.
        others = max(
            (
                explained(form.there, f)
                for f in features
                if form.how != _FAR or f is not form.feature
            ),
            default=0.0,
        )
        if tie > (others if skill >= least else 2 * others):
            return form, skill
    return None


def words_for_nothing(features: Sequence[Feature], goal: Goal, seed: int) -> tuple[str, float]:
    """How well the word for a missing value foretells the target of the rows that have one.

    Returns:
        The column of the most telling words and their skill on these rows; skill 0 for none.
    """
    found = [("", 0.0)]
    for feature in features:
        if feature.number is not None:
            continue
        cells = feature.plain_text.fillna("")
        rows = np.flatnonzero(cells.isin(NOTHING))
        cut = int((rows < feature.train_rows).sum())
        if cut < _FEWEST_GAPS or len(rows) - cut < _FEWEST_GAPS or cells.iloc[rows].nunique() < 2:
            continue
        words = reordered(replace(feature, text=cells), rows, cut)
        part = replace(goal, feature=reordered(goal.feature, rows, cut))
        found.append((feature.name, column_skill(words, part, seed)))
    return max(found, key=lambda pair: pair[1])


def forms_of_test(
    features: Sequence[Feature], lines: Sequence[Form], goal: Goal
) -> Iterator[tuple[Form, Dependence]]:
    """What is said of the answers by marks, gaps among them, that test has and train hardly has.

    No model of train finds these. Where the rows were divided at random, both have them alike.
    """
    signal = signal_of(goal)
    asked = [Form(f, "without a value", f.missing) for f in features]
    for form in (*asked, *(form for f in features for form in forms(f)), *lines):
        train, test = form.feature.of_train(form.there).mean(), form.feature.of_test(form.there)
        if test.mean() - train >= _MORE_IN_TEST and test.mean() >= 2 * train:
            yield form, group_dependence(signal, test, form.how)


def explained(mark: Mask | Floats, feature: Feature) -> float:
    """Share of the variance of a mark that the filled cells of a column explain."""
    filled = ~feature.missing
    marks = mark[filled].astype(np.float64)
    if len(marks) < 2:
        return 0.0
    codes: Ints = feature.codes[filled] + 1
    if feature.number is None:
        codes = pd.factorize(feature.plain_text[filled])[0].astype(np.int64)
    shares = [_between(marks, codes)] if codes.max() <= _MOST_CODES else [0.0]
    if feature.quantity is not None:
        ranks = np.asarray(rankdata(feature.quantity[filled], nan_policy="omit"), dtype=np.float64)
        ranks = np.nan_to_num(ranks)
        shares.append(correlation(marks, ranks) ** 2)
        shares.append(_between(marks, np.ceil(10 * ranks / len(ranks)).astype(np.int64)))
    return max(shares)


def _between(marks: Floats, codes: Ints) -> float:
    """The variance between groups, less what chance gives so many of them."""
    counts = np.bincount(codes)
    means = np.bincount(codes, marks) / np.maximum(counts, 1)
    spread = float(((marks - marks.mean()) ** 2).sum())
    if spread <= 0:
        return 0.0
    groups = int((counts > 0).sum())
    left = 1 - float((counts * (means - marks.mean()) ** 2).sum()) / spread
    return 1 - left * (len(marks) - 1) / max(1, len(marks) - groups)
