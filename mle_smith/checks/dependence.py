"""How the answers depend on an order, a grouping or a number, against a random order of rows.

Every statistic is one of *standard errors*, so that a package can be asked a hundred of them, and
comes with the share of the answers' variance that it explains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2, hypergeom, norm, pearson3, rankdata  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.association import Goal
from mle_smith.checks.dealing import evenness
from mle_smith.checks.features import Floats, Ints

_LAGS = 24
SHUFFLES = 300
MIN_ROWS = 20


class Dependence(NamedTuple):
    """How the target depends on an order: standard errors, and share of its variance."""

    significance: float
    effect: float
    how: str


NONE = Dependence(0.0, 0.0, "not at all")


class Signal(NamedTuple):
    """Answers as rows by columns of variance."""

    rows: Floats
    rarest: float
    """Share of the rarest class; 1 for a quantity. Rare events lie close together by luck more
    often than the normal approximation says, so they are asked with fewer, larger groups."""
    total: float
    """Variance that effects are shares of."""

    def ordered(self, order: NDArray[Any]) -> Signal:
        """The same rows in another order."""
        return self._replace(rows=self.rows[order])

    def of_each_class(self) -> Iterator[Signal]:
        """Each class against all others, its own variance being what effects are shares of."""
        for column in self.rows.T:
            share = float(column.mean())
            variance = float(((column - share) ** 2).sum())
            yield Signal(column[:, None], min(share, 1 - share), variance)

    def folded(self) -> Signal:
        """How far a quantity is from the middle, whichever way."""
        far = np.abs(self.rows - np.median(self.rows, axis=0))
        return self._replace(rows=far, total=float(((far - far.mean(axis=0)) ** 2).sum()))


def signal_of(goal: Goal, train_rows: Ints | None = None) -> Signal:
    """The answers of test rows, or of these train rows, as columns.

    Without classes too rare in test to say anything (fewer than 4 rows).
    """
    of_side = goal.feature.of_test if train_rows is None else goal.feature.of_train
    rows = of_side(goal.matrix)[:, telling(goal)]
    if train_rows is not None:
        rows = rows[train_rows]
    rarest = 1.0
    if goal.classes:
        rarest = float(rows.mean(axis=0).min(initial=1.0))
    return Signal(rows, rarest, float(((rows - rows.mean(axis=0)) ** 2).sum()))


def telling(goal: Goal) -> Ints:
    """Columns of the target's matrix that enough test rows have, and enough have not."""
    counts = goal.feature.of_test(goal.matrix).sum(axis=0)
    rows = len(goal.feature.of_test(goal.codes))
    frequent = (counts >= 4) & (counts <= rows - 4)
    return np.flatnonzero(frequent | (not goal.classes)).astype(np.int64)


