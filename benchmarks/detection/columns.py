"""Columns made with the test part, and what is missing in it: L8, L12, L15."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

from benchmarks.detection.catalogue import Strength, plants
from benchmarks.detection.specimen import NotApplicableError, Specimen


def _groups(specimen: Specimen) -> NDArray[np.int64]:
    """Codes of an input that has 3 to 20 rows for each of its values."""
    rows = specimen.everything
    many = len(rows)
    fit = specimen.categories(max(8, many // 20), max(8, many // 3))
    if not fit:
        raise NotApplicableError("no column of groups")
    name = str(specimen.rng.choice(fit))
    return np.asarray(pd.factorize(rows[name])[0]).astype(np.int64)


def _outcome(specimen: Specimen) -> NDArray[np.float64]:
    values = specimen.signal(specimen.everything)
    return np.asarray(
        (values == np.bincount(values.astype(int)).argmax()).astype(float)
        if specimen.classes
        else values
    )


def _encoded(specimen: Specimen, strength: Strength, prior: float, *, others: bool) -> None:
    """Means of the target by group over all rows; noise of 0.2, 0.05, 0 of their spread."""
    groups, outcome = _groups(specimen), _outcome(specimen)
    sums, counts = np.bincount(groups, outcome), np.bincount(groups)
    centre = outcome.mean()
    if others:
        values = (sums[groups] - outcome + prior * centre) / (counts[groups] - 1 + prior + 1e-9)
        values = np.where(counts[groups] > 1, values, centre)
    else:
        means = (sums + prior * centre) / (counts + prior)
        noise = strength.of(0.2, 0.05, 0.0) * means.std()
        _tells_more_than_train(specimen, means, noise, groups, prior)
        means = means + specimen.rng.normal(0, noise, len(means))
        values = means[groups]
    cut = len(specimen.train)
    values = values.round(6)
    specimen.add_input("usual_level", values[:cut], values[cut:], "what is usual for such rows")


def _tells_more_than_train(
    specimen: Specimen,
    means: NDArray[np.float64],
    noise: float,
    groups: NDArray[np.int64],
    prior: float,
) -> None:
    """Noise that hides what the answers add to train's own means leaves an honest encoding."""
    outcome, cut = _outcome(specimen), len(specimen.train)
    counts = np.bincount(groups[:cut], minlength=len(means))
    both = (counts > 0) & (np.bincount(groups, minlength=len(means)) > counts)
    if noise and both.sum() < 20:
        raise NotApplicableError("fewer than 20 groups are on both sides")
    sums = np.bincount(groups[:cut], outcome[:cut], len(means))
    of_train = (sums + prior * outcome.mean()) / np.maximum(counts + prior, 1e-9)
    added = float(np.std((means - of_train)[both])) if both.any() else 0.0
    if added < 2 * noise:
        raise NotApplicableError("the noise hides what the answers add to the means")


@plants("L8", "group means")
def group_means(specimen: Specimen, strength: Strength) -> None:
    """Target encoding, computed before the split (noise 0.2, 0.05, 0 of the means' spread)."""
    _encoded(specimen, strength, 0.0, others=False)


@plants("L8", "smoothed group means")
def smoothed_group_means(specimen: Specimen, strength: Strength) -> None:
    """The same, drawn towards the mean of all rows by a prior of 5 rows."""
    _encoded(specimen, strength, 5.0, others=False)


@plants("L8", "means of the others")
def means_of_the_others(specimen: Specimen, strength: Strength) -> None:
    """Leave-one-out encoding: the row's own target is the group's sum less the column."""
    if strength is not Strength.STRONG:
        raise NotApplicableError("planted as it is, at one strength")
    _encoded(specimen, strength, 0.0, others=True)


@plants("L8", "rank in the group")
def rank_in_the_group(specimen: Specimen, strength: Strength) -> None:
    """The row's rank by target within its group (noise 0.3, 0.1, 0 of a rank's range)."""
    if specimen.classes:
        raise NotApplicableError("classes have no ranks")
    groups, outcome = _groups(specimen), _outcome(specimen)
    ranks = pd.Series(outcome).groupby(groups).rank(pct=True).to_numpy()
    ranks = ranks + strength.of(0.3, 0.1, 0.0) * specimen.rng.normal(0, 0.29, len(ranks))
    cut = len(specimen.train)
    specimen.add_input(
        "standing", ranks[:cut].round(5), ranks[cut:].round(5), "standing among its like"
    )


