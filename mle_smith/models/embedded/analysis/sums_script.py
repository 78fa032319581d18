"""Runs in the sandbox: numbers that are made of others, as sums, weighted sums, or ranges.

Joined with the other scripts by `script.render`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mle_smith.models.embedded.analysis.columns_script import Column


def sums(columns: list[Column]) -> list[dict[str, Any]]:
    """Totals [total = part + part ...] among the numbers, exact or nearly so.

    A total is at least as large as each part (where parts are not negative), and a linear fit
    gives its parts a weight near 1 and explains nearly all of it.
    """
    numeric = [c for c in columns if c.number is not None and c.distinct > 5]
    found = []
    for total in numeric:
        parts = [c for c in numeric if c is not total and below(c, total)]
        chosen = additive(total, parts)
        if len(chosen) >= 2:
            gap = total.number - np.sum([c.number for c in chosen], axis=0)
            gap = gap[np.isfinite(gap)]
            scale = np.nanmax(np.abs(total.number)) or 1.0
            exact = bool(np.mean(np.abs(gap) <= 1e-6 * scale) >= 0.99)
            names = [c.name for c in chosen]
            found.append({"total": total.name, "parts": names, "exact": exact})
    return found


def identities(columns: list[Column]) -> list[list[Any]]:
    """[number, [others]] where a number is (all but) a weighted sum of two to four others."""
    numeric = [c for c in columns if c.number is not None and c.distinct > 12]
    numeric = [c for c in numeric if np.mean(np.isfinite(c.number)) >= 0.9]
    if len(numeric) < 3:
        return []
    values = np.column_stack([c.number for c in numeric])
    values = values[np.isfinite(values).all(axis=1)]
    values = values[:, values.std(axis=0) > 0] if len(values) else values
    if len(values) < 5 * len(numeric) or values.shape[1] < len(numeric):
        return []
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    precision = np.linalg.inv(scaled.T @ scaled / len(scaled) + 1e-9 * np.eye(len(numeric)))
    found = []
    for i, column in enumerate(numeric):
        weights = np.abs(precision[i] / precision[i, i])
        parts = [c.name for j, c in enumerate(numeric) if j != i and weights[j] >= 0.02]
        if precision[i, i] >= 2000 and 2 <= len(parts) <= 4:
            found.append([column.name, parts])
    return found


def bins(columns: list[Column]) -> list[list[str]]:
    """[number, classes] where the classes are ranges of the number."""
    found = []
    for number in columns:
        if number.number is None or number.distinct <= 12:
            continue
        for other in columns:
            if other is number or not 2 <= other.distinct <= 12:
                continue
            known = np.isfinite(number.number) & (other.codes >= 0)
            codes, values = other.codes[known], number.number[known]
            if len(codes) < 40 or len(np.unique(codes)) < 2:
                continue
            in_order = codes[np.lexsort((codes, values))]
            changes = int(np.sum(in_order[1:] != in_order[:-1]))
            fewest = len(np.unique(codes)) - 1
            smallest = np.unique(codes, return_counts=True)[1].min()
            if changes <= fewest + 0.002 * len(codes) and smallest >= 5:
                found.append([number.name, other.name])
    return found


def below(part: Column, total: Column) -> bool:
    """Whether `part` is never negative and (all but always) at most `total`."""
    if part.number is None or total.number is None:
        return False
    known = np.isfinite(part.number) & np.isfinite(total.number)
    if known.sum() < 30:
        return False
    small, large = part.number[known], total.number[known]
    return bool(np.mean(small >= 0) >= 0.995 and np.mean(small <= large + 1e-9) >= 0.995)


def additive(total: Column, parts: list[Column]) -> list[Column]:
    """The parts that together, each once, make nearly all of the total; none when they do not."""
    parts = parts[:20]
    while len(parts) >= 2:
        x = np.column_stack([c.number for c in parts])
        known = np.isfinite(x).all(axis=1) & np.isfinite(total.number)
        if known.sum() < 30:
            return []
        y = total.number[known]
        spread = x[known].std(axis=0) / (y.std() or 1.0)
        design = np.column_stack([x[known], np.ones(known.sum())])
        weights, *_ = np.linalg.lstsq(design, y, rcond=None)
        off = (np.abs(weights[:-1] - 1) > 0.2) | (spread < 1e-3)
        if not off.any():
            rest = y - design @ weights
            return parts if 1 - rest.var() / (y.var() or 1.0) >= 0.97 else []
        worst = int(np.argmax(np.where(spread < 1e-3, np.inf, np.abs(weights[:-1] - 1))))
        parts = parts[:worst] + parts[worst + 1 :]
    return []
