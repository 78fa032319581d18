"""Where the marks of the drawings stand: per cent of the width, and units of the height.

Drawings are as wide as the page and a fixed height, with places across in per cent, so that their
text keeps its size on a small screen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from mle_smith.report.text import name, number
from mle_smith.values import Interval, Ladder, SplitKind, SplitPolicy

_LEFT, _RIGHT = 2.0, 97.0
ROW = 46.0
"""Height of a rung."""
_RUNGS = 40
_TOP, _BOTTOM, _AXIS = 16.0, 216.0, 13.0
"""Of the noise curve: its upper and lower end, and where its scale stands."""
_CELLS = 24


class Tick(NamedTuple):
    """A number on a scale."""

    at: float
    label: str


class RungMark(NamedTuple):
    """Where a rung of the ladder is drawn."""

    name: str
    kind: str
    """`constant`, `strong`, `cheat`, `answers`, or `solution`: how it is marked."""
    score: str
    interval: str
    y: float
    x: float
    low: float
    high: float


class LadderPlot(NamedTuple):
    """The ladder on one scale, on which better is always to the right."""

    marks: list[RungMark]
    ticks: list[Tick]
    height: float


def ladder_plot(ladder: Ladder) -> LadderPlot:
    """Constant, solutions and answers, each with its interval; what is not finite stands left.

    Of very many rungs the weakest and the strongest are drawn.
    """
    sign = 1.0 if ladder.higher_is_better else -1.0
    rungs = ladder.rungs
    if len(rungs) > _RUNGS:
        rungs = (*rungs[: _RUNGS // 2], *rungs[-_RUNGS // 2 :])
    ends = [
        sign * end
        for rung in rungs
        for end in (rung.score.value, rung.score.low, rung.score.high)
        if math.isfinite(end)
    ]
    worst, best = min(ends, default=0.0), max(ends, default=1.0)
    width = best - worst or 1.0

    def place(score: float) -> float:
        share = (sign * score - worst) / width if math.isfinite(score) else 0.0
        return round(_LEFT + share * (_RIGHT - _LEFT), 2)

    marks = [
        RungMark(
            name(rung.name),
            _kind(rung.name),
            number(rung.score.value),
            _interval(rung.score),
            ROW * at + 20,
            place(rung.score.value),
            min(place(rung.score.low), place(rung.score.high)),
            max(place(rung.score.low), place(rung.score.high)),
        )
        for at, rung in enumerate(rungs)
    ]
    ticks = [Tick(place(sign * value), number(sign * value)) for value in _round(worst, best, 5)]
    return LadderPlot(marks, ticks, ROW * len(marks) + 22)


def _kind(rung: str) -> str:
    if rung in ("constant", "strong", "answers"):
        return rung
    return "cheat" if rung.startswith("cheat") else "solution"


def _interval(score: Interval) -> str:
    if score.low == score.high:
        return ""
    return f"{number(score.low)} to {number(score.high)}"


def sparkline(ladder: Ladder) -> list[RungMark]:
    """The marks of a ladder, for drawing them on one line."""
    return ladder_plot(ladder).marks


def _round(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two others, at most so many (and one)."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return [low]
    power: float = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(at * step, 12) + 0.0 for at in range(first, last + 1)]


class Point(NamedTuple):
    """A score at a share of noise."""

    x: float
    y: float
    noise: str
    score: str


class Level(NamedTuple):
    """A score to compare the curve with, as a line across."""

    name: str
    y: float
    score: str


class NoiseCurve(NamedTuple):
    """The score of the answers as more and more of them are replaced; better is up."""

    points: list[Point]
    across: list[Tick]
    up: list[Tick]
    levels: list[Level]


def noise_curve(
    numbers: dict[str, Any], ladder: Ladder | None, higher: bool | None
) -> NoiseCurve | None:
    """The curve of the metric check's numbers; None when it kept none that can be drawn.

    Args:
        numbers: `noise` and `score`, one for each other.
        ladder: whose constant and strong solution are drawn for comparison.
        higher: whether more is better; None: what the answers score is better than noise.
    """
    noise, scores = numbers.get("noise", []), numbers.get("score", [])
    known = [(n, s) for n, s in zip(noise, scores, strict=False) if n is not None and s is not None]
    if len(known) < 2 or len(noise) != len(scores):
        return None
    if higher is None:
        higher = known[0][1] >= known[-1][1]
    rungs = [] if ladder is None else [r for r in ladder.rungs if r.name in ("constant", "strong")]
    rungs = [rung for rung in rungs if math.isfinite(rung.score.value)]
    sign = 1.0 if higher else -1.0
    heights = [sign * s for _, s in known]
    # A constant may be far outside of the curve; it is then not worth squeezing the curve.
    span = max(heights) - min(heights) or 1.0
    levels = [r for r in rungs if -0.3 * span <= sign * r.score.value - min(heights) <= 1.3 * span]
    heights += [sign * r.score.value for r in levels]
    worst, best = min(heights), max(heights)
    most = max(n for n, _ in known) or 1.0

    def across(share: float) -> float:
        return round(_AXIS + share / float(most) * (_RIGHT - _AXIS), 2)

    def up(score: float) -> float:
        share = (sign * score - worst) / ((best - worst) or 1.0)
        return round(_BOTTOM - float(share) * (_BOTTOM - _TOP), 1)

    return NoiseCurve(
        [Point(across(n), up(s), f"{n:.0%}", number(s)) for n, s in known],
        [Tick(across(n), f"{n:.0%}") for n, _ in known],
        [Tick(up(sign * v), number(sign * v)) for v in _round(worst, best, 4)],
        [Level(r.name, up(r.score.value), number(r.score.value)) for r in levels],
    )


class Cell(NamedTuple):
    """A row, or a few, in the picture of the split."""

    x: float
    width: float
    side: str


class SplitPlot(NamedTuple):
    """How the rows are divided: the true shares, and a picture of the policy."""

    train: int
    test: int
    train_width: float
    cells: list[Cell]
    kind: str
    """The policy; empty where it is not known."""


def split_plot(rows: dict[str, int], split: SplitPolicy | None) -> SplitPlot | None:
    """The plot, without cells where the policy is not known; None when no rows were counted."""
    train, test = rows.get("train", 0), rows.get("test", 0)
    if train + test == 0:
        return None
    share = train / (train + test)
    if split is None:
        return SplitPlot(train, test, round(100 * share, 2), [], "")
    sides = _sides(split.kind, 1 - share)
    width = 100 / len(sides)
    # Rows of a group stand together, with a gap to the next group.
    size = 3 if split.kind is SplitKind.GROUPED else 1
    cells = [
        Cell(
            round(at * width + 0.15 + (0.5 if at % size == 0 and size > 1 else 0), 2),
            round(width - 0.3 - (0.5 if at % size == 0 and size > 1 else 0), 2),
            side,
        )
        for at, side in enumerate(sides)
    ]
    return SplitPlot(train, test, round(100 * share, 2), cells, split.kind.value)


def _sides(kind: SplitKind, share: float) -> Sequence[str]:
    """The side of each of some rows in the order of the raw data."""
    count = min(max(round(share * _CELLS), 1), _CELLS - 1)
    if kind is SplitKind.TEMPORAL:
        return ["train"] * (_CELLS - count) + ["test"] * count
    if kind is SplitKind.GROUPED:
        groups = _CELLS // 3
        chosen = _spread(groups, min(max(round(share * groups), 1), groups - 1))
        return [("test" if at // 3 in chosen else "train") for at in range(_CELLS)]
    chosen = _spread(_CELLS, count)
    return ["test" if at in chosen else "train" for at in range(_CELLS)]


def _spread(places: int, count: int) -> set[int]:
    """`count` of the places, spread without a regular step, always the same."""
    order = sorted(range(places), key=lambda at: (at * 0.618034 + 0.31) % 1)
    return set(order[:count])
