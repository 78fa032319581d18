"""Do links between rows tell the target: lists of pairs of ids, references, similarity matrices?

Defect L16. Links that were drawn after the answers were known join rows of like target. What a
test row is linked with in train then foretells it better than all inputs do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
import pandas as pd

from mle_smith.checks.association import Goal, joint_prediction
from mle_smith.checks.check import Measured, Outcome
from mle_smith.checks.decoding.readers import SideTable
from mle_smith.checks.features import Floats, Ints, Mask, numbers_of, plain
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity

_MOST_TABLES = 20
_MOST_COLUMNS = 3
"""Columns of ids of one table."""
_FEWEST = 40
_FEWEST_LINKED = 12
"""Test rows with a link."""
_NEARLY_ALL = 0.9
_LUCK = 1.5
"""Standard errors, about, of the skill on one row: so much more is asked of few rows."""
_IDS = 0.9
"""Part of the cells of a column that are ids of rows."""
_KIND, _LAST = r"[\s/\\:#|=]", r"([^\s/\\:#|=]+)$"
"""What stands in a cell after the kind of thing that it names."""
_PARTS = ("row.npy", "col.npy", "indptr.npy", "indices.npy")
"""Of a sparse matrix, as SciPy names them in its archive."""


class _Links(NamedTuple):
    """Pairs of rows, by their places: train rows first, then test rows."""

    where: str
    one: Ints
    other: Ints
    columns: tuple[str, ...] = ()
    """The input that holds them, if one does."""


def link_findings(subject: Subject) -> Iterator[Outcome]:
    """What the linked rows of train foretell of test rows."""
    if subject.id_column not in subject.train:
        return
    whole = subject.in_full
    for links in _links(whole, subject.side_files.tables):
        for goal in whole.goals:
            said, linked = _by_links(goal, links)
            if linked.sum() < _FEWEST_LINKED:
                continue
            skill = goal.skill(said, linked)
            numbers = {"test_rows": int(linked.sum()), "skill_of_linked_rows": round(skill, 4)}
            yield Measured("L16", {links.where: numbers})
            rest = beaten(whole, goal, skill, links.columns, linked)
            if rest is None:
                continue
            yield Finding(
                code="L16",
                severity=Severity.ERROR,
                blame=Blame.DESIGN,
                message=f"the train rows that {links.where} links {linked.sum()} test rows with "
                f"foretell {goal.feature.name!r} with skill {skill:.2f}, the inputs with "
                f"{rest:.2f}: the links show who has the same answer. Leave out those across the "
                "split.",
                evidence={
                    "columns": list(links.columns),
                    "skill": round(skill, 4),
                    "skill_of_inputs": round(rest, 4),
                    "exploit": "the usual target of the linked train rows",
                },
            )


def beaten(
    subject: Subject, goal: Goal, skill: float, own: Sequence[str], asked: Mask | None = None
) -> float | None:
    """Skill of the inputs but its `own` names, where a skill is far better; None where it is not.

    Of all test rows, or of those asked. A number is more than a name, and stays an input: what its
    value says is honestly known.
    """
    limits = subject.thresholds
    luck = 0.0 if asked is None or asked.mean() > _NEARLY_ALL else _LUCK / np.sqrt(asked.sum())
    if skill < limits.entity_skill + luck:
        return None
    others = [f for f in subject.inputs if f.name not in own or f.number is not None]
    predicted = (
        joint_prediction(others, goal, subject.seed)
        if len(others) < len(subject.inputs)
        else subject.foretold[goal.feature.name]
    )
    rest = 0.0 if predicted is None else goal.skill(predicted, asked)
    far = skill - rest >= limits.entity_gain + luck or 1 - skill <= limits.rest_ratio * (1 - rest)
    return rest if far else None


def _by_links(goal: Goal, links: _Links) -> tuple[Floats | Ints, Mask]:
    """For each test row what the train rows linked with it have, and which are linked at all.

    The most frequent class, or the mean.
    """
    cut, matrix = goal.feature.train_rows, goal.matrix
    ours = np.concatenate([links.one, links.other])
    theirs = np.concatenate([links.other, links.one])
    across = (ours >= cut) & (theirs < cut)
    ours, theirs = ours[across] - cut, theirs[across]
    known = goal.train_known[theirs]
    ours, theirs = ours[known], theirs[known]
    rows = len(goal.codes) - cut
    counts = np.bincount(ours, minlength=rows)[:, None]
    sums = np.stack([np.bincount(ours, column[theirs], rows) for column in matrix.T], axis=1)
    usual = matrix[:cut][goal.train_known].mean(axis=0)
    means = (sums + 1e-6 * usual) / (counts + 1e-6)
    said = means.argmax(axis=1) if goal.classes else means[:, 0]
    return np.asarray(said), counts[:, 0] > 0


def _links(whole: Subject, others: Sequence[SideTable]) -> Iterator[_Links]:
    ids = whole.ids
    places = pd.Series(np.arange(len(ids)), index=ids.to_numpy())
    places = places[~places.index.duplicated()]
    for feature in whole.inputs:
        at = _places(feature.text, places)
        if at is not None:
            rows = np.flatnonzero(at >= 0)
            yield _Links(repr(feature.name), rows, at[rows], (feature.name,))
    for table in sorted(others, key=lambda table: -len(table.frame))[:_MOST_TABLES]:
        found = (_places(table.frame[column], places) for column in table.frame.columns)
        columns = [at for at in found if at is not None][:_MOST_COLUMNS]
        for one, other in combinations(columns, 2):
            both = (one >= 0) & (other >= 0) & (one != other)
            if both.sum() >= _FEWEST:
                yield _Links(table.name, one[both], other[both])
    yield from _matrices(others, len(ids))


def _places(cells: pd.Series[str], places: pd.Series[int]) -> Ints | None:
    """The rows that cells name by their ids, -1 where a cell is empty; None for other columns.

    A cell may say before the id what kind of thing it is (`case/17`).
    """
    filled = plain(cells.astype(str).where(cells.notna(), ""))
    named = filled != ""
    if named.sum() < _FEWEST:
        return None
    forms = [filled]
    if filled[named].iloc[:20].str.contains(_KIND).all():
        forms.append(filled.str.extract(_LAST, expand=False).fillna(""))
    for written in forms:
        found = places.reindex(written).fillna(-1).to_numpy().astype(np.int64)
        if (found[named.to_numpy()] >= 0).mean() >= _IDS:
            return found
    return None


def _matrices(tables: Sequence[SideTable], rows: int) -> Iterator[_Links]:
    """Sparse matrices of all rows with all rows, as SciPy writes them."""
    arrays: dict[str, dict[str, Ints]] = {}
    for table in tables:
        path = PurePosixPath(table.name)
        member = path.name.rpartition("!")
        if member[2] in _PARTS and len(table.frame.columns) == 1:
            numbers = numbers_of(table.frame.iloc[:, 0])
            if numbers is not None and not np.isnan(numbers).any() and (numbers % 1 == 0).all():
                name = str(path.parent / member[0])
                arrays.setdefault(name, {})[member[2]] = numbers.astype(np.int64)
    for name, parts in arrays.items():
        one, other = parts.get("row.npy"), parts.get("col.npy")
        ends, at = parts.get("indptr.npy"), parts.get("indices.npy")
        if ends is not None and at is not None and len(ends) == rows + 1 and ends[-1] == len(at):
            one, other = np.repeat(np.arange(rows), np.diff(ends).clip(min=0)), at
        if one is not None and other is not None and len(one) == len(other) >= _FEWEST:
            inside = (one < rows) & (other < rows) & (one != other) & (one >= 0) & (other >= 0)
            if inside.mean() >= _IDS:
                yield _Links(name, one[inside], other[inside])
