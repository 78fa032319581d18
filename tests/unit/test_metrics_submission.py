from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mle_smith.errors import UsageError
from mle_smith.metrics import (
    METRICS,
    Label,
    answers_of,
    class_columns,
    constant_prediction,
    metric_source,
    metrics_for,
    sample_submission_source,
    unreadable_classes,
)
from mle_smith.metrics.submission import label_key
from mle_smith.package.layout import ID_COLUMN
from mle_smith.values import TaskType
from tests.support.metrics import load_source


@pytest.mark.parametrize("task_type", TaskType)
def test_every_task_type_has_metrics(task_type: TaskType) -> None:
    assert len(metrics_for(task_type)) >= 3


def test_probability_columns_are_safe_documented_and_distinct() -> None:
    classes: list[Label] = ["Adelie", "C/h 'x'", "c\nd", "?", "-1", "1", 0.5, "ünï", "a b", "a/b"]
    assert class_columns("y", classes) == (
        "y_Adelie",
        "y_C_h_x",
        "y_c_d",
        "y_class4",
        "y_-1",
        "y_1",
        "y_0.5",
        "y_ünï",
        "y_a_b",
        "y_a_b_10",
    )


@given(st.lists(st.text(max_size=4), min_size=2, max_size=12, unique=True))
def test_probability_columns_are_distinct_and_survive_csv(classes: list[str]) -> None:
    columns = class_columns("target", classes)
    assert len(set(columns)) == len(classes)
    assert not any(set(column) & set(',"\r\n') for column in columns)


@given(
    st.one_of(
        st.text(max_size=8), st.integers(), st.floats(allow_nan=False), st.booleans(), st.none()
    )
)
def test_the_emitted_key_of_a_label_is_ours(value: Any) -> None:
    emitted: Any = load_source(metric_source("mae", targets=["y"]))
    assert emitted._key(value) == label_key(value)


@pytest.mark.parametrize(
    "classes",
    [("a", "NA"), ("a", "None"), ("a", " "), ("1", "01"), (1, "1.0"), (True, 1), ("a", "a ")],
)
def test_classes_that_do_not_survive_a_csv_file_are_refused(classes: tuple[Any, ...]) -> None:
    assert list(unreadable_classes(classes)) == [classes[1]]
    with pytest.raises(UsageError, match=r"rename it in prepare\.py"):
        metric_source("accuracy", targets=["y"], classes=classes)


