"""Runs in the sandbox: single columns and pairs of columns of one table, measured.

Self-contained (numpy and pandas): `script.render` joins it with the other scripts, whose text is
sent to `run_python`. It measures and draws no conclusion; the host does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Column:
    """One column as arrays: codes of its distinct values, and numbers or times where it has any."""

    name: str
    codes: np.ndarray
    values: list[str]
    number: Any  # floats, or None when it holds no numbers
    when: Any  # seconds as floats, or None when it holds no times

    @property
    def distinct(self) -> int:
        """How many values there are."""
        return len(self.values)

    def take(self, rows: np.ndarray) -> Column:
        """The column on some rows; codes stay those of the whole."""
        number = None if self.number is None else self.number[rows]
        when = None if self.when is None else self.when[rows]
        return Column(self.name, self.codes[rows], self.values, number, when)


def stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """One frame of all rows; columns are matched whatever their case, named as in the first."""
    names = {str(c).casefold(): c for c in frames[0].columns}
    alike = [f.rename(columns={c: names.get(str(c).casefold(), c) for c in f}) for f in frames]
    return pd.concat(alike, ignore_index=True) if len(alike) > 1 else alike[0]


def encode(name: str, series: pd.Series[Any], time: bool) -> Column:
    """The series as a `Column`; `time` says that its text is known to be dates."""
    codes, values = pd.factorize(series, use_na_sentinel=True)
    number = when = None
    if pd.api.types.is_datetime64_any_dtype(series) or time:
        parsed = pd.to_datetime(series, errors="coerce", utc=True)
        stamps = parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[s]")
        when = np.where(np.isnat(stamps), np.nan, stamps.astype("int64").astype(float))
    elif pd.api.types.is_bool_dtype(series) or pd.api.types.is_numeric_dtype(series):
        number = pd.to_numeric(series, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return Column(name, np.asarray(codes), [str(v) for v in values], number, when)


def autocorrelation(values: np.ndarray) -> float:
    """Correlation of each value with that of the row before."""
    known = ~np.isnan(values[1:]) & ~np.isnan(values[:-1])
    first, second = values[:-1][known], values[1:][known]
    if len(first) < 20 or first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def repeats(codes: np.ndarray) -> float:
    """How much more often than by chance a row has the value of the row before (0 to 1)."""
    known = codes[codes >= 0]
    if len(known) < 20:
        return 0.0
    by_chance = float(np.sum((np.bincount(known) / len(known)) ** 2))
    same = float(np.mean(known[1:] == known[:-1]))
    return max(0.0, (same - by_chance) / (1 - by_chance)) if by_chance < 1 else 0.0


def describe(column: Column, rows: int) -> dict[str, Any]:
    """Numbers on one column alone, over all rows read."""
    known = column.codes[column.codes >= 0]
    counts = np.bincount(known, minlength=column.distinct) if len(known) else np.array([], int)
    largest = np.argsort(-counts, kind="stable")[:12]
    found: dict[str, Any] = {
        "missing": round(1 - len(known) / max(1, rows), 5),
        "distinct": column.distinct,
        "classes": [[column.values[i][:60], int(counts[i])] for i in largest],
        "smallest_class": int(counts.min()) if len(counts) else 0,
        "repeats": round(repeats(column.codes), 4),
        "kind": "time" if column.when is not None else "text",
    }
    if column.number is not None:
        finite = column.number[np.isfinite(column.number)]
        found["kind"] = "number"
        if len(finite):
            found |= numbers(finite, column.number)
    if column.when is not None:
        steps = np.diff(column.when[~np.isnan(column.when)])
        found["rising"] = round(float(np.mean(steps >= 0)), 4) if len(steps) else 0.0
        found["step"] = float(np.median(np.abs(steps))) if len(steps) else 0.0
    return found


def numbers(finite: np.ndarray, in_order: np.ndarray) -> dict[str, Any]:
    """Numbers on a numeric column; `in_order` still holds the missing ones."""
    spread = finite.std()
    steps = np.diff(finite)
    return {
        "whole": bool(np.all(finite == np.round(finite))),
        "minimum": float(finite.min()),
        "maximum": float(finite.max()),
        "quantiles": [float(q) for q in np.quantile(finite, [0.1, 0.25, 0.5, 0.75, 0.9])],
        "skew": round(float(np.mean((finite - finite.mean()) ** 3) / spread**3), 3)
        if spread > 0
        else 0.0,
        "zeros": round(float(np.mean(finite == 0)), 4),
        "lag1": round(autocorrelation(in_order), 4),
        "rising": round(float(np.mean(steps >= 0)), 4) if len(steps) else 0.0,
        "counts_up": round(float(np.mean(steps == 1)), 4) if len(steps) else 0.0,
    }


def determined(given: np.ndarray, then: np.ndarray) -> tuple[float, float]:
    """How well `given` decides `then`: (normalised hit rate leaving the row out, coverage).

    Of the rows whose `given` occurs again, the share whose `then` is the commonest among the
    others of the same `given`, scaled so that 0 is always guessing the commonest of all.
    """
    width = int(then.max()) + 2
    pairs = (given + 1).astype(np.int64) * width + then + 1
    unique, index, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    of = unique // width
    sizes = np.bincount(of, weights=counts)
    order = np.lexsort((-counts, of))
    first = np.unique(of[order], return_index=True)[1]
    best, best_count = np.zeros(len(sizes), int) - 1, np.zeros(len(sizes))
    best[of[order][first]], best_count[of[order][first]] = order[first], counts[order[first]]
    covered = sizes[(given + 1)] > 1
    if covered.sum() < 20:
        return 0.0, float(covered.mean())
    hit = (best[given + 1] == index) & (best_count[given + 1] > 1)
    base = counts_share(then[covered])
    rate = float(hit[covered].mean())
    return (rate - base) / (1 - base) if base < 1 else 0.0, float(covered.mean())


def counts_share(codes: np.ndarray) -> float:
    """Share of the commonest code."""
    return float(np.unique(codes, return_counts=True)[1].max() / len(codes))


def dependencies(columns: list[Column]) -> list[list[Any]]:
    """Pairs [given, then, strength] where the first column (nearly) decides the second."""
    found = []
    rows = len(columns[0].codes)
    for a in columns:
        seen = len(np.unique(a.codes))
        if seen < 2 or seen > rows / 1.5:
            continue
        for b in columns:
            if a is b or len(np.unique(b.codes)) < 2:
                continue
            strength, coverage = determined(a.codes, b.codes)
            if coverage >= 0.3 and strength >= 0.8:
                found.append([a.name, b.name, round(strength, 4)])
    return found


def correlations(columns: list[Column]) -> list[list[Any]]:
    """Pairs [a, b, |r|, |r of ranks|] of numbers or times where one of these is .85 or more."""
    usable = [c for c in columns if (c.number is not None or c.when is not None)]
    usable = [c for c in usable if c.distinct > 2]
    if len(usable) < 2:
        return []
    values = pd.DataFrame(
        {i: c.number if c.number is not None else c.when for i, c in enumerate(usable)}
    )
    enough = max(20, len(values) // 20)
    plain = values.corr(min_periods=enough).abs().to_numpy()
    ranked = values.rank().corr(min_periods=enough).abs().to_numpy()
    strongest = np.fmax(plain, ranked)
    return [
        [usable[i].name, usable[j].name, *(round(float(r[i, j]), 4) for r in (plain, ranked))]
        for i in range(len(usable))
        for j in range(i + 1, len(usable))
        if strongest[i, j] >= 0.85
    ]
