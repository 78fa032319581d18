"""Which columns of a table give the answers of test rows away, and by what they are matched."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import TypeAlias

import numpy as np
import pandas as pd

from mle_smith.checks.combined_columns import combined
from mle_smith.checks.decoding.readers import SideTable
from mle_smith.checks.features import Ints, numbers_of, plain
from mle_smith.checks.subject import Subject
from mle_smith.checks.telling import FEWEST, NOTHING, Told, told, told_by_digests

_Rows: TypeAlias = slice | Ints
_FEWEST_SHARED = 3
"""Inputs that a table has in common with the test rows, where it does not name the target."""
_HEXADECIMAL = r"[0-9a-fA-F]{8,128}"
_BASE_16 = r"(?:0[xX])?[0-9a-fA-F]{1,15}"
_KNOWN = 0.1
"""Part of cells that hold test ids: a table may be about all rows, most of which are of train."""
_MOST_LISTS = 60
"""Lists, or columns of two values, that are taken together."""
_MOST_TRIED = 200
"""Tables, the longest, that may be such lists. Time."""
_STRETCH = 0.8
"""Part of the answers' variance that lies between lists; places and kinds explain less."""
_MOST_COLUMNS = 500
_FILE = r"\.\w{1,5}$"
_FEWEST_NAMES = 20
_MOST_NAMES = 30
_MOST_ALIKE = 10
_OVERLAP = 0.2
"""Of the things that an input names, those that a table has to know to be about the same."""
_FEWEST_OF_A_PART = 20
"""Rows of a table that may be the first or the last of the test rows."""


def told_by_table(subject: Subject, table: SideTable, target: str) -> Told:
    """What its most telling column says: by ids, by the order of rows, by shared inputs.

    Nothing is said of a table that is too short to give as many answers away as would be reported.
    """
    if len(table.frame) < subject.thresholds.found_share * len(subject.answers):
        return NOTHING
    table = table._replace(frame=_with_indicators(table.frame))
    found = [*_by_id(subject, table, target), *_by_row(subject, table, target)]
    found += [*_by_inputs(subject, table, target), *_by_pairs(subject, table, target)]
    return max(found, key=lambda told_: told_.share, default=NOTHING)


def told_by_lists(subject: Subject, tables: Sequence[SideTable], target: str) -> Told:
    """What is said by which of several lists, such as one for each class, an id stands in."""
    ids = plain(subject.test[subject.id_column])
    known, marks = set(ids), pd.Series("", index=ids)
    lists = 0
    columns = [t for t in tables if len(t.frame.columns) == 1 and len(t.frame) >= FEWEST]
    for table in sorted(columns, key=lambda t: -len(t.frame))[:_MOST_TRIED]:
        if lists < _MOST_LISTS:
            here = marks.index.isin(set(_keys(table.frame.iloc[:, 0], known)))
            if FEWEST <= here.sum() < len(ids):
                marks[here] += f" {lists}"
                lists += 1
    if not lists:
        return NOTHING
    answers = subject.aligned[target].reset_index(drop=True)
    marks = marks.reset_index(drop=True)
    classes = subject.has_classes(target)
    by_stretch = NOTHING if classes else _stretches(marks, answers)
    return max(told(marks, answers, classes, len(ids)), by_stretch, key=lambda t: t.share)


def _stretches(marks: pd.Series[str], answers: pd.Series[str]) -> Told:
    """Lists each of which holds a stretch of a quantity."""
    numbers = numbers_of(answers)
    if numbers is None:
        return NOTHING
    ranks = pd.Series(numbers).rank().where(marks != "").dropna()
    groups = ranks.groupby(marks[ranks.index])
    rows, lists = len(ranks), groups.ngroups
    if rows < FEWEST * lists:
        return NOTHING
    within = float(((ranks - groups.transform("mean")) ** 2).sum()) / (rows - lists)
    explained = 1 - within / max(1e-9, float(ranks.var()))
    if lists < 2 or explained < _STRETCH:
        return NOTHING
    return Told(explained * rows / len(marks), "each holds a stretch of the quantity", rows)


def _with_indicators(frame: pd.DataFrame) -> pd.DataFrame:
    """With columns of two values taken together, as there is one for each class."""
    twofold = [c for c in frame.columns[:_MOST_COLUMNS] if frame[c].iloc[:1000].nunique() == 2]
    twofold = [c for c in twofold if frame[c].nunique() == 2]
    if not 2 <= len(twofold) <= _MOST_LISTS:
        return frame
    codes = frame[twofold].apply(lambda cells: cells.astype("category").cat.codes.astype(str))
    return frame.assign(**{", ".join(map(str, twofold))[:60]: codes.agg("".join, axis=1)})


def _by_id(subject: Subject, table: SideTable, target: str) -> Iterator[Told]:
    """Columns beside a column that holds the test ids, alone or within a word, or their files."""
    for column in subject.test.columns.intersection([subject.id_column, *subject.input_columns]):
        names = plain(subject.test[column])
        if column == subject.id_column or (names.is_unique and names.str.contains(_FILE).all()):
            yield from _by_names(subject, table, target, names)


