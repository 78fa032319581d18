"""Classes that come back, or stay away, every so many rows."""

from __future__ import annotations

import numpy as np
import pytest

from mle_smith.checks.dependence import Signal, in_periods


@pytest.mark.parametrize("told", [True, False])
def test_four_of_five_classes_at_every_third_row(told: bool) -> None:
    """Neither comes back often enough by itself."""
    generator = np.random.default_rng(3)
    codes = np.where(np.arange(54) % 3 == 0, generator.integers(1, 5, 54), 0)
    codes[generator.permutation(54)[:10]] = 0
    if not told:
        codes = generator.permutation(codes)
    rows = np.eye(5)[codes]
    total = float(((rows - rows.mean(axis=0)) ** 2).sum())
    best = max(in_periods(Signal(rows, float(rows.mean(axis=0).min()), total), 12))
    assert (best.significance > 4) is told
