"""Do better solutions score better, by more than the noise of the test set?

The rungs are a constant, the solutions that the test agent handed in, and the answers. All are
graded in one job, on the same bootstrap samples of the test rows, so that differences are paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mle_smith.checks.features import numbers_of
from mle_smith.checks.fuzz_cases import csv_text
from mle_smith.checks.subject import Subject
from mle_smith.checks.submissions import SubmissionForm, submission_form
from mle_smith.checks.thresholds import Thresholds
from mle_smith.metrics.submission import label_key
from mle_smith.package.grade import Grade, grade
from mle_smith.sandbox.scratch import work_folder
from mle_smith.values import Blame, Finding, Interval, Ladder, Rung, Severity

CODES = {
    "X01": "the test agent has fewer than two valid solutions",
    "X02": "the answers are not the best rung, or the strong solution is worse than the simple one",
    "X03": "the strong solution beats a constant only within the noise of the test set (M2, M14)",
    "X04": "no headroom: the strong solution is at the best score within noise (M11)",
    "X05": "all solutions score the same: the metric does not tell them apart (M7)",
    "X06": "a program that does not solve the task beats the strong solution (L1-L16)",
}

CONSTANT, CHEAT, ANSWERS_RUNG = "constant", "cheat", "answers"


class Solution(NamedTuple):
    """A submission that was made without the answers."""

    name: str
    """`simple`, `strong`, or the agent's own name."""
    path: Path


class Climb(NamedTuple):
    """The ladder, what is wrong with it, and the grades of the solutions in the order given."""

    ladder: Ladder | None
    """None where there is no constant, no answers or no valid solution to compare."""
    findings: tuple[Finding, ...]
    grades: tuple[Grade, ...]


class _Scored(NamedTuple):
    name: str
    score: float
    samples: NDArray[np.float64]


def build_ladder(
    subject: Subject, solutions: Sequence[Solution], cheats: Sequence[Solution] = ()
) -> Climb:
    """Grade constant, solutions, cheats and answers together, and judge the ladder they make.

    Cheats are submissions of programs that were to score without solving the task. The best of
    them is a rung of its own, `cheat`, and must not beat the strong solution.

    The constant is the best of those that train suggests (each class, class shares, mean, median,
    geometric mean) and of blind guesses among the classes, so that it is what a participant could
    reach without looking at any row.

    Raises:
        FileDefectError: the package's tables cannot be read.
        MachineError: there is no sandbox, or it failed.
    """
    if subject.sandbox is None:
        raise ValueError("a ladder is graded in a sandbox; give the subject one")
    form = submission_form(subject)
    limits = subject.thresholds
    with work_folder() as folder:
        made = [form.of(subject.answers), *constants(subject, form)]
        paths = []
        for number, frame in enumerate(made):
            paths.append(folder / f"{number}.csv")
            paths[-1].write_text(csv_text(frame), "utf-8")
        grades = grade(
            subject.paths.metric,
            subject.paths.answers,
            [*paths, *(solution.path for solution in (*solutions, *cheats))],
            subject.sandbox,
            resamples=limits.resamples,
            families=[
                ANSWERS_RUNG,
                *[CONSTANT] * (len(made) - 1),
                *(f"solution {number}" for number in range(len(solutions))),
                *[CHEAT] * len(cheats),
            ],
            seed=subject.seed,
        )
    first_cheat = len(made) + len(solutions)
    tricks = [
        _scored(cheat.name, graded)
        for cheat, graded in zip(cheats, grades[first_cheat:], strict=True)
        if graded.valid
    ]
    own, theirs = grades[: len(made)], tuple(grades[len(made) : first_cheat])
    return _judged(subject, solutions, own, theirs, tricks)


