"""Every emitted metric.py gives the number that scikit-learn gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mle_smith.metrics import METRICS, answers_of, metric_source
from tests.support.metrics import MetricModule, load_source, table

CLASSES = {2: ("no", "yes"), 3: ("low", "mid", "high"), 4: ("a", "b", "c", "d")}
Array = Any  # NumPy arrays of either kind; their types say nothing here

LABEL_ORACLES: dict[str, Callable[[Array, Array, list[str]], float]] = {
    "accuracy": lambda y, p, c: sk.accuracy_score(y, p),
    "balanced_accuracy": lambda y, p, c: sk.recall_score(
        y, p, labels=sorted(set(y)), average="macro", zero_division=0
    ),
    "macro_f1": lambda y, p, c: sk.f1_score(y, p, average="macro"),
    "f1": lambda y, p, c: sk.f1_score(y, p, pos_label="yes", zero_division=0),
    "mcc": lambda y, p, c: sk.matthews_corrcoef(y, p),
    "quadratic_kappa": lambda y, p, c: sk.cohen_kappa_score(y, p, labels=c, weights="quadratic"),
}
BINARY_ORACLES: dict[str, Callable[[Array, Array], float]] = {
    "log_loss": lambda y, p: sk.log_loss(y, p, labels=[0, 1]),
    "roc_auc": sk.roc_auc_score,
    "pr_auc": sk.average_precision_score,
    "brier": lambda y, p: sk.brier_score_loss(y, p, labels=[0, 1], pos_label=1),
}
MULTICLASS_ORACLES: dict[str, Callable[[Array, Array], float]] = {
    "log_loss": lambda y, p: sk.log_loss(y, p, labels=range(p.shape[1])),
    "roc_auc": lambda y, p: np.mean([sk.roc_auc_score(y == c, p[:, c]) for c in np.unique(y)]),
    "pr_auc": lambda y, p: np.mean(
        [sk.average_precision_score(y == c, p[:, c]) for c in np.unique(y)]
    ),
    "brier": lambda y, p: np.mean(np.sum((p - np.eye(p.shape[1])[y]) ** 2, axis=1)),
}
VALUE_ORACLES: dict[str, Callable[[Array, Array], float]] = {
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "r2": sk.r2_score,
    "rmsle": lambda y, p: sk.root_mean_squared_log_error(y, np.maximum(p, 0)),
    "mape_safe": lambda y, p: np.mean(
        [abs(a - b) / max(abs(b), np.abs(y).mean() / 10) for a, b in zip(p, y, strict=True)]
    ),
    "smape": lambda y, p: np.mean(
        [2 * abs(a - b) / (abs(a) + abs(b)) if a or b else 0 for a, b in zip(p, y, strict=True)]
    ),
    "wape": lambda y, p: np.abs(p - y).sum() / np.abs(y).sum(),
}


def seeded(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_every_metric_has_an_oracle() -> None:
    assert {*LABEL_ORACLES, *BINARY_ORACLES, *VALUE_ORACLES} == set(METRICS)
    assert set(MULTICLASS_ORACLES) == set(BINARY_ORACLES)


def emitted(name: str, classes: tuple[str, ...] = (), targets: tuple[str, ...] = ("y",)) -> Any:
    return load_source(metric_source(name, targets=targets, classes=classes))


@pytest.fixture(scope="module")
def modules() -> dict[tuple[str, int], MetricModule]:
    """The emitted modules, by name and number of classes (or of targets)."""
    found = {(name, 1): emitted(name) for name in VALUE_ORACLES}
    found |= {(name, 3): emitted(name, targets=("a", "b", "c")) for name in ("rmse", "mae", "r2")}
    found |= {(name, k): emitted(name, CLASSES[k]) for name in BINARY_ORACLES for k in (2, 3, 4)}
    found |= {(name, k): emitted(name, CLASSES[k]) for name in LABEL_ORACLES for k in fits(name)}
    return found


def fits(name: str) -> tuple[int, ...]:
    return {"f1": (2,), "quadratic_kappa": (3, 4)}.get(name, (2, 3, 4))


@pytest.mark.parametrize(
    ("name", "size"), [(name, size) for name in LABEL_ORACLES for size in fits(name)]
)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_labels(
    modules: dict[tuple[str, int], MetricModule], name: str, size: int, data: st.DataObject
) -> None:
    classes = list(CLASSES[size])
    labels = st.lists(
        st.tuples(st.sampled_from(classes), st.sampled_from(classes)), min_size=2, max_size=30
    )
    truth, predicted = (list(side) for side in zip(*data.draw(labels), strict=True))
    if name in ("mcc", "quadratic_kappa"):  # scikit-learn warns where they are undefined
        assume(len(set(truth)) > 1 or len(set(predicted)) > 1)
    score = modules[name, size].evaluate(table(y=truth), table(y=predicted))
    assert score == pytest.approx(LABEL_ORACLES[name](truth, predicted, classes), abs=1e-12)


@pytest.mark.parametrize("name", BINARY_ORACLES)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(2, 60), digits=st.integers(0, 8))
def test_binary_probabilities(
    modules: dict[tuple[str, int], MetricModule], name: str, seed: int, rows: int, digits: int
) -> None:
    rng = seeded(seed)
    truth = rng.permutation(np.arange(rows) % 2 * (rng.random(rows) < 0.7))
    assume(0 < truth.sum() < rows)
    predicted = rng.random(rows).round(digits)  # few digits make ties and certainties
    answers = table(y=np.asarray(CLASSES[2])[truth])
    score = modules[name, 2].evaluate(answers, table(y=predicted))
    assert score == pytest.approx(BINARY_ORACLES[name](truth, predicted), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("name", MULTICLASS_ORACLES)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(4, 60))
def test_class_probabilities(
    modules: dict[tuple[str, int], MetricModule], name: str, size: int, seed: int, rows: int
) -> None:
    rng = seeded(seed)
    truth = rng.integers(0, size, rows)
    assume(len(set(truth)) > 1)
    predicted = rng.random((rows, size)).round(2) + 0.01
    columns = answers_of(METRICS[name], targets=["y"], classes=CLASSES[size]).columns
    given_in = table(**dict(zip(columns, np.minimum(predicted, 1).T, strict=True)))
    score = modules[name, size].evaluate(table(y=np.asarray(CLASSES[size])[truth]), given_in)
    predicted = np.minimum(predicted, 1)
    predicted = predicted / predicted.sum(axis=1, keepdims=True)
    assert score == pytest.approx(MULTICLASS_ORACLES[name](truth, predicted), rel=1e-9)


@pytest.mark.parametrize("name", VALUE_ORACLES)
@settings(max_examples=60, deadline=None)
@given(
    pairs=st.lists(
        st.tuples(st.integers(0, 5000), st.floats(-1e4, 1e4, allow_subnormal=False)),
        min_size=2,
        max_size=40,
    )
)
def test_values(
    modules: dict[tuple[str, int], MetricModule], name: str, pairs: list[tuple[int, float]]
) -> None:
    truth, predicted = (np.asarray(side, dtype=float) for side in zip(*pairs, strict=True))
    assume(truth.any())
    assume(name != "r2" or len(set(truth)) > 1)
    score = modules[name, 1].evaluate(table(y=truth), table(y=predicted))
    assert score == pytest.approx(VALUE_ORACLES[name](truth, predicted), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ["rmse", "mae", "r2"])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(3, 40))
def test_several_targets(
    modules: dict[tuple[str, int], MetricModule], name: str, seed: int, rows: int
) -> None:
    rng = seeded(seed)
    scales = np.array([1.0, 50.0, 0.01])
    truth, predicted = rng.normal(size=(rows, 3)) * scales, rng.normal(size=(rows, 3)) * scales
    answers, submission = (
        pd.DataFrame(side, columns=["a", "b", "c"]).assign(id=range(rows))
        for side in (truth, predicted)
    )
    score = modules[name, 3].evaluate(answers, submission)
    assert score == pytest.approx(VALUE_ORACLES[name](truth, predicted), rel=1e-9)


def test_undefined_corners_have_a_stated_score(
    modules: dict[tuple[str, int], MetricModule],
) -> None:
    same, other = table(y=["low"] * 3), table(y=["mid"] * 3)
    assert modules["mcc", 3].evaluate(same, other) == 0
    assert modules["quadratic_kappa", 3].evaluate(same, same) == 1
    assert modules["r2", 1].evaluate(table(y=[2.0, 2.0]), table(y=[2.0, 2.0])) == 1
    assert modules["r2", 1].evaluate(table(y=[2.0, 2.0]), table(y=[2.0, 3.0])) == 0
    assert modules["smape", 1].evaluate(table(y=[0.0]), table(y=[0.0])) == 0
    for name in ("roc_auc", "pr_auc"):
        with pytest.raises(ValueError, match="undefined"):
            modules[name, 2].evaluate(table(y=["no", "no"]), table(y=[0.1, 0.2]))
    for name in ("mape_safe", "wape"):
        with pytest.raises(ValueError, match="undefined"):
            modules[name, 1].evaluate(table(y=[0.0, 0.0]), table(y=[0.1, 0.2]))
