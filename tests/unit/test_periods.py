"""Classes that come back, or stay away, every so many rows."""

from __future__ import annotations

import numpy as np
import pytest

from mle_smith.checks.dependence import Signal, in_periods


@pytest.mark.parametrize("told", [True, False])
def test_two_of_three_classes_at_every_third_row(told: bool) -> None:
    """Neither comes back often enough by itself."""
    generator = np.random.default_rng(3)
    codes = np.where(np.arange(60) % 3 == 0, generator.integers(1, 3, 60), 0)
    codes[generator.permutation(60)[:12]] = 0
    if not told:
        codes = generator.permutation(codes)
    rows = np.eye(3)[codes]
    total = float(((rows - rows.mean(axis=0)) ** 2).sum())
    best = max(in_periods(Signal(rows, float(rows.mean(axis=0).min()), total), 12))
    assert (best.significance > 4) is told