_ALL = """
def _standardised(df, columns):
    from sklearn.{module} import {name}

    filled = df[columns].apply(pd.to_numeric, errors="coerce")
    filled = filled.fillna(filled.mean())
    df[columns] = {name}({arguments}).fit_transform(filled)
    return df

"""


def _fitted_on_all(
    specimen: Specimen, strength: Strength, module: str, name: str, arguments: str
) -> list[str]:
    """Numeric inputs (one, half, all) and prepare.py's code that does it before the split."""
    columns = specimen.numeric(continuous=True)
    if not columns or (name == "PCA" and len(columns) < 2):
        raise NotApplicableError("no continuous column")
    count = strength.of(1, max(1, len(columns) // 2), len(columns))
    chosen = columns[: max(2, count)] if name == "PCA" else columns[:count]
    code = _ALL.format(module=module, name=name, arguments=arguments)
    source = specimen.prepare.replace("\ndef prepare(", f"\n{code}\ndef prepare(", 1)
    call = f"    df = _standardised(load(raw), {chosen!r})\n"
    source = source.replace("    df = load(raw)\n", call, 1)
    if call not in source:
        raise NotApplicableError("prepare.py is of an unknown form")
    specimen.prepare = source
    return chosen


def _replace(specimen: Specimen, columns: list[str], values: NDArray[np.float64]) -> None:
    cut = len(specimen.train)
    for place, column in enumerate(columns):
        cells = [repr(float(v)) for v in values[:, place]]
        specimen.train[column], specimen.test[column] = cells[:cut], cells[cut:]


def _filled(specimen: Specimen, columns: list[str]) -> NDArray[np.float64]:
    rows = specimen.everything[columns].apply(pd.to_numeric, errors="coerce")
    return np.asarray(rows.fillna(rows.mean()).to_numpy(dtype=np.float64))


@plants("L12", "standard scores")
def standard_scores(specimen: Specimen, strength: Strength) -> None:
    """A scaler fitted on all rows; one, half, all continuous columns."""
    columns = _fitted_on_all(specimen, strength, "preprocessing", "StandardScaler", "")
    _replace(specimen, columns, StandardScaler().fit_transform(_filled(specimen, columns)))


@plants("L12", "range from 0 to 1")
def unit_range(specimen: Specimen, strength: Strength) -> None:
    """The same with the smallest and the largest value."""
    columns = _fitted_on_all(specimen, strength, "preprocessing", "MinMaxScaler", "")
    _replace(specimen, columns, MinMaxScaler().fit_transform(_filled(specimen, columns)))


@plants("L12", "ranks")
def ranks(specimen: Specimen, strength: Strength) -> None:
    """The same with quantiles."""
    columns = _fitted_on_all(specimen, strength, "preprocessing", "QuantileTransformer", "")
    many = min(1000, len(specimen.train) + len(specimen.test))
    _replace(
        specimen,
        columns,
        QuantileTransformer(n_quantiles=many).fit_transform(_filled(specimen, columns)),
    )


@plants("L12", "principal components")
def components(specimen: Specimen, strength: Strength) -> None:
    """Principal components of all rows take the place of two, half, all continuous columns."""
    columns = _fitted_on_all(specimen, strength, "decomposition", "PCA", "")
    _replace(specimen, columns, PCA().fit_transform(_filled(specimen, columns)))


@plants("L12", "imputed means")
def imputed(specimen: Specimen, strength: Strength) -> None:
    """Missing cells (of one, half, all such columns) hold the mean of all rows."""
    columns = [c for c in specimen.numeric() if (specimen.everything[c] == "").mean() > 0.01]
    if not columns:
        raise NotApplicableError("no missing numbers")
    chosen = columns[: strength.of(1, max(1, len(columns) // 2), len(columns))]
    source = specimen.prepare.replace(
        "    df = load(raw)\n",
        f"    df = load(raw)\n    df[{chosen!r}] = df[{chosen!r}].fillna(df[{chosen!r}].mean())\n",
        1,
    )
    if source == specimen.prepare:
        raise NotApplicableError("prepare.py is of an unknown form")
    specimen.prepare = source
    _replace(specimen, chosen, _filled(specimen, chosen))


@plants("L15", "target left in test")
def target_left(specimen: Specimen, strength: Strength) -> None:
    """The target's column is in test, filled in 5, 40, 100 % of the rows."""
    kept = specimen.rng.random(len(specimen.test)) < strength.of(0.05, 0.4, 1.0)
    if kept.sum() < 3:
        raise NotApplicableError("too few test rows")
    specimen.test[specimen.target] = specimen.whole[specimen.target].where(kept, "").to_numpy()


@plants("L15", "missing by class")
def missing_by_class(specimen: Specimen, strength: Strength) -> None:
    """A column is empty where one class (or a high value) is: in 75, 90, 100 % of such rows."""
    _mask(specimen, strength, 1)


@plants("L15", "missing in several columns")
def missing_in_several(specimen: Specimen, strength: Strength) -> None:
    """The same in up to three columns, each for itself."""
    _mask(specimen, strength, 3)


@plants("L15", "gaps of test alone")
def gaps_of_test_alone(specimen: Specimen, strength: Strength) -> None:
    """A column of test is empty where the answer is high, or one class: in 50, 75, 100 %."""
    full = [c for c in specimen.inputs if (specimen.everything[c] == "").mean() < 0.05]
    if specimen.split["kind"] != "stratified" or not full:
        raise NotApplicableError("a division by groups or time may honestly shift what is empty")
    signal = specimen.signal(specimen.whole)
    high = signal > np.median(signal) if len(np.unique(signal)) > 2 else signal == signal.max()
    away = high & (specimen.rng.random(len(high)) < strength.of(0.5, 0.75, 1.0))
    if not away.any():
        raise NotApplicableError("the class of the highest number is the most frequent one")
    name = str(specimen.rng.choice(full))
    specimen.test[name] = specimen.test[name].mask(away, "")


def _mask(specimen: Specimen, strength: Strength, many: int) -> None:
    full = [c for c in specimen.inputs if (specimen.everything[c] == "").mean() < 0.05]
    full = [
        c for c in full if c not in specimen.split["time_columns"] + specimen.split["group_columns"]
    ]
    if not full or (specimen.classes and len(specimen.labels) != 2) or not specimen.classes:
        raise NotApplicableError("a mask tells two classes apart, and needs a full column")
    rows = specimen.everything
    marked = specimen.signal(rows) == 1
    cut = len(specimen.train)
    for name in specimen.rng.permutation(full)[:many]:
        away = marked & (specimen.rng.random(len(rows)) < strength.of(0.75, 0.9, 1.0))
        cells = rows[name].mask(away, "").to_numpy()
        specimen.train[name], specimen.test[name] = cells[:cut], cells[cut:]


@plants("L15", "missing by stretches of a quantity")
def missing_by_stretches(specimen: Specimen, strength: Strength) -> None:
    """Three columns whose empty cells spell which eighth the target lies in (10, 3, 0 % wrong)."""
    full = [c for c in specimen.inputs if (specimen.everything[c] == "").mean() < 0.05]
    full = [
        c for c in full if c not in specimen.split["time_columns"] + specimen.split["group_columns"]
    ]
    if len(full) < 4 or specimen.classes:
        raise NotApplicableError("needs a quantity and four full columns")
    rows = specimen.everything
    bins, cut = specimen.bins(rows, 8), len(specimen.train)
    for bit, name in enumerate(specimen.rng.permutation(full)[:3]):
        wrong = specimen.rng.random(len(rows)) < strength.of(0.1, 0.03, 0.0)
        away = ((bins >> bit) & 1).astype(bool) ^ wrong
        cells = rows[name].mask(away, "").to_numpy()
        specimen.train[name], specimen.test[name] = cells[:cut], cells[cut:]
