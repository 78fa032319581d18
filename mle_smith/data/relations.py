"""How the tables of a data set relate: copies, samples, sums, shared columns and keys."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from mle_smith.data.tables import Relation

MAX_TABLES = 40
"""Tables that are compared with each other; the rest of a larger data set is not."""
_DISTINCT = 10
_SAME = 0.95


def same_name(name: str) -> str:
    """The name without letter case and punctuation: `Year` and `YEAR ` are the same column."""
    return re.sub(r"[\W_]+", "", name.lower()) or name


def relate(frames: Mapping[str, pd.DataFrame]) -> tuple[Relation, ...]:
    """The relations between tables, each pair's strongest one; keys only where nothing else is."""
    found: list[Relation] = []
    some = dict(list(frames.items())[:MAX_TABLES])
    for one, other in combinations(some, 2):
        # The smaller one is a part of the larger one, not the other way round.
        first, second = sorted((one, other), key=lambda n: (some[n].size, len(some[n]), n))
        relation = next(_candidates(first, second, some[first], some[second]), None)
        if relation:
            found.append(relation)
    return tuple(found)


def _candidates(
    first: str, second: str, small: pd.DataFrame, large: pd.DataFrame
) -> Iterator[Relation]:
    names = {same_name(str(c)): str(c) for c in large.columns}
    shared = [(str(c), names[same_name(str(c))]) for c in small if same_name(str(c)) in names]
    if evidence := _same_rows(small, large):
        yield Relation(kind="copy", first=first, second=second, evidence=evidence)
    if evidence := _part_of(small, large, shared):
        yield Relation(kind="subset", first=first, second=second, evidence=evidence)
    if len(shared) == small.shape[1] == large.shape[1]:
        evidence = f"the same {len(shared)} columns"
        yield Relation(kind="same_columns", first=first, second=second, evidence=evidence)
    few, many = sorted(((small, first), (large, second)), key=lambda pair: len(pair[0]))
    if evidence := _sums(few[0], many[0]):
        yield Relation(kind="aggregate", first=few[1], second=many[1], evidence=evidence)
    if evidence := _key(small, large, shared):
        yield Relation(kind="shares_key", first=first, second=second, evidence=evidence)


def _same_rows(small: pd.DataFrame, large: pd.DataFrame) -> str:
    """Whether columns of both hold the same values row by row, whatever their names."""
    if len(small) != len(large) or len(small) < _DISTINCT:
        return ""
    prints = {_column_print(large[c]): str(c) for c in large.columns}
    pairs = [(str(c), prints.get(_column_print(small[c]))) for c in small.columns]
    same = [(a, b) for a, b in pairs if b and small[a].nunique() >= _DISTINCT]
    if len(same) < min(2, small.shape[1]):
        return ""
    shown = ", ".join(f"{a} = {b}" if a != b else a for a, b in same[:4])
    return f"{len(same)} of {small.shape[1]} columns are equal in all {len(small):,} rows: {shown}"


def _part_of(small: pd.DataFrame, large: pd.DataFrame, shared: list[tuple[str, str]]) -> str:
    """Whether the rows of one table are found in the other, in any order."""
    if len(shared) < max(2, 0.8 * small.shape[1]) or not _DISTINCT <= len(small) <= len(large):
        return ""
    ours = _row_prints(small[[a for a, _ in shared]])
    theirs = _row_prints(large[[b for _, b in shared]])
    if len(np.unique(theirs)) < 0.5 * len(theirs):
        return ""  # rows repeat anyway, so that finding one again says nothing
    inside = float(np.isin(ours, theirs).mean())
    if inside < _SAME:
        return ""
    return f"{inside:.1%} of its {len(small):,} rows are among the {len(large):,} of the other"


def _sums(small: pd.DataFrame, large: pd.DataFrame) -> str:
    """Whether one table holds sums or means of the other's rows, by a column that both have."""
    if not _DISTINCT <= len(small) < 0.7 * len(large):
        return ""
    for key in _shared_keys(small, large):
        groups = large.groupby(key, sort=False)
        numeric = [c for c in _numeric(small) if c in large.columns and c != key]
        numeric = [c for c in numeric if types.is_numeric_dtype(large[c].dtype)]
        ours = small.set_index(key)[numeric].astype(float)
        for how in ("sum", "mean"):
            made = groups[numeric].agg(how).reindex(ours.index)
            close = np.isclose(ours.to_numpy(), made.to_numpy(dtype=float), rtol=1e-3, atol=1e-6)
            # Columns that are constant within a group have their own mean: that is no summary.
            equal = [c for i, c in enumerate(numeric) if close[:, i].mean() >= _SAME]
            real = [c for c in equal if (groups[c].nunique() > 1).mean() > 0.5]
            if real:
                return f"by {key}, the {how} of the other's rows: {', '.join(real[:6])}"
    return ""


def _shared_keys(small: pd.DataFrame, large: pd.DataFrame) -> list[str]:
    """Columns that name each row of the small table and several rows of the large one."""
    keys = []
    for name in small.columns:
        if name not in large.columns or small[name].dtype != large[name].dtype:
            continue
        if not types.is_float_dtype(small[name].dtype) and small[name].is_unique:
            covered = large[name].isin(small[name]).mean()
            if covered >= _SAME and large[name].nunique() < len(large):
                keys.append(str(name))
    return keys


def _key(small: pd.DataFrame, large: pd.DataFrame, shared: list[tuple[str, str]]) -> str:
    for a, b in shared:
        if types.is_float_dtype(small[a].dtype) or types.is_bool_dtype(small[a].dtype):
            continue
        if types.is_numeric_dtype(small[a].dtype) != types.is_numeric_dtype(large[b].dtype):
            continue
        ours, theirs = small[a].dropna().unique(), large[b].dropna().unique()
        unique = [len(v) == len(f) for v, f in ((ours, small), (theirs, large))]
        if min(len(ours), len(theirs)) < _DISTINCT or not any(unique):
            continue
        common = len(set(ours) & set(theirs))
        if common >= 0.5 * min(len(ours), len(theirs)):
            side = "both" if all(unique) else "the first" if unique[0] else "the second"
            return f"{common:,} values of {a} are in both; it names each row of {side}"
    return ""


def _numeric(frame: pd.DataFrame) -> list[str]:
    return [str(c) for c in frame.columns if types.is_any_real_numeric_dtype(frame[c].dtype)]


def _column_print(column: pd.Series[Any]) -> bytes:
    return hashlib.blake2b(_values_print(column).tobytes()).digest()


def _row_prints(frame: pd.DataFrame) -> npt.NDArray[np.uint64]:
    """One number a row, equal for rows of equal values."""
    total = np.zeros(len(frame), dtype=np.uint64)
    for name in frame.columns:
        total = total * np.uint64(1_000_003) + _values_print(frame[name])
    return total


def _values_print(column: pd.Series[Any]) -> npt.NDArray[np.uint64]:
    plain = column.astype(float) if types.is_numeric_dtype(column.dtype) else column.astype(str)
    return np.asarray(pd.util.hash_pandas_object(plain, index=False), dtype=np.uint64)
