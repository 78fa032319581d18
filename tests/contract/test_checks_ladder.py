"""The ladder tells learnable tasks from hopeless and from solved ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mle_smith.checks import Climb, Solution, build_ladder
from mle_smith.values import Blame, Severity
from tests.support.local import LocalSandbox
from tests.support.tasks import TARGET, Task, make_task


def climb(task: Task, folder: Path, noise: dict[str, float], seed: int = 0) -> Climb:
    """Solutions that are the answers with a share of them replaced at random from train."""
    subject = task.write(folder / "task", LocalSandbox())
    generator = np.random.default_rng(seed)
    solutions = []
    for name, share in noise.items():
        wrong = generator.random(len(task.answers)) < share
        guess = generator.choice(task.train[TARGET], len(task.answers))
        frame = task.answers.assign(**{TARGET: task.answers[TARGET].where(~wrong, guess)})
        path = folder / f"{name}.csv"
        frame.to_csv(path, index=False)
        solutions.append(Solution(name, path))
    return build_ladder(subject, solutions)


def test_a_learnable_task_has_an_ordered_ladder(tmp_path: Path) -> None:
    climbed = climb(make_task("multiclass"), tmp_path, {"simple": 0.6, "strong": 0.3})
    assert climbed.findings == ()
    assert climbed.ladder is not None
    assert [r.name for r in climbed.ladder.rungs] == ["constant", "simple", "strong", "answers"]
    scores = [r.score for r in climbed.ladder.rungs]
    assert scores == sorted(scores, key=lambda s: s.value)
    assert all(s.low <= s.value <= s.high for s in scores[:3])
    assert climbed.ladder.gap is not None
    assert climbed.ladder.gap.low > 0


@pytest.mark.parametrize(
    ("noise", "code", "blame"),
    [
        ({"simple": 1.0, "strong": 1.0}, "X03", Blame.FORMULATION),
        ({"simple": 0.5, "strong": 0.0}, "X04", Blame.FORMULATION),
        ({"strong": 0.3}, "X01", Blame.DESIGN),
    ],
)
def test_bad_ladders_are_found(
    noise: dict[str, float], code: str, blame: Blame, tmp_path: Path
) -> None:
    climbed = climb(make_task("multiclass"), tmp_path, noise)
    assert [(f.code, f.blame, f.severity) for f in climbed.findings] == [
        (code, blame, Severity.ERROR)
    ]


def test_a_simple_solution_that_beats_the_strong_one_is_noted(tmp_path: Path) -> None:
    climbed = climb(make_task("multiclass"), tmp_path, {"simple": 0.2, "strong": 0.7})
    assert [(f.code, f.severity) for f in climbed.findings] == [("X02", Severity.WARNING)]


def test_a_metric_that_tells_no_solutions_apart_is_found(tmp_path: Path) -> None:
    task = make_task("multiclass")
    task.formulation = task.formulation.model_copy(update={"metric": "accuracy"})
    frequent = task.train[TARGET].mode()[0]
    task.give_test(task.whole[task.whole[TARGET] == frequent].head(200))
    task.sample = task.answers[["id"]].assign(**{TARGET: frequent})
    climbed = climb(task, tmp_path, {"simple": 0.0, "strong": 0.0})
    assert "X05" in {f.code for f in climbed.findings}


def test_a_gap_that_a_small_test_set_cannot_show_is_found(tmp_path: Path) -> None:
    task = make_task("binary")
    task.formulation = task.formulation.model_copy(update={"metric": "accuracy"})
    task.give_test(task.whole.head(24))
    task.sample = task.answers[["id"]].assign(**{TARGET: "no"})
    climbed = climb(task, tmp_path, {"simple": 0.9, "strong": 0.75})
    assert "X03" in {f.code for f in climbed.findings}


def test_invalid_solutions_are_no_rungs(tmp_path: Path) -> None:
    task = make_task("regression")
    subject = task.write(tmp_path / "task", LocalSandbox())
    broken = tmp_path / "broken.csv"
    pd.DataFrame({"id": [1], TARGET: ["much"]}).to_csv(broken, index=False)
    climbed = build_ladder(subject, [Solution("simple", broken), Solution("strong", broken)])
    assert climbed.ladder is None
    assert [f.code for f in climbed.findings] == ["X01"]
    assert [g.valid for g in climbed.grades] == [False, False]


@pytest.mark.parametrize("metric", ["rmse", "mae", "rmsle", "mape_safe", "r2"])
def test_the_constant_suits_the_metric(metric: str, tmp_path: Path) -> None:
    task = make_task("regression")
    task.formulation = task.formulation.model_copy(update={"metric": metric})
    climbed = climb(task, tmp_path, {"simple": 0.3, "strong": 0.1})
    assert climbed.ladder is not None
    assert climbed.ladder.rungs[0].name == "constant"
    assert climbed.findings == ()


def test_classes_written_otherwise_in_train_are_the_same(tmp_path: Path) -> None:
    task = make_task("multiclass")
    numbers = {"ash": 1, "beech": 2, "cedar": 3}
    for frame in (task.train, task.answers):
        frame[TARGET] = frame[TARGET].map(numbers)
    task.train[TARGET] = task.train[TARGET].astype(float)
    task.sample = task.answers[["id"]].assign(**{TARGET: 1})
    climbed = climb(task, tmp_path, {"simple": 0.6, "strong": 0.3})
    assert climbed.findings == ()
    assert climbed.ladder is not None
    assert climbed.ladder.rungs[0].score.value > 0.2


def test_a_cheat_that_beats_the_strong_solution_is_found(tmp_path: Path) -> None:
    task = make_task("multiclass")
    subject = task.write(tmp_path / "task", LocalSandbox())
    generator = np.random.default_rng(0)

    def submission(name: str, share: float) -> Solution:
        wrong = generator.random(len(task.answers)) < share
        guess = generator.choice(task.train[TARGET], len(task.answers))
        frame = task.answers.assign(**{TARGET: task.answers[TARGET].where(~wrong, guess)})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        return Solution(name, tmp_path / f"{name}.csv")

    honest = [submission("simple", 0.7), submission("strong", 0.4)]
    weak, strong = submission("reads ids", 0.5), submission("reads a file", 0.1)
    beaten = build_ladder(subject, honest, [weak])
    assert beaten.findings == ()
    assert beaten.ladder is not None
    names = [rung.name for rung in beaten.ladder.rungs]
    assert names == ["constant", "simple", "cheat", "strong", "answers"]
    (found,) = build_ladder(subject, honest, [weak, strong]).findings
    assert (found.code, found.blame, found.severity) == ("X06", Blame.DESIGN, Severity.ERROR)
    assert found.evidence["exploit"] == "reads a file"
