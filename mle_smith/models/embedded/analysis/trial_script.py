"""Runs in the sandbox: how well each candidate target can be predicted, printed as one JSON line.

Joined with `columns_script` by `script.render`. Every candidate is tried as the task would be
posed: its inputs only, its rows only, and the test part cut the way its split policy says.
"""

from __future__ import annotations

import itertools
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mle_smith.models.embedded.analysis.columns_script import stack

Folds = list[tuple[np.ndarray, np.ndarray]]


def features(frame: pd.DataFrame, names: list[str], times: list[str]) -> pd.DataFrame:
    """Numbers for a tree: categories by frequency rank, times as parts, text as length and hash."""
    made: dict[str, Any] = {}
    for name in names:
        column = frame[name]
        if name in times or pd.api.types.is_datetime64_any_dtype(column):
            when = pd.to_datetime(column, errors="coerce", utc=True).dt.tz_localize(None)
            made[f"{name} day"] = (when - pd.Timestamp(2000, 1, 1)).dt.total_seconds() / 86400
            made[f"{name} hour"] = when.dt.hour.astype(float)
            made[f"{name} weekday"] = when.dt.dayofweek.astype(float)
            made[f"{name} of year"] = when.dt.dayofyear.astype(float)
        elif pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            made[name] = pd.to_numeric(column, errors="coerce").astype(float)
        else:
            text = column.astype("string")
            counts = text.value_counts()
            order = {
                v: i for i, v in enumerate(sorted(counts.index, key=lambda v: (-counts[v], v)))
            }
            made[name] = text.map(order).astype(float)
            if len(order) > max(50, len(text) / 4):
                made |= words(name, text)
    return pd.DataFrame(made, index=frame.index)


def words(name: str, text: pd.Series[Any]) -> dict[str, Any]:
    """Long text as its length and 64 hashed word counts."""
    table = np.zeros((len(text), 64))
    for row, value in enumerate(text.fillna("")):
        for word in str(value).casefold().split()[:200]:
            table[row, zlib.crc32(word.encode()) % 64] += 1
    made: dict[str, Any] = {f"{name} word {i}": table[:, i] for i in range(64)}
    made[f"{name} length"] = text.str.len().astype(float).to_numpy()
    return made


def cut(frame: pd.DataFrame, split: dict[str, Any], y: np.ndarray, seed: int) -> Folds:
    """Train and test rows under the split policy: several folds where rows are few."""
    rows = len(frame)
    if split["kind"] == "temporal":
        edges = [0.6, 0.8, 1.0] if rows < 3000 else [0.75, 1.0]
        cuts = [int(e * rows) for e in edges]
        return [(np.arange(a), np.arange(a, b)) for a, b in itertools.pairwise(cuts)]
    rng = np.random.default_rng(seed)
    folds = 5 if rows < 400 else 3 if rows < 1500 or split["kind"] == "grouped" else 4
    if split["kind"] == "grouped":
        codes = frame.groupby(split["columns"], dropna=False).ngroup().to_numpy()
        part = rng.permutation(int(codes.max()) + 1)[codes] % folds
    else:
        order = np.lexsort((rng.random(rows), y))
        part = np.empty(rows, dtype=int)
        part[order] = np.arange(rows) % folds
    pairs = [(np.flatnonzero(part != f), np.flatnonzero(part == f)) for f in range(folds)]
    return pairs if rows < 1500 or split["kind"] == "grouped" else pairs[:1]


def classify(x: np.ndarray, y: np.ndarray, folds: Folds, seed: int) -> dict[str, Any]:
    """Skill of class probabilities: per-row log loss against the class shares."""
    classes = int(y.max()) + 1
    better, lost, truth, proba = [], [], [], []
    for train, test in folds:
        share = (np.bincount(y[train], minlength=classes) + 0.5) / (len(train) + 0.5 * classes)
        guess = np.full((len(test), classes), share * 0.05)
        if classes == 2 and len(train) > 1000:
            model = HistGradientBoostingClassifier(
                max_iter=50, max_leaf_nodes=15, early_stopping=False, random_state=seed
            )
        else:
            model = ExtraTreesClassifier(
                60, min_samples_leaf=2, max_features=0.5, random_state=seed, n_jobs=1
            )
        model.fit(x[train], y[train])
        guess[:, model.classes_] += 0.95 * model.predict_proba(x[test])
        rows = np.arange(len(test))
        constant = -np.log(share[y[test]])
        better.append(constant + np.log(np.clip(guess[rows, y[test]], 1e-9, None)))
        lost.append(constant)
        truth.append(y[test])
        proba.append(guess)
    gain, y_true, p = np.concatenate(better), np.concatenate(truth), np.concatenate(proba)
    return judged_classes(gain, float(np.concatenate(lost).mean()), y_true, p)


def judged_classes(
    gain: np.ndarray, constant: float, y_true: np.ndarray, p: np.ndarray
) -> dict[str, Any]:
    """Skill, z and headroom of class probabilities; `constant` is the loss of the class shares."""
    hit = float(np.mean(p.argmax(axis=1) == y_true))
    macro = float(f1_score(y_true, p.argmax(axis=1), average="macro"))
    found = {
        "skill": float(gain.mean()) / constant if constant else 0.0,
        "z": zscore(gain),
        "accuracy": hit,
        "macro_f1": macro,
        "rows": len(y_true),
    }
    if p.shape[1] == 2 and 0 < y_true.mean() < 1:
        auc = float(roc_auc_score(y_true, p[:, 1]))
        positive, negative = float(y_true.sum()), float((1 - y_true).sum())
        spread = np.sqrt((positive + negative + 1) / (12 * positive * negative))
        found |= {"auc": auc, "z": max(found["z"], (auc - 0.5) / spread)}
    return found


