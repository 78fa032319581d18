"""The programs that build and grade do the same in every kind of sandbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mle_smith.package.build import SHUFFLED
from mle_smith.package.grade import grade
from mle_smith.package.rebuild import prepare_package
from mle_smith.sandbox.job import Sandbox
from tests.support.local import LocalSandbox
from tests.support.packages import Example, Kind

Write = Callable[[Kind], Example]


def test_a_package_is_rebuilt_byte_for_byte(
    any_sandbox: Sandbox, example: Write, tmp_path: Path
) -> None:
    task = example("multiclass")
    rebuilt = prepare_package(
        task.paths.root, task.raw, tmp_path / "out", any_sandbox, conditions=SHUFFLED
    )
    assert rebuilt.error == ""
    assert rebuilt.ok
    assert len(rebuilt.agree) == 5


def test_a_failing_script_says_why(any_sandbox: Sandbox, example: Write, tmp_path: Path) -> None:
    task = example("binary")
    (task.raw / "measurements.csv").write_text("other\n1\n")
    rebuilt = prepare_package(task.paths.root, task.raw, tmp_path / "out", any_sandbox)
    assert "KeyError" in rebuilt.error
    assert not (tmp_path / "out").exists()


def test_grades_are_the_same_numbers(any_sandbox: Sandbox, example: Write, tmp_path: Path) -> None:
    task = example("regression")
    bad = tmp_path / "bad.csv"
    bad.write_text("id,yield\n1,\n")
    submissions = [task.paths.sample_submission, bad, task.paths.answers]
    arguments = (task.paths.metric, task.paths.answers, submissions)
    found = grade(*arguments, any_sandbox, resamples=20, seed=1)
    assert found == grade(*arguments, LocalSandbox(), resamples=20, seed=1)
    assert [one.valid for one in found] == [True, False, True]


def test_a_crashing_metric_tells_no_answers(any_sandbox: Sandbox, example: Write) -> None:
    task = example("multiclass")
    source = task.paths.metric.read_text()
    task.paths.metric.write_text(f"{source}\n\ndef evaluate(t, p):\n    raise KeyError(str(t))\n")
    (found,) = grade(task.paths.metric, task.paths.answers, [task.paths.answers], any_sandbox)
    assert found.crashed
    assert not any(name in found.error for name in task.manifest.classes if isinstance(name, str))