def order_dependence(signal: Signal) -> Dependence:
    """Dependence of rows on their position, whichever way.

    Its standard errors are those of the whole family of questions: the chance of each answer is
    multiplied by the number of questions of its kind, and of kinds.
    """
    count = len(signal.rows)
    if count < MIN_ROWS or signal.total <= 0 or signal.rows.shape[1] == 0:
        return NONE
    kinds = (
        [rise(signal, np.arange(count, dtype=np.float64), "they rise or fall with it")],
        _in_stretches(signal),
        [_at_the_ends(column, signal) for column in signal.rows.T],
        _neighbours(signal, range(1, 2)),
        _neighbours(signal, range(2, min(_LAGS, count // 4) + 1)),
        in_periods(signal, min(_LAGS, count // 5)),
        _dealt(signal),
        _in_parts(signal),
    )
    found = [of_family(d, len(kind) * len(kinds)) for kind in kinds for d in kind]
    return max(found, key=lambda d: (d.significance, d.effect), default=NONE)


def of_family(found: Dependence, questions: int) -> Dependence:
    """The same, with the chance that any of so many questions has such an answer."""
    chance = min(1.0, questions * float(norm.sf(found.significance)))
    return found._replace(significance=float(norm.isf(max(chance, 1e-300))) if chance < 1 else 0.0)


def as_one_of(found: Dependence, questions: int) -> Dependence:
    """A family's answer on the scale of a single question, to stand among so many such."""
    chance = float(norm.sf(found.significance)) / questions
    return found._replace(significance=float(norm.isf(max(chance, 1e-300))))


def _in_stretches(signal: Signal) -> list[Dependence]:
    count = len(signal.rows)
    most = min(count // 10, count * signal.rarest / 5)
    blocks = sorted({int(np.clip(part, 2, 24)) for part in (most, most / 2)})
    return [between(signal, np.arange(count) * b // count, "in stretches") for b in blocks]


def _neighbours(signal: Signal, lags: range) -> list[Dependence]:
    """Rows so many places apart, against a random order."""
    count = len(signal.rows)
    centred = signal.rows - signal.rows.mean(axis=0)
    variance = float((centred**2).sum())
    if variance <= 0:
        return []
    if count * signal.rarest**2 < 4:
        return [_rare_neighbours(signal, centred)] if 1 in lags else []
    found = []
    for lag in lags:
        correlation = float((centred[:-lag] * centred[lag:]).sum()) / variance
        z = abs(correlation + 1 / count) * np.sqrt(count)
        effect = abs(correlation) * variance / signal.total
        how = f"rows {lag} apart are alike, or unlike"
        # Either way counts, so the chance is twice that of one side.
        found.append(of_family(Dependence(float(z), effect, how), 2))
    return found


def _rare_neighbours(signal: Signal, centred: Floats) -> Dependence:
    """Neighbours where a class is too rare for the normal curve: a skewed one, from shuffles."""
    columns = centred / np.sqrt((centred**2).mean(axis=0).clip(min=1e-12))
    generator = np.random.default_rng(0)
    drawn = [_likeness(generator.permutation(columns)) for _ in range(SHUFFLES)]
    alike = float((centred[:-1] * centred[1:]).sum()) / max(signal.total, 1e-12)
    z = above_shuffled(_likeness(columns), drawn)
    return Dependence(z, max(0.0, alike), "rows 1 apart are alike")


def above_shuffled(there: float, drawn: Sequence[float]) -> float:
    """Standard errors of a number above those of shuffled rows, whose tail is a skewed one's."""
    values = np.asarray(drawn)
    spread = float(values.std())
    if spread <= 0:
        return 0.0
    third = float((((values - values.mean()) / spread) ** 3).mean())
    chance = float(pearson3.sf((there - values.mean()) / spread, max(third, 0.01)))
    return max(0.0, float(norm.isf(np.clip(chance, 1e-300, 1.0))))


def _likeness(columns: Floats) -> float:
    return float((columns[:-1] * columns[1:]).sum())


def _in_parts(signal: Signal) -> list[Dependence]:
    """Rises, and likeness of neighbours, within the first or the last half, third, two thirds."""
    count = len(signal.rows)
    found = []
    for size in sorted({count // 3, count // 2, 2 * count // 3}):
        for rows in (signal.rows[:size], signal.rows[-size:]) if size >= MIN_ROWS else ():
            part = signal._replace(rows=rows)
            place = np.arange(size, dtype=np.float64)
            found.append(rise(part, place, "they rise or fall with it in a part"))
            found += [
                d._replace(how="rows in a part are alike") for d in _neighbours(part, range(1, 2))
            ]
    return found


def in_periods(signal: Signal, most: int) -> list[Dependence]:
    """Members of one class, or of the others, at every p-th row: exact, by period and phase."""
    count = len(signal.rows)
    found: list[Dependence] = []
    if not np.isin(signal.rows, (0.0, 1.0)).all():
        return [
            between(signal, np.arange(count) % p, f"every {p} rows")
            for p in range(2, min(most, count // 10) + 1)
        ]
    rows = signal.rows
    if rows.shape[1] > 2:  # of two classes one has what the other lacks
        rows = np.concatenate([rows, 1 - rows], axis=1)
    members = rows.sum(axis=0)
    for period in range(2, most + 1):
        phase = np.arange(count) % period
        sizes = np.bincount(phase)[:, None]
        inside = np.stack([np.bincount(phase, column, period) for column in rows.T], axis=1)
        chance = hypergeom.sf(inside - 1, count, members[None, :], sizes) * inside.size
        row, column = np.unravel_index(int(chance.argmin()), chance.shape)
        share = float(members[column]) / count
        gained = inside[row, column] - sizes[row, 0] * share
        effect = float(gained**2 / sizes[row, 0] / max(1e-9, 1 - share)) / signal.total
        z = float(norm.isf(np.clip(float(chance.min()), 1e-300, 1 - 1e-9)))
        found.append(Dependence(max(0.0, z), effect, f"every {period} rows"))
    return found


def _dealt(signal: Signal) -> list[Dependence]:
    """Classes, or the upper half of a quantity, that come evenly, one row in so many."""
    columns = signal.rows
    if not np.isin(columns, (0.0, 1.0)).all():
        columns = (columns > np.median(columns, axis=0)).astype(np.float64)
    found = []
    for column in columns.T:
        even = evenness(column)
        z = max(0.0, float(norm.isf(np.clip(even.chance, 1e-300, 1.0))))
        found.append(Dependence(z, even.effect, "each class comes evenly, one row in so many"))
    return found


def rise(signal: Signal, values: Floats, how: str) -> Dependence:
    """Rank correlation of the answers (of each class by itself) with the values."""
    ranks = rankdata(values)
    ranks = ranks - ranks.mean()
    size = float(np.sqrt((ranks**2).sum()))
    centred = signal.rows - signal.rows.mean(axis=0)
    lengths = np.sqrt((centred**2).sum(axis=0))
    if size <= 0 or len(values) < MIN_ROWS or not (lengths > 0).any():
        return NONE
    if signal.rarest * len(values) < 6:
        return NONE
    found = np.abs(ranks @ centred)[lengths > 0] / (size * lengths[lengths > 0])
    best = min(float(found.max()), 1.0)
    # As many classes as there are were asked.
    chance = 2 * len(found) * float(norm.sf(best * np.sqrt(len(values) - 1)))
    z = float(norm.isf(max(min(chance, 1.0), 1e-300) / 2))
    explained = float((found**2 * lengths[lengths > 0] ** 2).sum()) / signal.total
    return Dependence(z, explained, how)


def _at_the_ends(column: Floats, signal: Signal) -> Dependence:
    """Members of one class among the first, or last, so many rows: exact, also for rare classes."""
    members = int(column.sum())
    if not np.isin(column, (0.0, 1.0)).all() or not 2 <= members <= len(column) // 2:
        return NONE
    most = int(max(column[:members].sum(), column[-members:].sum()))
    chance = 2 * float(hypergeom.sf(most - 1, len(column), members, members))
    share = members / len(column)
    effect = max(0.0, (most / members - share) / (1 - share))
    return Dependence(float(norm.isf(max(min(chance, 1.0), 1e-300))), effect, "at one end")


def group_dependence(signal: Signal, groups: NDArray[Any], how: str) -> Dependence:
    """Dependence of rows on a grouping of them; groups too small to tell are thrown together."""
    codes = pd.factorize(groups)[0]
    small = np.bincount(codes) * signal.rarest < 4
    codes = pd.factorize(np.where(small[codes], -2, codes))[0]
    if len(codes) < MIN_ROWS or codes.max() < 1 or codes.max() > len(codes) // 5:
        return NONE
    return between(signal, codes, how)


def number_dependence(signal: Signal, values: Floats, how: str) -> Dependence:
    """Dependence of rows on a number of each, however it runs: rise, and stretches of it."""
    known = np.isfinite(values)
    if known.sum() < MIN_ROWS or known.mean() < 0.5 or np.unique(values[known]).size < 2:
        return NONE
    here = signal._replace(rows=signal.rows[known])
    found = [rise(here, values[known], how)]
    most = int(np.clip(min(known.sum() // 10, known.sum() * signal.rarest / 5), 2, 16))
    ranks = rankdata(values[known]) / known.sum()
    found.append(group_dependence(here, np.ceil(ranks * most), how))
    return max(found, key=lambda d: d.significance)


def between(signal: Signal, codes: Ints, how: str) -> Dependence:
    """Variance between groups against that of a random order (Satterthwaite's chi-square)."""
    centred = signal.rows - signal.rows.mean(axis=0)
    counts = np.bincount(codes)
    degrees = len(counts) - 1
    variance = float((centred**2).sum())
    if degrees < 1 or variance <= 0:
        return NONE
    sums = [np.bincount(codes, column) for column in centred.T]
    between_groups = sum(float((s**2 / counts).sum()) for s in sums) / variance
    weights = np.linalg.eigvalsh(centred.T @ centred) / variance
    concentration = float((weights**2).sum())
    chance = chi2.sf(between_groups * (len(centred) - 1) / concentration, degrees / concentration)
    expected = degrees / (len(centred) - 1)
    effect = max(0.0, between_groups - expected) * variance / signal.total
    return Dependence(float(norm.isf(max(float(chance), 1e-300))), effect, how)
