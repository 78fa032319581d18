"""The registry, its documentation, and the statistics that checks decide by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mle_smith.checks.association import Goal
from mle_smith.checks.check import Need, check
from mle_smith.checks.dependence import Signal, order_dependence, signal_of
from mle_smith.checks.document import documentation
from mle_smith.checks.features import Feature
from mle_smith.checks.registry import CHECKS

ROOT = Path(__file__).parents[2]


def test_documentation_is_that_of_the_registry() -> None:
    assert (ROOT / "docs" / "checks.md").read_text() == documentation()


def test_each_code_belongs_to_one_check() -> None:
    codes = [code for registered in CHECKS for code in registered.codes]
    assert sorted(codes) == sorted(set(codes))


def test_codes_of_two_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="one layer"):
        check({"L01": "a", "P01": "b"}, title="t", asks="a", needs=(Need.RAW,))


def feature(values: list[str | None], train_rows: int = 0) -> Feature:
    return Feature("x", pd.Series(values, dtype="str"), train_rows)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", None, "-3e2"], "number"),
        (["2021-03-04", "2021-03-05", None], "time"),
        (["03/04/2021 10:15", "12/30/2021 11:00"], "time"),
        (["12.5 kg", "13 kg", "7 kg"], "number_within"),
    ],
)
def test_columns_are_understood(values: list[str | None], kind: str) -> None:
    seen = getattr(feature(values), kind)
    assert seen is not None
    assert np.isnan(seen).tolist() == [v is None for v in values]


@pytest.mark.parametrize(
    "amounts",
    [
        ["EUR 1,204.50", "EUR 13.20", "EUR 1,000,007.00"],
        ["1.204,50 \u20ac", "13,2 \u20ac", "1.000.007,00 \u20ac"],
        ["1 204.5 kg", "13.20 kg", "1 000 007 kg"],
    ],
)
def test_amounts_are_numbers(amounts: list[str | None]) -> None:
    assert (seen := feature(amounts).quantity) is not None
    assert seen.tolist() == [1204.5, 13.2, 1_000_007]


def test_words_are_no_quantity() -> None:
    assert feature(["red", "green", "1"]).quantity is None


def test_equal_numbers_have_one_code() -> None:
    assert feature(["7", "7.0", "8", None]).codes.tolist() == [0, 0, 1, -1]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 400), st.floats(0.02, 0.5))
def test_shuffled_classes_show_no_order(seed: int, rows: int, share: float) -> None:
    generator = np.random.default_rng(seed)
    members = max(4, round(share * rows))
    labels = ["a"] * (rows - members) + ["b"] * members
    goal = Goal(feature(list(generator.permutation(labels))), classes=True)
    assert order_dependence(signal_of(goal)).significance < 5


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(60, 400))
def test_sorted_quantities_show_their_order(seed: int, rows: int) -> None:
    values = np.sort(np.random.default_rng(seed).normal(size=rows))[:, None]
    signal = Signal(values, 1.0, float(((values - values.mean()) ** 2).sum()))
    assert order_dependence(signal).significance > 5
