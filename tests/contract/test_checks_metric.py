"""metric.py is fuzzed: sound ones pass in every form of prediction, spoilt ones are caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from mle_smith.checks import Layer, check_package
from mle_smith.metrics import METRICS, metric_source
from mle_smith.metrics.submission import constant_prediction
from mle_smith.values import Severity
from tests.support.local import LocalSandbox
from tests.support.tasks import SOUND, Task, classes_of, make_task


def found(task: Task, folder: Path, source: str | None = None) -> dict[str, str]:
    subject = task.write(folder / "task", LocalSandbox())
    if source is not None:
        subject.paths.metric.write_text(source)
    checked = check_package(subject, layers={Layer.METRIC})
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


def test_a_direction_turned_round_is_caught(tmp_path: Path) -> None:
    task = make_task("regression")
    source = metric_source("rmse", targets=task.formulation.targets)
    turned = source.replace("HIGHER_IS_BETTER = False", "HIGHER_IS_BETTER = True")
    assert turned != source
    assert "M06" in found(task, tmp_path, turned)


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
