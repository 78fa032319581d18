"""What a column of cells says about the answers: itself, another name for them, or a digest."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binom, rankdata  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.association import correlation
from mle_smith.checks.features import Floats, numbers_of, plain

FEWEST = 6
"""Rows below which nothing is said."""
_CERTAIN = 1e-3
_CERTAIN_OF_ALL = 0.02
"""The same where every cell is right: so it is with a few answers of two classes."""
_CERTAIN_OF_A_CODE = 1e-6
_DIGEST = re.compile(r"^[0-9a-f]{8,128}$")
"""Digests are cut as well: eight digits agree by luck once in four billion."""
_ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "sha3_256")
_BETWEEN = ("", ":", "-", "_", ",", "|", " ", ";", "=", "\t")
_PROBED = 40
_PROBED_SALTED = 4
_FEWEST_ON_LEVELS = 40
_ON_LEVELS = 0.9
"""Neighbours on a line that are of one class, beyond chance. An honest column has less."""
_OFF_LINE = 1e-3
"""How far from the line, as a part of the answers' range: scaled answers are rounded."""
_LINES = 2_000
"""Pairs of rows through which a line is laid: a third of the rows on one gives 200 that agree."""


class Told(NamedTuple):
    """What values given for some test rows say about their answers."""

    share: float
    """Part of all answers that they give."""
    how: str
    rows: int = 0
    """Answers that are told."""


NOTHING = Told(0.0, "")


def told(values: pd.Series[str], answers: pd.Series[str], classes: bool, total: int) -> Told:
    """What `values` say about `answers`, row by row; of `total` answers there are.

    The most frequent value may be a filler and does not count by itself. Equal labels count where
    they agree far beyond chance, other names of a class where each goes with one class, equal
    numbers where numbers are many, ranks where they rise together.
    """
    given = (values.notna() & answers.notna()).to_numpy()
    if given.sum() < FEWEST:
        return NOTHING
    ours = plain(values[given].astype(str)).reset_index(drop=True)
    theirs = plain(answers[given]).reset_index(drop=True)
    few = classes or theirs.nunique() < 10
    found = [_same(ours, theirs, total)]
    found.append(_other_names(ours, theirs, total) if few else _alike(ours, theirs, total))
    if few:
        found.append(_levels(ours, theirs, total))
    return max(found, key=lambda t: t.share)


def _luck(right: int, rows: int, chance: float) -> float:
    return float(binom.sf(right - 1, rows, min(max(chance, 1e-9), 1.0)))


def _same(ours: pd.Series[str], theirs: pd.Series[str], total: int) -> Told:
    """Equal cells, first of all rows, then without the most frequent value of the column."""
    shares = theirs.value_counts(normalize=True)
    right = (ours == theirs).to_numpy()
    best = NOTHING
    for rows in (np.ones(len(ours), dtype=bool), (ours != ours.mode()[0]).to_numpy()):
        count, hits = int(rows.sum()), int(right[rows].sum())
        if count < FEWEST or hits < FEWEST:
            continue
        chance = float(ours[rows].map(shares).fillna(0.0).mean())
        beyond = (hits / count - chance) / (1 - chance) if chance < 1 else 0.0
        many = theirs.nunique() >= 10 and hits / count > 5 * chance + 0.05
        certain = _CERTAIN_OF_ALL if hits == count else _CERTAIN
        if (beyond >= 0.8 or many) and _luck(hits, count, chance) < certain:
            share = hits / total if many else beyond * count / total
            best = max(best, Told(share, "the same values", hits), key=lambda t: t.share)
    return best


def _other_names(ours: pd.Series[str], theirs: pd.Series[str], total: int) -> Told:
    """Values each of which goes with one class: learned from one row, tried on the others.

    First of all values, then without the most frequent one, which may be a filler. An honest input
    has pure values as well, by luck and because it is strong; so all the others count against it.
    """
    counts = ours.value_counts()
    kept = ours.map(counts).ge(2).to_numpy()
    table = pd.DataFrame({"x": ours[kept], "y": theirs[kept]})
    if len(table) < 2 * FEWEST or len(counts) < 2 or counts[counts >= 2].size > 60:
        return NOTHING
    shares = theirs.value_counts(normalize=True)
    best = NOTHING
    for rows in (table, table[table["x"] != counts.index[0]]):
        best = max(best, _named(rows, shares, total), key=lambda t: t.share)
    return best


