"""The embedded test agent: reads the task as a participant would and tries to solve it."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from mle_smith.metrics import METRICS, class_columns
from mle_smith.models.embedded.policy import Brief, Call, Policy
from mle_smith.models.embedded.writing import render

_TIME = re.compile(
    r"(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|[A-Z][a-z]{2,8} \d{1,2},? \d{4}"
    r"|\d{1,2}[ -][A-Z][a-z]{2,8}[ -]\d{4})"
    r"([T ]\d{1,2}:\d{2}.*)?"
)
_BALANCED = {"macro_f1", "balanced_accuracy", "mcc", "f1"}
_ABSOLUTE = {"mae", "mape_safe", "smape"}
_COMMON_IMPORTS = [
    "from sklearn.compose import ColumnTransformer",
    "from sklearn.decomposition import TruncatedSVD",
    "from sklearn.feature_extraction.text import TfidfVectorizer",
    "from sklearn.impute import SimpleImputer",
    "from sklearn.pipeline import make_pipeline",
    "from sklearn.preprocessing import OneHotEncoder, StandardScaler",
]


class Task(NamedTuple):
    """The task as the agent understood it from what a participant may see."""

    metric: str
    classification: bool
    targets: list[str]
    classes: list[str]
    positive: str | None
    numbers: list[str]
    categories: list[str]
    times: list[str]
    texts: list[str]


class Approach(NamedTuple):
    """A way to solve a task."""

    summary: str
    imports: list[str]
    model: str
    max_train: int


def tester(brief: Brief) -> Policy:
    """Try a simple and a strong model; where the strong one is no better, a cautious one too."""
    overview = json.loads((yield Call("request_info", {"info_type": "overview"})))
    structure = json.loads((yield Call("request_info", {"info_type": "data_structure"})))
    task = understand(overview["description"], structure)
    plain = solution(task, simple(task), brief.seed)
    checked = json.loads((yield Call("validate_code", {"code": plain})))
    if checked["status"] != "ok":
        return f"The simple solution does not run: {checked['feedback']}"
    first = json.loads((yield Call("execute_code", {"code": plain})))
    strong = solution(task, _strong(task), brief.seed)
    second = json.loads((yield Call("execute_code", {"code": strong})))
    history = json.loads((yield Call("get_history", {})))
    if not _better(second, first, METRICS[task.metric].higher_is_better):
        yield Call("execute_code", {"code": solution(task, _cautious(task), brief.seed)})
    scores = [entry["score"] for entry in history if entry.get("score") is not None]
    return f"Solved with {len(scores)} valid submissions; scores {scores}."


def understand(description: str, structure: dict[str, Any]) -> Task:
    """The task, from its description and its files' columns.

    Raises:
        ValueError: the description names no metric that the agent knows.
    """
    known = [name for name in re.findall(r"`(\w+)`", description) if name in METRICS]
    if not known:
        raise ValueError("the description names no known metric")
    metric = known[0]
    train = {column["name"]: column for column in structure["train.csv"]["columns"]}
    test = [column["name"] for column in structure["test.csv"]["columns"]]
    positive = re.search(r"(?:that the answer is|of the class) `(.*?)`", description)
    kinds: dict[str, list[str]] = {"numbers": [], "categories": [], "times": [], "texts": []}
    for name in test:
        if name != "id":
            kinds[_kind(train[name])].append(name)
    targets = [name for name in train if name not in test]
    classification = METRICS[metric].prediction != "value"
    return Task(
        metric=metric,
        classification=classification,
        targets=targets,
        classes=sorted(str(v) for v, _ in train[targets[0]]["top"]) if classification else [],
        positive=positive[1] if positive else None,
        **kinds,
    )


def _kind(column: dict[str, Any]) -> str:
    if column["dtype"] in {"integer", "float", "boolean"}:
        return "numbers" if column["dtype"] != "boolean" else "categories"
    values = [str(value) for value, _ in column["top"]]
    if values and sum(bool(_TIME.fullmatch(value)) for value in values) >= 0.9 * len(values):
        return "times"
    words = sum(len(value.split()) for value in values) / max(1, len(values))
    return "texts" if words >= 3 and column["distinct"] > 50 else "categories"


def solution(task: Task, approach: Approach, seed: int) -> str:
    """The program of an approach, to be run by `execute_code`."""
    columns = class_columns(task.targets[0], task.classes)
    return render(
        "solution.py.j2",
        approach=approach.summary,
        imports=sorted(_COMMON_IMPORTS + approach.imports),
        model=approach.model,
        max_train=approach.max_train,
        prediction=METRICS[task.metric].prediction_for(task.classes),
        class_columns=dict(zip(task.classes, columns, strict=True)),
        logarithm=task.metric == "rmsle",
        seed=seed,
        **task._asdict(),
    )


def simple(task: Task) -> Approach:
    """A linear model."""
    if task.classification:
        weight = ', class_weight="balanced"' if task.metric in _BALANCED else ""
        return Approach(
            "A simple solution: logistic regression.",
            ["from sklearn.linear_model import LogisticRegression"],
            f"LogisticRegression(C=0.3, max_iter=300{weight})",
            4000,
        )
    return Approach(
        "A simple solution: ridge regression.",
        ["from sklearn.linear_model import Ridge"],
        "Ridge(alpha=3.0)",
        4000,
    )


def _strong(task: Task) -> Approach:
    return Approach(
        "A strong solution: gradient boosting and a forest, averaged.",
        [_ensemble_import(task)],
        _average(task, [("boosting", _boosting(task)), ("forest", _forest(task, leaf=2))]),
        8_000,
    )


def _cautious(task: Task) -> Approach:
    linear = simple(task)
    return Approach(
        "A cautious solution: a strongly regularised forest and a linear model, averaged.",
        [_ensemble_import(task), *linear.imports],
        _average(task, [("linear", linear.model), ("forest", _forest(task, leaf=20))]),
        8_000,
    )


def _ensemble_import(task: Task) -> str:
    kind = "Classifier" if task.classification else "Regressor"
    names = sorted([f"ExtraTrees{kind}", f"HistGradientBoosting{kind}", f"Voting{kind}"])
    return f"from sklearn.ensemble import {', '.join(names)}"


def _average(task: Task, members: list[tuple[str, str]]) -> str:
    kind, vote = ("Classifier", ', voting="soft"') if task.classification else ("Regressor", "")
    inside = ", ".join(f'("{name}", {model})' for name, model in members)
    return f"Voting{kind}([{inside}]{vote})"


def _boosting(task: Task) -> str:
    options = (
        "max_iter=150, learning_rate=0.07, max_leaf_nodes=15, l2_regularization=1.0, "
        "early_stopping=False, random_state=SEED"
    )
    if task.classification:
        weight = ', class_weight="balanced"' if task.metric in _BALANCED else ""
        return f"HistGradientBoostingClassifier({options}{weight})"
    loss = ', loss="absolute_error"' if task.metric in _ABSOLUTE else ""
    return f"HistGradientBoostingRegressor({options}{loss})"


def _forest(task: Task, *, leaf: int) -> str:
    options = f"60, min_samples_leaf={leaf}, max_features=0.5, random_state=SEED"
    if task.classification:
        weight = ', class_weight="balanced"' if task.metric in _BALANCED else ""
        return f"ExtraTreesClassifier({options}{weight})"
    return f"ExtraTreesRegressor({options})"


def _better(new: dict[str, Any], old: dict[str, Any], higher_is_better: bool) -> bool:
    if new.get("score") is None:
        return False
    if old.get("score") is None:
        return True
    return bool((new["score"] > old["score"]) == higher_is_better and new["score"] != old["score"])
