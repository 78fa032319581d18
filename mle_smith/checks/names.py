"""What a name, an id or a file's name, can say: numbers and letters within it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from mle_smith.checks.dependence import (
    NONE,
    Dependence,
    Signal,
    as_one_of,
    group_dependence,
    number_dependence,
    order_dependence,
)
from mle_smith.checks.features import Floats, numbers_of

_MODULI = tuple(range(2, 17))
_LARGE_MODULI = (20, 25, 50, 60, 64, 100, 128, 256, 1000)
_LETTERS = r"^([^\d]*)"
_FIRST_PART = r"^([^-_./: ]*)"
_HEXADECIMAL = r"[0-9a-fA-F-]{6,64}"
_PLACES = 20
"""Letters from the front, and as many from the back: a hash and a UUID are asked throughout."""
_MOST_NUMBERS = 6
QUESTIONS = 180
"""About so many a name is asked, each by itself."""


def name_dependence(names: pd.Series[str], signal: Signal) -> Dependence:
    """The strongest dependence of rows on what names say: order, remainders, gaps, letters."""
    text = names.fillna("").reset_index(drop=True)
    found = [NONE]
    values = number_in(text)
    if values is not None:
        order = np.argsort(values, kind="stable")
        found.append(as_one_of(order_dependence(signal.ordered(order)), QUESTIONS))
        found.append(number_dependence(signal, values, "its size"))
        whole = values.astype(np.int64)
        for modulus in _MODULI:
            found.append(group_dependence(signal, whole % modulus, f"the remainder by {modulus}"))
        for modulus in _LARGE_MODULI:
            rest = (whole % modulus).astype(np.float64)
            found.append(number_dependence(signal, rest, f"the remainder by {modulus}"))
        found += list(_gaps(values, signal))
    found += [number_dependence(signal, n, "a number in it") for n in _earlier_numbers(text)]
    order = np.argsort(text.to_numpy(), kind="stable")
    found.append(as_one_of(order_dependence(signal.ordered(order)), QUESTIONS))
    found += list(_letters(text, signal))
    return max(found, key=lambda d: d.significance)


def name_numbers(names: pd.Series[str]) -> Floats:
    """All that can be asked of a name as numbers: a row for each name."""
    text = names.fillna("").reset_index(drop=True)
    lengths = text.str.len()
    parts: list[Floats] = [lengths.to_numpy().astype(np.float64)]
    for pattern in (_LETTERS, _FIRST_PART):
        part = text.str.extract(pattern, expand=False).fillna("")
        parts.append(pd.factorize(part, sort=True)[0].astype(np.float64))
    most = min(_PLACES, int(lengths.max()) if len(lengths) else 0)
    for place in (*range(most), *range(-most, 0)):
        letters = text.str[place].fillna("")
        parts.append(pd.factorize(letters, sort=True)[0].astype(np.float64))
    values = number_in(text)
    if values is not None:
        whole = values.astype(np.int64)
        parts += [values, *((whole % m).astype(np.float64) for m in (*_MODULI, *_LARGE_MODULI))]
        parts += _gaps_beside(values)
    return np.stack(parts, axis=1)


def _hexadecimal(text: pd.Series[str]) -> bool:
    return bool(text.str.fullmatch(_HEXADECIMAL).all() and text.str.contains("[a-fA-F]").any())


def _earlier_numbers(text: pd.Series[str]) -> Iterator[Floats]:
    """The numbers of each name but its last, where all names have as many."""
    if _hexadecimal(text):
        return
    numbers = [re.findall(r"\d{1,15}", name) for name in text]
    many = {len(found) for found in numbers}
    if len(many) == 1 and 2 <= max(many) <= _MOST_NUMBERS:
        yield from np.array(numbers, dtype=np.float64).T[:-1]


def number_in(text: pd.Series[str]) -> Floats | None:
    """The number that each name is, or ends with; None where one has none, or too long a one."""
    numbers = numbers_of(text)
    if numbers is None and _hexadecimal(text):
        digits = text.str.replace("-", "").str[-12:]
        return np.array([int(name or "0", 16) for name in digits], dtype=np.float64)
    if numbers is None:
        inner = text.str.extract(r"(\d{1,15})\D*$", expand=False)
        numbers = pd.to_numeric(inner).to_numpy(np.float64, na_value=np.nan)
    large = np.isnan(numbers).any() or np.abs(numbers).max(initial=0) >= 2**53
    return None if large else np.asarray(numbers)


def _gaps(values: Floats, signal: Signal) -> Iterator[Dependence]:
    if np.unique(np.diff(np.sort(values))).size < 2:
        return
    hows = ("the gap before it", "the gap after it")
    for gap, how in zip(_gaps_beside(values), hows, strict=True):
        yield number_dependence(signal, gap, how)


def _gaps_beside(values: Floats) -> list[Floats]:
    """The distance of each number to the next one below, and above; NaN at the ends."""
    order = np.argsort(values, kind="stable")
    gaps = []
    for place in (1, 0):
        gap = np.full(len(values), np.nan)
        gap[order[place : len(values) - 1 + place]] = np.diff(values[order])
        gaps.append(gap)
    return gaps


def _letters(text: pd.Series[str], signal: Signal) -> Iterator[Dependence]:
    """Each letter from the front and from the back, the first word, the length."""
    for pattern, how in ((_LETTERS, "its letters"), (_FIRST_PART, "its first part")):
        part = text.str.extract(pattern, expand=False).fillna("")
        yield group_dependence(signal, pd.factorize(part)[0], how)
    lengths = text.str.len()
    yield group_dependence(signal, lengths.to_numpy(), "its length")
    most = min(_PLACES, int(lengths.max()) if len(lengths) else 0)
    for place in (*range(most), *range(-most, 0)):
        letter = text.str[place].fillna("")
        how = f"letter {place + 1}" if place >= 0 else f"letter {-place} from the end"
        yield group_dependence(signal, pd.factorize(letter)[0], how)
        if letter.nunique() > 6:
            ranks = letter.map({c: float(k) for k, c in enumerate(sorted(letter.unique()))})
            yield number_dependence(signal, ranks.to_numpy(np.float64), how)