def constants(subject: Subject, form: SubmissionForm) -> Iterator[pd.DataFrame]:
    """Submissions that know nothing of a row, each a plausible best for some metric."""
    answers = subject.answers
    if form.kind == "value":
        columns = {t: numbers_of(subject.train[t].dropna()) for t in form.targets}
        for centre in _CENTRES:
            values = {t: centre(v) for t, v in columns.items() if v is not None}
            if len(values) == len(columns) and all(np.isfinite(v) for v in values.values()):
                yield form.of(answers.assign(**{t: repr(v) for t, v in values.items()}))
        return
    target = form.targets[0]
    written = {label_key(label): label for label in form.classes}
    known_labels = subject.train[target].dropna().map(label_key).map(written)
    shares = known_labels.value_counts(normalize=True)
    if form.kind == "label":
        for label in sorted(shares.index, key=lambda c: (-shares[c], str(c)))[:20]:
            yield form.of(answers.assign(**{target: label}))
        # Some metrics of classes prefer a blind guess to any constant, without a clue in it.
        generator = np.random.default_rng(subject.seed)
        for weights in (shares.to_numpy(), None):
            guess = generator.choice(shares.index.to_numpy(dtype=object), len(answers), p=weights)
            yield form.of(answers.assign(**{target: guess}))
        return
    plain = form.of(answers)
    if form.kind == "probability":
        yield plain.assign(**{form.targets[0]: repr(float(shares.get(form.positive or "", 0.0)))})
        return
    known = {c: repr(float(shares.get(label, 0.0))) for c, label in form.class_of_column.items()}
    yield plain.assign(**known)


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.mean(values))


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values))


def _log_mean(values: NDArray[np.float64]) -> float:
    """The constant of least squares on log(1 + y)."""
    return float(np.expm1(np.log1p(values).mean())) if values.min() > -1 else float("nan")


def _low_quantile(values: NDArray[np.float64]) -> float:
    """Near what relative errors prefer: they punish guesses that are too high."""
    return float(np.quantile(values, 0.25))


_CENTRES = (_mean, _median, _log_mean, _low_quantile)


def _judged(
    subject: Subject,
    solutions: Sequence[Solution],
    own: Sequence[Grade],
    theirs: tuple[Grade, ...],
    tricks: Sequence[_Scored],
) -> Climb:
    findings = list(_validity(solutions, theirs))
    flat = [_scored(CONSTANT, g) for g in own[1:] if g.valid]
    climbed = [_scored(s.name, g) for s, g in zip(solutions, theirs, strict=True) if g.valid]
    if not own[0].valid or not flat or not climbed:
        if not own[0].valid or not flat:
            error = own[0].error or next((g.error for g in own[1:]), "")
            findings.append(
                _finding("X02", Blame.REFACTOR, f"answers or constants are invalid: {error[:300]}")
            )
        return Climb(None, tuple(findings), theirs)
    sign = 1.0 if own[0].higher_is_better else -1.0
    constant = max(flat, key=lambda s: sign * s.score)
    strong = max(climbed, key=lambda s: sign * s.score)
    answers = _scored(ANSWERS_RUNG, own[0])
    limits = subject.thresholds
    gap = interval(
        sign * (strong.score - constant.score), sign * _difference(strong, constant), limits
    )
    trick = max(tricks, key=lambda s: sign * s.score, default=None)
    rungs = [constant, *climbed, *([trick._replace(name=CHEAT)] if trick else [])]
    ordered = sorted(rungs, key=lambda s: sign * s.score)
    ladder = Ladder(
        metric=subject.plan.metric if subject.plan is not None else "",
        higher_is_better=sign > 0,
        test_rows=len(subject.answers),
        rungs=tuple(
            Rung(name=s.name, score=interval(s.score, s.samples, limits))
            for s in (*ordered, answers)
        ),
        gap=gap,
    )
    findings += _order(sign, constant, climbed, answers)
    findings += _strength(sign, constant, strong, answers, gap, limits)
    if trick is not None:
        findings += _cheated(sign, strong, trick, limits)
    return Climb(ladder, tuple(findings), theirs)


def _scored(name: str, graded: Grade) -> _Scored:
    assert graded.score is not None  # valid grades have one
    return _Scored(name, graded.score, np.asarray(graded.resampled, dtype=np.float64))


def _difference(one: _Scored, other: _Scored) -> NDArray[np.float64]:
    return one.samples - other.samples


def interval(value: float, samples: NDArray[np.float64], limits: Thresholds) -> Interval:
    """The value with its percentile bootstrap interval; of no width without samples."""
    if len(samples) == 0:
        return Interval(value=value, low=value, high=value)
    tail = (1 - limits.confidence) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return Interval(value=value, low=float(low), high=float(high))


