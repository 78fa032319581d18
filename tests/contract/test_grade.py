"""Grading: bounds on what a participant hands in, and a metric.py that may be wrong itself."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mle_smith.errors import MachineError
from mle_smith.package.grade import Grade, grade
from mle_smith.sandbox.job import Capabilities, Job, Limits, Result, Status
from tests.support.local import LocalSandbox
from tests.support.packages import Example, Kind

Write = Callable[[Kind], Example]


@pytest.fixture
def task(example: Write) -> Example:
    return example("regression")


def grades(task: Example, *submissions: Path, resamples: int = 0, seed: int = 0) -> list[Grade]:
    return grade(
        task.paths.metric,
        task.paths.answers,
        submissions,
        LocalSandbox(),
        resamples=resamples,
        seed=seed,
    )


def test_answers_and_sample_submission_are_scored(example_package: Example) -> None:
    paths = example_package.paths
    sample, answers = paths.sample_submission, paths.answers
    classes = example_package.manifest.classes
    perfect = paths.root.parent / "perfect.csv"
    table = pd.read_csv(answers)
    if example_package.manifest.submission.prediction == "probability":
        table[table.columns[1]] = (table.iloc[:, 1] == classes[-1]).astype(float)
    table.to_csv(perfect, index=False)
    first, second = grade(paths.metric, answers, [sample, perfect], LocalSandbox())
    assert first.valid
    assert second.valid
    assert first.score is not None
    assert second.score is not None
    assert second.score == pytest.approx(example_package.manifest.metric.best)
    better = example_package.manifest.metric.higher_is_better
    assert first.higher_is_better is better
    assert (second.score > first.score) is better


def test_many_submissions_keep_their_order(task: Example, tmp_path: Path) -> None:
    missing, bad = tmp_path / "missing.csv", tmp_path / "bad.csv"
    bad.write_text("id,yield\n1,2\n")
    found = grades(task, missing, task.paths.answers, bad, task.paths.sample_submission)
    assert [one.valid for one in found] == [False, True, False, True]
    assert "cannot be opened" in found[0].error
    assert found[1].score == 0
    assert "ids are absent" in found[2].error
    assert grades(task) == []


def test_a_link_to_the_answers_is_no_submission(task: Example, tmp_path: Path) -> None:
    link = tmp_path / "submission.csv"
    link.symlink_to(task.paths.answers)
    (found,) = grades(task, link)
    assert not found.valid
    assert found.error == "the submission is a link, not a file"


def test_what_is_no_regular_file_is_refused_without_waiting(task: Example, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    found = grades(task, pipe, tmp_path)
    assert [one.error for one in found] == ["the submission is not a regular file"] * 2


def test_a_huge_file_is_refused_unread(task: Example, tmp_path: Path) -> None:
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as stream:
        stream.truncate(100_000_001)
    (found,) = grades(task, huge)
    assert "larger than" in found.error


SPOILED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "cannot be read as CSV"),
    "binary": (b"id,yield\n\x00\x01,2\n", "binary"),
    "gzip": (gzip.compress(b"id,yield\n1,2\n"), "binary|cannot be read"),
    "latin-1": (b"id,yield\n1,\xe9\n", "cannot be read as CSV"),
    "one endless line": (b"id,yield\n1," + b"9" * 1_000_001, "longer than"),
    "too many rows": (b"id,yield\n" + b"1,2\n" * 2000, "more than 1160 rows; 80 are needed"),
    "too many columns": (b"c" + b",c" * 20_000 + b"\n", "columns, far more"),
    "ragged": (b"id,yield\n1,2,3\n4,5,6\n", "more cells than the header"),
    "ragged from 0": (b"id,yield\n0,1,2\n1,3,4\n", "more cells than the header"),
    "a column twice": (b"id,yield,yield\n1,2,3\n", "'yield' occurs twice"),
    "an open quote": (b'id,yield\n"1,2\n3,4\n', "cannot be read as CSV"),
    "other separator": (b"id;yield\n1;2\n", "column 'id' must be there once"),
    "formula": (b"id,yield\n1,=1+1\n", "ids are absent"),
}


def test_spoiled_files_are_invalid_and_the_reason_told(task: Example, tmp_path: Path) -> None:
    # Compression is not inferred from the names.
    paths = [tmp_path / f"{number}.csv.gz" for number in range(len(SPOILED))]
    for path, (content, _) in zip(paths, SPOILED.values(), strict=True):
        path.write_bytes(content)
    found = grades(task, *paths)
    for (name, (_, reason)), one in zip(SPOILED.items(), found, strict=True):
        assert not one.valid, name
        assert not one.crashed, name
        assert any(part in one.error for part in reason.split("|")), (name, one.error)


def test_legitimate_forms_of_a_file_are_valid(task: Example, tmp_path: Path) -> None:
    table = pd.read_csv(task.paths.answers)
    forms = {
        "bom": table.to_csv(index=False, encoding="utf-8").encode("utf-8-sig"),
        "crlf": table.to_csv(index=False, lineterminator="\r\n").encode(),
        "index": table.to_csv().encode(),
        "quoted": table.to_csv(index=False, quoting=1).encode(),
        "float ids": table.astype({"id": float}).to_csv(index=False).encode(),
        "spaces": table.rename(columns={"id": " id", "yield": " yield"})
        .to_csv(index=False)
        .encode(),
    }
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
    found = grades(task, *(tmp_path / name for name in forms))
    assert {name: one.score for name, one in zip(forms, found, strict=True)} == dict.fromkeys(
        forms, 0.0
    )


METRIC_FAULTS = {
    "syntax": ("def broken(:\n", "SyntaxError"),
    "import": ("import no_such_module\n", "no_such_module"),
    "absent": ("HIGHER_IS_BETTER = True\n", "does not define InvalidSubmissionError"),
    "direction": ("HIGHER_IS_BETTER = 1\n", "neither True nor False"),
    "nan": ("def evaluate(t, p):\n    return float('nan')\n", "returned nan, not a finite"),
    "text": ("def evaluate(t, p):\n    return 'fine'\n", "returned str, not a number"),
    "raise": ("def evaluate(t, p):\n    return t['no such']\n", "KeyError (metric.py, line"),
    "exit": ("import sys\nsys.exit(0)\n", "ended early: exit code 0"),
    "forged": (
        "import os, sys\nopen(os.environ['MLE_OUT'] + '/grades.json', 'w').write('{\"a\": 1}')\n"
        "os._exit(0)\n",
        "spoilt the grader's result",
    ),
    "flood": (
        "import os, sys\nopen(os.environ['MLE_OUT'] + '/grades.json', 'w').write('[' * 10**7)\n"
        "os._exit(0)\n",
        "spoilt the grader's result: it is larger than",
    ),
    "deep": (
        "import os, sys\nopen(os.environ['MLE_OUT'] + '/grades.json', 'w').write('[' * 30000)\n"
        "os._exit(0)\n",
        "spoilt the grader's result",
    ),
}


@pytest.mark.parametrize("name", METRIC_FAULTS)
def test_a_faulty_metric_crashes_and_blames_itself(task: Example, name: str) -> None:
    fault, reason = METRIC_FAULTS[name]
    source = task.paths.metric.read_text()
    whole = name in ("absent", "syntax")
    task.paths.metric.write_text(fault if whole else f"{source}\n\n{fault}")
    (found,) = grades(task, task.paths.answers)
    assert found.crashed
    assert not found.valid
    assert reason in found.error


@pytest.mark.parametrize(
    "forged",
    [
        '"valid": true, "score": Infinity',
        '"valid": true, "score": null',
        '"valid": false, "score": 1.0',
        '"valid": true, "score": "1.0x"',
        '"valid": true, "score": NaN',
        '"valid": true, "score": 1.0, "more": 1',
        f'"valid": true, "score": 1.0, "more": {"[" * 5000}{"]" * 5000}',
    ],
)
def test_a_forged_result_is_refused(task: Example, forged: str) -> None:
    grade_text = f'{{{forged}, "error": "", "crashed": false, "resampled": []}}'
    result = f'{{"higher_is_better": true, "error": "", "grades": [{grade_text}]}}'
    task.paths.metric.write_text(
        "import os\nwith open(os.environ['MLE_OUT'] + '/grades.json', 'w') as file:\n"
        f"    file.write({result!r})\nos._exit(0)\n"
    )
    (found,) = grades(task, task.paths.answers)
    assert found.crashed
    assert "spoilt" in found.error


def test_a_crash_message_repeats_no_answer(example: Write) -> None:
    task = example("multiclass")
    source = task.paths.metric.read_text()
    crash = "def evaluate(t, p):\n    raise KeyError('the answer is ' + ', '.join(t['species']))\n"
    task.paths.metric.write_text(f"{source}\n\n{crash}")
    (found,) = grades(task, task.paths.answers)
    assert found.crashed
    assert "the answer is [...]" in found.error
    assert not any(name in found.error for name in ("ash", "beech", "cedar"))


def test_metric_cannot_change_the_answers_for_the_next_submission(task: Example) -> None:
    source = task.paths.metric.read_text()
    spoil = (
        "_validate = validate_submission\n"
        "def validate_submission(s, t):\n"
        "    _validate(s, t)\n    t['yield'] = 0\n    s['yield'] = 1\n"
    )
    task.paths.metric.write_text(f"{source}\n\n{spoil}")
    assert [one.score for one in grades(task, task.paths.answers, task.paths.answers)] == [0, 0]


def test_resamples_are_paired_and_repeatable(task: Example, tmp_path: Path) -> None:
    answers = pd.read_csv(task.paths.answers)
    rng = np.random.default_rng(0)
    near, shifted = tmp_path / "near.csv", tmp_path / "shifted.csv"
    noisy = answers.assign(**{"yield": answers["yield"] + rng.normal(0, 1, len(answers))})
    noisy.sample(frac=1, random_state=1).to_csv(near, index=False)
    noisy.assign(id=noisy["id"].astype(float)).to_csv(shifted, index=False)
    first, same = grades(task, near, shifted, resamples=50, seed=3)
    assert len(first.resampled) == 50
    assert first.resampled == same.resampled  # another order and type of ids, the same samples
    assert np.std(first.resampled) > 0
    assert first.score is not None
    assert np.mean(first.resampled) == pytest.approx(first.score, rel=0.05)
    assert grades(task, near, resamples=50, seed=3)[0].resampled == first.resampled
    assert grades(task, near, resamples=50, seed=4)[0].resampled != first.resampled


def test_only_the_best_of_a_family_is_resampled(task: Example, tmp_path: Path) -> None:
    answers = pd.read_csv(task.paths.answers)
    paths = [tmp_path / f"{number}.csv" for number in range(6)]
    for path, off in zip(paths, (3.0, 1.0, 1.0, 2.0, 0.5, 0.25), strict=True):
        answers.assign(**{"yield": answers["yield"] + off}).to_csv(path, index=False)
    paths[4].write_text("id\n1\n")
    found = grade(
        task.paths.metric,
        task.paths.answers,
        paths,
        LocalSandbox(),
        resamples=10,
        families=["one", "one", "one", "two", "two", ""],
    )
    assert [len(each.resampled) for each in found] == [0, 10, 0, 10, 0, 0]
    assert found[3].resampled == grades(task, paths[3], resamples=10)[0].resampled


def test_any_metric_is_resampled_as_the_emitted_ones_are(example: Write, tmp_path: Path) -> None:
    task = example("multiclass")
    answers = pd.read_csv(task.paths.answers)
    guess = tmp_path / "guess.csv"
    guessed = answers["species"].sample(frac=1, random_state=0).to_numpy()
    answers.assign(species=guessed).iloc[::-1].to_csv(guess, index=False)
    (fast,) = grades(task, guess, resamples=25, seed=2)
    source = task.paths.metric.read_text()
    task.paths.metric.write_text(
        f"{source}\n\n_score, score = score, None\ndel score\n".replace(
            "score(*aligned(", "_score(*aligned("
        )
    )
    (slow,) = grades(task, guess, resamples=25, seed=2)
    assert len(slow.resampled) == 25
    assert slow.resampled == fast.resampled
    task.paths.metric.write_text(source + "\n\ndef score(truth, predicted):\n    return 0.5\n")
    assert set(grades(task, guess, resamples=5)[0].resampled) == {0.5}


def test_a_metric_that_scores_rows_otherwise_than_tables_is_not_trusted(
    task: Example, tmp_path: Path
) -> None:
    source = task.paths.metric.read_text()
    other = "_rmse = score\n\ndef score(truth, predicted):\n    return 7.0\n"
    task.paths.metric.write_text(
        source.replace("score(*aligned(", "_rmse(*aligned(") + f"\n\n{other}"
    )
    (found,) = grades(task, task.paths.sample_submission, resamples=10)
    assert len(set(found.resampled)) == 10


def test_answers_without_ids_give_a_score_but_no_samples(task: Example) -> None:
    answers = pd.read_csv(task.paths.answers)
    answers.rename(columns={"id": "row"}).to_csv(task.paths.answers, index=False)
    task.paths.metric.write_text(
        "HIGHER_IS_BETTER = False\n\nclass InvalidSubmissionError(ValueError):\n    pass\n\n"
        "def validate_submission(submission, ground_truth):\n    pass\n\n"
        "def evaluate(t, p):\n    return abs(t['yield'] - p['yield']).mean()\n"
    )
    (found,) = grades(task, task.paths.answers, resamples=10)
    assert found.score == 0
    assert found.resampled == ()


def test_samples_without_a_score_are_left_out_for_all(example: Write, tmp_path: Path) -> None:
    task = example("binary")
    answers = pd.DataFrame({"id": range(6), "outcome": ["no"] * 5 + ["yes"]})
    answers.to_csv(task.paths.answers, index=False)
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    answers.assign(outcome=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).to_csv(one, index=False)
    answers.assign(outcome=[0.6, 0.2, 0.3, 0.4, 0.5, 0.1]).to_csv(two, index=False)
    first, second = grades(task, one, two, resamples=60)
    assert len(first.resampled) == len(second.resampled)
    assert 10 < len(first.resampled) < 60
    assert set(first.resampled) == {1.0}


class FailingSandbox(LocalSandbox):
    """Ends every job in the same way."""

    def __init__(self, status: Status) -> None:
        self.status = status

    def capabilities(self) -> Capabilities:
        return super().capabilities()

    def run(self, job: Job, out: Path | None = None) -> Result:
        return Result(status=self.status, stderr="secret answers")


def test_a_fault_of_the_machine_is_nobodys_grade(task: Example) -> None:
    arguments = (task.paths.metric, task.paths.answers, [task.paths.answers])
    with pytest.raises(MachineError, match="sandbox could not run the grader"):
        grade(*arguments, FailingSandbox(Status.INFRA_ERROR))
    for status in (Status.TIMEOUT, Status.OOM, Status.KILLED, Status.OUTPUT_LIMIT):
        (found,) = grade(*arguments, FailingSandbox(status))
        assert found.crashed
        assert status.value in found.error
        assert "secret" not in found.error


class SmallSandbox(LocalSandbox):
    """Runs out of memory on a submission with more than ten thousand bytes."""

    def run(self, job: Job, out: Path | None = None) -> Result:
        (mount,) = job.mounts
        if any(path.stat().st_size > 10_000 for path in mount.source.glob("[0-9]*.csv")):
            return Result(status=Status.OOM)
        return super().run(job, out)


def test_a_submission_that_exhausts_the_grader_falls_alone(task: Example, tmp_path: Path) -> None:
    greedy = tmp_path / "greedy.csv"
    greedy.write_text("id,yield\n" + "1,2\n" * 5000)
    paths = [task.paths.answers, greedy, task.paths.sample_submission]
    found = grade(task.paths.metric, task.paths.answers, paths, SmallSandbox())
    assert [one.valid for one in found] == [True, False, True]
    assert found[1].error == "the grader ended early: oom"


def test_an_endless_metric_is_stopped(task: Example) -> None:
    task.paths.metric.write_text("while True:\n    pass\n")
    (found,) = grade(
        task.paths.metric,
        task.paths.answers,
        [task.paths.answers],
        LocalSandbox(),
        limits=Limits(wall_s=3),
    )
    assert found.crashed
    assert "timeout" in found.error


def test_a_package_without_answers_is_a_fault_of_the_package(task: Example) -> None:
    task.paths.answers.unlink()
    with pytest.raises(MachineError, match=r"test_answer\.csv cannot be read"):
        grade(task.paths.metric, task.paths.answers, [task.paths.sample_submission], LocalSandbox())
