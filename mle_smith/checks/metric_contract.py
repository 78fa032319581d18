"""Does metric.py score what it should, reject what it must, and rank better answers higher?

One grader job grades every case; a second one only when probabilities turn out to be about the
other class than was thought.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.fuzz_cases import Case, contract_cases, csv_text
from mle_smith.checks.sensitivity import Probe, probes
from mle_smith.checks.subject import FileDefectError, Subject
from mle_smith.checks.submissions import (
    SubmissionForm,
    declared_positive,
    fuzz_sample,
    mixed,
    submission_form,
)
from mle_smith.metrics.registry import METRICS
from mle_smith.package.grade import Grade, grade
from mle_smith.package.layout import METRIC
from mle_smith.sandbox.scratch import work_folder
from mle_smith.values import Blame, Finding, Severity

_BASE_NOISE = 0.3
_EXAMPLES = 4


class _Graded(NamedTuple):
    """Everything the grader said."""

    form: SubmissionForm
    perfect: Grade
    again: Grade
    other_class: Grade | None
    """Perfect, had probabilities been about the other class."""
    base: Grade
    constant: list[Grade]
    sweep: list[list[Grade]]
    """By noise level, a grade for each seed."""
    cases: list[tuple[Case, Grade]]
    probed: list[tuple[Probe, list[Grade]]]
    """By probe the grades of its submissions."""


def _finding(code: str, blame: Blame, message: str, **evidence: object) -> Finding:
    return Finding(
        code=code, severity=Severity.ERROR, blame=blame, message=message, evidence=evidence
    )


@check(
    {
        "M02": "a constant comes close to the best score",
        "M03": "empty, infinite or non-numeric predictions are scored",
        "M04": "the score depends on the order of rows or columns",
        "M05": "missing, unknown or repeated ids are scored",
        "M06": "the direction is wrong: worse answers score better",
        "M07": "the score does not fall steadily as answers get worse",
        "M08": "a proper file is rejected, or a broken one crashes the metric",
        "M16": "the answers themselves are invalid, or do not get the best score",
        "M17": "the same file scores differently the second time",
    },
    title="The metric's contract",
    asks="metric.py is tried with the answers, the answers in other but proper forms, broken "
    "files, constants, answers mixed with rising noise (several seeds), and pairs of submissions "
    "of which one is a little worse.",
    needs=(Need.PRIVATE, Need.SANDBOX),
)
def metric_contract(subject: Subject) -> Iterator[Outcome]:
    """Fuzz of metric.py through the grader."""
    if not subject.paths.metric.is_file():
        raise FileDefectError(METRIC, "is missing")
    if not set(subject.sample.columns) - {subject.id_column}:
        raise FileDefectError("public/sample_submission.csv", "has no column beside the id")
    form = submission_form(subject)
    truth = fuzz_sample(subject, subject.thresholds.fuzz_rows)
    graded = _grade_all(subject, form, truth)
    other = graded.other_class
    inferred = declared_positive(subject, form.classes) is None
    if other is not None and inferred and _better(other, graded.perfect):
        flipped = next(c for c in form.classes if c != form.positive)
        graded = _grade_all(subject, replace(form, positive=flipped), truth)
    if not graded.perfect.valid:
        yield _finding(
            "M16",
            Blame.REFACTOR,
            f"the answers, handed in as a submission, are invalid: {graded.perfect.error[:300]} "
            "Make metric.py take what the sample submission shows.",
            error=graded.perfect.error[:300],
        )
        return
    yield from _perfect(subject, graded)
    yield from _cases(graded)
    yield from _sweep(subject, graded)


def _better(one: Grade, other: Grade) -> bool:
    if one.score is None or other.score is None:
        return one.valid and not other.valid
    return _signed(one) > _signed(other) + 1e-9


def _signed(graded: Grade) -> float:
    """The score, signed so that more is better."""
    score = graded.score if graded.score is not None else float("nan")
    return score if graded.higher_is_better else -score


def _grade_all(subject: Subject, form: SubmissionForm, truth: pd.DataFrame) -> _Graded:
    limits = subject.thresholds
    base = form.of(mixed(truth, form.targets, _BASE_NOISE, subject.seed))
    key = subject.id_column
    sample = subject.sample[subject.sample[key].isin(set(truth[key]))]
    cases = list(contract_cases(form, base, sample))
    perfect = csv_text(form.of(truth))
    texts = [perfect, perfect, csv_text(base)]
    reordered = [len(texts) + n for n, case in enumerate(cases) if case.answers_reordered]
    texts += [case.text for case in cases]
    constants = [csv_text(form.of(c)) for c in _constants(subject, form, truth)]
    texts += constants
    for level in limits.noise_levels:
        for seed in range(limits.noise_seeds):
            texts.append(csv_text(form.of(mixed(truth, form.targets, level, subject.seed + seed))))
    asked = list(probes(form, truth, subject.seed))
    sizes = []
    for probe in asked:
        frames = [probe.one, probe.other, *(probe.unless or ())]
        sizes.append(len(frames))
        texts += [csv_text(frame) for frame in frames]
    if form.kind == "probability" and len(form.classes) == 2:
        flipped = next(c for c in form.classes if c != form.positive)
        texts.append(csv_text(replace(form, positive=flipped).of(truth)))
    grades = _grade_texts(subject, truth, texts, reordered)
    at = iter(grades)
    first, again, plain = next(at), next(at), next(at)
    judged = [(case, next(at)) for case in cases]
    constant = [next(at) for _ in constants]
    sweep = [[next(at) for _ in range(limits.noise_seeds)] for _ in limits.noise_levels]
    probed = [(p, [next(at) for _ in range(n)]) for p, n in zip(asked, sizes, strict=True)]
    return _Graded(form, first, again, next(at, None), plain, constant, sweep, judged, probed)


def _constants(
    subject: Subject, form: SubmissionForm, truth: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    """The most frequent class, or the mean and the median, for every row."""
    if form.classes:
        common = subject.train[form.targets[0]].value_counts().index[0]
        yield truth.assign(**{form.targets[0]: common})
        return
    values = subject.train[list(form.targets)].apply(pd.to_numeric, errors="coerce")
    for centre in (values.mean(), values.median()):
        yield truth.assign(**{t: repr(float(centre[t])) for t in form.targets})


def _grade_texts(
    subject: Subject, truth: pd.DataFrame, texts: Sequence[str], reordered: Sequence[int]
) -> list[Grade]:
    assert subject.sandbox is not None  # the runner has seen to it (Need.SANDBOX)
    with work_folder() as folder:
        answers = folder / "answers.csv"
        answers.write_text(csv_text(truth), "utf-8")
        paths = []
        for number, text in enumerate(texts):
            path = folder / f"{number}.csv"
            path.write_bytes(text.encode("utf-8"))
            paths.append(path)
        return grade(
            subject.paths.metric,
            answers,
            paths,
            subject.sandbox,
            reordered=reordered,
            seed=subject.seed,
        )


def _perfect(subject: Subject, graded: _Graded) -> Iterator[Outcome]:
    score = graded.perfect.score
    known = METRICS.get(subject.plan.metric) if subject.plan is not None else None
    everything = [graded.base, *graded.constant, *(g for level in graded.sweep for g in level)]
    everything += [g for _, g in graded.cases]
    beaten = [g for g in everything if g.valid and _better(g, graded.perfect)]
    yield Measured("M16", {"perfect": score, "best_known": known.best if known else None})
    missed = known is not None and score is not None and abs(score - known.best) > 1e-6
    if missed and known is not None:
        yield _finding(
            "M16",
            Blame.REFACTOR,
            f"the answers score {score}, but the best {known.title} is {known.best}.",
            score=score,
            best=known.best,
        )
    noisy = [g for level in graded.sweep[1:] for g in level if g.valid]
    if beaten:
        wrong = len([g for g in noisy if _better(g, graded.perfect)]) > len(noisy) / 2
        yield _finding(
            "M06" if wrong else "M16",
            Blame.REFACTOR,
            f"the answers score {score}, and worse submissions score better, up to "
            f"{max(beaten, key=_signed).score}; "
            + ("turn HIGHER_IS_BETTER round." if wrong else "correct the metric."),
            perfect=score,
            better=[g.score for g in beaten[:5]],
        )
    if graded.again.score != score:
        yield _finding(
            "M17",
            Blame.REFACTOR,
            f"the same file scored {score} and then {graded.again.score}; draw nothing at random "
            "and keep no state.",
        )


def _cases(graded: _Graded) -> Iterator[Outcome]:
    failed: dict[tuple[str, str], list[str]] = {}
    matrix = []
    for case, given in graded.cases:
        problem = _problem(case, given, graded)
        if problem:
            code, what = problem
            failed.setdefault((code, what), []).append(case.name)
        matrix.append(
            {
                "case": case.name,
                "expected": case.expected,
                "outcome": _became(given, graded),
                "as_expected": problem is None,
            }
        )
    wrong = sum(map(len, failed.values()))
    yield Measured("M08", {"cases": len(graded.cases), "failed": wrong, "matrix": matrix})
    for (code, what), names in sorted(failed.items()):
        listed = "; ".join(names[:_EXAMPLES])
        yield _finding(
            code,
            Blame.REFACTOR,
            f"{len(names)} kinds of submission {what}: a submission {listed}. "
            + _REPAIRS.get(code, "Correct validate_submission."),
            cases=names,
        )


def _became(given: Grade, graded: _Graded) -> str:
    """What became of a case, in a word or two."""
    if given.crashed:
        return "crashed"
    if not given.valid:
        return "rejected"
    return "same_score" if _equal(given, graded.base) else "other_score"


_REPAIRS = {
    "M03": "Raise InvalidSubmissionError for what is no finite number or class.",
    "M04": "Match rows by id, and columns by name.",
    "M05": "Raise InvalidSubmissionError unless each id of the answers is there exactly once.",
    "M08": "Let nothing but InvalidSubmissionError out, and compare ids and labels as 7 = 7.0.",
}


def _problem(case: Case, given: Grade, graded: _Graded) -> tuple[str, str] | None:
    """The code and what went wrong, where the case did not come out as expected."""
    if given.crashed:
        ordered = case.expected == "same" and case.code == "M04"
        return ("M04" if ordered else "M08", "make the metric crash")
    if case.expected == "rejected":
        return (case.code, "are scored though they are broken") if given.valid else None
    if case.expected in ("same", "valid") and not given.valid:
        return ("M08", "are rejected though they are proper")
    if case.expected == "same" and not _equal(given, graded.base):
        return (case.code, "score differently though they say the same")
    return None


def _equal(one: Grade, other: Grade) -> bool:
    if one.score is None or other.score is None:
        return one.valid == other.valid
    return bool(np.isclose(one.score, other.score, rtol=1e-9, atol=1e-12))


def _sweep(subject: Subject, graded: _Graded) -> Iterator[Outcome]:
    limits = subject.thresholds
    levels = [[_signed(g) for g in level if g.valid] for level in graded.sweep]
    means = [float(np.mean(level)) if level else float("nan") for level in levels]
    noise = max((float(np.std(level)) for level in levels if len(level) > 1), default=0.0)
    shown = [round(mean if graded.perfect.higher_is_better else -mean, 6) for mean in means]
    yield Measured("M07", {"noise": list(limits.noise_levels), "score": shown})
    if any(np.isnan(means)):
        yield _finding(
            "M07", Blame.REFACTOR, "answers with noise in them are invalid.", score=shown
        )
        return
    drop = means[0] - means[-1]
    rises = [b - a for a, b in pairwise(means)]
    if drop <= 0 and not any(f > 1e-12 for f in rises):
        yield _finding(
            "M07",
            Blame.DESIGN,
            f"the score is {shown[0]} for the answers and {shown[-1]} for noise; choose a metric "
            "that tells them apart.",
            score=shown,
        )
    elif max(rises) > 3 * noise + 0.02 * abs(drop) and drop > 0:
        yield _finding(
            "M07",
            Blame.DESIGN,
            f"the score rises while noise is added to the answers ({shown} at noise "
            f"{list(limits.noise_levels)}); choose a metric that falls.",
            score=shown,
        )
    yield from _deaf(graded, rounded=_rounded([s for level in levels for s in level], abs(drop)))
    yield from _constant_gap(subject, graded, means)


def _deaf(graded: _Graded, *, rounded: bool) -> Iterator[Outcome]:
    """Differences in quality that the metric does not show."""
    if not all(g.valid for _, grades in graded.probed for g in grades):
        yield NotRun("M07", "metric.py rejects submissions that are a little off the answers")
    same = [
        probe.name
        for probe, (one, other, *more) in graded.probed
        if _alike(one, other, more) and not (probe.faint and rounded)
    ]
    if same:
        yield _finding(
            "M07",
            Blame.DESIGN,
            f"the metric {'; it '.join(same)}: better solutions cannot be told from worse; take "
            "out what rounds, cuts or forgives.",
            probes=same,
        )


def _rounded(scores: Sequence[float], span: float) -> bool:
    """Whether all scores are rounded, and the largest of them to a hundredth of their span."""
    largest = max(map(abs, scores), default=0.0)
    for digits in range(1, 9):
        shown = [float(f"{score:.{digits}g}") for score in scores]
        if largest and np.allclose(scores, shown, rtol=1e-9, atol=0):
            return 10.0 ** (math.floor(math.log10(largest)) + 1 - digits) <= 0.01 * span
    return False


def _alike(one: Grade, other: Grade, unless: Sequence[Grade]) -> bool:
    """Whether two valid submissions score the same, to the last digits, and the control not."""
    if one.score is None or other.score is None:
        return False
    if abs(one.score - other.score) > 1e-12 * max(1.0, abs(one.score)):
        return False
    return not (unless and _alike(unless[0], unless[1], ()))


def _constant_gap(subject: Subject, graded: _Graded, means: Sequence[float]) -> Iterator[Outcome]:
    """How close a constant comes to the best, in units of what the metric spans on [0, 1]."""
    scores = [_signed(g) for g in graded.constant if g.valid]
    if not scores:
        return
    best, perfect = max(scores), means[0]
    known = METRICS.get(subject.plan.metric) if subject.plan is not None else None
    yield Measured("M02", {"constant": abs(best), "perfect": abs(perfect)})
    bounded = known is None or known.worst is not None
    span = perfect - (known.worst if known is not None and known.worst is not None else 0.0)
    if graded.perfect.higher_is_better and bounded and span > 0:
        reached = 1 - (perfect - best) / span
        if reached >= subject.thresholds.constant_share:
            yield _finding(
                "M02",
                Blame.DESIGN,
                f"the most frequent answer, for every row, scores {best:.4f} of {perfect:.4f}; "
                "choose a metric for unequal classes (balanced accuracy, macro F1, MCC, PR AUC).",
                constant=best,
                perfect=perfect,
                repair={"metric": "macro_f1"},
            )


CHECKS = (metric_contract,)
