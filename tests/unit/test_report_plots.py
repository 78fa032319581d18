from __future__ import annotations

import pytest

from mle_smith.report.plots import ladder_plot, noise_curve, split_plot
from mle_smith.report.text import clipped, number, size, visible
from mle_smith.values import SplitKind, SplitPolicy
from tests.support.reports import LADDER, rung


@pytest.mark.parametrize("higher", [True, False])
def test_better_is_to_the_right(higher: bool) -> None:
    values = [0.1, 0.4, 0.6, 1.0] if higher else [9.0, 4.0, 2.0, 0.0]
    rungs = tuple(rung(str(at), value, 0.05) for at, value in enumerate(values))
    plot = ladder_plot(LADDER.model_copy(update={"higher_is_better": higher, "rungs": rungs}))
    assert [mark.x for mark in plot.marks] == sorted(mark.x for mark in plot.marks)
    assert all(mark.low <= mark.x <= mark.high for mark in plot.marks)
    assert len({mark.y for mark in plot.marks}) == 4
    assert all(0 <= tick.at <= 100 for tick in plot.ticks)
    assert 2 <= len(plot.ticks) <= 6


def test_a_ladder_of_equal_or_infinite_scores_is_drawn() -> None:
    same = tuple(rung(name, 1.0, 0.0) for name in ("constant", "strong"))
    plot = ladder_plot(LADDER.model_copy(update={"rungs": same}))
    assert len({mark.x for mark in plot.marks}) == 1
    endless = (rung("constant", float("inf"), 0), rung("strong", 2.0, 0.5))
    plot = ladder_plot(LADDER.model_copy(update={"rungs": endless}))
    assert all(0 <= mark.x <= 100 for mark in plot.marks)
    assert plot.marks[0].x == min(mark.x for mark in plot.marks)


def test_of_very_many_rungs_the_ends_are_drawn() -> None:
    rungs = tuple(rung(f"r{at}", float(at), 0) for at in range(5000))
    marks = ladder_plot(LADDER.model_copy(update={"rungs": rungs})).marks
    assert (marks[0].name, marks[-1].name) == ("r0", "r4999")
    assert len(marks) <= 40


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("higher", [True, False])
def test_the_noise_curve_falls_whichever_way_is_better(higher: bool, told: bool) -> None:
    scores = [1.0, 0.7, 0.4] if higher else [0.0, 5.0, 12.0]
    numbers = {"noise": [0.0, 0.5, 1.0], "score": scores}
    curve = noise_curve(numbers, None, higher if told else None)
    assert curve is not None
    heights = [point.y for point in curve.points]
    assert heights == sorted(heights)
    assert [point.x for point in curve.points] == sorted(point.x for point in curve.points)


def test_a_constant_far_outside_does_not_squeeze_the_curve() -> None:
    numbers = {"noise": [0.0, 1.0], "score": [0.0, 12.0]}
    far = LADDER.model_copy(update={"rungs": (rung("constant", 1e6, 0), rung("strong", 5, 0))})
    curve = noise_curve(numbers, far, False)
    assert curve is not None
    assert [level.name for level in curve.levels] == ["strong"]


@pytest.mark.parametrize(
    "numbers", [{}, {"noise": [0.0], "score": [1.0]}, {"noise": [0, 1], "score": [None, None]}]
)
def test_without_two_points_there_is_no_curve(numbers: dict[str, list[float]]) -> None:
    assert noise_curve(numbers, None, True) is None


@pytest.mark.parametrize(
    "split",
    [
        SplitPolicy(kind=SplitKind.STRATIFIED),
        SplitPolicy(kind=SplitKind.TEMPORAL),
        SplitPolicy(kind=SplitKind.GROUPED, group_columns=("who",)),
    ],
    ids=lambda split: split.kind.value,
)
@pytest.mark.parametrize(("train", "test"), [(300, 100), (1, 9999), (9999, 1)])
def test_the_picture_of_a_split_shows_its_policy(split: SplitPolicy, train: int, test: int) -> None:
    plot = split_plot({"train": train, "test": test}, split)
    assert plot is not None
    sides = [cell.side for cell in plot.cells]
    assert set(sides) == {"train", "test"}
    if split.kind is SplitKind.TEMPORAL:
        assert sides == sorted(sides, reverse=True)
    if split.kind is SplitKind.GROUPED:
        assert all(len({*sides[at : at + 3]}) == 1 for at in range(0, len(sides), 3))
    assert plot.train_width == pytest.approx(100 * train / (train + test), abs=0.01)


def test_rows_of_an_unknown_policy_are_drawn_without_a_picture_of_it() -> None:
    plot = split_plot({"train": 30, "test": 10}, None)
    assert plot is not None
    assert (plot.train_width, plot.cells) == (75.0, [])


def test_rows_that_were_not_counted_have_no_picture() -> None:
    assert split_plot({}, SplitPolicy(kind=SplitKind.STRATIFIED)) is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-0.0, "0"),
        (0.123456, "0.1235"),
        (1234567, "1,234,567"),
        (12345.6, "12,346"),
        (1e-7, "1e-07"),
    ],
)
def test_numbers_have_the_digits_that_count(value: float, shown: str) -> None:
    assert number(value) == shown


def test_sizes_and_long_or_unseen_texts() -> None:
    assert [size(999), size(25_974), size(3_000_000_000)] == ["999 B", "26.0 kB", "3.0 GB"]
    assert "10,000 characters" in clipped("x" * 10_000)
    assert len(clipped("x" * 10_000)) < 2_000
    assert visible("a\u202eb\x00") == "a⟦U+202E⟧b⟦U+0000⟧"
    assert visible("שלום\tnaïve\n") == "שלום\tnaïve\n"
