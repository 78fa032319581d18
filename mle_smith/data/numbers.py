"""How the numbers of a text table are written: decimal mark, thousands, codes of digits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from mle_smith.data.cells import is_missing_text

_FORMS = {
    # decimal, thousands: a number that is written so and cannot be read as a plain one
    (",", None): re.compile(r"[+-]?(\d+,\d*|,\d+)(?:[eE][+-]?\d+)?"),
    (",", "."): re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?|[+-]?\d+,\d+"),
    (",", " "): re.compile(r"[+-]?\d{1,3}(?: \d{3})+(?:,\d+)?|[+-]?\d+,\d+"),
    (".", ","): re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"),
    (".", " "): re.compile(r"[+-]?\d{1,3}(?: \d{3})+(?:\.\d+)?"),
    (".", "'"): re.compile(r"[+-]?\d{1,3}(?:'\d{3})+(?:\.\d+)?"),
}
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_ZERO_CODE = re.compile(r"0\d+")
_DIGITS = re.compile(r"[+-]?\d+")
_LONGEST_INTEGER = 18
_SAMPLE = 20_000


class Notation(NamedTuple):
    """How numbers are written."""

    decimal: str = "."
    thousands: str | None = None


def detect_notation(cells: pd.DataFrame) -> Notation:
    """The notation that makes the most columns of text numeric; the plain one by default."""
    columns = [_filled(cells.iloc[:_SAMPLE, i]) for i in range(cells.shape[1])]
    marked = [c for c in columns if c and any(_is_marked(v) for v in c) and not _all_plain(c)]
    best, most = Notation(), 0
    for (decimal, thousands), form in _FORMS.items():
        won = sum(_fits(values, form, decimal, thousands) for values in marked)
        plain_decimals = decimal == "," and any(_has_point(c) for c in columns if _all_plain(c))
        if won > most and not plain_decimals:
            best, most = Notation(decimal, thousands), won
    return best


def code_columns(cells: pd.DataFrame) -> tuple[str, ...]:
    """Columns of digits that are codes, not numbers: with leading zeros, or too long to count."""
    found = []
    for name in cells.columns:
        values = _filled(cells[name])
        if not values or not all(_DIGITS.fullmatch(v) for v in values):
            continue
        zeros = any(_ZERO_CODE.fullmatch(v) and int(v) for v in values)
        long = any(len(v.lstrip("+-0")) > _LONGEST_INTEGER for v in values)
        if long or (zeros and not _is_padded_count(values)):
            found.append(str(name))
    return tuple(found)


def _filled(column: pd.Series[str]) -> list[str]:
    return [v.strip() for v in column.unique() if isinstance(v, str) and not is_missing_text(v)]


def _is_marked(value: str) -> bool:
    return any(form.fullmatch(value) for form in _FORMS.values())


def _all_plain(values: Iterable[str]) -> bool:
    return all(_PLAIN.fullmatch(v) for v in values)


def _has_point(values: Iterable[str]) -> bool:
    return any("." in v for v in values)


def _fits(values: list[str], form: re.Pattern[str], decimal: str, thousands: str | None) -> bool:
    """Whether all values are numbers in this notation, and it is the likelier one."""
    if not all(
        form.fullmatch(v) or _DIGITS.fullmatch(v) or _plain_here(v, decimal) for v in values
    ):
        return False
    if decimal == "," and thousands is None:
        # 1,234 alone could be either; a decimal comma is sure when another count of digits occurs.
        return any(not re.fullmatch(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", v) for v in values if "," in v)
    return any(thousands in v for v in values) if thousands else True


def _plain_here(value: str, decimal: str) -> bool:
    return decimal == "." and _PLAIN.fullmatch(value) is not None


def _is_padded_count(values: list[str]) -> bool:
    """Whether zeros only pad small numbers to a width (01 to 12, 00 to 59): parts of a date."""
    return all(len(v) == 2 for v in values) and all(int(v) < 60 for v in values)
