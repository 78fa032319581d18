"""Do things that have rows on both sides of the split tell each other's answers?

Defect L9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from mle_smith.checks.association import (
    Goal,
    encoded,
    group_prediction,
    group_skill,
    joint_skill,
    tree_skill,
)
from mle_smith.checks.beside import columns_beside
from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.derived import crossed_codes, parts
from mle_smith.checks.features import Feature, Ints
from mle_smith.checks.links import beaten
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity, SplitKind

_PERSON_WORDS = frozenset(
    {
        *("subject", "patient", "person", "user", "customer", "client", "member", "speaker"),
        *("player", "student", "employee", "household", "animal", "participant", "respondent"),
        *("driver", "author", "worker", "donor", "pupil", "athlete", "volunteer", "uid", "pid"),
    }
)
_ENTITY_WORDS = _PERSON_WORDS | {
    *("id", "ids", "code", "key", "uuid", "account", "device", "machine", "unit", "station"),
    *("sensor", "session", "vehicle", "case"),
}
"""A code, or a station, may be an honest kind of row as well."""
_FEWEST_KNOWN = 12
"""Test rows of known things that say something of the others."""
_PART = ": "
"""Between the name of a column and which part of its texts is asked."""
_MOST_PAIRED = 14
_MOST_OF_THREE = 10
_CODES = 200
"""Values of a column that names things together with two others."""
_SELDOM = 0.2
"""Test rows whose text train has as well, where the texts of the two are written differently."""
_SMOOTH_LEAVES = 16
"""Of a tree that foretells what rises and falls with a measurement, and looks nothing up."""


def words_of(name: str) -> set[str]:
    """The words of a column's name, in lower case."""
    return set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))


def looks_like_entity(feature: Feature) -> bool:
    """Whether the values name things that occur again and again, rather than measure them."""
    if feature.time is not None or feature.missing.mean() > 0.5:
        return False
    return _many_with_several(feature.distinct, len(feature.codes))