def zscore(gain: np.ndarray) -> float:
    """Mean gain over its standard error."""
    spread = float(gain.std())
    return float(gain.mean()) / (spread / np.sqrt(len(gain))) if spread > 0 else 0.0


def regress(x: np.ndarray, y: np.ndarray, folds: Folds, seed: int) -> dict[str, Any]:
    """Skill of a number: squared errors against the train mean."""
    gain, base = [], []
    for train, test in folds:
        if len(train) > 1000:
            model = HistGradientBoostingRegressor(
                max_iter=60, max_leaf_nodes=15, early_stopping=False, random_state=seed
            )
        else:
            model = ExtraTreesRegressor(
                60, min_samples_leaf=2, max_features=0.5, random_state=seed, n_jobs=1
            )
        model.fit(x[train], y[train])
        constant = (y[test] - y[train].mean()) ** 2
        gain.append(constant - (y[test] - model.predict(x[test])) ** 2)
        base.append(constant)
    gains, bases = np.concatenate(gain), np.concatenate(base)
    skill = float(gains.sum() / bases.sum()) if bases.sum() > 0 else 0.0
    return {"skill": skill, "z": zscore(gains), "rows": len(gains)}


def singles(x: pd.DataFrame, y: np.ndarray, classes: bool, seed: int) -> list[tuple[str, float]]:
    """[column, skill] of the columns that alone tell much, most first, by a shallow tree."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(y))[:2000]
    train, test = rows[: len(rows) * 2 // 3], rows[len(rows) * 2 // 3 :]
    values = x.fillna(x.min() - 1).fillna(0).to_numpy()
    found: list[tuple[str, float]] = []
    for i, name in enumerate(x.columns):
        if classes:
            tree = DecisionTreeClassifier(max_leaf_nodes=60, min_samples_leaf=3, random_state=0)
            guess = tree.fit(values[train][:, [i]], y[train]).predict(values[test][:, [i]])
            base = np.bincount(y[test]).max() / len(test)
            skill = (np.mean(guess == y[test]) - base) / (1 - base) if base < 1 else 0.0
        else:
            tree = DecisionTreeRegressor(max_leaf_nodes=120, min_samples_leaf=3, random_state=0)
            guess = tree.fit(values[train][:, [i]], y[train]).predict(values[test][:, [i]])
            spread = y[test].var()
            skill = 1 - np.mean((guess - y[test]) ** 2) / spread if spread > 0 else 0.0
        if skill >= 0.2:
            found.append((str(name), round(float(skill), 4)))
    return sorted(found, key=lambda row: (-row[1], row[0]))[:12]


def trial(frame: pd.DataFrame, plan: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """One candidate, tried. `{"skill": 0, ...}` with a note when it cannot be tried."""
    df = frame.copy(deep=False)
    for name, expression in plan["derive"].items():
        df[name] = eval(expression, {"df": df, "pd": pd, "np": np})
    if plan["row_filter"]:
        df = df[eval(plan["row_filter"], {"df": df, "pd": pd, "np": np})]
    df = df[df[plan["targets"]].notna().all(axis=1)]
    if plan["split"]["kind"] == "temporal" and plan["split"]["columns"]:
        df = df.sort_values(plan["split"]["columns"], kind="stable")
    if len(df) > params["max_rows"]:
        rng = np.random.default_rng(params["seed"])
        df = df.iloc[np.sort(rng.choice(len(df), params["max_rows"], replace=False))]
    results = [one(df.reset_index(drop=True), plan, t, params) for t in plan["targets"]]
    worst = min(results, key=lambda r: float(r["skill"]))
    return {**worst, "usable_rows": len(df)}


def one(
    df: pd.DataFrame, plan: dict[str, Any], target: str, params: dict[str, Any]
) -> dict[str, Any]:
    """One target of a candidate, tried."""
    x = features(df, plan["inputs"], params["times"])
    classes = plan["classes"]
    if classes:
        y = pd.factorize(df[target].astype(str), sort=True)[0]
    else:
        y = pd.to_numeric(df[target], errors="coerce").to_numpy(dtype=float)
        y = np.log1p(y) if plan["log"] else y
    if len(y) < 40 or len(np.unique(y)) < 2 or x.shape[1] == 0:
        return {"skill": 0.0, "z": 0.0, "rows": len(y), "singles": [], "note": "too few"}
    folds = cut(df, plan["split"], y, params["seed"])
    values = x.fillna(x.min() - 1).fillna(-1).to_numpy()
    fit = classify if classes else regress
    result = fit(values, y, folds, params["seed"])
    result = {k: round(float(v), 4) for k, v in result.items()}
    return {**result, "singles": singles(x, y, classes, params["seed"])}


def main(readers: list[Callable[[Path], pd.DataFrame]], params: dict[str, Any]) -> None:
    """Read the tables, try every plan, print {key: result}."""
    raw = Path(os.environ["MLE_IN"]) / "raw"
    frame = stack([read(raw) for read in readers])
    found = {plan["key"]: trial(frame, plan, params) for plan in params["plans"]}
    print(json.dumps(found, separators=(",", ":")))  # noqa: T201  (its answer is its output)
