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
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.association import correlation
from mle_smith.checks.check import Measured, Need, Outcome, check
from mle_smith.checks.features import numbers_of, plain
from mle_smith.checks.side_files import SideTable, side_tables, side_texts
from mle_smith.checks.subject import Subject
from mle_smith.package.layout import DESCRIPTION, PREPARE
from mle_smith.values import Blame, Finding, Severity

_FEWEST = 10
_TOKEN = re.compile(r"[^\s,;:|\"'{}\[\]()<>=]+")
_MAX_TOKENS = 2_000_000


class Told(NamedTuple):
    """What values given for some test rows say about their answers."""

    share: float
    """Part of all answers that they give."""
    how: str


_NOTHING = Told(0.0, "")


def _error(code: str, message: str, **evidence: object) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        blame=Blame.DESIGN,
        message=message,
        evidence=evidence,
    )


def told(values: pd.Series[str], answers: pd.Series[str], classes: bool, total: int) -> Told:
    """What `values` say about `answers`, row by row; of `total` answers there are.

    Equal labels count where they agree far beyond chance, equal numbers where numbers are many,
    ranks where they rise together.
    """
    given = (values.notna() & answers.notna()).to_numpy()
    if given.sum() < _FEWEST:
        return _NOTHING
    ours, theirs = plain(values[given]), plain(answers[given])
    equal = (ours.to_numpy() == theirs.to_numpy()).mean()
    chance = float(
        (ours.value_counts(normalize=True) * theirs.value_counts(normalize=True)).dropna().sum()
    )
    share = float(given.sum() / total)
    if classes or theirs.nunique() < 10:
        beyond = (equal - chance) / (1 - chance) if chance < 1 else 0.0
        return Told(share * beyond, "the same values") if beyond >= 0.8 else _NOTHING
    one, other = numbers_of(ours), numbers_of(theirs)
    if one is None or other is None:
        return Told(share * equal, "the same values")
    same = np.isclose(one, other, rtol=1e-6, atol=0.0)
    if same.mean() >= 0.1 and same.mean() > 5 * chance:
        return Told(share * float(same.mean()), "the same numbers")
    known = ~np.isnan(one) & ~np.isnan(other)
    if known.sum() >= 2 * _FEWEST and np.unique(one[known]).size > 2:
        r = abs(correlation(rankdata(one[known]), rankdata(other[known])))
        if r**2 >= 0.98:
            return Told(share * r**2, "numbers that rise or fall with them")
    return _NOTHING


@check(
    {
        "L07": "another public file holds the answers",
        "L14": "private files, their copy, or what they are rebuilt from lie in public/",
    },
    title="Answers in other public files",
    asks="Every other public file (tables, members of archives, texts) is searched: columns keyed "
    "by the test ids or in the order of the test rows, rows with the target's column that match "
    "test rows, ids with their answer beside them, the sequence of answers; copies of private "
    "files, of prepare.py or of a raw file.",
    needs=(Need.PRIVATE,),
)
def found_answers(subject: Subject) -> Iterator[Outcome]:
    """Search of the public files for answers."""
    yield from _copies(subject)
    tables = list(side_tables(subject))
    for table in tables:
        for target in subject.targets:
            found = _best(subject, table, target)
            if found.share >= subject.thresholds.found_share:
                yield _error(
                    "L07",
                    f"{table.name} gives {found.share:.0%} of the answers to {target!r} away "
                    f"({found.how}); remove it, or what it says about test rows.",
                    file=table.name,
                    share=round(found.share, 4),
                    target=target,
                )
    texts = list(side_texts(subject))
    for name, text in texts:
        share = _in_text(subject, text)
        if share >= subject.thresholds.found_share:
            yield _error(
                "L07",
                f"{name} holds {share:.0%} of the answers as text; remove them.",
                file=name,
                share=round(share, 4),
            )
    yield Measured("L07", {"tables_searched": len(tables), "texts_searched": len(texts)})


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
    return max(found, key=lambda told_: told_.share, default=_NOTHING)


def _is_classes(subject: Subject, target: str) -> bool:
    return next(g.classes for g in subject.goals if g.feature.name == target)


def _by_id(subject: Subject, table: SideTable, target: str) -> Iterator[Told]:
    """Columns beside a column that holds the test ids."""
    if subject.id_column not in subject.test.columns:
        return
    ids = plain(subject.test[subject.id_column])
    answers = subject.aligned[target].set_axis(ids)
    for key in table.frame.columns:
        keys = plain(table.frame[key])
        if keys.isin(set(ids)).sum() < max(_FEWEST, 0.02 * len(ids)) or keys.duplicated().any():
            continue
        rows = table.frame.set_axis(keys, axis=0)
        rows = rows[rows.index.isin(set(ids))]
        for column in rows.columns.drop(key):
            said = told(
                rows[column].reset_index(drop=True),
                answers[rows.index].reset_index(drop=True),
                _is_classes(subject, target),
                len(ids),
            )
            yield said._replace(how=f"column {column!r} by the ids in {key!r}: {said.how}")


def _by_row(subject: Subject, table: SideTable, target: str) -> Iterator[Told]:
    """Columns of as many rows as there are test rows, or answers, in their order."""
    for answers in (subject.aligned[target], subject.answers[target]):
        if len(table.frame) != len(answers):
            continue
        for column in table.frame.columns:
            said = told(
                table.frame[column].reset_index(drop=True),
                answers.reset_index(drop=True),
                _is_classes(subject, target),
                len(answers),
            )
            yield said._replace(how=f"column {column!r} row by row: {said.how}")


def _by_inputs(subject: Subject, table: SideTable, target: str) -> Iterator[Told]:
    """Rows that hold the target and equal test rows in the inputs they share."""
    shared = [c for c in subject.input_columns if c in table.frame.columns]
    if target not in table.frame.columns or not shared:
        return
    ours, theirs = _row_keys(subject.test, shared), _row_keys(table.frame, shared)
    answers = plain(subject.aligned[target]).reset_index(drop=True)
    given = plain(table.frame[target]).reset_index(drop=True)
    lookup = pd.Series(given.to_numpy(), index=theirs)
    lookup = lookup[~lookup.index.duplicated(keep=False)]
    if lookup.index.isin(set(ours)).sum() >= _FEWEST:
        values = lookup.reindex(ours).reset_index(drop=True)
        said = told(values, answers, _is_classes(subject, target), len(ours))
        yield said._replace(how=f"column {target!r} of rows that equal test rows: {said.how}")
    if len(table.frame) < len(answers) or target not in subject.train.columns:
        return
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
        if not answers.str.contains(" ").any():
            best = max(best, _beside(tokens, dict(zip(ids, answers, strict=True))))
    return best


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
    if len(seen) < _FEWEST or len(right) / len(seen) < share + 0.8 * (1 - share):
        return 0.0
    return min(1.0, len(right) / len(wanted))


CHECKS = (found_answers,)