def _named(table: pd.DataFrame, shares: pd.Series[float], total: int) -> Told:
    told_, tried, right, chance = 0, 0, 0, 0.0
    for _, labels in table.groupby("x", sort=False)["y"]:
        top = labels.mode()[0]
        hits = int((labels == top).sum())
        told_ += hits
        tried += len(labels) - 1  # the first of each value teaches what it means
        right += hits - 1
        chance += (len(labels) - 1) * float(shares[top])
    if tried < FEWEST or told_ < 0.02 * total or table["y"].nunique() < 2:
        return NOTHING
    if _luck(right, tried, chance / tried) >= _CERTAIN_OF_A_CODE:
        return NOTHING
    gained = (right - chance) / max(1e-9, tried - chance)
    if gained <= 0.8:
        return NOTHING
    return Told(told_ * gained / total, "another name for each class", told_)


def _levels(ours: pd.Series[str], theirs: pd.Series[str], total: int) -> Told:
    """Numbers each of whose ranges belongs to one class: marks of a drawing, with jitter."""
    numbers = numbers_of(ours)
    if numbers is None or len(ours) < _FEWEST_ON_LEVELS or ours.nunique() <= 60:
        return NOTHING
    known = np.isfinite(numbers)
    order = np.argsort(numbers[known], kind="stable")
    labels = pd.factorize(theirs[known])[0][order]
    chance = float((np.bincount(labels) / len(labels)) @ (np.bincount(labels) / len(labels)))
    same = int((labels[1:] == labels[:-1]).sum())
    gained = (same / max(1, len(labels) - 1) - chance) / max(1e-9, 1 - chance)
    if gained < _ON_LEVELS or _luck(same, len(labels) - 1, chance) >= _CERTAIN_OF_A_CODE:
        return NOTHING
    return Told(gained * len(labels) / total, "numbers that lie apart by class", len(labels))


