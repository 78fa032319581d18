"""Runs in the sandbox: how the columns of one table hang together, printed as one JSON line.

Joined with `columns_script` and `sums_script` by `script.render`. It looks for columns that are
filled for some outcomes only, subgroups in which a number is always zero, times that follow
another, and entities that rows repeat.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mle_smith.models.embedded.analysis.columns_script import (
    Column,
    correlations,
    dependencies,
    describe,
    determined,
    encode,
    stack,
)
from mle_smith.models.embedded.analysis.sums_script import bins, identities, sums

EMPTY_WORDS = {"", "none", "no", "na", "n/a", "nan", "unknown", "null", "-", "not applicable"}


def nothing(column: Column) -> tuple[np.ndarray, str]:
    """Where the column says nothing, and how: missing, zero, or an empty word."""
    missing = column.codes < 0
    if missing.mean() >= 0.02:
        return missing, "missing"
    if column.number is not None:
        return missing | (column.number == 0), "zero"
    empty = [i for i, v in enumerate(column.values) if v.strip().casefold() in EMPTY_WORDS]
    return missing | np.isin(column.codes, empty), "empty"


def classes_of(column: Column) -> list[tuple[str, np.ndarray]]:
    """The outcomes a column can pin: its frequent values; for a number, zero and not zero."""
    if column.number is not None and column.distinct > 12:
        zero = column.number == 0
        if 0.02 <= zero.mean() <= 0.98:
            return [("0", zero), ("not 0", ~zero & (column.codes >= 0))]
        return []
    if column.distinct > 12:
        return []
    return [(v, column.codes == i) for i, v in enumerate(column.values)]


def pins(columns: list[Column]) -> list[list[Any]]:
    """[target, its value, column, how, share there, share elsewhere] where the column says nothing.

    `column` says nothing (is missing, zero, an empty word) whenever the target has that value,
    and says something often enough when it has another: it is filled after the outcome is known.
    """
    found = []
    silent = [(c, *nothing(c)) for c in columns]
    silent = [(c, s, how) for c, s, how in silent if 0.02 <= s.mean() <= 0.995]
    for target in columns:
        for value, here in classes_of(target):
            there = ~here & (target.codes >= 0)
            if here.sum() < 20 or there.sum() < 20:
                continue
            for column, quiet, how in silent:
                if column.name == target.name:
                    continue
                inside, outside = float(quiet[here].mean()), float(quiet[there].mean())
                rare = inside >= 0.98 and 1 - outside >= 10 * (1 - inside) + 0.01
                if rare or (inside >= 0.97 and outside <= 0.7):
                    row = [target.name, value, column.name, how]
                    found.append([*row, round(inside, 4), round(outside, 4)])
    return found


def subgroups(columns: list[Column]) -> list[list[Any]]:
    """[number, column, value, share] where the number is zero throughout."""
    found = []
    for target in columns:
        if target.number is None or target.distinct <= 12:
            continue
        zero = target.number == 0
        if not 0.05 <= zero.mean() <= 0.9:
            continue
        for column in columns:
            if column is target or column.number is not None or not 2 <= column.distinct <= 12:
                continue
            for code, value in enumerate(column.values):
                inside = column.codes == code
                if inside.sum() >= 30 and zero[inside].mean() >= 0.99 > zero[~inside].mean() + 0.2:
                    share = round(float(inside.mean()), 4)
                    found.append([target.name, column.name, value, share])
    return found


def follows(columns: list[Column]) -> list[list[Any]]:
    """[end, start, median seconds] of times where the end is never before the start."""
    times = [c for c in columns if c.when is not None]
    found = []
    for start in times:
        for end in times:
            if start is end:
                continue
            gap = end.when - start.when
            gap = gap[np.isfinite(gap)]
            if len(gap) >= 30 and np.mean(gap >= 0) >= 0.99 and np.median(gap) > 0:
                found.append([end.name, start.name, float(np.median(gap))])
    return found


def groups(columns: list[Column], max_rows: int, seed: int) -> list[dict[str, Any]]:
    """Columns whose values repeat, with what is constant within them, over all rows read."""
    found = []
    for group in columns:
        known = group.codes >= 0
        fractional = group.number is not None and bool(
            np.any(group.number[known] != np.round(group.number[known]))
        )
        rows = int(known.sum())
        if fractional or not 8 <= group.distinct <= rows / 1.04:
            continue
        sizes = np.bincount(group.codes[known], minlength=group.distinct)
        chosen = whole_groups(group.codes, sizes, max_rows, seed)
        part = [c.take(chosen) for c in columns if c is not group]
        codes = group.codes[chosen]
        same = float(np.mean(group.codes[1:] == group.codes[:-1]))
        by_chance = float(np.sum((sizes / rows) ** 2))
        found.append(
            {
                "column": group.name,
                "groups": group.distinct,
                "rows_per_group": round(rows / group.distinct, 2),
                "constant": [c.name for c in part if constant_within(codes, c)],
                "contiguous": round(max(0.0, (same - by_chance) / max(1e-9, 1 - by_chance)), 4),
                "single": round(float(np.mean(sizes == 1)), 4),
                "keys": [c.name for c in columns if c is not group and makes_key(group, c)],
            }
        )
    return found


def whole_groups(codes: np.ndarray, sizes: np.ndarray, max_rows: int, seed: int) -> np.ndarray:
    """Rows of as many whole groups of two and more rows as fit into `max_rows`."""
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[sizes[order] > 1]
    fitting = order[np.cumsum(sizes[order]) <= max_rows]
    taken = np.zeros(len(sizes) + 1, dtype=bool)
    taken[fitting if len(fitting) else order[:1]] = True
    return np.flatnonzero(taken[codes])


def constant_within(group: np.ndarray, other: Column) -> bool:
    """Whether `other` varies, yet hardly ever within one value of `group`."""
    if len(group) < 20 or len(np.unique(other.codes)) < 2:
        return False
    return determined(group, other.codes)[0] >= 0.97


def makes_key(group: Column, other: Column) -> bool:
    """Whether `group` and `other` together (nearly) name a row that neither names alone."""
    rows = len(group.codes)
    if not 3 <= other.distinct <= rows / 3:
        return False
    width = other.distinct + 1
    pairs = np.unique(group.codes.astype(np.int64) * width + other.codes)
    return len(pairs) >= rows * 0.99


def survey(frame: pd.DataFrame, times: list[str], max_rows: int, seed: int) -> dict[str, Any]:
    """All measurements of one table: single columns on all rows, pairs on a sample."""
    columns = [encode(str(n), frame[n], n in times) for n in frame.columns]
    rows = len(frame)
    described = {c.name: describe(c, rows) for c in columns}
    live = [c for c in columns if c.distinct >= 2]
    chosen = np.arange(rows)
    if rows > max_rows:
        chosen = np.sort(np.random.default_rng(seed).choice(rows, max_rows, replace=False))
    sample = [c.take(chosen) for c in live]
    return {
        "rows": rows,
        "columns": described,
        "correlations": correlations(sample)[:400],
        "determines": dependencies(sample)[:400],
        "sums": sums(sample),
        "identities": identities(sample),
        "bins": bins(sample),
        "pins": pins(sample)[:300],
        "subgroups": subgroups(sample),
        "follows": follows(sample),
        "groups": groups(live, max_rows, seed),
    }


def main(readers: list[Callable[[Path], pd.DataFrame]], params: dict[str, Any]) -> None:
    """Read the tables, survey their columns that were asked for, print the result."""
    raw = Path(os.environ["MLE_IN"]) / "raw"
    frame = stack([read(raw) for read in readers])
    frame = frame[[c for c in frame.columns if c in set(params["columns"])]]
    found = survey(frame, params["times"], params["max_rows"], params["seed"])
    print(json.dumps(found, separators=(",", ":")))  # noqa: T201  (its answer is its output)
