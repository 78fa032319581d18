"""metric.py is fuzzed: sound ones pass in every form of prediction, spoilt ones are caught."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mle_smith.checks import Layer, check_package
from mle_smith.checks.sensitivity import probes
from mle_smith.checks.submissions import SubmissionForm
from mle_smith.checks.thresholds import Thresholds
from mle_smith.metrics import METRICS, metric_source
from mle_smith.metrics.submission import constant_prediction
from mle_smith.values import Severity
from tests.support.local import LocalSandbox
from tests.support.tasks import SOUND, Task, classes_of, make_task


def found(task: Task, folder: Path, source: str | None = None) -> dict[str, str]:
    subject = task.write(folder / "task", LocalSandbox())
    if source is not None:
        subject.paths.metric.write_text(source)
    quickly = replace(subject, thresholds=Thresholds(resamples=40))
    checked = check_package(quickly, layers={Layer.METRIC})
    assert checked.not_run == ()
    return {f.code: f.message for f in checked.findings if f.severity is Severity.ERROR}


@pytest.mark.parametrize("kind", SOUND)
def test_sound_metrics_pass(kind: str, tmp_path: Path) -> None:
    assert found(make_task(kind), tmp_path) == {}


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_every_metric_of_the_registry_passes(metric: str, tmp_path: Path) -> None:
    kinds = {"binary_classification": "binary", "multiclass_classification": "multiclass"}
    kind = kinds.get(METRICS[metric].task_types[0].value, "regression")
    task = make_task(kind)
    task.formulation = task.formulation.model_copy(update={"metric": metric})
    constant = constant_prediction(
        metric, targets=task.formulation.targets, classes=classes_of(task)
    )
    task.sample = task.answers[["id"]].assign(**constant)
    assert found(task, tmp_path) == {}


_KEEP = "\n_evaluate, _validate = evaluate, validate_submission\n"
_BOTH = """
def evaluate(y_true, y_pred):
    return _evaluate(y_true, changed(y_pred))
def validate_submission(submission, ground_truth):
    _validate(changed(submission), ground_truth)
"""
SPOILT = {
    "rows are not aligned": (
        "M04",
        "def evaluate(y_true, y_pred):\n"
        "    return _evaluate(y_true, y_pred.assign(id=y_true['id'].to_numpy()))",
    ),
    "columns by position, with a crash": (
        "M04",
        "def evaluate(y_true, y_pred):\n"
        "    values = y_pred.set_index(y_pred.columns[0]).iloc[:, 0]\n"
        "    return float((values.loc[y_true['id']].to_numpy() - y_true['yield']).abs().mean())",
    ),
    "repeated ids": ("M05", "def changed(rows): return rows.drop_duplicates('id')" + _BOTH),
    "whole ids only": (
        "M08",
        "def validate_submission(submission, ground_truth):\n"
        "    if submission['id'].dtype.kind != 'i':\n"
        "        raise InvalidSubmissionError('ids are whole numbers')\n"
        "    _validate(submission, ground_truth)",
    ),
    "empty is zero": ("M03", "def changed(rows): return rows.fillna(0)" + _BOTH),
    "noise": (
        "M17",
        "def evaluate(y_true, y_pred):\n"
        "    return _evaluate(y_true, y_pred) + float(np.random.default_rng().random())",
    ),
    "always 0": ("M07", "def evaluate(y_true, y_pred): return 0.0"),
    "never the best": ("M16", "def evaluate(y_true, y_pred): return 1 + _evaluate(y_true, y_pred)"),
    "the answers are refused": (
        "M16",
        "def validate_submission(submission, ground_truth):\n"
        "    raise InvalidSubmissionError('no')",
    ),
    "a crash": (
        "M08",
        "def validate_submission(submission, ground_truth):\n"
        "    submission['id'].astype(int)\n"
        "    _validate(submission, ground_truth)",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_spoilt_metrics_are_caught(name: str, tmp_path: Path) -> None:
    code, spoiled = SPOILT[name]
    task = make_task("regression")
    source = metric_source("rmse", targets=task.formulation.targets)
    assert code in found(task, tmp_path, source + _KEEP + spoiled + "\n")


_DEAF = """
_evaluate = evaluate
def evaluate(y_true, y_pred):
    y_pred = y_pred.rename(columns=str.strip)
    guess = pd.to_numeric(y_pred.set_index('id')['yield'], errors='coerce').loc[y_true['id']]
    gap = (guess.to_numpy() - pd.to_numeric(y_true['yield'], errors='coerce')).abs()
