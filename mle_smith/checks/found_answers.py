"""Are the answers written down somewhere in the public files?

Defects L7 and L14.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from mle_smith.checks.check import Measured, Need, Outcome, check
from mle_smith.checks.decoding.readers import SideTable
from mle_smith.checks.features import numbers_of, plain
from mle_smith.checks.sequences import labels_in, share_in_sequence
from mle_smith.checks.subject import Subject
from mle_smith.checks.telling import FEWEST, NOTHING, Told, told, told_by_digests
from mle_smith.package.layout import DESCRIPTION, PREPARE
from mle_smith.values import Blame, Finding, Severity

_Rows: TypeAlias = slice | npt.NDArray[np.int64]
_TOKEN = re.compile(r"[^\s,;:|\"'{}\[\]()<>=]+")
_MAX_TOKENS = 2_000_000
_MAX_TEXT = 16_000_000
_FEWEST_SHARED = 3
"""Inputs that a table has in common with the test rows, where it does not name the target."""
_HEXADECIMAL = r"[0-9a-fA-F]{8,128}"
_MARKUP = re.compile(r"<[^<>]{1,500}>")
_ESCAPED = re.compile(r"\\[tnr]")
_FEWEST_OF_A_PART = 20
"""Rows of a table that may be the first or the last of the test rows."""


def _error(code: str, message: str, **evidence: object) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        blame=Blame.DESIGN,
        message=message,
        evidence=evidence,
    )


@check(
    {
        "L07": "another public file holds the answers",
        "L14": "private files, their copy, or what they are rebuilt from lie in public/",
    },
    title="Answers in other public files",
    asks="Every other public file (tables, members of archives, texts) is searched: columns keyed "
    "by the test ids or in the order of the test rows, rows with the target's column that match "
    "test rows, ids with their answer beside them, the sequence of answers; copies of private "
    "files, of prepare.py or of a raw file. What takes a decoder is read in the sandbox; a "
    "file that was not read to the bottom is a warning.",
    needs=(Need.PRIVATE,),
)
def found_answers(subject: Subject) -> Iterator[Outcome]:
    """Search of the public files for answers."""
    yield from _copies(subject)
    side = subject.side_files
    named: set[str] = set()
    for table in [*side.tables, *_only_of_test(subject)]:
        for target in subject.targets:
            found = _best(subject, table, target)
            if found.share >= subject.thresholds.found_share and table.name not in named:
                named.add(table.name)
                yield _error(
                    "L07",
                    f"{table.name} gives {found.share:.1%} of the answers to {target!r} away "
                    f"({found.how}); remove it, or what it says about test rows.",
                    file=table.name,
                    share=round(found.share, 4),
                    rows=found.rows,
                    target=target,
                    exploit=found.how,
                )
    for name, text in side.texts:
        share = 0.0 if named else _in_text(subject, text)
        if share >= subject.thresholds.found_share:
            yield _error(
                "L07",
                f"{name} holds {share:.0%} of the answers as text; remove them.",
                file=name,
                share=round(share, 4),
            )
        if _is_the_program(subject, text):
            yield _error(
                "L14", f"{name} holds the lines of prepare.py; remove it from public/.", file=name
            )
    yield from _digests_of_rows(subject)
    yield from _not_searched(side.unread)
    yield Measured("L07", {"tables_searched": len(side.tables), "texts_searched": len(side.texts)})


def _not_searched(unread: dict[str, str]) -> Iterator[Outcome]:
    if not unread:
        return
    name, reason = next(iter(unread.items()))
    others = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
    yield Finding(
        code="L07",
        severity=Severity.WARNING,
        blame=Blame.DESIGN,
        message=f"{name}{others} was not searched for answers: {reason}.",
        evidence={"files": dict(list(unread.items())[:20])},
    )


def _only_of_test(subject: Subject) -> Iterator[SideTable]:
    """What test.csv says beyond the columns of train.csv."""
    key, known = subject.id_column, {*subject.train.columns, *subject.targets}
    only = [c for c in subject.test.columns if c not in known and c != key]
    if only and key in subject.test.columns:
        yield SideTable("test.csv", subject.test[[key, *only]])


def _digests_of_rows(subject: Subject) -> Iterator[Finding]:
    """Columns of train and test that a guess can be verified by.

    One value for each class is a code of the classes, and L06's to tell.
    """
    if subject.id_column not in subject.test.columns:
        return
    ids = plain(subject.test[subject.id_column])
    for column in (subject.id_column, *subject.input_columns):
        for target in subject.targets:
            answers = plain(subject.aligned[target])
            if _is_classes(subject, target) and subject.test[column].nunique() <= answers.nunique():
                continue
            said = told_by_digests(subject.test[column], ids, answers, len(ids))
            if said.share >= subject.thresholds.found_share:
                yield _error(
                    "L07",
                    f"{column!r} is {said.how} ({target!r}); drop it.",
                    columns=[column],
                    share=round(said.share, 4),
                    target=target,
                    repair={"drop_columns": [column]},
                )


def _is_the_program(subject: Subject, text: str) -> bool:
    """Whether a text holds most of the telling lines of prepare.py, however they are indented."""
    if not subject.paths.prepare.is_file():
        return False
    source = subject.paths.prepare.read_text("utf-8", errors="replace")
    lines = {line.strip() for line in source.splitlines() if len(line.strip()) > 20}
    code = {line for line in lines if "=" in line or "(" in line}
    here = {line.strip().strip('",').removesuffix("\\n") for line in text.splitlines()}
    return len(code) >= 5 and len(code & here) >= 0.5 * len(code)


def _copies(subject: Subject) -> Iterator[Finding]:
    secret = {"the answers": subject.paths.answers, PREPARE: subject.paths.prepare}
    known = {_digest(p): name for name, p in secret.items() if p.is_file()}
    if subject.raw is not None:
        raw = [p for p in sorted(subject.raw.rglob("*")) if p.is_file() and p.stat().st_size > 64]
        tables = [p for p in raw if p.suffix.lower() not in {".md", ".txt", ".pdf", ".jpg", ".png"}]
        for path in tables[: subject.thresholds.max_side_files]:
            known.setdefault(_digest(path), f"the raw file {path.name}")
    for path in sorted(subject.paths.public.rglob("*")):
        if path.is_file() and path.name != DESCRIPTION and _digest(path) in known:
            shown = path.relative_to(subject.package).as_posix()
            what = known[_digest(path)]
            if what.startswith("the raw file") and path.suffix.lower() not in {
                ".csv",
                ".tsv",
                ".xlsx",
                ".parquet",
                ".zip",
                ".gz",
                ".json",
                ".arff",
                ".data",
            }:
                continue  # media are given as they are
            yield _error(
                "L14", f"{shown} is a copy of {what}; remove it from public/.", file=shown, of=what
            )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _best(subject: Subject, table: SideTable, target: str) -> Told:
    found = [*_by_id(subject, table, target), *_by_row(subject, table, target)]
    found += _by_inputs(subject, table, target)
    return max(found, key=lambda told_: told_.share, default=NOTHING)


def _is_classes(subject: Subject, target: str) -> bool:
    return next(g.classes for g in subject.goals if g.feature.name == target)


def _by_id(subject: Subject, table: SideTable, target: str) -> Iterator[Told]:
    """Columns beside a column that holds the test ids, alone or within a word."""
    if subject.id_column not in subject.test.columns:
        return
    ids = plain(subject.test[subject.id_column])
    answers = subject.aligned[target].set_axis(ids)
    classes, known = _is_classes(subject, target), set(ids)
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
                said = told_by_digests(rows[column], names, truth, len(ids))
            yield said._replace(how=f"column {column!r} by the ids in {key!r}: {said.how}")


def _keys(cells: pd.Series[str], known: set[str]) -> pd.Series[str]:
    """The cells as ids: as they are, or the part of each (a stem, the last number) that is one."""
    texts = plain(cells.astype(str).where(cells.notna(), ""))
    if texts.isin(known).sum() >= FEWEST:
        return texts
    if texts.iloc[:20].str.fullmatch(_HEXADECIMAL).all():
        return _of_digests(texts, known)
    for pattern in (r"([^/\\\\]+?)(?:\.\w{1,5})?$", r"(\d+)\D*$", r"^\D*(\d+)"):
        part = texts.str.extract(pattern, expand=False).fillna("")
        if part.isin(known).sum() >= max(FEWEST, 0.5 * len(part)):
            return part
    return texts


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
    classes = _is_classes(subject, target)
    for answers in (subject.aligned, subject.answers):
        for rows, kept in _alignments(len(table.frame), answers[subject.id_column]):
            truth = answers[target].iloc[kept].reset_index(drop=True)
            whole = len(truth) == len(answers) == len(table.frame)
            for column in table.frame.columns:
                cells = table.frame[column].iloc[rows].reset_index(drop=True)
                if not whole and cells.nunique() < 2:
                    continue
                said = told(cells, truth, classes, len(answers))
                if not said.share:
                    ids = answers[subject.id_column].iloc[kept].reset_index(drop=True)
                    said = told_by_digests(cells, ids, truth, len(answers))
                yield said._replace(how=f"column {column!r} row by row: {said.how}")


def _alignments(rows: int, ids: pd.Series[str]) -> Iterator[tuple[_Rows, _Rows]]:
    """Which rows of a table may go with which answers: (of the table, of the answers)."""
    answers = len(ids)
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


def _by_inputs(subject: Subject, table: SideTable, target: str) -> Iterator[Told]:
    """Rows that equal test rows in the inputs they share, and have another column besides."""
    shared = [c for c in subject.input_columns if c in table.frame.columns]
    if not shared or (target not in table.frame.columns and len(shared) < _FEWEST_SHARED):
        return
    ours, theirs = _row_keys(subject.test, shared), _row_keys(table.frame, shared)
    answers = plain(subject.aligned[target]).reset_index(drop=True)
    once = ~pd.Index(theirs).duplicated(keep=False)
    lookup = table.frame[once].set_axis(np.asarray(theirs)[once])
    if lookup.index.isin(set(ours)).sum() >= FEWEST:
        rows = lookup.reindex(ours).reset_index(drop=True)
        for column in rows.columns.difference([subject.id_column, *subject.test.columns]):
            said = told(plain(rows[column]), answers, _is_classes(subject, target), len(ours))
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


def _row_keys(frame: pd.DataFrame, columns: list[str]) -> list[int]:
    return pd.util.hash_pandas_object(frame[columns].apply(plain), index=False).tolist()


def _in_text(subject: Subject, text: str) -> float:
    """Share of answers that stand right after their id, or all of them if in sequence."""
    bare = _MARKUP.sub(" ", text) if text.lstrip()[:1] == "<" else text
    text = _ESCAPED.sub(" ", bare)
    words = pd.Series([m.group() for m in islice(_TOKEN.finditer(text), _MAX_TOKENS)], dtype=str)
    tokens = plain(words).tolist()
    stream = f" {' '.join(tokens)} "
    ids = plain(subject.answers[subject.id_column]).fillna("")
    best = 0.0
    for target in subject.targets:
        answers = plain(subject.answers[target]).fillna("")
        for order in (subject.answers[target], subject.aligned[target]):
            sequence = " ".join(_TOKEN.findall(" ".join(plain(order).fillna(""))))
            if answers.nunique() > 1 and f" {sequence} " in stream:
                return 1.0
            truth = plain(order).fillna("").tolist()
            words_or_labels = labels_in(text[:_MAX_TEXT], truth) if _few(truth) else tokens
            for one_way in (truth, truth[::-1]):
                best = max(best, share_in_sequence(one_way, words_or_labels))
        if not answers.str.contains(" ").any():
            best = max(best, _beside(tokens, dict(zip(ids, answers, strict=True))))
    return best


def _few(values: Sequence[str]) -> bool:
    return len(set(values)) <= min(60, len(values) // 2)


def _beside(tokens: Sequence[str], wanted: dict[str, str]) -> float:
    """Share of the ids that have a class (or number) of the answers beside them: the right one."""
    labels = set(wanted.values())
    seen: set[str] = set()
    right: set[str] = set()
    for place, token in enumerate(tokens):
        if token not in wanted:
            continue
        after = next((t for t in tokens[place + 1 : place + 4] if t in labels), None)
        if after is not None:
            seen.add(token)
            if after == wanted[token]:
                right.add(token)
    share = pd.Series(list(wanted.values())).value_counts(normalize=True).max()
    if len(seen) < FEWEST or len(right) / len(seen) < share + 0.8 * (1 - share):
        return 0.0
    return min(1.0, len(right) / len(wanted))


CHECKS = (found_answers,)
