"""How evenly a class is dealt: counted exactly."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from mle_smith.checks.dealing import chance_within, evenness


@pytest.mark.parametrize("deviation", [0.5, 0.7, 1.0, 1.4, 2.0])
def test_orders_are_counted(deviation: float) -> None:
    rows, members = 12, 4
    even = members / rows * np.arange(rows + 1)
    inside = []
    for places in combinations(range(rows), members):
        column = np.zeros(rows)
        column[list(places)] = 1
        path = np.concatenate([[0.0], column.cumsum()]) - even
        inside.append(np.abs(path).max() <= deviation + 1e-9)
    counted = chance_within(rows, members, -deviation, deviation)
    assert counted == pytest.approx(np.mean(inside))


@pytest.mark.parametrize(("rows", "members"), [(41, 9), (200, 60), (1000, 30)])
def test_random_orders_are_even_as_often_as_is_said(rows: int, members: int) -> None:
    generator = np.random.default_rng(0)
    column = np.zeros(rows)
    column[:members] = 1
    chances = np.array([evenness(generator.permutation(column)).chance for _ in range(3000)])
    assert (chances < 0.01).mean() <= 0.012
    assert (chances < 1e-4).mean() <= 0.001


@pytest.mark.parametrize("step", [2.0, 3.0, 4.55])
def test_a_class_that_is_dealt_evenly(step: float) -> None:
    column = np.zeros(90)
    column[np.arange(0, 90, step).astype(int)] = 1
    found = evenness(column)
    assert found.chance < 1e-5
    assert found.effect > 0.4
