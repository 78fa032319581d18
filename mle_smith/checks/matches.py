"""Rows of test that equal rows of train, and how many would by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mle_smith.checks.association import Goal
from mle_smith.checks.features import Feature, Floats, Ints, Mask
from mle_smith.checks.thresholds import Thresholds
from mle_smith.values import Blame, Finding, Severity

_MAX_TREE_COLUMNS = 24
_SMOOTHING = 0.5


class Matches(NamedTuple):
    """Test rows that equal a train row, and what that train row's target is."""

    test: Ints
    train: Ints


def agreeing(goal: Goal, matches: Matches, within: float = 0.01) -> Mask:
    """Which matches carry the same target: the same class, or a number `within` as many spreads."""
    values = goal.values
    ours = goal.feature.of_test(values)[matches.test]
    theirs = goal.feature.of_train(values)[matches.train]
    if goal.classes:
        return np.asarray(ours == theirs)
    spread = float(np.nanstd(values)) or 1.0
    return np.asarray(np.abs(ours - theirs) <= within * spread)


def codes_of(feature: Feature) -> Ints:
    """Codes of the values; texts that differ in case and blanks only have the same."""
    if feature.number is not None:
        return feature.codes
    return pd.factorize(feature.plain_text)[0].astype(np.int64)


def exact_matches(columns: Sequence[Ints], train_rows: int) -> Matches:
    """For each test row that equals a train row in all columns, the first such row."""
    frame = pd.DataFrame(dict(enumerate(columns)))
    codes = pd.factorize(pd.util.hash_pandas_object(frame, index=False))[0]
    train, test = codes[:train_rows], codes[train_rows:]
    first = pd.Series(np.arange(len(train)), index=train)
    first = first[~first.index.duplicated()]
    found = first.reindex(test).to_numpy(dtype=np.float64)
    rows = np.flatnonzero(~np.isnan(found))
    return Matches(rows.astype(np.int64), found[rows].astype(np.int64))


def expected_matches(columns: Sequence[Ints], train_rows: int, matches: Matches) -> float:
    """Test rows that would equal some train row by chance, from a Chow-Liu tree of the columns.

    The tree is estimated on distinct train rows. A train row that a test row equals does not count
    in the estimate for that test row, or a copy would vouch for itself.
    """
    varied = [c + 1 for c in columns if c.max(initial=-1) > 0]
    varied = sorted(varied, key=_entropy, reverse=True)[:_MAX_TREE_COLUMNS]
    test_rows = len(columns[0]) - train_rows
    if not varied:
        return float(test_rows)
    distinct = _distinct_rows([c[:train_rows] for c in varied])
    kept = [c[:train_rows][distinct] for c in varied]
    asked = [c[train_rows:] for c in varied]
    own = np.zeros(test_rows)
    own[matches.test] = 1
    log_share = np.log(_share(kept[0], asked[0], own))
    for index in range(1, len(varied)):
        parent = max(range(index), key=lambda j: _mutual_information(kept[index], kept[j]))
        log_share += np.log(_conditional_share(kept, asked, index, parent, own))
    rate = train_rows * np.exp(log_share)
    return float((1 - np.exp(-rate)).sum())


def _entropy(codes: Ints) -> float:
    share = np.bincount(codes) / len(codes)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


def _distinct_rows(columns: Sequence[Ints]) -> Ints:
    frame = pd.DataFrame(dict(enumerate(columns)))
    return np.flatnonzero(~frame.duplicated().to_numpy()).astype(np.int64)


def _mutual_information(one: Ints, other: Ints) -> float:
    joint = one * (int(other.max()) + 1) + other
    return _entropy(one) + _entropy(other) - _entropy(pd.factorize(joint)[0].astype(np.int64))


def _share(kept: Ints, asked: Ints, own: Floats) -> Floats:
    """Share of kept rows with the asked value, `own` such rows left out."""
    counts = np.bincount(kept, minlength=int(max(kept.max(), asked.max())) + 1)[asked]
    left = np.maximum(counts - own, 0) + _SMOOTHING
    return np.asarray(left / (len(kept) + _SMOOTHING))


def _conditional_share(
    kept: Sequence[Ints], asked: Sequence[Ints], child: int, parent: int, own: Floats
) -> Floats:
    """The same of a column among the rows that agree in its parent column."""
    width = int(max(kept[child].max(), asked[child].max())) + 1
    joint = pd.Series(kept[parent] * width + kept[child]).value_counts()
    both = joint.reindex(asked[parent] * width + asked[child]).fillna(0).to_numpy(np.float64)
    size = int(max(kept[parent].max(), asked[parent].max())) + 1
    parents = np.bincount(kept[parent], minlength=size)[asked[parent]]
    both, parents = np.maximum(both - own, 0), np.maximum(parents - own, 0)
    marginal = _share(kept[child], asked[child], own)
    return np.asarray((both + _SMOOTHING * marginal) / (parents + _SMOOTHING))


def copies_finding(
    code: str, what: str, rows: float, total: int, numbers: dict[str, object], limits: Thresholds
) -> Finding:
    """What is said of test rows that are copies: an error where they are many."""
    many = rows >= limits.duplicate_rows and rows >= limits.duplicate_share * total
    return Finding(
        code=code,
        severity=Severity.ERROR if many else Severity.WARNING,
        blame=Blame.DESIGN,
        message=f"about {rows:.0f} of {total} test rows {what}, target included, beyond what "
        "chance gives; remove duplicates before splitting, or keep them on one side.",
        evidence={**numbers, "repair": {"dedupe": True}},
    )
