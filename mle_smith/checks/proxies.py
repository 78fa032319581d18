"""Does an input stand for the target: a copy, a recoding, a part of a sum?

Defect L6.

That a column foretells the target well is no defect: it may be an easy task. A proxy is a function
of the target or nearly so, and nothing else in the data comes close to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from mle_smith.checks.association import Goal
from mle_smith.checks.check import Measured, Need, Outcome, check
from mle_smith.checks.derived import calculated
from mle_smith.checks.features import Feature, Ints
from mle_smith.checks.future import of_the_past, series_order, timing
from mle_smith.checks.hidden import alone_of, hidden
from mle_smith.checks.identities import find_identity
from mle_smith.checks.partly_known import standing_where_known
from mle_smith.checks.standing import standing, stretches_apart
from mle_smith.checks.subject import Subject
from mle_smith.checks.time_overlap import time_of_rows
from mle_smith.values import Blame, Finding, Severity

_AFTERWARDS = frozenset(
    {
        *("after", "afterwards", "later", "follow", "followup", "outcome", "aftermath"),
        *("closing", "closed", "closure", "resolved", "resolution", "settled", "settlement"),
        *("billed", "refunded", "refund", "chargeback", "recovered", "collected", "payout"),
        *("discharge", "discharged", "disposition", "verdict", "adjudicated", "confirmed"),
    }
)
"""Words in names of what is known only when all is over."""
_MIN_REPEATS = 10
_GRADES = 4
_GRADE_VALUES = 3
"""So many grades of the target, and of distinct targets in each, are no coincidence."""


def _finding(
    severity: Severity, message: str, columns: Sequence[str], **evidence: object
) -> Finding:
    return Finding(
        code="L06",
        severity=severity,
        blame=Blame.DESIGN,
        message=message,
        evidence={"columns": list(columns), **evidence, "repair": {"drop_columns": list(columns)}},
    )


def recodes(feature: Feature, goal: Goal) -> bool:
    """Whether values of the column and of the target correspond one to one, in train and test.

    Asked of values that repeat; a quantity whose values hardly do must rise or fall with it
    throughout.
    """
    known = goal.known & (feature.codes >= 0)
    ours, theirs = feature.codes[known], goal.codes[known]
    if len(ours) < 0.9 * len(feature.codes) or len(ours) < 2 * _MIN_REPEATS:
        return False
    pairs = len(pd.DataFrame({"x": ours, "y": theirs}).drop_duplicates())
    distinct = len(np.unique(theirs))
    if pairs != distinct or pairs != len(np.unique(ours)) or distinct < 2:
        return False
    if len(ours) - distinct >= _MIN_REPEATS:
        return True
    values = feature.quantity
    if values is None or goal.classes:
        return False
    ordered = goal.values[known][np.argsort(values[known])]
    steps = np.diff(ordered)
    return bool((steps > 0).all() or (steps < 0).all())


def named_alike(column: str, target: str) -> bool:
    """Whether the names share a word of three letters or more."""
    return bool(set(_words(column)) & set(_words(target)))


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]{3,}", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def named_afterwards(column: str) -> bool:
    """Whether the name has a word for what comes after the outcome."""
    return bool(set(_words(column)) & _AFTERWARDS)


def told_in_text(feature: Feature, goal: Goal) -> float:
    """Share of rows whose text names the row's class, and no other (0 where few rows do)."""
    if not goal.classes or not 2 <= goal.feature.distinct <= 30:
        return 0.0
    if feature.number is not None or feature.time is not None:
        return 0.0
    truth = goal.feature.text.str.lower()
    labels = [str(label) for label in truth.dropna().unique()]
    if feature.plain_text.isin(labels).mean() > 0.5:
        return 0.0  # no text but a class itself: `recodes` and skill judge it
    pattern = "|".join(sorted(map(re.escape, labels), key=len, reverse=True))
    named = feature.plain_text.str.findall(rf"(?<!\w)(?:{pattern})(?!\w)")
    single = named.map(lambda found: found[0] if len(set(found)) == 1 else None, na_action="ignore")
    told = pd.DataFrame({"told": single, "truth": truth}).dropna()
    counts = told["told"].value_counts()
    if len(told) < 0.1 * len(truth) or (counts >= _MIN_REPEATS // 2).sum() < 2:
        return 0.0
    right = (told["told"] == told["truth"]).groupby(told["told"]).mean()
    # Words of a class honestly stand in some texts, but not in each, as a remark on the outcome.
    least = 0.85 if len(told) >= 0.9 * truth.notna().sum() else 0.95
    return len(told) / len(truth) if bool((right[counts >= 2] >= least).all()) else 0.0


@check(
    {"L06": "an input is the target in another form, or decides it alone (after the outcome)"},
    title="Proxies of the target",
    asks="An input that corresponds one to one with the target; that foretells it nearly perfectly "
    "where all others together do far worse, or does so on the few rows for which it is known; "
    "that names the class in its text; or inputs that add up or multiply to it. A strong honest "
    "feature is not one: others come close to it, or it leaves errors.",
    needs=(Need.PRIVATE,),
)
def proxies(subject: Subject) -> Iterator[Outcome]:
    """Columns that are functions or proxies of a target."""
    series = _series(subject)
    for goal in subject.goals:
        skills = subject.column_skills[goal.feature.name]
        yield Measured("L06", {"skill": {k: round(v, 4) for k, v in _top(skills)}})
        certain: set[str] = set()
        for feature in subject.inputs:
            told = told_in_text(feature, goal)
            if recodes(feature, goal) or told:
                certain.add(feature.name)
                how = f"names the class in {told:.0%} of its texts" if told else "recodes"
                yield _finding(
                    Severity.ERROR,
                    f"{feature.name!r} {how} the target {goal.feature.name!r}: each value of one "
                    "belongs to one value of the other. Drop the column."
                    if not told
                    else f"{feature.name!r} {how}. Drop the column.",
                    [feature.name],
                    target=goal.feature.name,
                )
        yield from _graded(subject, goal, certain)
        yield from _identities(subject, goal, certain)
        yield from _of_the_moment(subject, goal, certain, series)
        yield from _strong(subject, goal, skills, certain, series)
        yield from _hidden(subject, goal, certain, series)
        yield from _partly_known(subject, goal, certain)


def _top(skills: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(skills.items(), key=lambda item: (-item[1], item[0]))[:5]


def _graded(subject: Subject, goal: Goal, certain: set[str]) -> Iterator[Finding]:
    for feature in subject.inputs:
        if feature.name in certain or not stretches_apart(feature, goal, _GRADES, _GRADE_VALUES):
            continue
        certain.add(feature.name)
        yield _finding(
            Severity.ERROR,
            f"{feature.name!r} grades {goal.feature.name!r}: each of its {feature.distinct} values "
            "goes with a stretch of the target of its own, and none overlap. Drop the column.",
            [feature.name],
            target=goal.feature.name,
            exploit=f"the middle of the stretch that {feature.name!r} names",
        )


def _identities(subject: Subject, goal: Goal, certain: set[str]) -> Iterator[Finding]:
    if goal.classes:
        return
    rest = [f for f in subject.inputs if f.name not in certain]
    found = find_identity(rest, goal, subject.thresholds.identity_residual)
    if found is None:
        return
    certain.update(found.columns)
    yield _finding(
        Severity.ERROR,
        f"{goal.feature.name!r} is {found.formula}, up to {found.residual:.1g} of its standard "
        f"deviation. Drop {', '.join(map(repr, found.columns))}.",
        found.columns,
        target=goal.feature.name,
        formula=found.formula,
        residual=found.residual,
    )


def _of_the_moment(
    subject: Subject, goal: Goal, certain: set[str], series: list[Ints] | None
) -> Iterator[Finding]:
    """In a task over time: numbers that follow the target's moment closer than any before."""
    limits = subject.thresholds
    if series is None:
        return
    made: list[tuple[Feature, tuple[str, ...]]] = [(f, (f.name,)) for f in subject.inputs]
    made += [(pair.feature(goal), pair.columns) for pair in calculated(subject.inputs, goal)]
    for feature, columns in made:
        found = timing(feature, goal, series)
        if found is None or set(columns) & certain or found.now < found.later:
            continue
        if found.now < limits.future_fit:
            continue
        if 1 - found.now <= limits.future_ratio * (1 - found.before):
            certain.update(columns)
            yield _finding(
                Severity.ERROR,
                f"{feature.name!r} follows {goal.feature.name!r} of its own time (R² "
                f"{found.now:.3f}) more closely than of any time before ({found.before:.3f}): it "
                "is the target in another form. Drop it, or give its value of the time before.",
                columns,
                target=goal.feature.name,
                fit=round(found.now, 4),
                fit_before=round(found.before, 4),
                exploit=f"a line through {feature.name!r} alone",
            )


def _series(subject: Subject) -> list[Ints] | None:
    """The order of the rows of a task over time, where one can be told."""
    dated = time_of_rows(subject) if subject.temporal and subject.inputs else None
    return series_order(dated[1], list(subject.inputs)) if dated is not None else None


def _strong(
    subject: Subject,
    goal: Goal,
    skills: dict[str, float],
    certain: set[str],
    series: list[Ints] | None,
) -> Iterator[Finding]:
    """Single columns that foretell the target where all the others together do far worse."""
    limits = subject.thresholds
    usual = limits.suspect_class_skill if goal.classes else limits.suspect_skill

    def bounds(name: str) -> tuple[float, float]:
        """The least skill of a suspect, and the part of all errors that it may leave."""
        if named_afterwards(name):
            return limits.afterwards_skill, limits.afterwards_ratio
        return usual, limits.rest_ratio

    suspects = {
        name
        for name, skill in skills.items()
        if skill >= bounds(name)[0] - limits.skill_margin and name not in certain
    }
    if subject.temporal and not goal.classes:
        # Yesterday's value may honestly be all there is to know: `future` judges numbers.
        suspects = {f.name for f in subject.inputs if f.name in suspects and f.quantity is None}
    copies = {n for n in suspects if skills[n] >= limits.proxy_skill}
    for feature in [f for f in subject.inputs if f.name in suspects]:
        # Copies vouch for each other; what is merely strong may stand against other such.
        apart = copies | {feature.name} | certain
        others = [f for f in subject.inputs if f.name not in apart]
        rule = alone_of(subject.seed)
        found = standing([feature], rule, others, goal, subject.seed, *bounds(feature.name))
        if found is None or (series and goal.classes and of_the_past(feature, goal, series)):
            continue
        certain.add(feature.name)
        yield _finding(
            Severity.ERROR,
            f"{feature.name!r} alone foretells {goal.feature.name!r} with skill "
            f"{found.alone:.3f}, all other columns together with {found.rest:.3f}: it looks like "
            "a copy of the target or something known only after it. Drop it, unless it is known "
            "when the prediction is wanted.",
            [feature.name],
            target=goal.feature.name,
            skill_alone=round(found.alone, 4),
            skill_of_all_others=round(found.rest, 4),
            named_alike=named_alike(feature.name, goal.feature.name),
            exploit=f"a tree on {feature.name!r} alone",
        )


def _hidden(
    subject: Subject, goal: Goal, certain: set[str], series: list[Ints] | None
) -> Iterator[Finding]:
    """Parts of texts, and combinations of two columns, that do the same."""
    for one, found in hidden(subject, goal, certain):
        single = goal.classes and len(one.made_of) == 1
        if series and single and of_the_past(one.made_of[0], goal, series):
            continue
        certain.update(one.columns)
        less = (
            f"other inputs with {found.rest:.3f}" if one.others else "each alone with next to none"
        )
        yield _finding(
            Severity.ERROR,
            f"{one.how} of {' and '.join(map(repr, one.columns))} foretells "
            f"{goal.feature.name!r} with skill {found.alone:.3f}, {less}: the target is hidden "
            "there. Drop "
            f"{', '.join(map(repr, one.columns))}.",
            one.columns,
            target=goal.feature.name,
            skill_alone=round(found.alone, 4),
            skill_of_all_others=round(found.rest, 4),
            exploit=one.how,
        )


def _partly_known(subject: Subject, goal: Goal, certain: set[str]) -> Iterator[Finding]:
    limits = subject.thresholds
    if subject.temporal and not goal.classes:
        return
    open_ = [f for f in subject.inputs if f.name not in certain]
    least = limits.suspect_class_skill if goal.classes else limits.suspect_skill
    for feature, found, share in standing_where_known(
        open_, goal, least, limits.rest_ratio, subject.seed
    ):
        yield _finding(
            Severity.ERROR,
            f"on the {share:.0%} of rows for which {feature.name!r} is known it foretells "
            f"{goal.feature.name!r} with skill {found.alone:.3f}, all other columns with "
            f"{found.rest:.3f}: it looks like something known only after the target. Drop it.",
            [feature.name],
            target=goal.feature.name,
            skill_alone=round(found.alone, 4),
            skill_of_all_others=round(found.rest, 4),
            rows_known=round(share, 4),
            exploit=f"a tree on {feature.name!r} where it is known",
        )


CHECKS = (proxies,)
