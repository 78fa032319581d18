"""Does test hold answers, or do empty cells and ways of writing give them away?

Defect L15.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from mle_smith.checks.association import Goal, joint_skill, tree_skill
from mle_smith.checks.cell_forms import (
    Form,
    explained,
    forms_of_test,
    telling_form,
    words_for_nothing,
)
from mle_smith.checks.check import Measured, Need, Outcome, check
from mle_smith.checks.features import Feature, Floats
from mle_smith.checks.line_forms import line_forms
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity, SplitKind

_PAIRED = 6
"""Columns whose empty cells are looked at two by two."""


def _finding(
    severity: Severity, message: str, columns: Sequence[str], **evidence: object
) -> Finding:
    repair = {"repair": {"drop_columns": list(columns)}} if columns else {}
    return Finding(
        code="L15",
        severity=severity,
        blame=Blame.DESIGN,
        message=message,
        evidence={"columns": list(columns), **evidence, **repair},
    )


@check(
    {"L15": "the target, or the pattern of missing cells that gives it away, is in test"},
    title="Answers left in test, or in what is missing",
    asks="The target's column in test; a column that only test has; the pattern of missing cells, "
    "as a model of its own; cells and lines that are written in another form than their like.",
    needs=(Need.PRIVATE,),
)
def left_in_test(subject: Subject) -> Iterator[Outcome]:
    """Targets among the columns of test, and masks that foretell them."""
    here = [t for t in subject.targets if t in subject.test.columns]
    filled = [t for t in here if subject.test[t].notna().any()]
    if filled:
        yield _finding(
            Severity.ERROR, f"test.csv holds the target {filled}; drop it there.", filled
        )
    masks = [f for f in subject.inputs if f.missing.any() and not f.missing.all()]
    for goal in subject.goals:
        if not masks:
            continue
        skill = tree_skill(_absence(masks), goal, subject.seed)
        yield Measured("L15", {"skill_of_missing_cells": round(skill, 4)})
        marks = _marks(goal, masks)
        tied = max(explained(mark, goal.feature) for mark, _ in marks)
        if skill >= subject.thresholds.mask_warning or tied >= subject.thresholds.mask_tie:
            yield from _masks(subject, goal, marks, skill)
    lines = list(line_forms(subject))
    yield from _forms(subject, lines)
    yield from _marks_of_test(subject, lines)
    yield from _words(subject)


def _marks(goal: Goal, masks: Sequence[Feature]) -> list[tuple[Floats, list[str]]]:
    """What the empty cells of a column, of two, and of all may tell, with the columns."""
    empty = {f.name: f.missing.astype(np.float64) for f in masks}
    tied = sorted(empty, key=lambda name: -explained(empty[name], goal.feature))
    marks = [(empty[tied[0]], tied[:1]), (_count(masks), list(empty))]
    varied = sorted(empty, key=lambda name: -float(empty[name].var()))[:_PAIRED]
    either = [(np.abs(empty[a] - empty[b]), [a, b]) for a, b in combinations(varied, 2)]
    return marks + sorted(either, key=lambda mark: -explained(mark[0], goal.feature))[:1]


def _masks(
    subject: Subject, goal: Goal, marks: Sequence[tuple[Floats, list[str]]], skill: float
) -> Iterator[Finding]:
    """Which cells are empty against what stands in all the others."""
    limits = subject.thresholds
    there = [_filled(f) if f.missing.any() else f for f in subject.inputs]
    rest = joint_skill(there, goal, subject.seed)
    ties = [
        (
            explained(mark, goal.feature),
            max((explained(mark, f) for f in subject.inputs if f.name not in own), default=0.0),
            own,
        )
        for mark, own in marks
    ]
    tie, explainable, telling = max(ties, key=lambda found: found[0] - found[1])
    decisive = (
        skill >= limits.mask_skill
        or 1 - skill <= limits.mask_ratio * (1 - rest)
        or (skill >= limits.mask_unexplained and tie > explainable)
        or (tie >= limits.mask_tie and tie >= 2 * explainable)
    )
    yield _finding(
        Severity.ERROR if decisive else Severity.WARNING,
        f"which cells are empty foretells {goal.feature.name!r} with skill {skill:.3f}, what "
        f"stands in the others with {rest:.3f}; drop or fill {telling}.",
        telling,
        target=goal.feature.name,
        skill=round(skill, 4),
        skill_of_values=round(rest, 4),
        explained_by_the_target=round(tie, 4),
        explained_by_an_input=round(explainable, 4),
        exploit="a tree on the empty cells",
    )


def _absence(masks: Sequence[Feature]) -> Floats:
    """Which cells are empty, and how many: rows by columns."""
    return np.stack([*(f.missing.astype(np.float64) for f in masks), _count(masks)], axis=1)


def _count(masks: Sequence[Feature]) -> Floats:
    return np.asarray(np.sum([f.missing for f in masks], axis=0), dtype=np.float64)


def _forms(subject: Subject, lines: Sequence[Form]) -> Iterator[Finding]:
    """Marks in the way that cells are written."""
    for goal in subject.goals:
        least = subject.thresholds.form_skill
        found = telling_form(subject.inputs, lines, goal, least, subject.seed)
        if found is not None:
            form, skill = found
            yield _finding(
                Severity.ERROR,
                f"{form} foretell {goal.feature.name!r} with skill {skill:.3f}, and no input says "
                "which these are; write all in one form.",
                form.columns,
                target=goal.feature.name,
                skill=round(skill, 4),
                exploit=f"a tree on {form}",
            )


def _marks_of_test(subject: Subject, lines: Sequence[Form]) -> Iterator[Finding]:
    """Gaps and forms of cells that only test has, where the division was at random."""
    limits = subject.thresholds
    if subject.plan is None or subject.plan.split.kind is not SplitKind.STRATIFIED:
        return
    for goal in subject.goals:
        for form, found in forms_of_test(subject.inputs, lines, goal):
            if found.significance < limits.significance or found.effect < limits.test_mark_effect:
                continue
            yield _finding(
                Severity.ERROR,
                f"{form}, which test has and train has not, explain "
                f"{found.effect:.0%} of {goal.feature.name!r} ({found.significance:.0f} standard "
                "errors); do the same to both sides.",
                form.columns,
                target=goal.feature.name,
                share_of_variance=round(found.effect, 4),
                standard_errors=round(found.significance, 2),
                exploit=f"a rule on {form}",
            )


def _words(subject: Subject) -> Iterator[Finding]:
    for goal in subject.goals:
        column, skill = words_for_nothing(subject.inputs, goal, subject.seed)
        if skill >= subject.thresholds.word_skill:
            yield _finding(
                Severity.ERROR,
                f"which word for nothing stands in {column!r} foretells {goal.feature.name!r} of "
                f"these rows with skill {skill:.3f}; use one word.",
                [column],
                target=goal.feature.name,
                skill=round(skill, 4),
                exploit=f"a tree on the words for nothing in {column!r}",
            )


def _filled(feature: Feature) -> Feature:
    """The column with its empty cells filled from other rows, so that they say nothing."""
    there = feature.text[~feature.missing]
    if there.empty:
        return feature
    drawn = np.random.default_rng(0).choice(there.to_numpy(), int(feature.missing.sum()))
    cells = feature.text.copy()
    cells[feature.missing] = drawn
    return Feature(feature.name, cells, feature.train_rows)


CHECKS = (left_in_test,)
