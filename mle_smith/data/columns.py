"""One column, described from its values."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

from mle_smith.data.dates import detect_format
from mle_smith.data.tables import ColumnProfile, Kind

_TOP = 12
_TOP_WIDTH = 60
_FEW = 20
_FEW_SHARE = 0.2
_SENTENCE = 60
_WHOLE_LIMIT = 2.0**53


class _Order(NamedTuple):
    minimum: float | str | None
    maximum: float | str | None
    order: Literal["increasing", "decreasing", "none"]


def profile_column(column: pd.Series[Any], position: int, description: str = "") -> ColumnProfile:
    """Describe a column: its kind, how full it is, its values and their order."""
    values = _plain(column.dropna())
    counts = values.value_counts(sort=False)
    distinct = len(counts)
    missing = 1 - len(values) / len(column) if len(column) else 1.0
    about: dict[str, Any] = {
        "name": str(column.name),
        "position": position,
        "missing": round(float(missing), 6),
        "distinct": distinct,
        "unique": bool(len(values)) and distinct == len(values),
        "top": _top(counts),
        "description": description[:300],
    }
    if types.is_bool_dtype(values.dtype):
        return ColumnProfile(**about, kind=_few(distinct, missing) or Kind.BOOLEAN)
    if types.is_numeric_dtype(values.dtype):
        return ColumnProfile(**about, **_number(values, distinct, missing))
    if types.is_datetime64_any_dtype(values.dtype):
        return ColumnProfile(
            **about,
            kind=_few(distinct, missing) or Kind.DATETIME,
            **_ordered(values)._asdict(),
        )
    return ColumnProfile(**about, **_text(values, counts, missing))


def _plain(values: pd.Series[Any]) -> pd.Series[Any]:
    """The values in one of four types: bool, number, timestamp, text."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        values = values.astype(dtype.categories.dtype)
    if types.is_object_dtype(values.dtype):
        inferred = types.infer_dtype(values, skipna=True)
        if inferred == "boolean":
            return values.astype(bool)
        if inferred in {"decimal", "mixed-integer-float", "integer", "floating"}:
            return values.astype(float)
        if inferred in {"date", "datetime", "datetime64"}:
            return pd.to_datetime(values)
        return values.map(str)
    if types.is_timedelta64_dtype(values.dtype):
        values = pd.Series(values.dt.total_seconds())
    return values


def _few(distinct: int, missing: float) -> Kind | None:
    """The kinds that the number of values alone decides."""
    if not distinct:
        return Kind.EMPTY
    if distinct == 1 and not missing:
        return Kind.CONSTANT
    return Kind.BOOLEAN if distinct == 2 else None


def _number(values: pd.Series[Any], distinct: int, missing: float) -> dict[str, Any]:
    if not distinct:
        return {"kind": Kind.EMPTY}
    numbers = values.to_numpy(dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    whole = bool(len(finite)) and bool((finite == np.floor(finite)).all())
    std = float(finite.std(ddof=1)) if len(finite) > 1 else 0.0
    about: dict[str, Any] = {
        "kind": _few(distinct, missing) or (Kind.INTEGER if whole else Kind.FLOAT),
        "zeros": round(float((numbers == 0).mean()), 6),
        **_ordered(values)._asdict(),
    }
    if len(finite):
        centred = finite - finite.mean()
        scale = float(np.sqrt((centred**2).mean()))
        about["mean"] = _rounded(float(finite.mean()))
        about["std"] = _rounded(std)
        about["skew"] = _rounded(float(((centred / scale) ** 3).mean())) if scale > 0 else 0.0
    return about


def _text(values: pd.Series[Any], counts: pd.Series[int], missing: float) -> dict[str, Any]:
    distinct = len(counts)
    if not distinct:
        return {"kind": Kind.EMPTY}
    lengths = counts.index.astype(str).str.len().to_numpy(dtype=float)
    mean_length = float(np.average(lengths, weights=counts.to_numpy()))
    about: dict[str, Any] = {"mean_length": round(mean_length, 2)}
    kind = _few(distinct, missing)
    found = None if kind is Kind.BOOLEAN else detect_format(counts.index.astype(str))
    if found:
        stamps = pd.to_datetime(values, format=found, errors="coerce")
        return about | {
            "kind": kind or Kind.DATETIME,
            "time_format": found,
            **_ordered(stamps)._asdict(),
        }
    few = distinct <= _FEW and distinct <= 0.8 * len(values)
    share = distinct / len(values)
    repeated = share <= _FEW_SHARE and mean_length <= 2 * _SENTENCE
    about["kind"] = kind or (Kind.CATEGORICAL if few or repeated or distinct == 1 else Kind.TEXT)
    return about | _ordered(values, text=True)._asdict()


def _ordered(values: pd.Series[Any], *, text: bool = False) -> _Order:
    low, high = values.min(), values.max()
    if low == high or len(values) < 3:
        order: Literal["increasing", "decreasing", "none"] = "none"
    elif values.is_monotonic_increasing:
        order = "increasing"
    else:
        order = "decreasing" if values.is_monotonic_decreasing else "none"
    if text:
        return _Order(None, None, order)
    if isinstance(low, pd.Timestamp):
        return _Order(low.isoformat(), high.isoformat(), order)
    return _Order(_rounded(float(low)), _rounded(float(high)), order)


def _rounded(number: float) -> float | None:
    """A finite number to ten significant digits, so that equal data give equal profiles."""
    return float(f"{number:.10g}") if np.isfinite(number) else None


def _top(counts: pd.Series[int]) -> tuple[tuple[str, int], ...]:
    if not len(counts):
        return ()
    largest = counts.nlargest(_TOP, keep="first") if len(counts) > _TOP else counts
    if len(counts) > _TOP and int(largest.iloc[0]) == 1:
        largest = counts.iloc[:_TOP]
    pairs = [(_shown(value), int(count)) for value, count in largest.items()]
    return tuple(sorted(pairs, key=lambda pair: -pair[1])[:_TOP])


def _shown(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_LIMIT:
        return str(int(value))
    text = str(value)
    return text if len(text) <= _TOP_WIDTH else text[: _TOP_WIDTH - 1] + "…"