def _by_names(
    subject: Subject, table: SideTable, target: str, ids: pd.Series[str]
) -> Iterator[Told]:
    answers = subject.aligned[target].set_axis(ids)
    classes, known = subject.has_classes(target), set(ids)
    for key in table.frame.columns:
        keys = _keys(table.frame[key], known)
        here = keys.isin(known) & ~keys.duplicated(keep=False)
        if here.sum() < max(FEWEST, 0.02 * len(ids)) or here.mean() < 0.01:
            continue
        rows = table.frame[here.to_numpy()].reset_index(drop=True)
        names = keys[here].reset_index(drop=True)
        truth = answers[names].reset_index(drop=True)
        for column in rows.columns.drop(key):
            said = told(rows[column], truth, classes, len(ids))
            if not said.share:
                said = _digests(subject, rows[column], names, truth)
            yield said._replace(how=f"column {column!r} by the ids in {key!r}: {said.how}")


def _digests(
    subject: Subject, cells: pd.Series[str], ids: pd.Series[str], truth: pd.Series[str]
) -> Told:
    total = len(subject.answers)
    return told_by_digests(cells, ids, truth, total, subject.side_files.salts)


def _keys(cells: pd.Series[str], known: set[str]) -> pd.Series[str]:
    """The cells as ids: as they are, or the part of each (a stem, the last number) that is one."""
    texts = plain(cells.astype(str).where(cells.notna(), ""))
    if _met(texts, known) >= FEWEST:
        return texts
    if texts.iloc[:20].str.fullmatch(_HEXADECIMAL).all():
        return _of_digests(texts, known)
    for pattern in (r"([^/\\\\]+?)(?:\.\w{1,5})?$", r"(\d+)\D*$", r"^\D*(\d+)"):
        part = texts.str.extract(pattern, expand=False).fillna("")
        for written in (part, part.str.lstrip("0")):
            if _met(written, known) >= max(FEWEST, _KNOWN * len(part)):
                return written
    digits = texts[texts.str.fullmatch(_BASE_16)]
    if not digits.str.contains("[a-fA-FxX]").any():
        return texts
    numbers = digits.map(lambda text: str(int(text, 16))).reindex(texts.index, fill_value="")
    if _met(numbers, known) >= max(FEWEST, _KNOWN * len(numbers)):
        return numbers
    return texts


def _met(texts: pd.Series[str], known: set[str]) -> int:
    """How many of the texts are known; pandas' `isin` would build its table of all that are."""
    return sum(map(known.__contains__, texts))


def _of_digests(texts: pd.Series[str], known: set[str]) -> pd.Series[str]:
    """The ids that the cells are digests of, whole or cut; the cells where they are of none."""
    length = int(texts.str.len().max())
    for algorithm in ("md5", "sha1", "sha256", "sha512"):
        digests = {hashlib.new(algorithm, i.encode()).hexdigest()[:length]: i for i in known}
        if texts.str.lower().isin(digests.keys()).sum() >= FEWEST:
            return texts.str.lower().map(digests).fillna("")
    return texts


def _by_row(subject: Subject, table: SideTable, target: str) -> Iterator[Told]:
    """Columns in the order of the test rows or answers: all of them, a part, or more than them."""
    classes = subject.has_classes(target)
    for answers in (subject.aligned, subject.answers):
        for rows, kept in _alignments(table.frame, answers[subject.id_column]):
            truth = answers[target].iloc[kept].reset_index(drop=True)
            whole = len(truth) == len(answers) == len(table.frame)
            yield combined(table.frame.iloc[rows], truth, classes, len(answers))
            for column in table.frame.columns:
                cells = table.frame[column].iloc[rows].reset_index(drop=True)
                if not whole and cells.nunique() < 2:
                    continue
                said = told(cells, truth, classes, len(answers))
                if not said.share:
                    ids = answers[subject.id_column].iloc[kept].reset_index(drop=True)
                    said = _digests(subject, cells, ids, truth)
                yield said._replace(how=f"column {column!r} row by row: {said.how}")


def _alignments(frame: pd.DataFrame, ids: pd.Series[str]) -> Iterator[tuple[_Rows, _Rows]]:
    """Which rows of a table may go with which answers: (of the table, of the answers)."""
    rows, answers = len(frame), len(ids)
    yield from _places(frame, answers)
    if rows == answers >= 2 * FEWEST:
        yield slice(None), slice(None)
        yield slice(None, None, -1), slice(None)
    elif min(rows, answers) >= _FEWEST_OF_A_PART and rows >= 0.02 * answers:
        fewer = min(rows, answers)
        yield slice(0, fewer), slice(0, fewer)
        yield slice(rows - fewer, rows), slice(answers - fewer, answers)
        numbers = numbers_of(ids)
        whole = numbers is not None and bool((numbers == np.round(numbers)).all())
        if numbers is not None and whole and numbers.min() >= 0 and numbers.max() < rows:
            yield numbers.astype(np.int64), slice(None)