def test_the_listed_texts_are_those_that_pandas_reads_as_missing(tmp_path: Path) -> None:
    words = ["None", "NA", "n/a", "null", "none", "N.A.", "Na", "-", "nil", "NaN", "nan", "-nan"]
    file = tmp_path / "words.csv"
    pd.DataFrame({"word": words}).to_csv(file, index=False)
    lost = [w for w, isna in zip(words, pd.read_csv(file)["word"].isna(), strict=True) if isna]
    assert list(unreadable_classes(words)) == lost


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"metric": "fame", "targets": ["y"]}, "choose one of: accuracy"),
        ({"metric": "rmse", "targets": []}, "targets must be there"),
        ({"metric": "rmsle", "targets": ["y", "z"]}, "takes one target, not 2"),
        ({"metric": "rmse", "targets": ["y"], "classes": [1, 2]}, "scores numbers"),
        ({"metric": "mcc", "targets": ["y"]}, "at least two classes"),
        ({"metric": "f1", "targets": ["y"], "classes": [1, 2, 3]}, "takes two classes, not 3"),
        ({"metric": "f1", "targets": ["y"], "classes": [0, 1], "positive": 2}, "not one of"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        metric_source(**arguments)


def test_the_last_of_two_classes_is_positive_unless_named() -> None:
    spec = METRICS["log_loss"]
    assert answers_of(spec, targets=["y"], classes=["no", "yes"]).positive == "yes"
    assert answers_of(spec, targets=["y"], classes=[0, 1], positive="0").positive == 0
    module = load_source(
        metric_source("brier", targets=["y"], classes=["no", "yes"], positive="no")
    )
    answers = pd.DataFrame({"id": [1, 2], "y": ["no", "yes"]})
    assert module.evaluate(answers, pd.DataFrame({"id": [1, 2], "y": [1.0, 0.0]})) == 0


def test_numpy_labels_are_written_plainly() -> None:
    source = metric_source("mcc", targets=["y"], classes=list(np.array([0, 1, 2])))
    assert "CLASSES = [0, 1, 2]" in source
    assert "['a', 'b']".replace("'", '"') in metric_source(
        "mcc", targets=["y"], classes=list(np.array(["a", "b"]))
    )


def test_constants_without_and_with_training_data() -> None:
    train = pd.DataFrame({"y": ["b", "a", "b", "b"], "v": [1.0, 2.0, 9.0, np.nan]})
    ab: dict[str, Any] = {"targets": ["y"], "classes": ["a", "b"]}
    abc: dict[str, Any] = {"targets": ["y"], "classes": ["a", "b", "c"]}
    assert constant_prediction("mcc", **ab) == {"y": "a"}
    assert constant_prediction("mcc", **ab, train=train) == {"y": "b"}
    assert constant_prediction("log_loss", **ab) == {"y": 0.5}
    assert constant_prediction("log_loss", **ab, train=train) == {"y": 0.75}
    assert constant_prediction("log_loss", **ab, positive="a", train=train) == {"y": 0.25}
    shares = constant_prediction("log_loss", **abc, train=train)
    assert shares == {"y_a": 0.25, "y_b": 0.75, "y_c": 0.0}
    assert sum(float(s) for s in constant_prediction("log_loss", **abc).values()) == 1
    assert constant_prediction("rmse", targets=["v"]) == {"v": 0.0}
    assert constant_prediction("rmse", targets=["v"], train=train) == {"v": 4.0}
    assert constant_prediction("mae", targets=["v"], train=train) == {"v": 2.0}


def test_the_sample_submission_is_valid_and_knows_nothing_but_ids() -> None:
    arguments: dict[str, Any] = {"targets": ['odd "name"'], "classes": ["a'b", 'c"d', "e"]}
    for name in ("log_loss", "macro_f1"):
        source = sample_submission_source(name, **arguments)
        test = pd.DataFrame({"id": [3, 1, 2]})
        sample = eval(source, {"pd": pd, "test": test})
        answers = pd.DataFrame({"id": [1, 2, 3], 'odd "name"': ["a'b", 'c"d', "e"]})
        load_source(metric_source(name, **arguments)).validate_submission(sample, answers)
        assert list(sample["id"]) == [3, 1, 2]


def test_a_task_is_told_the_part_of_the_formula_that_concerns_it() -> None:
    rmse, brier, mape = METRICS["rmse"], METRICS["brier"], METRICS["mape_safe"]
    assert rmse.formula_for(["y"]) == "sqrt(mean((p - y)^2))"
    assert rmse.formula_for(["y", "z"]).endswith("the mean of this over the targets")
    assert "three classes" not in brier.formula_for(["y"], [0, 1])
    assert "three classes" in brier.formula_for(["y"], [0, 1, 2])
    assert mape.formula_for(["y"]) == mape.formula
    assert "several" not in metric_source("rmse", targets=["y"])


HOSTILE = ['"""', "\\", "'; import os; '", "{{ 7*7 }}", "{% raw %}", "\n", "\u2028", "é", '"\'"']


@pytest.mark.parametrize("name", HOSTILE)
def test_names_from_data_stay_data(name: str) -> None:
    source = metric_source("accuracy", targets=[f"t{name}"], classes=[f"a{name}", "b"])
    module: Any = load_source(source)
    assert f"t{name}" == module.TARGET
    assert [f"a{name}", "b"] == module.CLASSES


def test_the_id_column_is_that_of_packages() -> None:
    module: Any = load_source(metric_source("rmse", targets=["y"]))
    assert module.ID == ID_COLUMN


@pytest.mark.parametrize("name", METRICS)
def test_emitted_code_is_clean_and_lean(name: str, tmp_path: Path) -> None:
    sizes = [None] if METRICS[name].prediction == "value" else [2, 3, 40]
    for size in sizes:
        if size != 2 and TaskType.MULTICLASS not in METRICS[name].task_types and size:
            continue
        if size == 2 and TaskType.BINARY not in METRICS[name].task_types:
            continue
        classes = [f"class number {n}" for n in range(size)] if size else None
        source = metric_source(name, targets=["a target"], classes=classes)
        (tmp_path / f"metric_{size}.py").write_text(source)
        assert len(source.splitlines()) < 240
        assert "sklearn" not in source
    for command in (["format", "--check"], ["check", "--select", "E,F,I,B,UP,C90,RET,PT,D3,RUF"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "100", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout
