"""Do pairs of names tell answers: exchanged in train, or by which names were paired how often?

Defect L16: links both ways, questions in either order, matches seen from each side, clusters of
duplicates, and negative pairs that were drawn from other names than positive ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix  # type: ignore[import-untyped]  # has no stubs
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]
from scipy.stats import binom, rankdata  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.association import Goal, correlation, tree_skill
from mle_smith.checks.check import Measured, Need, Outcome, check
from mle_smith.checks.decoding.readers import SideTable
from mle_smith.checks.features import Feature, Floats, Ints, plain
from mle_smith.checks.links import beaten, link_findings
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity

_MAX_COLUMNS = 30
_TWO_NAMES = r"^\s*([^\s|/,;:>~+-]+)\s*(?:[|/,;:>~+-]+|\s|_)\s*([^\s|/,;:>~+-]+)\s*$"
_FEWEST = 5
_FEWEST_NAMES = 40
_FEWEST_CORRELATED = 10
_FEW_LEAVES = 8
_ALIKE_NAMES, _ALIKE_NUMBERS = 0.02, 0.2
"""Values that two columns share. Numbers meet by chance, names of which each is rare do not."""
_MOST_TABLES = 20
_KNOWN = 0.5
"""Names of a column of another file that are names of the rows."""


@check(
    {"L16": "pairs of names, or links between rows, tell the target"},
    title="Pairs and links",
    asks="Two columns of the same values: test rows (a, b) whose (b, a) is in train, and whether "
    "the target there is the same, the other one, or goes with it, against chance; whether how "
    "often names occur, a chain of train pairs between them, or a list of pairs in another file "
    "foretells the target better than all other inputs. Links between rows (a column of ids, a "
    "table of pairs of ids, a sparse matrix): whether the linked train rows foretell test rows "
    "better than all inputs.",
    needs=(Need.PRIVATE,),
)
def reversed_pairs(subject: Subject) -> Iterator[Outcome]:
    """Lookup of the reversed pair, and of the linked rows, in train."""
    yield from link_findings(subject)
    for goal in subject.in_full.goals:
        yield from _counted(subject.in_full, goal)
    candidates = [f for f in subject.inputs if f.distinct >= 8][:_MAX_COLUMNS]
    asked = [p for p in combinations(candidates, 2) if _same_kind(*p)]
    asked += [p for f in candidates for p in _within(f) if _same_kind(*p)]
    if not asked:
        yield Measured("L16", {"pairs_of_columns": 0})
    lists = _names_in_files(subject.side_files.tables) if asked else []
    for one, other in asked:
        listed = _listed(lists, one, other)
        for goal in subject.goals:
            yield from _judged(subject, goal, one, other)
            yield from _of_the_graph(subject, goal, one, other, listed)


def _within(feature: Feature) -> Iterator[tuple[Feature, Feature]]:
    """The two names in each cell of a column, where each has two."""
    if feature.number is not None or feature.time is not None:
        return
    halves = feature.text.str.extract(_TWO_NAMES)
    if halves.notna().all(axis=1).sum() >= 0.95 * feature.text.notna().sum():
        one, other = (
            Feature(f"{feature.name}, part {n + 1}", halves[n], feature.train_rows) for n in (0, 1)
        )
        yield one, other


def _same_kind(one: Feature, other: Feature) -> bool:
    """Whether the columns name the same things: a fifth of the numbers, or some of the names."""
    if (one.number is None) != (other.number is None):
        return False
    if one.number is not None and bool((one.number % 1 != 0).any()):
        return False
    ours, theirs = set(one.plain_text.dropna()), set(other.plain_text.dropna())
    least = _ALIKE_NAMES if one.number is None else _ALIKE_NUMBERS
    return len(ours & theirs) >= max(8, least * min(len(ours), len(theirs)))


def _judged(subject: Subject, goal: Goal, one: Feature, other: Feature) -> Iterator[Outcome]:
    left, right, size = _names(one, other)
    forward, backward = left * size + right, right * size + left
    rows, places = _lookup(one.of_train(forward), one.of_test(backward))
    proper = one.of_test(left)[rows] != one.of_test(right)[rows]
    rows, places = rows[proper], places[proper]
    ours, theirs = (
        goal.feature.of_test(goal.values)[rows],
        goal.feature.of_train(goal.values)[places],
    )
    count = len(rows)
    share = count / max(1, len(subject.test_rows))
    told = _classes_told(goal, ours, theirs) if goal.classes else _values_told(goal, ours, theirs)
    numbers: dict[str, object] = {"reversed_rows": count, "share": round(share, 4)}
    numbers |= {"of_the_target": round(told.part, 4), "how": told.how}
    yield Measured("L16", {f"{one.name}, {other.name}": numbers})
    if count < _FEWEST or share < 0.01 or not told.certain:
        return
    # Grades and places on a grid meet in every order: as they stand, too.
    repeated = np.isin(one.of_test(forward), one.of_train(forward))
    turned = np.zeros_like(repeated)
    turned[rows] = True
    by_chance = int((repeated & ~turned).sum())
    if (turned & ~repeated).sum() <= subject.thresholds.chance_factor * by_chance:
        return
    yield Finding(
        code="L16",
        severity=Severity.ERROR,
        blame=Blame.DESIGN,
        message=f"{share:.1%} of the test rows ({count}) are in train with {one.name!r} and "
        f"{other.name!r} exchanged: {goal.feature.name!r} {told.how} there ({told.part:.0%}); keep "
        "both directions of a pair on one side.",
        evidence={
            **numbers,
            "columns": [one.name, other.name],
            "exploit": f"what {goal.feature.name!r} of the reversed pair says",
            "repair": {"split": "grouped", "by": [one.name, other.name]},
        },
    )


def _of_the_graph(
    subject: Subject, goal: Goal, one: Feature, other: Feature, listed: Floats | None
) -> Iterator[Outcome]:
    """What the pairs tell as links of a graph, beyond what all other inputs do."""
    left, right, size = _names(one, other)
    if size < max(_FEWEST_NAMES, len(left) // 100):
        return  # parts of dates, say, or grades
    skills = {
        "how often each name occurs": tree_skill(_degrees(left, right), goal, subject.seed),
        "which names train joins by a chain of pairs": _chained(goal, left, right),
    }
    if listed is not None:
        skills["whether another file has the pair, as it is or turned"] = tree_skill(
            listed, goal, subject.seed, _FEW_LEAVES
        )
    yield Measured(
        "L16", {f"{one.name} - {other.name}": {k: round(v, 4) for k, v in skills.items()}}
    )
    how, skill = max(skills.items(), key=lambda pair: pair[1])
    within = one.name.rpartition(", part ")[0]  # where both names stand in one cell
    rest = beaten(subject, goal, skill, [one.name, other.name, within])
    if rest is None:
        return
    yield Finding(
        code="L16",
        severity=Severity.ERROR,
        blame=Blame.DESIGN,
        message=f"{how}, of {one.name!r} and {other.name!r}, foretells {goal.feature.name!r} with "
        f"skill {skill:.2f}, all other columns with {rest:.2f}: it shows how pairs were chosen; "
        "draw the pairs of each class alike, and keep names that are joined on one side.",
        evidence={
            "columns": [one.name, other.name],
            "skill": round(skill, 4),
            "skill_of_all_others": round(rest, 4),
            "exploit": how,
            "repair": {"split": "grouped", "by": [one.name, other.name]},
        },
    )


def _counted(subject: Subject, goal: Goal) -> Iterator[Outcome]:
    """How often each name occurs in its own file, where that foretells the target."""
    for feature in subject.inputs[:_MAX_COLUMNS]:
        coded = feature.number is not None or feature.time is not None
        if coded or not _FEWEST_NAMES <= feature.distinct <= 0.8 * len(feature.codes):
            continue
        codes, cut = feature.codes + 1, feature.train_rows
        counts = np.concatenate([np.bincount(side)[side] for side in (codes[:cut], codes[cut:])])
        skill = tree_skill(counts[:, None].astype(np.float64), goal, subject.seed, _FEW_LEAVES)
        yield Measured("L16", {f"how often each {feature.name!r} occurs": round(skill, 4)})
        rest = beaten(subject, goal, skill, [feature.name])
        if rest is not None:
            yield Finding(
                code="L16",
                severity=Severity.ERROR,
                blame=Blame.DESIGN,
                message=f"how often a {feature.name!r} occurs foretells {goal.feature.name!r} with "
                f"skill {skill:.2f}, all other columns with {rest:.2f}: it shows how the rows were "
                "chosen; draw the rows of each class alike, or drop the column.",
                evidence={
                    "columns": [feature.name],
                    "skill": round(skill, 4),
                    "skill_of_all_others": round(rest, 4),
                    "exploit": f"the count of the {feature.name!r}",
                    "repair": {"drop_columns": [feature.name]},
                },
            )


def _names(one: Feature, other: Feature) -> tuple[Ints, Ints, int]:
    """The names of both sides as codes of one list, and the list's length."""
    codes = pd.factorize(pd.concat([one.plain_text, other.plain_text]))[0].astype(np.int64)
    return codes[: len(one.codes)], codes[len(one.codes) :], int(codes.max()) + 2


