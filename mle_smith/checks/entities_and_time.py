"""Do entities, or neighbours in time, tell the answers across the split?

Defects L9 and L10.
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
from mle_smith.checks.features import Feature, Floats, Ints
from mle_smith.checks.future import series_order, timing
from mle_smith.checks.handed_on import answers_handed_on
from mle_smith.checks.links import beaten
from mle_smith.checks.next_rows import next_row_findings
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity, SplitKind, TaskType

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
_MOST_PAIRED = 14
_MOST_OF_THREE = 10
_CODES = 200
"""Values of a column that names things together with two others."""
_SELDOM = 0.2
"""Test rows whose text train has as well, where the texts of the two are written differently."""
_SMOOTH_LEAVES = 16
"""Of a tree that foretells what rises and falls with a measurement, and looks nothing up."""
_TOKEN = r"[a-z0-9_:.-]{8,64}"
_TIME_PARTS = ("year", "month", "day", "hour", "minute", "second")


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
                yield from _of_the_known(subject, goal, feature)
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
                yield replace(part.feature, name=f"{feature.name}: {part.how}")
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
        yield Feature(f"{feature.name}: {how}", cells, feature.train_rows)


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


def time_of_rows(subject: Subject) -> tuple[list[str], Floats] | None:
    """The columns that date the rows, and their dates as numbers; None where nothing does."""
    by_name = {f.name: f for f in subject.inputs}
    planned = list(subject.plan.split.time_columns) if subject.plan is not None else []
    if not planned or not set(planned) <= set(by_name):
        planned = [f.name for f in subject.inputs if f.time is not None][:1]
    if not planned:
        parts = {p: [n for n in by_name if words_of(n) == {p}] for p in _TIME_PARTS}
        planned = [parts[p][0] for p in _TIME_PARTS if len(parts[p]) == 1]
        if "year" not in (w for n in planned for w in words_of(n)) or len(planned) < 2:
            return None
    total = np.zeros(len(subject.inputs[0].codes))
    for name in planned:
        feature = by_name[name]
        values = feature.number if feature.number is not None else feature.time
        if values is None or np.isnan(values).any():
            return None
        ranks = np.unique(values, return_inverse=True)[1]
        total = total * (int(ranks.max()) + 1) + ranks
    return planned, total


@check(
    {"L10": "test rows lie among train rows in time, and their neighbours tell the answer"},
    title="Time across the split",
    asks="In a task of forecasting no test row lies in train's span of time. Elsewhere, where rows "
    "are dated: how well the target of the train rows next in time foretells a test row. In a "
    "split by time no input follows the target of its own time or later more closely, and none "
    "holds the answers of other test rows, some steps away. In any other "
    "split: whether a column's cell in the next row, or the step to it, foretells the target.",
    needs=(Need.PRIVATE,),
)
def time_overlap(subject: Subject) -> Iterator[Outcome]:
    """Neighbours in time on the other side of the split."""
    yield from next_row_findings(subject)
    for name, order in _tokens(subject):
        yield from _overlap(subject, [name], order)
    dated = time_of_rows(subject) if subject.inputs else None
    if dated is None:
        yield NotRun("L10", "no public column dates the rows")
        return
    yield from _futures(subject, *dated)
    for columns, times in _datings(subject, dated):
        yield from _overlap(subject, columns, times)


def _tokens(subject: Subject) -> Iterator[tuple[str, Floats]]:
    """Codes of which each row has its own, in their order: some begin with the time."""
    for feature in subject.inputs:
        named = feature.number is None and feature.time is None
        if named and feature.distinct >= 0.98 * len(feature.codes):
            text = feature.text.fillna("").str.casefold()
            if text.str.fullmatch(_TOKEN).mean() >= 0.98 and text.str.contains(r"\d").mean() > 0.9:
                yield feature.name, np.asarray(text.rank(method="dense"), dtype=np.float64)


def _datings(
    subject: Subject, first: tuple[list[str], Floats]
) -> Iterator[tuple[list[str], Floats]]:
    """All columns that date the rows, where no plan names those that matter."""
    yield first
    planned = subject.plan is not None and subject.plan.split.time_columns
    for feature in () if planned else subject.inputs:
        times = None if feature.name in first[0] else feature.time
        if times is not None and not np.isnan(times).any():
            yield [feature.name], times


def _overlap(subject: Subject, columns: list[str], times: Floats) -> Iterator[Outcome]:
    feature = subject.inputs[0]
    latest = float(feature.of_train(times).max())
    inside = float((feature.of_test(times) < latest).mean())
    forecasting = subject.plan is not None and subject.plan.task_type is TaskType.FORECASTING
    repair: dict[str, object] = {"split": "temporal", "by": columns}
    if inside and forecasting:
        yield Finding(
            code="L10",
            severity=Severity.ERROR,
            blame=Blame.DESIGN,
            message=f"{inside:.0%} of test rows are older than the latest train row by {columns}; "
            "in forecasting test must lie after train.",
            evidence={"share": round(inside, 4), "repair": repair},
        )
    elif inside > 0.1:
        yield from _neighbours(subject, columns, times, repair)
    else:
        yield Measured("L10", {"test_rows_within_train_time": round(inside, 4)})


def _futures(subject: Subject, columns: list[str], times: Floats) -> Iterator[Outcome]:
    """Inputs that follow the target's later values more closely than its earlier ones."""
    if not subject.temporal:
        return
    limits = subject.thresholds
    series = series_order(times, list(subject.inputs))
    yield from answers_handed_on(subject, series or [np.argsort(times, kind="stable")])
    for feature in subject.inputs if series is not None else ():
        for goal in subject.goals:
            found = timing(feature, goal, series or [])
            if feature.name in columns or found is None or found.now >= found.later:
                continue  # of its own time: `proxies` says so
            best = found.later
            if best >= limits.future_fit and 1 - best <= limits.future_ratio * (1 - found.before):
                yield Finding(
                    code="L10",
                    severity=Severity.ERROR,
                    blame=Blame.DESIGN,
                    message=f"{feature.name!r} follows {goal.feature.name!r} of the time after (R² "
                    f"{best:.3f}) more closely than with any time before ({found.before:.3f}): it "
                    "was not known beforehand. Drop it, or give the value of the time before.",
                    evidence={
                        "columns": [feature.name],
                        "fit": round(best, 4),
                        "fit_before": round(found.before, 4),
                        "exploit": f"{feature.name!r} of the neighbouring row",
                        "repair": {"drop_columns": [feature.name]},
                    },
                )