def _alike(ours: pd.Series[str], theirs: pd.Series[str], total: int) -> Told:
    """Numbers that are equal, or rise and fall together, up to a filler."""
    one, other = numbers_of(ours), numbers_of(theirs)
    if other is None:
        return NOTHING
    if one is None:
        one = pd.to_numeric(ours, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isfinite(one).sum() < FEWEST:
        return NOTHING
    values, sizes = np.unique(one[np.isfinite(one)], return_counts=True)
    filler = values[sizes.argmax()] if sizes.max() > max(3, 0.05 * len(one)) else np.nan
    best = NOTHING
    for known in (np.isfinite(one) & np.isfinite(other), np.isfinite(one) & (one != filler)):
        count = int(known.sum())
        if count < FEWEST or np.unique(one[known]).size < FEWEST:
            continue
        same = int(np.isclose(one[known], other[known], rtol=1e-4, atol=0.0).sum())
        shuffled = np.isclose(one[known], np.roll(other[known], 1), rtol=1e-4, atol=0.0).mean()
        if same >= FEWEST and same / count > 5 * shuffled + 0.1:
            best = max(best, Told(same / total, "the same numbers", same), key=lambda t: t.share)
        both = known & np.isfinite(other)
        on_line = 0 if best.share else _on_a_line(one[both], other[both])
        if on_line >= FEWEST:
            how = "numbers on one straight line with them"
            best = max(best, Told(on_line / total, how, on_line), key=lambda t: t.share)
        r = abs(correlation(rankdata(one[known]), rankdata(other[known])))
        if count >= 8 and r**2 >= (0.99 if count < 20 else 0.95):
            how = "numbers that rise or fall with them"
            best = max(best, Told(r**2 * count / total, how, count), key=lambda t: t.share)
    return best


def _on_a_line(ours: Floats, theirs: Floats) -> int:
    """Rows on the commonest straight line through two of them, if far more than by chance.

    Scaled answers are on one, whatever else was mixed in. Of coarse numbers many pairs give the
    same line; so the line is laid through shuffled answers as well.
    """
    generator = np.random.default_rng(0)
    one, other = generator.integers(0, len(ours), (2, _LINES))
    apart = (ours[one] != ours[other]) & (theirs[one] != theirs[other])
    one, other = one[apart], other[apart]
    if len(one) < FEWEST:
        return 0
    slopes = (theirs[other] - theirs[one]) / (ours[other] - ours[one])
    digits = 10.0 ** (np.floor(np.log10(np.abs(slopes))) - 2)
    rounded = np.round(slopes / digits) * digits
    shown, counts = np.unique(rounded, return_counts=True)
    slope = float(np.median(slopes[rounded == shown[counts.argmax()]]))
    near = _OFF_LINE * float(np.ptp(theirs))
    on_line, by_chance = (
        _densest(values - slope * ours, 2 * near)
        for values in (theirs, generator.permutation(theirs))
    )
    return on_line if on_line / len(ours) > 5 * by_chance / len(ours) + 0.1 else 0


def _densest(values: Floats, width: float) -> int:
    """How many values there are at most within a stretch of this width."""
    values = np.sort(values)
    return int((np.searchsorted(values, values + width, "right") - np.arange(len(values))).max())


def told_by_digests(
    values: pd.Series[str],
    ids: pd.Series[str],
    answers: pd.Series[str],
    total: int,
    salts: Sequence[str] = (),
) -> Told:
    """Cells that are a digest of the answer, alone or with the id: whoever guesses can verify.

    Whole digests in hexadecimal digits, or a part of them from either end; whole ones also with one
    of the salts, which are public.
    """
    cells = values.dropna().astype(str).str.strip().str.lower()
    if len(cells) < FEWEST or not cells.iloc[:20].str.match(_DIGEST).all():
        return NOTHING
    rows = cells.index[:_PROBED]
    hits = sum(
        any(_is_digest(cells[row], text) for text in _candidates(str(ids[row]), str(answers[row])))
        for row in rows
    )
    if hits >= max(3, 0.5 * len(rows)):
        how = "a digest of the answer, to compare guesses with"
        return Told(len(cells) / total, how, len(cells))
    probed = [(cells[row], str(ids[row]), str(answers[row])) for row in rows[:_PROBED_SALTED]]
    for salt in salts:
        if sum(_is_salted(*row, salt) for row in probed) >= 3:
            how = f"a digest of the answer and the public word {salt!r}, to compare guesses with"
            return Told(len(cells) / total, how, len(cells))
    return NOTHING


def told_by_row_digests(
    cells: pd.Series[str], rows: pd.DataFrame, orders: Sequence[Sequence[str]]
) -> bool:
    """Whether cells are digests of their whole rows, target included: all but that is known.

    Args:
        cells: that may be digests.
        rows: with their targets, row for row with `cells`.
        orders: in which the columns may have been joined.
    """
    texts = cells.iloc[:_PROBED_SALTED].astype(str).str.strip().str.lower()
    if len(texts) < _PROBED_SALTED or not texts.str.match(_DIGEST).all():
        return False
    head = rows.iloc[:_PROBED_SALTED].astype(object)
    return any(
        all(
            _is_digest(text, between.join(row))
            for text, row in zip(texts, written[[*order]].to_numpy(), strict=True)
        )
        for absent in ("", "nan", "None")
        for written in (head.where(head.notna(), absent).astype(str),)
        for order in orders
        for between in _BETWEEN
    )


def _is_salted(cell: str, key: str, answer: str, salt: str) -> bool:
    fit = [name for name in _ALGORITHMS if 2 * hashlib.new(name).digest_size == len(cell)]
    for text in dict.fromkeys((answer, _as_float(answer))):
        for between in _BETWEEN if fit else ():
            for parts in (*permutations((salt, key, text)), (salt, text), (text, salt)):
                made = between.join(parts).encode()
                if any(hashlib.new(name, made).hexdigest() == cell for name in fit):
                    return True
    return False


def _is_digest(cell: str, text: str) -> bool:
    made = (hashlib.new(name, text.encode()).hexdigest() for name in _ALGORITHMS)
    return any(digest.startswith(cell) or digest.endswith(cell) for digest in made) or (
        cell == f"{zlib.crc32(text.encode()):08x}"
    )


def _candidates(key: str, answer: str) -> Iterator[str]:
    for text in dict.fromkeys((answer, answer.lower(), _as_float(answer))):
        yield text
        yield text + "\n"
        for between in _BETWEEN:
            yield f"{key}{between}{text}"
            yield f"{text}{between}{key}"


def _as_float(answer: str) -> str:
    """As a frame of numbers writes it: `3` is `3.0` there."""
    try:
        return repr(float(answer))
    except ValueError:
        return answer
