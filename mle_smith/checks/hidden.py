"""Is the target hidden in a part of a text, or in what two columns make together?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mle_smith.checks.association import Goal, column_skill, group_skill
from mle_smith.checks.derived import calculated, crossed, crossed_codes, fields, parts
from mle_smith.checks.features import Feature
from mle_smith.checks.standing import Rule, Standing, standing
from mle_smith.checks.subject import Subject

_NOTHING = 0.2
"""Skill of a code that by itself tells nothing, on some hundred test rows."""
_MOST_CLASSES = 64
_STEPS = 16
"""Of a quantity that some bits of a number hold."""


class _Hidden(NamedTuple):
    """Something made of one or two columns, and how well it foretells the target."""

    skill: float
    columns: tuple[str, ...]
    how: str
    others: list[Feature]
    """What it has to do far better than."""
    made_of: list[Feature]
    rule: Rule


def hidden(subject: Subject, goal: Goal, certain: set[str]) -> Iterator[tuple[_Hidden, Standing]]:
    """The like in parts of texts, and in combinations of two columns, best first."""
    open_ = [f for f in subject.inputs if f.name not in certain]
    found = [*_in_parts(subject, goal, open_), *_in_pairs(subject, goal, open_)]
    limits = subject.thresholds
    for one in sorted(found, key=lambda f: -f.skill)[:6]:
        if set(one.columns) & certain:
            continue
        least = limits.paired_skill if len(one.columns) > 1 else limits.suspect_skill
        if goal.classes:
            least = min(least, limits.suspect_class_skill)
        judged = standing(
            one.made_of, one.rule, one.others, goal, subject.seed, least, limits.rest_ratio
        )
        if judged is not None:
            yield one, judged


def _in_parts(subject: Subject, goal: Goal, open_: list[Feature]) -> Iterator[_Hidden]:
    limits = subject.thresholds
    alone = subject.column_skills[goal.feature.name]
    least = limits.suspect_class_skill if goal.classes else limits.suspect_skill
    least -= limits.skill_margin
    for feature in open_:
        others = [f for f in open_ if f.name != feature.name]
        for part in (*parts(feature), *fields(feature, _steps(goal))):
            skill = column_skill(part.feature, goal, subject.seed)
            if skill >= max(least, alone[feature.name] + 0.02):
                yield _Hidden(
                    skill, part.columns, part.how, others, [part.feature], alone_of(subject.seed)
                )


def _steps(goal: Goal) -> int:
    return min(goal.feature.distinct, _MOST_CLASSES) if goal.classes else _STEPS


def _in_pairs(subject: Subject, goal: Goal, open_: list[Feature]) -> Iterator[_Hidden]:
    limits = subject.thresholds
    least = limits.paired_skill - limits.skill_margin
    alone = subject.column_skills[goal.feature.name]
    # Of a series that runs smoothly, two values of the past honestly make the next.
    for pair in () if subject.temporal and not goal.classes else calculated(open_, goal):
        made = pair.feature(goal)
        skill = column_skill(made, goal, subject.seed)
        if skill >= least:
            yield _Hidden(skill, pair.columns, pair.how, open_, [made], alone_of(subject.seed))
    by_name = {f.name: f for f in open_}
    for columns, skill in crossed(open_, goal):
        if skill >= least and max(alone[c] for c in columns) < skill - 0.25:
            others = [f for f in open_ if f.name not in columns]
            if max(alone[c] for c in columns) < _NOTHING:
                others = []  # no honest pair says nothing one by one and all of it together
            made_of = [by_name[c] for c in columns]
            yield _Hidden(skill, columns, "the two codes together", others, made_of, _both)


def _both(columns: Sequence[Feature], goal: Goal) -> float:
    return group_skill(crossed_codes(*columns), goal)


def alone_of(seed: int) -> Rule:
    """The best rule on one column."""
    return lambda columns, goal: column_skill(columns[0], goal, seed)