def _neighbours(
    subject: Subject, columns: list[str], times: Floats, repair: dict[str, object]
) -> Iterator[Outcome]:
    limits = subject.thresholds
    for goal in subject.goals:
        skill = goal.skill(_nearest_in_time(goal, times))
        yield Measured("L10", {"skill_of_neighbours_in_time": round(skill, 4)})
        if skill < limits.time_neighbour_warning:
            continue
        others = [f for f in subject.inputs if f.name not in columns]
        rest = joint_skill(others, goal, subject.seed)
        if skill < rest + 0.15:
            continue  # whatever makes neighbours alike is among the inputs
        yield Finding(
            code="L10",
            severity=Severity.ERROR if skill >= limits.time_neighbour_skill else Severity.WARNING,
            blame=Blame.DESIGN,
            message=f"the train rows next in time foretell {goal.feature.name!r} with skill "
            f"{skill:.2f}, the other inputs with {rest:.2f}: the split tests interpolation; cut by "
            f"{columns} instead.",
            evidence={"skill": round(skill, 4), "rest": round(rest, 4), "repair": repair},
        )


def _nearest_in_time(goal: Goal, times: Floats) -> Floats:
    """For each test row what train rows of its time have, or of the nearest time there is."""
    feature = goal.feature
    known = np.unique(feature.of_train(times)[goal.train_known])
    place = np.searchsorted(known, times).clip(1, len(known) - 1)
    before, after = known[place - 1], known[place]
    nearest = np.where(times - before <= after - times, place - 1, place)
    return np.asarray(group_prediction(nearest.astype(np.int64), goal))


CHECKS = (entities, time_overlap)
