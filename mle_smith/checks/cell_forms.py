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
_MORE_IN_TEST = 0.05
_FEWEST_GAPS = 15
_NOTHING = frozenset(
    {
        *("", "?", "-", "--", ".", "na", "n/a", "n.a.", "nan", "null", "missing"),
        *("unknown", "not known", "unspecified", "not specified", "not available", "unavailable"),
        *("not recorded", "no data", "not given", "undefined"),
    }
)
"""Words for a value that is not there, in small letters."""


class Form(NamedTuple):
    """Cells of a column that are written otherwise than they need be."""

    feature: Feature
    how: str
    there: Mask

    @property
    def column(self) -> str:
        """The column's name."""
        return self.feature.name


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
        yield "with a number far from all others", _far(feature.number)
        if filled.any():
            yield "with fewer digits", (filled & (digits < digits[filled].mode()[0])).to_numpy()
        return
    if feature.distinct <= len(text) // 4:
        usual = bare.groupby(feature.plain_text).agg(lambda cells: cells.mode()[0])
        yield "in other letters", (bare != feature.plain_text.map(usual).fillna("")).to_numpy()


def _far(numbers: Floats) -> Mask:
    """The cells of the commonest number, where it lies outside of all others by their range."""
    values, counts = np.unique(numbers[~np.isnan(numbers)], return_counts=True)
    common = values[counts.argmax()] if len(values) > _FEWEST_NUMBERS else np.nan
    rest = values[values != common]
    if np.isnan(common) or rest.min() - np.ptp(rest) <= common <= rest.max() + np.ptp(rest):
        return np.zeros(len(numbers), dtype=np.bool_)
    return np.asarray(numbers == common)


def telling_form(
    features: Sequence[Feature], goal: Goal, least: float, seed: int
) -> tuple[Form, float] | None:
    """The form that foretells the target best, with its skill, if nothing else explains it.

    A source of data may have a hand of its own, and the target may depend on the source: then the
    form goes with an input at least as closely as with the target.
    """
    found = [
        (form, mask_skill(form.there[:, None], goal, seed)) for f in features for form in forms(f)
    ]
    form, skill = max(found, key=lambda pair: pair[1], default=(None, 0.0))
    if form is None or skill < least:
        return None
    tie = explained(form.there, goal.feature)
    return (form, skill) if tie > max(explained(form.there, f) for f in features) else None


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
        rows = np.flatnonzero(cells.isin(_NOTHING))
        cut = int((rows < feature.train_rows).sum())
        if cut < _FEWEST_GAPS or len(rows) - cut < _FEWEST_GAPS or cells.iloc[rows].nunique() < 2:
            continue
        words = reordered(replace(feature, text=cells), rows, cut)
        part = replace(goal, feature=reordered(goal.feature, rows, cut))
        found.append((feature.name, column_skill(words, part, seed)))
    return max(found, key=lambda pair: pair[1])


def forms_of_test(features: Sequence[Feature], goal: Goal) -> Iterator[tuple[Form, Dependence]]:
    """What is said of the answers by marks, gaps among them, that test has and train hardly has.

    No model of train finds these. Where the rows were divided at random, both have them alike.
    """
    signal = signal_of(goal)
    for feature in features:
        gaps = Form(feature, "without a value", feature.missing)
        for form in (gaps, *forms(feature)):
            train, test = feature.of_train(form.there).mean(), feature.of_test(form.there)
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