"""
DEAF: dict[str, tuple[str, str, str]] = {
    "in coarse steps": (
        "regression",
        "rmse",
        "    step = lambda rows: rows.assign(**{'yield': rows['yield'].astype(float) // 5})\n"
        "    return _evaluate(step(y_true), step(y_pred))",
    ),
    "in one significant digit": (
        "regression",
        "rmse",
        "    return float(f'{1000 * (gap**2).mean() ** 0.5:.1g}')",
    ),
    "within a tolerance": ("regression", "rmse", "    return float((gap - 1).clip(0).mean())"),
    "of the middle only": (
        "regression",
        "rmse",
        "    low, high = y_true['yield'].quantile([0.2, 0.8])\n"
        "    return float(gap[y_true['yield'].between(low, high)].mean())",
    ),
    "of some rows": (
        "multiclass",
        "accuracy",
        "    kept = y_true.sort_values('id').tail(20)\n"
        "    return _evaluate(kept, y_pred[y_pred['id'].isin(kept['id'])])",
    ),
    "upside down": (
        "regression",
        "r2",
        "    truth = pd.to_numeric(y_true['yield'])\n"
        "    return abs(float(np.corrcoef(truth, guess.to_numpy() + 0 * truth)[0, 1]))",
    ),
    "of another class": (
        "binary",
        "roc_auc",
        "    return max(_evaluate(y_true, y_pred), 1 - _evaluate(y_true, y_pred))",
    ),
    "of one class only": (
        "multiclass",
        "accuracy",
        "    said = y_pred.set_index('id')['yield'].loc[y_true['id']].to_numpy()\n"
        "    return float(((y_true['yield'] == 'ash').to_numpy() == (said == 'ash')).mean())",
    ),
    "of one target only": ("multi_output", "rmse", "    return float((gap**2).mean() ** 0.5)"),
    "of rounded probabilities": (
        "binary",
        "log_loss",
        "    sure = y_pred['yield'].astype(float).round()\n"
        "    return _evaluate(y_true, y_pred.assign(**{'yield': sure}))",
    ),
}


@pytest.mark.parametrize("name", DEAF)
def test_metrics_that_are_deaf_to_quality_are_caught(name: str, tmp_path: Path) -> None:
    kind, metric, spoiled = DEAF[name]
    task = make_task(kind)
    task.formulation = task.formulation.model_copy(update={"metric": metric})
    classes, targets = classes_of(task), task.formulation.targets
    constant = constant_prediction(metric, targets=targets, classes=classes)
    task.sample = task.answers[["id"]].assign(**constant)
    source = metric_source(metric, targets=targets, classes=classes)
    assert "M07" in found(task, tmp_path, f"{source}{_DEAF}{spoiled}\n")


SOUND_BUT_ODD = {
    "rounded to three digits": "    return round(float((gap**2).mean() ** 0.5), 3)",
    "rounded to three significant digits": "    return float(f'{1e3 * gap.mean():.3g}')",
    "the median error": "    return float(gap.median())",
    "of ranks": "    truth = pd.to_numeric(y_true['yield'])\n"
    "    return float(1 - np.corrcoef(truth.rank(), (guess.to_numpy() + 0 * truth).rank())[0, 1])",
}


@pytest.mark.parametrize("name", SOUND_BUT_ODD)
def test_metrics_that_heed_less_than_the_values_are_sound(name: str, tmp_path: Path) -> None:
    source = metric_source("rmse", targets=["yield"])
    codes = found(make_task("regression"), tmp_path, f"{source}{_DEAF}{SOUND_BUT_ODD[name]}\n")
    assert "M07" not in codes


def test_a_metric_that_wants_probabilities_to_add_up_to_the_last_digit(tmp_path: Path) -> None:
    task = make_task("multiclass")
    task.formulation = task.formulation.model_copy(update={"metric": "log_loss"})
    classes, targets = classes_of(task), task.formulation.targets
    task.sample = task.answers[["id"]].assign(
        **constant_prediction("log_loss", targets=targets, classes=classes)
    )
    strict = (
        "\n_validate = validate_submission\n"
        "def validate_submission(submission, ground_truth):\n"
        "    _validate(submission, ground_truth)\n"
        "    total = submission.drop(columns='id').astype(float).sum(axis=1)\n"
        "    if ((total - 1).abs() > 1e-9).any(): raise InvalidSubmissionError('no shares')\n"
    )
    source = metric_source("log_loss", targets=targets, classes=classes)
    assert "M08" in found(task, tmp_path, source + strict)


def test_one_answer_that_rules_the_metric_is_caught(tmp_path: Path) -> None:
    task = make_task("regression")
    task.formulation = task.formulation.model_copy(update={"metric": "rmse"})
    assert found(task, tmp_path / "before") == {}
    task.answers.loc[7, "yield"] = 1e5
    assert "M14" in found(task, tmp_path / "after")


@pytest.mark.parametrize("constant", ["no", "yes"])
def test_a_metric_that_refuses_a_constant_is_caught(constant: str, tmp_path: Path) -> None:
    task = make_task("binary")
    task.formulation = task.formulation.model_copy(update={"metric": "f1"})
    task.sample["yield"] = "no"
    source = metric_source("f1", targets=["yield"], classes=["no", "yes"], positive="yes")
    spoiled = (
        "def validate_submission(submission, ground_truth):\n"
        f"    if (submission['yield'] == {constant!r}).all():\n"
        "        raise InvalidSubmissionError('predict more than one class')\n"
        "    _validate(submission, ground_truth)\n"
    )
    assert "M08" in found(task, tmp_path, source + _KEEP + spoiled)


def test_a_metric_that_heeds_the_order_of_the_answers_is_caught(tmp_path: Path) -> None:
    task = make_task("regression")
    source = metric_source("rmse", targets=task.formulation.targets)
    spoiled = (
        "def evaluate(y_true, y_pred):\n"
        "    late = np.linspace(1, 2, len(y_true))\n"
        "    gap = y_pred.set_index('id')['yield'].loc[y_true['id']].to_numpy() - y_true['yield']\n"
        "    return float((late * gap.abs()).mean())\n"
    )
    assert "M04" in found(task, tmp_path, source + spoiled)


def test_a_direction_turned_round_is_caught(tmp_path: Path) -> None:
    task = make_task("regression")
    source = metric_source("rmse", targets=task.formulation.targets)
    turned = source.replace("HIGHER_IS_BETTER = False", "HIGHER_IS_BETTER = True")
    assert turned != source
    assert "M06" in found(task, tmp_path, turned)


def test_one_less_the_score_is_caught(tmp_path: Path) -> None:
    task = make_task("binary")
    source = metric_source("roc_auc", targets=["yield"], classes=["no", "yes"], positive="yes")
    spoiled = "def evaluate(y_true, y_pred): return 1 - _evaluate(y_true, y_pred)\n"
    assert "M16" in found(task, tmp_path, source + _KEEP + spoiled)


def test_a_constant_near_the_best_is_caught(tmp_path: Path) -> None:
    task = make_task("binary", rows=1200)
    rare = task.train.index % 30 == 0
    task.train["yield"] = ["yes" if r else "no" for r in rare]
    task.answers["yield"] = ["yes" if i % 30 == 0 else "no" for i in range(len(task.answers))]
    task.formulation = task.formulation.model_copy(update={"metric": "accuracy"})
    task.sample["yield"] = "no"
    assert "M02" in found(task, tmp_path)


def test_a_probability_of_the_other_class_is_understood(tmp_path: Path) -> None:
    task = make_task("binary")
    source = metric_source("log_loss", targets=["yield"], classes=["no", "yes"], positive="no")
    task.formulation = task.formulation.model_copy(update={"metric": "log_loss"})
    hidden = source.replace('POSITIVE = "no"', 'POSITIVE = "n" + "o"')
    assert hidden != source
    assert found(task, tmp_path, hidden) == {}


@pytest.mark.parametrize("seed", range(40))
def test_a_small_test_set_shows_how_sure_predictions_are(seed: int) -> None:
    """Of few rows an area under the curve has few values, which must not meet by chance."""
    generator = np.random.default_rng(seed)
    truth = pd.DataFrame(
        {"id": [str(n) for n in range(40)], "y": generator.permutation(["a", "b"] * 20)}
    )
    form = SubmissionForm("id", ("id", "y"), ("y",), "probability", ("a", "b"), "b")
    (asked,) = [p for p in probes(form, truth, seed) if "sure" in p.name]
    scores = [
        roc_auc_score(truth["y"] == "b", frame["y"].astype(float))
        for frame in (asked.one, asked.other)
    ]
    assert scores[0] > scores[1]