def _places(frame: pd.DataFrame, answers: int) -> Iterator[tuple[Ints, Ints]]:
    """By columns that number test rows, from 0 or 1, in another order than theirs."""
    fewest = max(_FEWEST_OF_A_PART, 0.02 * answers)
    for column in frame.columns[:_MOST_NAMES] if len(frame) >= fewest else ():
        numbers = numbers_of(frame[column].astype("str"))
        if numbers is None or np.isfinite(numbers).sum() < max(fewest, 0.9 * len(frame)):
            continue
        rows = np.flatnonzero(np.isfinite(numbers))
        places = numbers[rows]
        whole = bool((places == np.round(places)).all())
        if not whole or len(np.unique(places)) < len(places) or (np.diff(places) == 1).all():
            continue
        for first in (0, 1):
            if places.min() >= first and places.max() < answers + first:
                yield rows, places.astype(np.int64) - first


def _by_inputs(subject: Subject, table: SideTable, target: str) -> Iterator[Told]:
    """Rows that equal test rows in the inputs they share, and have another column besides."""
    shared = [c for c in subject.input_columns if c in table.frame.columns]
    if target not in table.frame.columns and len(shared) < _FEWEST_SHARED:
        shared = [c for c in shared if subject.test[c].is_unique and table.frame[c].is_unique]
    if not shared:
        return
    ours, theirs = _row_keys(subject.test, shared), _row_keys(table.frame, shared)
    answers = plain(subject.aligned[target]).reset_index(drop=True)
    once = ~pd.Index(theirs).duplicated(keep=False)
    lookup = table.frame[once].set_axis(np.asarray(theirs)[once])
    if lookup.index.isin(set(ours)).sum() >= FEWEST:
        rows = lookup.reindex(ours).reset_index(drop=True)
        for column in rows.columns.difference([subject.id_column, *subject.test.columns]):
            said = told(plain(rows[column]), answers, subject.has_classes(target), len(ours))
            yield said._replace(how=f"column {column!r} of rows that equal test rows: {said.how}")
    named = target in table.frame.columns and target in subject.train.columns
    if len(table.frame) < len(answers) or not named:
        return
    given = plain(table.frame[target]).reset_index(drop=True)
    # Where many rows are alike: what is left of the table without train is the test rows.
    own = [c for c in shared if c in subject.train.columns]
    known = Counter(zip(_row_keys(subject.train, own), plain(subject.train[target]), strict=True))
    rest = Counter(zip(_row_keys(table.frame, own), given, strict=True)) - known
    test_keys = _row_keys(subject.test, own)
    shuffled = answers.sample(frac=1, random_state=subject.seed)
    share, luck = (
        (rest & Counter(zip(test_keys, values, strict=True))).total() / len(answers)
        for values in (answers, shuffled)
    )
    if share >= 0.95 and luck < 0.9:
        yield Told(share, "it holds every test row with its answer")


def _by_pairs(subject: Subject, table: SideTable, target: str) -> Iterator[Told]:
    """Links between the things that two inputs name, in either direction, under any names."""
    inputs = [c for c in subject.input_columns if subject.test[c].nunique() >= _FEWEST_NAMES]
    if len(inputs) < 2:
        return
    values = {c: set(plain(subject.test[c].dropna())) for c in inputs[:_MOST_NAMES]}
    frame = table.frame.iloc[:, :_MOST_NAMES].apply(lambda cells: plain(cells.astype(str)))
    alike = [
        (ours, theirs)
        for ours, known in values.items()
        for theirs in frame.columns
        if len(known & set(frame[theirs])) >= _OVERLAP * len(known)
    ]
    answers = plain(subject.aligned[target]).reset_index(drop=True)
    for (one, u), (other, v) in permutations(alike[:_MOST_ALIKE], 2):
        if one >= other or u == v or (one, other) == (u, v):
            continue  # under the same names: rows that share inputs
        links = pd.MultiIndex.from_frame(frame[[u, v]])
        lookup = frame[~links.duplicated(keep=False)]
        lookup = lookup.set_index(pd.MultiIndex.from_frame(lookup[[u, v]]))
        asked = pd.MultiIndex.from_frame(subject.test[[one, other]].apply(plain))
        if asked.isin(lookup.index).sum() < FEWEST:
            continue
        rows = lookup.reindex(asked).reset_index(drop=True)
        for column in rows.columns.difference([u, v]):
            said = told(rows[column], answers, subject.has_classes(target), len(answers))
            how = f"column {column!r} of pairs ({u!r}, {v!r}) as ({one!r}, {other!r})"
            yield said._replace(how=f"{how}: {said.how}")


def _row_keys(frame: pd.DataFrame, columns: list[str]) -> list[int]:
    return pd.util.hash_pandas_object(frame[columns].apply(plain), index=False).tolist()