def _finding(code: str, blame: Blame, message: str, **evidence: object) -> Finding:
    return Finding(
        code=code, severity=Severity.ERROR, blame=blame, message=message, evidence=evidence
    )


def _validity(solutions: Sequence[Solution], grades: Sequence[Grade]) -> Iterator[Finding]:
    valid = [s.name for s, g in zip(solutions, grades, strict=True) if g.valid]
    if len(valid) < 2:
        errors = {s.name: g.error[:200] for s, g in zip(solutions, grades, strict=True) if g.error}
        crashed = any(g.crashed for g in grades)
        yield _finding(
            "X01",
            Blame.REFACTOR if crashed else Blame.DESIGN,
            f"{len(valid)} of {len(solutions)} solutions are valid, two are wanted: {errors}. Say "
            "in description.md what a submission has to look like.",
            valid=valid,
            errors=errors,
        )


def _order(
    sign: float, constant: _Scored, climbed: Sequence[_Scored], answers: _Scored
) -> Iterator[Finding]:
    everyone = [constant, *climbed]
    above = [s.name for s in everyone if sign * (s.score - answers.score) > 1e-9]
    if above:
        yield _finding(
            "X02",
            Blame.REFACTOR,
            f"{above} score better than the answers ({answers.score:.6g}); correct the metric.",
            rungs=above,
        )
    named = {s.name: s for s in climbed}
    if "simple" in named and "strong" in named:
        samples = sign * _difference(named["strong"], named["simple"])
        worse = sign * (named["strong"].score - named["simple"].score) < 0
        if worse and len(samples) and float(np.mean(samples < 0)) > 0.99:
            yield _finding(
                "X02",
                Blame.DESIGN,
                f"the simple solution ({named['simple'].score:.6g}) beats the strong one "
                f"({named['strong'].score:.6g}) in nearly every resample.",
            ).model_copy(update={"severity": Severity.WARNING})
    if len(everyone) >= 3 and len({round(s.score, 12) for s in everyone}) == 1:
        yield _finding(
            "X05",
            Blame.DESIGN,
            f"all solutions score {constant.score:.6g}; choose a metric that tells them apart.",
        )


def _cheated(sign: float, strong: _Scored, trick: _Scored, limits: Thresholds) -> Iterator[Finding]:
    lead = interval(sign * (trick.score - strong.score), sign * _difference(trick, strong), limits)
    if lead.low > 0:
        yield _finding(
            "X06",
            Blame.DESIGN,
            f"a program that does not solve the task ({trick.name!r}) scores {trick.score:.4g}, "
            f"the strong solution {strong.score:.4g}: a lead of {lead.value:.4g}, 95 % interval "
            f"{lead.low:.4g} to {lead.high:.4g}. Take away what it used.",
            exploit=trick.name,
            cheat=trick.score,
            strong=strong.score,
            lead=lead.model_dump(),
        )


def _strength(
    sign: float,
    constant: _Scored,
    strong: _Scored,
    answers: _Scored,
    gap: Interval,
    limits: Thresholds,
) -> Iterator[Finding]:
    if gap.low <= 0 or gap.value <= 0:
        yield _finding(
            "X03",
            Blame.FORMULATION,
            f"the strong solution scores {strong.score:.4g}, a constant {constant.score:.4g}: a "
            f"gap of {gap.value:.4g}, 95 % interval {gap.low:.4g} to {gap.high:.4g}, is within the "
            "noise of the test set; the inputs do not foretell this target, or test is too small.",
            gap=gap.model_dump(),
        )
    way = sign * (answers.score - constant.score)
    left = sign * (answers.score - strong.score)
    if way > 0 and left <= limits.headroom_share * way:
        rest = interval(left, sign * _difference(answers, strong), limits)
        solved = rest.low <= 1e-12
        yield _finding(
            "X04",
            Blame.FORMULATION,
            f"the strong solution ({strong.score:.4g}) is {left / way:.1%} of the way from the "
            f"constant short of the best score ({answers.score:.4g}): no headroom is left to rank "
            "anybody.",
            left=rest.model_dump(),
        ).model_copy(update={"severity": Severity.ERROR if solved else Severity.WARNING})