def _degrees(left: Ints, right: Ints) -> Floats:
    """How often the rarer and the commoner name of each pair occur in all pairs."""
    counts = np.bincount(np.concatenate([left, right]) + 1)
    both = np.stack([counts[left + 1], counts[right + 1]], axis=1).astype(np.float64)
    return np.sort(both, axis=1)


def _names_in_files(tables: Sequence[SideTable]) -> list[list[pd.Series[str]]]:
    """The columns, as plain texts, of the longest tables beside train and test."""
    longest = sorted(tables, key=lambda table: -len(table.frame))[:_MOST_TABLES]
    return [
        [plain(table.frame[column].astype(str)) for column in table.frame.columns[:_MAX_COLUMNS]]
        for table in longest
    ]


def _listed(
    tables: Sequence[Sequence[pd.Series[str]]], one: Feature, other: Feature
) -> Floats | None:
    """Whether a file lists the pair of each row, and the turned pair; None where none may."""
    ours = [plain(f.text.fillna("")).to_numpy(dtype=object) for f in (one, other)]
    names = {*ours[0], *ours[1]} - {""}
    found = []
    for columns in tables:
        known = [texts for texts in columns if texts.isin(names).mean() >= _KNOWN]
        for first, second in list(combinations(known, 2))[:_MOST_TABLES]:
            pairs = pd.MultiIndex.from_arrays([first, second])
            for turn in (ours, ours[::-1]):
                found.append(pd.MultiIndex.from_arrays(turn).isin(pairs))
    varied = [mask.astype(np.float64) for mask in found if 0 < mask.mean() < 1]
    return np.stack(varied, axis=1) if varied else None


