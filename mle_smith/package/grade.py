"""Scores submissions with a package's metric.py, in one sandboxed job for all of them."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Collection, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import Field, ValidationError, model_validator

from mle_smith.errors import MachineError
from mle_smith.package.layout import ID_COLUMN, METRIC, PackagePaths
from mle_smith.sandbox.job import Job, Limits, Mount, Result, Role, Sandbox, Status
from mle_smith.sandbox.scratch import work_folder
from mle_smith.sandbox.untrusted import (
    MAX_COLUMNS,
    MAX_LINE,
    UntrustedError,
    open_plain,
    read_bytes,
    read_head,
)
from mle_smith.values import Value

GRADE_LIMITS = Limits(wall_s=300)
"""What scoring may use: a few submissions, and some hundred bootstrap samples of each."""

MAX_SUBMISSION_BYTES = 100_000_000
_MAX_ERROR = 4_000
"""Characters. The grader cuts messages to fewer; metric.py may write the result itself."""


class Grade(Value):
    """What one submission scored, or why it did not."""

    valid: bool
    score: float | None = None
    higher_is_better: bool | None = None
    """None when metric.py could not be loaded."""
    error: str = ""
    """For the participant: holds nothing of the answers."""
    crashed: bool = False
    """metric.py failed with something else than InvalidSubmissionError: its fault."""
    resampled: tuple[float, ...] = ()
    """Scores on bootstrap samples of the test rows: the same samples for all submissions of a
    call; those on which the metric is undefined for one of them are left out."""


class _Graded(Value):
    valid: bool
    score: float | None = Field(allow_inf_nan=False)
    error: str = Field(max_length=_MAX_ERROR)
    crashed: bool
    resampled: tuple[Annotated[float, Field(allow_inf_nan=False)], ...]

    @model_validator(mode="after")
    def _has_a_score_if_valid(self) -> Self:
        if self.valid != (self.score is not None):
            raise ValueError("a score goes with a valid submission, and only with it")
        return self


class _Outcome(Value):
    higher_is_better: bool | None
    error: str = Field(max_length=_MAX_ERROR)
    grades: tuple[_Graded, ...]


def grade(
    metric_py: Path,
    answers: Path,
    submissions: Sequence[Path],
    sandbox: Sandbox,
    *,
    columns: Sequence[str] | None = None,
    reordered: Collection[int] = (),
    resamples: int = 0,
    families: Sequence[str] | None = None,
    seed: int = 0,
    limits: Limits = GRADE_LIMITS,
) -> list[Grade]:
    """Grade submissions against the answers, in the order given.

    Args:
        metric_py: the package's metric.py; it runs in the sandbox only.
        answers: the package's private answers.
        submissions: CSV files from participants; links and oversized files are invalid.
        sandbox: where the grader runs.
        columns: of predictions. With them the contract of a submission is enforced around
            metric.py, whatever that takes: each id once, every prediction filled and finite, rows
            in the order of the answers. None to see what metric.py itself does.
        reordered: numbers of submissions that are scored against the answers in another order of
            their rows (drawn by the seed), which no metric may heed.
        resamples: bootstrap samples to score besides (`Grade.resampled`).
        families: a name a submission: only the best of each name is scored on those samples, and
            those of the name "" are not. None to score them all.
        seed: of those samples.
        limits: of the one job.

    Raises:
        MachineError: the sandbox failed, or the package's own files cannot be read.
    """
    asked = _Asked(columns, reordered, resamples, families, seed)
    run = partial(_run, metric_py, answers, sandbox, limits=limits)
    together = run(submissions, asked=asked)
    if not together.exhausted or len(submissions) < 2:
        return together.grades
    # One of them may be made to exhaust the grader: the others must not fall with it.
    alone = [
        asked._replace(
            reordered=(0,) if number in reordered else (),
            families=None if families is None else (families[number],),
        )
        for number in range(len(submissions))
    ]
    return [
        run([path], asked=each).grades[0] for path, each in zip(submissions, alone, strict=True)
    ]


def predicted_columns(paths: PackagePaths) -> tuple[str, ...] | None:
    """The columns of predictions, from the sample submission; None where there is none to read."""
    try:
        header = read_head(paths.sample_submission, 1).removeprefix("\ufeff").rstrip("\n")
        names = [name.strip() for name in next(csv.reader([header]), [])]
    except (OSError, UntrustedError, csv.Error):
        return None
    return tuple(n for n in names if n != ID_COLUMN) if ID_COLUMN in names else None


class _Asked(NamedTuple):
    columns: Sequence[str] | None
    reordered: Collection[int]
    resamples: int
    families: Sequence[str] | None
    seed: int


class _Run(NamedTuple):
    grades: list[Grade]
    exhausted: bool
    """The job ran out of memory, which a submission can be made for."""


def _run(
    metric_py: Path,
    answers: Path,
    sandbox: Sandbox,
    submissions: Sequence[Path],
    *,
    asked: _Asked,
    limits: Limits,
) -> _Run:
    """Grade submissions in one job."""
    with work_folder() as place:
        folder, out = place / "in", place / "out"
        folder.mkdir()
        out.mkdir()
        grades: dict[int, Grade] = {}
        staged: list[int] = []
        for number, path in enumerate(submissions):
            reason = _stage(path, folder / f"{len(staged)}.csv")
            if reason:
                grades[number] = Grade(valid=False, error=reason)
            else:
                staged.append(number)
        exhausted = False
        if staged:
            _stage_own(metric_py, folder / METRIC)
            _stage_own(answers, folder / "answers.csv")
            turned = [place for place, number in enumerate(staged) if number in asked.reordered]
            kin = None if asked.families is None else [asked.families[n] for n in staged]
            here = asked._replace(reordered=turned, families=kin)
            job = _job(folder, len(staged), here, limits)
            result = sandbox.run(job, out)
            exhausted = result.status in (Status.OOM, Status.KILLED)
            read = _read_grades(result, out, len(staged), asked.resamples)
            grades.update(zip(staged, read, strict=True))
        return _Run([grades[number] for number in range(len(submissions))], exhausted)


def _stage(path: Path, target: Path) -> str:
    """Copy a participant's file, never following a link; the reason if it is refused."""
    try:
        with open_plain(path, MAX_SUBMISSION_BYTES) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
    except UntrustedError as error:
        return f"the submission {error}"
    return ""


