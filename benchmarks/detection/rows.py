"""Rows that are on both sides of the split: L1, L2, L16."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.detection.catalogue import Strength, plants
from benchmarks.detection.specimen import NotApplicableError, Specimen


def _places(specimen: Specimen, strength: Strength) -> NDArray[np.int64]:
    """The test rows that become copies: 3, 10 or 30 %, at least four."""
    if specimen.temporal or specimen.split["kind"] == "grouped":
        raise NotApplicableError("rows of the other side would break the split in other ways")
    count = max(4, round(strength.of(0.03, 0.1, 0.3) * len(specimen.test)))
    return specimen.rng.choice(len(specimen.test), min(count, len(specimen.test)), replace=False)


def _copied(specimen: Specimen, places: NDArray[np.int64]) -> pd.DataFrame:
    rows = specimen.whole
    source = specimen.rng.choice(len(specimen.train), len(places), replace=False)
    columns = [*specimen.inputs, *specimen.targets]
    rows.loc[places, columns] = specimen.train.loc[source, columns].to_numpy()
    return rows


@plants("L1", "copied into test")
def copied_into_test(specimen: Specimen, strength: Strength) -> None:
    """Train rows take the place of 3, 10, 30 % of the test rows."""
    specimen.give_test(_copied(specimen, _places(specimen, strength)))


@plants("L1", "appended to train")
def appended_to_train(specimen: Specimen, strength: Strength) -> None:
    """3, 10, 30 % of the test rows are in train as well."""
    extra = specimen.whole.iloc[_places(specimen, strength)][list(specimen.train.columns)]
    numbers = pd.to_numeric(specimen.everything["id"])
    extra["id"] = [str(int(numbers.max()) + 1 + k) for k in range(len(extra))]
    train = pd.concat([specimen.train, extra], ignore_index=True)
    specimen.train = train.iloc[specimen.rng.permutation(len(train))].reset_index(drop=True)


@plants("L2", "jitter")
def jitter(specimen: Specimen, strength: Strength) -> None:
    """Copies whose numbers move by a thousandth of their spread; 3, 10, 30 % of the rows."""
    columns = specimen.numeric(continuous=True)
    if len(columns) < 2:
        raise NotApplicableError("fewer than two continuous columns")
    places = _places(specimen, strength)
    rows = _copied(specimen, places)
    for name in columns:
        values = pd.to_numeric(rows.loc[places, name], errors="coerce")
        spread = float(pd.to_numeric(specimen.train[name], errors="coerce").std())
        moved = values + specimen.rng.normal(0, 1e-3 * spread, len(values))
        rows.loc[places, name] = [f"{v:.8g}" if v == v else "" for v in moved]
    specimen.give_test(rows)


@plants("L2", "rounding")
def rounding(specimen: Specimen, strength: Strength) -> None:
    """Copies whose numbers have lost their last digit; 3, 10, 30 % of the rows."""
    columns = specimen.numeric(continuous=True)
    if len(columns) < 2:
        raise NotApplicableError("fewer than two continuous columns")
    places = _places(specimen, strength)
    rows = _copied(specimen, places)
    for name in columns:
        values = pd.to_numeric(rows.loc[places, name], errors="coerce")
        spread = float(pd.to_numeric(specimen.train[name], errors="coerce").std())
        step = 10.0 ** np.floor(np.log10(spread * 0.02))
        rows.loc[places, name] = [
            f"{v:.10g}" if v == v else "" for v in (values / step).round() * step
        ]
    specimen.give_test(rows)


@plants("L2", "case and blanks")
def case_and_blanks(specimen: Specimen, strength: Strength) -> None:
    """Copies whose texts have another case and further blanks; 3, 10, 30 % of the rows."""
    columns = [
        c for c in specimen.inputs if specimen.train[c].str.contains("[A-Za-z]{2}").mean() > 0.5
    ]
    if not columns:
        raise NotApplicableError("no text")
    places = _places(specimen, strength)
    rows = _copied(specimen, places)
    for name in columns:
        texts = rows.loc[places, name]
        rows.loc[places, name] = texts.str.upper().str.replace(" ", "  ") + " "
    specimen.give_test(rows)


@plants("L2", "one column changed")
def one_column_changed(specimen: Specimen, strength: Strength) -> None:
    """Copies that keep their own value of one column of many values; 3, 10, 30 % of the rows."""
    varied = [c for c in specimen.inputs if specimen.train[c].nunique() > 20]
    if len(varied) < 3:
        raise NotApplicableError("fewer than three columns of many values")
    places = _places(specimen, strength)
    own = specimen.whole
    rows = _copied(specimen, places)
    kept = str(specimen.rng.choice(varied))
    rows.loc[places, kept] = own.loc[places, kept].to_numpy()
    specimen.give_test(rows)


@plants("L2", "edited text")
def edited_text(specimen: Specimen, strength: Strength) -> None:
    """Copies of long texts with a word changed; 3, 10, 30 % of the rows."""
    long = [c for c in specimen.inputs if specimen.train[c].str.count(r"\S+").median() >= 6]
    if not long:
        raise NotApplicableError("no long texts")
    places = _places(specimen, strength)
    rows = _copied(specimen, places)
    for name in long:
        edited = []
        for text in rows.loc[places, name]:
            words = text.split()
            if len(words) > 2:
                words[int(specimen.rng.integers(len(words)))] = "indeed"
            edited.append(" ".join(words) + ".")
        rows.loc[places, name] = edited
    specimen.give_test(rows)


@plants("L16", "reversed pairs")
def reversed_pairs(specimen: Specimen, strength: Strength) -> None:
    """Rows are about pairs; 5, 20, 60 % of the test pairs are in train the other way round."""
    _pairs(specimen, strength.of(0.05, 0.2, 0.6), "left", "right", text=True)


@plants("L16", "edges both ways")
def edges_both_ways(specimen: Specimen, strength: Strength) -> None:
    """The same with numbers of nodes, each of which occurs in several pairs."""
    _pairs(specimen, strength.of(0.05, 0.2, 0.6), "source", "target_node", text=False)


def _pairs(specimen: Specimen, share: float, one: str, other: str, *, text: bool) -> None:
    rng, train, test = specimen.rng, len(specimen.train), len(specimen.test)
    nodes = max(12, round(1.5 * np.sqrt(train + test)))
    pairs = [(a, b) for a in range(nodes) for b in range(a + 1, nodes)]
    while len(pairs) < train + test:
        nodes += 5
        pairs = [(a, b) for a in range(nodes) for b in range(a + 1, nodes)]
    chosen = [pairs[k] for k in rng.choice(len(pairs), train + test, replace=False)]
    chosen = [
        (b, a) if flip else (a, b)
        for (a, b), flip in zip(chosen, rng.random(train + test) < 0.5, strict=True)
    ]
    of_train, of_test = chosen[:train], chosen[train:]
    count = max(5, round(share * test))
    buckets: dict[tuple[str, ...], list[int]] = {}
    for row, label in enumerate(zip(*(specimen.train[t] for t in specimen.targets), strict=True)):
        buckets.setdefault(label, []).append(row)
    planted = 0
    wanted = list(zip(*(specimen.whole[t] for t in specimen.targets), strict=True))
    for row in rng.permutation(test):
        rows = buckets.get(wanted[row])
        if rows and planted < count:
            a, b = of_train[rows.pop()]
            of_test[row] = (b, a)
            planted += 1
    if specimen.classes:
        shares = specimen.everything[specimen.target].value_counts(normalize=True)
        if float((shares**2).sum()) ** planted > 0.01:
            raise NotApplicableError("so few rows have the same class by luck")
    if planted < min(5, count):
        raise NotApplicableError("hardly a test row has the target of a train row")
    name = (lambda k: f"item {k:04d}") if text else str
    for place, column in enumerate((one, other)):
        specimen.add_input(
            column,
            [name(p[place]) for p in of_train],
            [name(p[place]) for p in of_test],
            "one of the pair",
        )
