"""One column of train and test together, seen as text, as numbers, as times and as codes."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

_ONE_NUMBER = re.compile(r"^[^\d]*?([-+]?\d+(?:\.\d+)?)[^\d]*$")
_SEPARATORS = re.compile(
    r"(?<=\d)[,' \u00a0\u202f](?=\d{3}(?!\d))|(?<=\d)\.(?=\d{3}(?:\.\d{3})*,\d)"
)
"""Of thousands: `1,204.50`, `1 204.50` and `1.204,50`."""
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d{1,2}(?!\d))")
_TIME = re.compile(
    r"^\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}:\d{2}|\d{4}-\d{2}"
    r"|[a-z]{3,9}\.? \d{1,2},? \d{4}|\d{1,2}[ -][a-z]{3,9}[ -]\d{4})",
    re.I,
)
_TIME_FORMATS = (
    "ISO8601",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%m/%d/%Y",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%m/%d/%y",
    "%d-%m-%Y",
    "%b %d %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%m-%d-%Y",
    "%H:%M:%S",
    "%H:%M",
)
_LARGEST = 1e38
"""Trees are grown on numbers of single precision. No measurement comes near to that."""
MAX_CLASSES = 50
"""Distinct values above which an unplanned numeric target is taken for a quantity."""


def evenly_spaced(rows: int, most: int) -> list[int]:
    """Positions of at most `most` rows, evenly spaced over the table, in order."""
    if rows <= most:
        return list(range(rows))
    return [int(position) for position in np.linspace(0, rows - 1, most).round()]


def numbers_of(text: pd.Series[str]) -> Floats | None:
    """The column as numbers, NaN where empty; None unless every filled cell is one."""
    values = _parsed(text)
    filled = text.notna().to_numpy()
    if not filled.any() or np.isnan(values[filled]).mean() > 0.0:
        lowered = text[filled].str.strip().str.lower()
        stray = lowered[np.isnan(values[filled])]
        if not filled.any() or not stray.isin(["nan", "null", "na", "none"]).all():
            return None
        if len(stray) == len(lowered):
            return None
    values[~np.isfinite(values)] = np.nan
    return np.asarray(values.clip(-_LARGEST, _LARGEST), dtype=np.float64)


def _parsed(text: pd.Series[str]) -> Floats:
    """Each text as a number; NaN where it is none."""
    try:  # ten times as fast, and refuses a column that holds anything else
        exact = pc.cast(pa.array(text, pa.string(), from_pandas=True), pa.float64())
        return np.array(exact.to_numpy(zero_copy_only=False), dtype=np.float64)
    except (pa.ArrowException, ValueError):
        parsed = pd.to_numeric(text, errors="coerce")
        return parsed.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)


def plain(values: pd.Series[str]) -> pd.Series[str]:
    """Texts in the form that labels and ids are compared in: 7, 7.0 and " 7 " are the same."""
    return values.str.strip().str.replace(r"^([-+]?\d+)\.0+$", r"\1", regex=True)


def decimal_steps(values: Floats) -> Floats:
    """What each number was rounded to, by its decimals: 0.01 for 3.14."""
    steps = np.full(len(values), 1e-12 * np.abs(values).max(initial=0.0))
    for digits in range(12, -1, -1):
        steps[np.abs(values - values.round(digits)) <= 1e-13 * np.abs(values)] = 10.0**-digits
    return steps


@dataclass(frozen=True)
class Feature:
    """A column of the stacked rows: first the train rows, then the test rows."""

    name: str
    text: pd.Series[str]
    """Cells as they stand in the file; missing where empty."""
    train_rows: int

    def of_train(self, values: NDArray) -> NDArray:  # type: ignore[type-arg]  # any dtype
        """The part of `values` that belongs to train rows."""
        return values[: self.train_rows]

    def of_test(self, values: NDArray) -> NDArray:  # type: ignore[type-arg]  # any dtype
        """The part of `values` that belongs to test rows."""
        return values[self.train_rows :]

    @cached_property
    def missing(self) -> Mask:
        """Where the cell is empty, or is no number in a column of numbers."""
        empty = self.text.isna().to_numpy()
        return empty if self.number is None else empty | np.isnan(self.number)

    @cached_property
    def number(self) -> Floats | None:
        """The cells as numbers, NaN where missing; None for a column that is not numeric."""
        return numbers_of(self.text)

    @cached_property
    def number_within(self) -> Floats | None:
        """The one number in a text (`12.5 kg`, `EUR 1,204.50`); None unless nearly all have one."""
        if self.number is not None or self.distinct < 3:
            return None
        whole = self.text.str.replace(_SEPARATORS, "", regex=True)
        found = whole.str.replace(_DECIMAL_COMMA, ".", regex=True).str.extract(
            _ONE_NUMBER, expand=False
        )
        if found.notna().sum() < 0.95 * self.text.notna().sum():
            return None
        return pd.to_numeric(found).to_numpy(dtype=np.float64, na_value=np.nan)

    @cached_property
    def time(self) -> Floats | None:
        """The cells as seconds, NaN where missing; None for a column that holds no times."""
        filled = self.text.dropna()
        if self.number is not None or filled.empty:
            return None
        if not filled.iloc[:50].str.match(_TIME).all():
            return None
        for layout in _TIME_FORMATS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # mixed zones and the like: not this layout
                times = pd.to_datetime(self.text, format=layout, errors="coerce", utc=True)
            if times[filled.index].notna().all():
                seconds = times.dt.as_unit("s").to_numpy(dtype="datetime64[s]")
                values = seconds.astype(np.int64).astype(np.float64)
                values[np.isnat(seconds)] = np.nan
                return values
        return None

    @cached_property
    def quantity(self) -> Floats | None:
        """Numbers, times or numbers within text: whatever can be calculated with."""
        for values in (self.number, self.time, self.number_within):
            if values is not None:
                return values
        return None

    @cached_property
    def codes(self) -> Ints:
        """A small integer for each distinct value (equal numbers are one value); -1 missing."""
        source = self.text if self.number is None else pd.Series(self.number)
        return pd.factorize(source)[0].astype(np.int64)

    @cached_property
    def plain_text(self) -> pd.Series[str]:
        """The texts without case and surplus spaces."""
        places, texts = pd.factorize(self.text)  # most columns repeat few texts
        tidy = pd.Series(texts, dtype="str").str.lower().str.split().str.join(" ")
        return tidy.reindex(places).set_axis(self.text.index)

    @cached_property
    def distinct(self) -> int:
        """Number of distinct values."""
        return int(self.codes.max(initial=-1)) + 1

    @cached_property
    def looks_like_classes(self) -> bool:
        """Whether the values are better taken for classes than for a quantity."""
        if self.number is None:
            return True
        filled = self.number[~np.isnan(self.number)]
        whole = bool((filled == np.round(filled)).all())
        return self.distinct <= 2 or (
            whole and self.distinct <= min(MAX_CLASSES, len(filled) // 20, 20)
        )