def _stage_own(path: Path, target: Path) -> None:
    try:
        shutil.copyfile(path, target)
    except OSError as error:
        raise MachineError(
            f"{path} cannot be read ({error.strerror}); is the package complete?",
            code="grade.package",
        ) from error


def _job(folder: Path, submissions: int, asked: _Asked, limits: Limits) -> Job:
    request = {
        "submissions": submissions,
        "reordered": list(asked.reordered),
        "resamples": asked.resamples,
        "families": None if asked.families is None else list(asked.families),
        "seed": asked.seed,
        "columns": None if asked.columns is None else list(asked.columns),
        "id_column": ID_COLUMN,
        "max_line": MAX_LINE,
        "max_columns": MAX_COLUMNS,
    }
    program = resources.files("mle_smith.package") / "programs" / "grade.py"
    return Job(
        role=Role.GRADE,
        code=program.read_text(encoding="utf-8"),
        mounts=(Mount(source=folder, target="/in/grade"),),
        outputs=("grades.json",),
        args=(json.dumps(request),),
        limits=limits,
    )


def _read_grades(result: Result, out: Path, submissions: int, resamples: int) -> list[Grade]:
    if result.status is Status.INFRA_ERROR:
        raise MachineError(
            f"the sandbox could not run the grader: {result.stderr.strip()[-500:]}",
            code="grade.sandbox",
        )
    artefact = result.artefacts.get("grades.json")
    if not result.ok or artefact is None:
        return [_crash(f"the grader ended early: {_ending(result)}")] * submissions
    most = (submissions + 1) * (8 * _MAX_ERROR + 32 * resamples)
    try:
        outcome = _Outcome.model_validate_json(read_bytes(out / "grades.json", most))
    except UntrustedError as error:
        return [_crash(f"metric.py spoilt the grader's result: it {error}")] * submissions
    except ValidationError:
        return [_crash("metric.py spoilt the grader's result")] * submissions
    if outcome.error:
        return [_crash(outcome.error)] * submissions
    if len(outcome.grades) != submissions:
        return [_crash("metric.py spoilt the grader's result")] * submissions
    return [
        Grade(higher_is_better=outcome.higher_is_better, **graded.model_dump())
        for graded in outcome.grades
    ]


def _crash(error: str) -> Grade:
    return Grade(valid=False, error=error, crashed=True)


def _ending(result: Result) -> str:
    """How the job ended; nothing of its output, which may quote answers."""
    if result.status in (Status.OK, Status.NONZERO):
        return f"exit code {result.exit_code}, without a result"
    return result.status.value
