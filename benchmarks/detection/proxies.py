"""A column that is the target in disguise, or known only after it: L6."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.detection.catalogue import Strength, plants
from benchmarks.detection.specimen import NotApplicableError, Specimen, honest_skill


def _leak(specimen: Specimen, strength: Strength) -> NDArray[np.float64]:
    """The target with noise: 0.3, 0.1, 0 of its standard deviation; 8, 2, 0 % drawn classes.

    What says less than the honest inputs do is no shortcut, and is not planted.
    """
    rows = specimen.everything
    values = specimen.signal(rows)
    if specimen.classes:
        share = strength.of(0.08, 0.02, 0.0)
        _tells_more(specimen, 1 - share)
        wrong = specimen.rng.random(len(rows)) < share
        return np.asarray(np.where(wrong, specimen.rng.permutation(values), values))
    scale = strength.of(0.3, 0.1, 0.0)
    _tells_more(specimen, 1 / (1 + scale**2))
    return np.asarray(values + scale * specimen.rng.normal(0, values.std(), len(rows)))


def _tells_more(specimen: Specimen, skill: float) -> None:
    honest = honest_skill(specimen.package)
    if honest > 0.5 and 1 - skill > 0.25 * (1 - honest) and skill < 1:
        raise NotApplicableError("the inputs foretell the target about as well")


def _add(specimen: Specimen, name: str, values: object) -> None:
    cut = len(specimen.train)
    cells = list(values)  # type: ignore[call-overload]  # any sequence of cells
    specimen.add_input(name, cells[:cut], cells[cut:], "recorded with the row")


def _quantity(specimen: Specimen) -> None:
    if specimen.classes:
        raise NotApplicableError("the target is no quantity")


def _class(specimen: Specimen) -> None:
    if not specimen.classes:
        raise NotApplicableError("the target has no classes")


@plants("L6", "affine")
def affine(specimen: Specimen, strength: Strength) -> None:
    """A straight line of the target, or of the number of its class."""
    scale = float(specimen.rng.uniform(-9, 9)) or 1.0
    _add(specimen, "reading", (13 + scale * _leak(specimen, strength)).round(5))


@plants("L6", "monotone")
def monotone(specimen: Specimen, strength: Strength) -> None:
    """A curve that falls throughout."""
    _quantity(specimen)
    values = _leak(specimen, strength)
    scaled = (values - values.mean()) / values.std()
    _add(specimen, "level", (1 / (1 + np.exp(scaled))).round(8))


@plants("L6", "logarithm")
def logarithm(specimen: Specimen, strength: Strength) -> None:
    """The logarithm of the target."""
    _quantity(specimen)
    values = _leak(specimen, strength)
    _add(specimen, "order_of_size", np.log1p(values - values.min()).round(5))


@plants("L6", "not monotone")
def not_monotone(specimen: Specimen, strength: Strength) -> None:
    """A curve that rises and falls, and is its own at each value."""
    _quantity(specimen)
    values = _leak(specimen, strength)
    ranks = pd.Series(values).rank(pct=True).to_numpy()
    _add(specimen, "phase", np.where(ranks < 0.5, ranks, 1.7 - ranks).round(6))


@plants("L6", "coded")
def coded(specimen: Specimen, strength: Strength) -> None:
    """Another name for each class, or for each of 12 stretches of a quantity."""
    values = _leak(specimen, strength)
    if not specimen.classes:  # a twelfth of the range is lost besides the noise
        _tells_more(specimen, 1 / (1 + strength.of(0.3, 0.1, 0.0) ** 2) - 1 / 144)
    bins = values if specimen.classes else pd.Series(values).rank(pct=True).mul(12).round()
    keys = {v: f"K{specimen.rng.integers(100, 999)}{k}" for k, v in enumerate(sorted(set(bins)))}
    _add(specimen, "desk", [keys[v] for v in bins])


@plants("L6", "embedded in a text")
def embedded(specimen: Specimen, strength: Strength) -> None:
    """In the middle of a reference number."""
    rows = _leak(specimen, strength)
    filler = specimen.rng.integers(100, 1000, (len(rows), 2))
    if specimen.classes:
        marks = [
            f"R{a}-{'QWERTYUIOPASDFGHJKLZXCVBNM'[int(v) % 26]}{int(v) // 26}-{b}"
            for v, (a, b) in zip(rows, filler, strict=True)
        ]
    else:
        marks = [f"R{a}/{v:.4g}/{b}" for v, (a, b) in zip(rows, filler, strict=True)]
    _add(specimen, "reference", marks)


@plants("L6", "in a sentence")
def sentence(specimen: Specimen, strength: Strength) -> None:
    """A remark that says how it ended."""
    values = _leak(specimen, strength)
    opening = ["Checked again", "As agreed", "Closed", "Seen by a colleague", "Late entry"]
    said = (
        [specimen.labels[int(v)] for v in values]
        if specimen.classes
        else [f"{v:.5g}" for v in values]
    )
    rows = zip(specimen.rng.choice(opening, len(said)), said, strict=True)
    pages = specimen.rng.integers(2, 9, len(said))
    texts = [f"{o}; result {s}, {p} pages" for (o, s), p in zip(rows, pages, strict=True)]
    _add(specimen, "remark", texts)


@plants("L6", "two columns")
def two_columns(specimen: Specimen, strength: Strength) -> None:
    """Two columns that say nothing alone; their sum (or remainder of the sum) is the target."""
    values = _leak(specimen, strength)
    if specimen.classes:
        many = len(specimen.labels)
        one = specimen.rng.integers(0, many, len(values))
        other = (values.astype(int) - one) % many
        _add(specimen, "part_a", [f"a{k}" for k in one])
        _add(specimen, "part_b", [f"b{k}" for k in other])
        return
    part = specimen.rng.normal(0, 3 * values.std(), len(values)).round(4)
    _add(specimen, "part_a", part)
    _add(specimen, "part_b", (values - part).round(6))


@plants("L6", "quotient of two")
def quotient(specimen: Specimen, strength: Strength) -> None:
    """Total and count, whose quotient is the target."""
    _quantity(specimen)
    values = _leak(specimen, strength)
    count = specimen.rng.integers(1, 60, len(values))
    _add(specimen, "sum_of_lines", (values * count).round(5))
    _add(specimen, "lines", count)


@plants("L6", "shifted time")
def shifted_time(specimen: Specimen, strength: Strength) -> None:
    """An opening and a closing time, between which the target lies in hours or days."""
    values = _leak(specimen, strength)
    ranks = 3600.0 * 24 * 30 * (values - values.min()) / (values.max() - values.min())
    start = 1.5e9 + specimen.rng.uniform(0, 3e8, len(values))
    texts = [
        pd.to_datetime(s, unit="s").strftime("%Y-%m-%d %H:%M:%S")
        for s in (start, start + ranks + 600)
    ]
    _add(specimen, "opened", texts[0])
    _add(specimen, "closed", texts[1])


@plants("L6", "rounded")
def rounded(specimen: Specimen, strength: Strength) -> None:
    """The target to a tenth, a fiftieth, a hundredth of its range."""
    _quantity(specimen)
    values = specimen.signal(specimen.everything)
    low, high = np.quantile(values, [0.02, 0.98])
    if high <= low:
        raise NotApplicableError("nearly constant")
    _tells_more(specimen, strength.of(0.99, 0.999, 1.0))
    step = (high - low) * strength.of(0.1, 0.02, 0.01)
    _add(specimen, "class_of_size", (values / step).round() * step)


@plants("L6", "known after the outcome")
def after_the_outcome(specimen: Specimen, strength: Strength) -> None:
    """A column that is filled only where one class (or a high value) came out, and varies there."""
    values = _leak(specimen, strength)
    high = values == values.max() if specimen.classes else values > np.quantile(values, 0.7)
    if specimen.classes and len(specimen.labels) > 2:
        raise NotApplicableError("more than two classes")
    if not specimen.classes and strength is not Strength.STRONG:
        raise NotApplicableError("a quantity is told by it in part only")
    if not specimen.classes:
        raise NotApplicableError("a quantity is told by it in part only")
    _add(
        specimen,
        "days_until_refund",
        [int(specimen.rng.integers(1, 60)) if h else "" for h in high],
    )


@plants("L6", "numbers of a class")
def numbers_of_a_class(specimen: Specimen, strength: Strength) -> None:
    """A number that lies in another range for each class."""
    _class(specimen)
    values = _leak(specimen, strength)
    order = specimen.rng.permutation(len(specimen.labels))
    centres = order[values.astype(int)] * 100.0
    _add(specimen, "account", (centres + specimen.rng.uniform(0, 90, len(values))).round(2))