def _many_with_several(groups: int, rows: int) -> bool:
    return max(20, rows // 200) <= groups <= rows // 2


@check(
    {"L09": "an entity has rows on both sides, and they tell each other's answers"},
    title="Entities across the split",
    asks="Columns that name things (many values, each several times), alone or two or three "
    "together, also of other tables with the ids: how well looking the thing up in train foretells "
    "its test rows, beyond what the value as a number does. Split by the thing, or say that new "
    "rows of known things are the task.",
    needs=(Need.PRIVATE,),
)
def entities(subject: Subject) -> Iterator[Outcome]:
    """Lookup of entities in train."""
    plan = subject.plan
    if plan is not None and plan.split.kind is SplitKind.TEMPORAL:
        yield NotRun("L09", "the task is to foretell the future of known things")
        return
    kept = set(plan.split.group_columns) if plan is not None else set()
    limits = subject.thresholds
    subject = subject.in_full  # of some rows, many things have one or two
    for goal in subject.goals:
        found: list[_Lookup] = []
        told: set[str] = set()
        for feature in (*subject.inputs, *_in_names(subject), *columns_beside(subject)):
            if feature.name in kept or not looks_like_entity(feature):
                continue
            looked_up = _lookup((feature,), feature.codes, goal)
            smooth = 0.0
            if feature.number is not None:
                # With as many leaves as half the things, a tree looks them up too.
                leaves = min(_SMOOTH_LEAVES, feature.distinct // 4)
                smooth = tree_skill(feature.number[:, None], goal, subject.seed, leaves)
            numbers = {"overlap": looked_up.overlap, "skill": round(looked_up.skill, 4)}
            yield Measured("L09", {feature.name: numbers})
            if looked_up.overlap < 0.5:
                column = feature.name.partition(_PART)[0]
                findings = () if column in told else _of_the_known(subject, goal, feature)
                for finding in findings:
                    told.add(column)
                    yield finding
                continue
            person = words_of(feature.name) & _PERSON_WORDS
            least = limits.person_skill if person else limits.entity_warning
            if looked_up.skill - smooth >= least:
                found.append(looked_up)
        known = {name for looked_up in found for name in looked_up.names}
        pairs = () if kept else _fingerprints(subject, goal)
        found += [pair for pair in pairs if not known & set(pair.names)]
        for looked_up in found:
            yield from _entity_findings(subject, goal, looked_up)


def _of_the_known(subject: Subject, goal: Goal, feature: Feature) -> Iterator[Finding]:
    """Test rows of things that train knows, where most test rows are of others."""
    known = np.isin(feature.of_test(feature.codes), feature.of_train(feature.codes))
    known &= ~feature.of_test(feature.missing)
    if feature.number is not None and not words_of(feature.name) & _ENTITY_WORDS:
        return  # a measurement has equal values, and near ones
    if known.sum() < _FEWEST_KNOWN:
        return
    skill = goal.skill(group_prediction(feature.codes, goal), known)
    rest = beaten(subject, goal, skill, [feature.name], known)
    if rest is None:
        return
    yield Finding(
        code="L09",
        severity=Severity.ERROR,
        blame=Blame.DESIGN,
        message=f"{known.sum()} test rows have a {feature.name!r} that train knows, the others "
        f"have not; looking it up foretells {goal.feature.name!r} of these with skill {skill:.2f} "
        f"(a forest on all other columns {rest:.2f}); put all rows of one {feature.name!r} on one "
        "side.",
        evidence={
            "columns": [feature.name],
            "skill": round(skill, 4),
            "skill_of_all_others": round(rest, 4),
            "overlap": round(float(known.mean()), 4),
            "exploit": f"the usual target of the same {feature.name!r} in train",
            "repair": {"split": "grouped", "by": [feature.name]},
        },
    )


def _in_names(subject: Subject) -> Iterator[Feature]:
    """Parts of texts that hardly occur twice, such as names of files: sessions, persons, places."""
    for feature in subject.inputs:
        if feature.distinct > len(feature.codes) // 2:
            for part in parts(feature):
                yield replace(part.feature, name=f"{feature.name}{_PART}{part.how}")
        yield from _in_one_form(feature)


def _in_one_form(feature: Feature) -> Iterator[Feature]:
    """What texts of train and of test have in common, where the two are written differently."""
    if feature.number is not None or feature.time is not None:
        return
    if np.isin(feature.of_test(feature.codes), feature.of_train(feature.codes)).mean() > _SELDOM:
        return
    text = feature.text.str.casefold()
    bare = text.str.replace(r"[\W_]+|(?<!\d)0+(?=\d)", "", regex=True)
    for how, cells in (("letters and digits", bare), ("number", text.str.extract(r"0*(\d+)")[0])):
        yield Feature(f"{feature.name}{_PART}{how}", cells, feature.train_rows)


class _Lookup(NamedTuple):
    """Columns that together name a thing, and how well looking it up in train foretells test."""

    columns: tuple[Feature, ...]
    skill: float
    overlap: float
    """Share of test rows of things that train knows."""

    @property
    def names(self) -> list[str]:
        return [f.name for f in self.columns]


def _lookup(columns: tuple[Feature, ...], codes: Ints, goal: Goal) -> _Lookup:
    feature = columns[0]
    known = np.isin(feature.of_test(codes), feature.of_train(codes))
    return _Lookup(columns, group_skill(codes, goal), round(float(known.mean()), 4))


def _fingerprints(subject: Subject, goal: Goal) -> Iterator[_Lookup]:
    """The best two columns, or three, that together name things though no one does so alone."""
    rows = len(goal.codes)
    candidates = [
        f for f in subject.inputs if 3 <= f.distinct <= rows // 2 and f.missing.mean() <= 0.5
    ]
    candidates.sort(key=lambda f: -f.distinct)
    coded = [f for f in candidates if f.distinct <= _CODES and _is_code(f)][:_MOST_OF_THREE]
    alone = {f.name: group_skill(f.codes, goal) for f in (*candidates[:_MOST_PAIRED], *coded)}
    for sets in (combinations(candidates[:_MOST_PAIRED], 2), combinations(coded, 3)):
        best: _Lookup | None = None
        for columns in sets:
            codes = crossed_codes(*columns)
            if not _many_with_several(int(codes.max()) + 1, rows):
                continue
            found = _lookup(columns, codes, goal)
            gain = found.skill - max(alone[f.name] for f in columns)
            if found.overlap >= 0.5 and gain >= subject.thresholds.entity_gain:
                best = max(best or found, found, key=lambda known: known.skill)
        if best is None:
            continue
        table = np.stack([encoded(f) for f in best.columns], axis=1)
        smooth = tree_skill(table, goal, subject.seed, _SMOOTH_LEAVES)
        if best.skill - smooth >= subject.thresholds.entity_warning:
            yield best
            return


def _is_code(feature: Feature) -> bool:
    """Whether a column names rather than measures: no fractions."""
    return feature.number is None or bool((feature.number[~feature.missing] % 1 == 0).all())


def _entity_findings(subject: Subject, goal: Goal, found: _Lookup) -> Iterator[Finding]:
    limits = subject.thresholds
    single = len(found.columns) == 1
    words = words_of(found.names[0]) if single else set()
    named = bool(words & _ENTITY_WORDS)
    others = [f for f in subject.inputs if not single or f.name not in found.names]
    rest = joint_skill(others, goal, subject.seed)
    if found.skill <= rest and not named:
        return  # what the thing is like is among the inputs; looking it up gains nothing
    gain = found.skill - rest
    if words & _PERSON_WORDS and gain >= limits.person_gain:
        decisive = found.skill >= limits.person_skill
    else:
        gains = named or gain >= limits.entity_gain
        decisive = gains and found.skill >= limits.entity_skill
    shown = " and ".join(map(repr, found.names))
    yield Finding(
        code="L09",
        severity=Severity.ERROR if decisive else Severity.WARNING,
        blame=Blame.DESIGN,
        message=f"{found.overlap:.0%} of test rows have a {shown} that train knows, and looking "
        f"it up foretells {goal.feature.name!r} with skill {found.skill:.2f} (a forest on "
        f"{'all other' if single else 'all'} columns {rest:.2f}); put all rows of one {shown} on "
        "one side, or drop the column.",
        evidence={
            "columns": found.names,
            "skill_of_all_others": round(rest, 4),
            "exploit": f"the usual target of the same {shown} in train",
            "skill": round(found.skill, 4),
            "overlap": found.overlap,
            "repair": {"split": "grouped", "by": found.names},
        },
    )


CHECKS = (entities,)
