"""Does a text hold a stretch of the answers, in their order, longer than chance would have it?"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from mle_smith.checks.telling import FEWEST

_LOG_CHANCE = -9.2
"""Natural logarithm of the chance that some stretch of so many answers occurs by itself: 1e-4."""
_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(int(_BASE), -1, 2**64))
_MOST_CLASSES = 200

Codes = npt.NDArray[np.int64]


def share_in_sequence(answers: Sequence[str], tokens: Sequence[str]) -> float:
    """The part of the answers that stands in `tokens` in stretches too long for chance.

    Chance is that of a Markov chain of the answers' own transitions, so that answers in long runs
    of one class need long stretches. Stretches that occur twice in the answers count for nothing.
    """
    labels, truth = np.unique(np.asarray(answers, dtype=object).astype(str), return_inverse=True)
    given = pd.Index(labels).get_indexer(np.asarray(tokens, dtype=object)).astype(np.int64)
    match = _match_probability(truth, len(labels))
    if len(labels) < 2 or match >= 1 or not len(given):
        return 0.0
    evidence = np.log(len(truth)) + np.log(len(given)) - _LOG_CHANCE
    length = max(FEWEST, int(np.ceil(evidence / -np.log(match))))
    if length > min(len(truth), len(given)):
        return 0.0
    ours, theirs = _windows(truth + 1, length), _windows(given + 1, length)
    whole = np.convolve(given < 0, np.ones(length, dtype=np.int64), "valid") == 0
    hashes, counts = np.unique(ours, return_counts=True)
    found = np.isin(ours, theirs[whole]) & np.isin(ours, hashes[counts == 1])
    ends = np.zeros(len(truth) + 1, dtype=np.int64)
    np.add.at(ends, np.flatnonzero(found), 1)
    np.add.at(ends, np.flatnonzero(found) + length, -1)
    return float((np.cumsum(ends)[:-1] > 0).mean())


def labels_in(text: str, labels: Sequence[str]) -> list[str]:
    """The labels that stand in a text as words, in the order in which they stand."""
    known = sorted({label for label in labels if label}, key=lambda label: (-len(label), label))
    if not known or len(known) > _MOST_CLASSES:
        return []
    words = "|".join(map(re.escape, known))
    return re.findall(rf"(?<![\w.])(?:{words})(?![\w]|\.\d)", text)


def _match_probability(truth: Codes, classes: int) -> float:
    """How likely the next of two like sequences is the same, given that the last one was."""
    shares = np.bincount(truth, minlength=classes) / len(truth)
    alike = float((shares**2).sum())
    if classes > 30:
        return alike
    moves = np.zeros((classes, classes))
    np.add.at(moves, (truth[:-1], truth[1:]), 1)
    rows = moves.sum(axis=1, keepdims=True)
    steps = np.divide(moves, rows, out=np.zeros_like(moves), where=rows > 0)
    return max(alike, float((shares * (steps**2).sum(axis=1)).sum()))


def _windows(codes: Codes, length: int) -> npt.NDArray[np.uint64]:
    """A hash of each stretch of the length: a polynomial in an odd base, modulo 2^64."""
    powers = np.cumprod(np.full(len(codes), _BASE))
    inverses = np.cumprod(np.full(len(codes), _INVERSE))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(codes.astype(np.uint64) * powers)])
    windows: npt.NDArray[np.uint64] = (sums[length:] - sums[:-length]) * inverses[
        : len(codes) - length + 1
    ]
    return windows
