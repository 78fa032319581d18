"""Is there anything to learn, is it not learned at once, and can the test set show it?

Defects M11 and M14, and the noise that scores carry. Plain baselines, constants and the answers
are graded on the same bootstrap samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from mle_smith.checks.baselines import Guess, errors_left, guesses, submissions
from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.features import Floats, plain
from mle_smith.checks.fuzz_cases import csv_text
from mle_smith.checks.ladder import constants, interval
from mle_smith.checks.metadata import holds_files_of_rows
from mle_smith.checks.subject import FileDefectError, Subject
from mle_smith.checks.submissions import SubmissionForm, submission_form
from mle_smith.package.grade import Grade, grade
from mle_smith.package.layout import METRIC
from mle_smith.sandbox.scratch import work_folder
from mle_smith.values import Blame, Finding, Severity

_FEWEST_KEYS = 5
_ONE_RIGHT = "one right"


class _Rung(NamedTuple):
    name: str
    grade: Grade


class _Graded(NamedTuple):
    constant: _Rung | None
    """The best one."""
    climbed: list[_Rung]
    """The best submission of each baseline."""
    answers: _Rung
    one_row: float | None
    """Part of the way from the first baseline to the answers that its worst row makes."""


@check(
    {
        "M11": "no headroom: plain baselines make hardly an error",
        "M14": "the test set cannot tell a baseline from a constant",
    },
    title="Signal and noise",
    asks="A forest and a linear model, constants and the answers are scored on the same bootstrap "
    "samples: the gap of the best baseline to the best constant with its interval, what is left "
    "to the best score, the rows that would tell the two baselines apart.",
    needs=(Need.PRIVATE, Need.SANDBOX),
)
def signal(subject: Subject) -> Iterator[Outcome]:
    """A ladder of plain solutions, for any package."""
    if not subject.paths.metric.is_file():
        raise FileDefectError(METRIC, "is missing")
    form = submission_form(subject)
    made = list(guesses(subject))
    if not made:
        yield NotRun("M11", "there is nothing to fit")
        return
    left = min(errors_left(subject, guess) for guess in made)
    constant, climbed, answers, one_row = _graded(subject, form, made)
    if constant is None or not climbed or not answers.grade.valid:
        return  # what the metric refuses is the contract's finding
    yield from _judged(subject, constant, climbed, answers, left)
    if one_row is not None:
        yield from _one_row(subject, one_row)


def _graded(subject: Subject, form: SubmissionForm, made: list[Guess]) -> _Graded:
    """Constants, baselines and answers, all graded in one job."""
    assert subject.sandbox is not None  # the runner has seen to it (Need.SANDBOX)
    limits = subject.thresholds
    columns = [subject.id_column, *subject.targets]
    truth = subject.aligned.iloc[subject.test_rows][columns].reset_index(drop=True)
    frames: list[tuple[str, pd.DataFrame]] = [("answers", form.of(truth))]
    # Constants are made for all answers; here they are wanted for the rows that are looked at.
    kept = subject.answers[subject.id_column].isin(set(truth[subject.id_column])).to_numpy()
    frames += [("constant", frame[kept]) for frame in constants(subject, form)]
    for guess in made:
        frames += [(guess.name, f) for f in submissions(subject, form, truth, guess)]
    if form.kind == "value":
        first = next(frame for name, frame in frames if name == made[0].name)
        frames.append((_ONE_RIGHT, _one_right(first, form.of(truth), form.targets[0])))
    with work_folder() as folder:
        (folder / "answers.csv").write_text(csv_text(truth), "utf-8")
        paths = []
        for number, (_, frame) in enumerate(frames):
            paths.append(folder / f"{number}.csv")
            paths[-1].write_text(csv_text(frame), "utf-8")
        grades = grade(
            subject.paths.metric,
            folder / "answers.csv",
            paths,
            subject.sandbox,
            resamples=limits.resamples,
            families=["" if name == _ONE_RIGHT else name for name, _ in frames],
            seed=subject.seed,
        )
    best: dict[str, _Rung] = {}
    for (rung, _), given in zip(frames, grades, strict=True):
        if given.valid and (rung not in best or _better(given, best[rung].grade)):
            best[rung] = _Rung(rung, given)
    climbed = [r for n, r in best.items() if n not in ("answers", "constant", _ONE_RIGHT)]
    one_row = None
    if _ONE_RIGHT in best:
        start = [name for name, _ in frames].index(made[0].name)
        one_row = _way(grades[start], best[_ONE_RIGHT].grade, grades[0])
    return _Graded(best.get("constant"), climbed, _Rung("answers", grades[0]), one_row)


def _one_right(guess: pd.DataFrame, answers: pd.DataFrame, target: str) -> pd.DataFrame:
    """The guess with the right answer in the one row where it is farthest off."""
    off = (guess[target].astype(float) - answers[target].astype(float)).abs()
    worst = int(off.fillna(0.0).to_numpy().argmax())
    return guess.assign(**{target: guess[target].where(guess.index != worst, answers[target])})


def _way(start: Grade, here: Grade, end: Grade) -> float | None:
    """How far one score is on the way from another one to a third."""
    if not (start.valid and here.valid and end.valid):
        return None
    whole = _signed(end) - _signed(start)
    return (_signed(here) - _signed(start)) / whole if whole > 0 else None


def _better(one: Grade, other: Grade) -> bool:
    return _signed(one) > _signed(other)


def _signed(given: Grade) -> float:
    score = given.score if given.score is not None else float("nan")
    return score if given.higher_is_better else -score


def _samples(given: Grade) -> Floats:
    sign = 1.0 if given.higher_is_better else -1.0
    return sign * np.asarray(given.resampled, dtype=np.float64)


def _judged(
    subject: Subject, constant: _Rung, climbed: list[_Rung], answers: _Rung, left: float
) -> Iterator[Outcome]:
    limits = subject.thresholds
    ordered = sorted(climbed, key=lambda r: _signed(r.grade))
    strong = ordered[-1]
    gap = interval(
        _signed(strong.grade) - _signed(constant.grade),
        _samples(strong.grade) - _samples(constant.grade),
        limits,
    )
    numbers: dict[str, object] = {
        r.name: interval(r.grade.score or 0.0, np.asarray(r.grade.resampled), limits).model_dump()
        for r in (constant, *ordered, answers)
    }
    numbers |= {"gap": gap.model_dump(), "errors_left": round(left, 5)}
    numbers["test_rows"] = len(subject.test_rows)
    numbers["rows_to_show_the_gap"] = _rows_needed(gap.value, gap.high - gap.low, subject)
    if len(ordered) > 1:
        step = _samples(strong.grade) - _samples(ordered[0].grade)
        between = interval(_signed(strong.grade) - _signed(ordered[0].grade), step, limits)
        numbers["between_baselines"] = between.model_dump()
        numbers["rows_to_tell_baselines_apart"] = _rows_needed(
            between.value, between.high - between.low, subject
        )
    yield Measured("M14", numbers)
    classes = subject.goals[0].classes
    if left <= (limits.errors_left if classes else limits.variance_left):
        yield Finding(
            code="M11",
            severity=Severity.ERROR,
            blame=Blame.FORMULATION,
            message=f"the baseline {strong.name!r} leaves {left:.2%} of errors: nobody can be "
            "ranked above it; choose a harder target, or fewer inputs.",
            evidence={"errors_left": round(left, 5), "score": strong.grade.score},
        )
    if gap.low <= 0 or gap.value <= 0:
        noise = _within_noise(subject, strong, constant, gap.model_dump())
        elsewhere = _inputs_elsewhere(subject)
        if elsewhere:
            yield NotRun("M14", f"the plain baselines do not read {elsewhere}")
            noise = noise.model_copy(update={"severity": Severity.WARNING})
        yield noise


def _one_row(subject: Subject, share: float) -> Iterator[Outcome]:
    limits = subject.thresholds
    yield Measured("M14", {"share_of_worst_row": round(share, 4)})
    if share >= limits.share_of_one_row:
        yield Finding(
            code="M14",
            severity=Severity.ERROR,
            blame=Blame.FORMULATION,
            message=f"one test row makes {share:.0%} of what a plain baseline loses: who gets it "
            "right wins. Choose a metric that outliers do not rule (mean absolute error, of "
            "logarithms), or correct the answer.",
            evidence={"share_of_worst_row": round(share, 4), "repair": {"metric": "mae"}},
        )


def _inputs_elsewhere(subject: Subject) -> str:
    """Where the inputs are that the tables only point to; empty where they point nowhere."""
    if holds_files_of_rows(subject):
        return "the files of each row"
    keys = [subject.id_column, *subject.input_columns]
    for table in subject.side_files.tables:
        for key in [k for k in keys if k in table.frame.columns]:
            known = set(plain(table.frame[key].dropna().astype(str)))
            asked = set(plain(subject.test[key].dropna()))
            if len(asked) >= _FEWEST_KEYS and len(asked & known) >= 0.5 * len(asked):
                return f"{table.name}, which {key!r} leads to"
    return ""


def _rows_needed(gap: float, width: float, subject: Subject) -> int | None:
    """Test rows with which the interval of the gap would leave out zero; None for no gap."""
    if gap <= 0 or width <= 0:
        return None
    return int(np.ceil(len(subject.test_rows) * (width / 2 / gap) ** 2))


def _within_noise(
    subject: Subject, strong: _Rung, constant: _Rung, gap: dict[str, float]
) -> Finding:
    return Finding(
        code="M14",
        severity=Severity.ERROR,
        blame=Blame.FORMULATION,
        message=f"the best plain baseline scores {strong.grade.score:.4g}, a constant "
        f"{constant.grade.score:.4g}: a gap of {gap['value']:.3g}, 95 % interval {gap['low']:.3g} "
        f"to {gap['high']:.3g}, is within the noise of {len(subject.test_rows)} test rows; the "
        "inputs do not foretell the target, or more test rows are needed.",
        evidence={"gap": gap, "repair": {"enlarge_test": True}},
    )


CHECKS = (signal,)