def _chained(goal: Goal, left: Ints, right: Ints) -> float:
    """Skill of calling pairs alike whose names are joined by pairs of one class in train."""
    if not goal.classes or goal.feature.distinct != 2:
        return 0.0
    cut, size = goal.feature.train_rows, int(max(left.max(), right.max())) + 2
    best = 0.0
    for code in (0, 1):
        links = goal.feature.of_train(goal.codes) == code
        ends = (left[:cut][links] + 1, right[:cut][links] + 1)
        graph = coo_matrix((np.ones(len(ends[0])), ends), shape=(size, size))
        parts = connected_components(graph, directed=False)[1]
        joined = (parts[left + 1] == parts[right + 1]).astype(np.int64)
        # Pairs of train are joined by themselves: what joins test pairs is asked of test alone.
        guess = np.where(joined[cut:] == 1, code, 1 - code)
        best = max(best, goal.skill(guess))
    return best


class _Told(NamedTuple):
    """What the targets of reversed pairs say about those of test rows."""

    how: str
    part: float
    """Rows whose class it gives, or the share of the variance."""
    certain: bool


def _classes_told(goal: Goal, ours: Floats, theirs: Floats) -> _Told:
    """The same class, or of two classes always the other one."""
    here = [np.bincount(side.astype(np.int64) + 1, minlength=1) for side in (ours, theirs)]
    size = min(map(len, here))
    usual = float((goal.matrix.mean(axis=0) ** 2).sum())
    # Rows whose pair is reversed somewhere may be of one class more often than others are.
    alike = float(here[0][:size] @ here[1][:size]) / max(1, len(ours)) ** 2
    asked = [("is the same", ours == theirs, max(usual, alike))]
    if goal.feature.distinct == 2:
        asked.append(("is the other one", ours != theirs, 1 - min(usual, alike)))
    count, best = len(ours), _Told("is not told", 0.0, certain=False)
    for how, right, chance in asked:
        hits = int(right.sum())
        luck = float(binom.sf(hits - 1, count, min(chance, 1.0))) if count else 1.0
        certain = hits >= 0.85 * count and luck <= (0.05 if hits == count else 1e-3)
        best = max(best, _Told(how, hits / max(1, count), certain), key=lambda t: t[1:][::-1])
    return best


def _values_told(goal: Goal, ours: Floats, theirs: Floats) -> _Told:
    """The same value, or one that rises and falls with it."""
    count = len(ours)
    spread = float(np.nanstd(goal.values)) or 1.0
    hits = int((np.abs(ours - theirs) <= 0.01 * spread).sum())
    if count >= _FEWEST and hits >= 0.85 * count and binom.sf(hits - 1, count, 0.05) <= 1e-3:
        return _Told("is the same", hits / count, certain=True)
    if count < _FEWEST_CORRELATED:
        return _Told("is not told", 0.0, certain=False)
    r = correlation(rankdata(ours), rankdata(theirs))
    surprise = float(np.arctanh(min(abs(r), 1 - 1e-9))) * (count - 3) ** 0.5  # Fisher
    how = "rises and falls with that" if r > 0 else "rises where that falls"
    return _Told(how, r**2, certain=r**2 >= 0.5 and surprise >= 4)


def _lookup(known: Ints, asked: Ints) -> tuple[Ints, Ints]:
    """Rows of `asked` that are among `known`, and where the first of these is."""
    first = pd.Series(np.arange(len(known)), index=known)
    first = first[~first.index.duplicated()]
    found = first.reindex(asked).to_numpy(dtype=np.float64, na_value=np.nan)
    rows = np.flatnonzero(~np.isnan(found))
    return rows.astype(np.int64), found[rows].astype(np.int64)


CHECKS = (reversed_pairs,)
