"""Are the inputs of test rows there: the files they name, the rows of other tables, their cells?

Defect M10.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from mle_smith.checks.check import Measured, Outcome
from mle_smith.checks.features import Mask, plain
from mle_smith.checks.subject import Subject, read_table
from mle_smith.values import Blame, Finding, Severity

_MAX_TABLES = 20
_KNOWN = frozenset({"train.csv", "test.csv", "sample_submission.csv"})


def reference_findings(subject: Subject) -> Iterator[Outcome]:
    """Foreign keys, and cells, that only train has."""
    files = _files(subject)
    tables = list(_tables(subject))
    for column in subject.input_columns:
        train, test = subject.train[column], subject.test[column]
        yield from _emptier(column, train, test)
        known: list[tuple[str, set[str]]] = []
        if files and train.nunique() >= 10 and _paths(train):
            known.append(("the files", files))
        known += [(name, keys[column]) for name, keys in tables if column in keys]
        for where, values in known:
            yield from _lacking(column, where, _within(train, values), _within(test, values))
    if subject.id_column in subject.train:
        yield from _rows_of_tables(subject, tables)


def _rows_of_tables(
    subject: Subject, tables: list[tuple[str, dict[str, set[str]]]]
) -> Iterator[Outcome]:
    """Rows by the id in other tables; a table about train alone is none of inputs."""
    column = subject.id_column
    for name, keys in tables:
        if column in keys:
            ours = _within(subject.test[column], keys[column])
            if ours.any():
                theirs = _within(subject.train[column], keys[column])
                yield from _lacking(column, name, theirs, ours)


def _files(subject: Subject) -> set[str]:
    """Names of public files and of members of archives, with and without folders and suffix.

    Empty files are none: a download broke off.
    """
    names: set[str] = set()
    for path in subject.paths.public.rglob("*"):
        if path.is_file() and path.stat().st_size and path.name not in _KNOWN:
            names.add(path.relative_to(subject.paths.public).as_posix())
    side = subject.side_files
    if any(name not in side.listings for name in side.unread):
        return set()  # an archive may be among them
    for members in side.listings.values():
        filled = members[members["size"] != "0"] if "size" in members else members
        names.update(filled["path"].dropna())
    if len(names) < 20:
        return set()
    stems = {PurePosixPath(n).name for n in names} | {PurePosixPath(n).stem for n in names}
    return names | stems


def _paths(cells: pd.Series[str]) -> bool:
    return bool(cells.dropna().str.contains(r"[A-Za-z_/]", regex=True).mean() > 0.9)


def _tables(subject: Subject) -> Iterator[tuple[str, dict[str, set[str]]]]:
    """Columns of the other public tables that tell their rows apart."""
    others = [p for p in sorted(subject.paths.public.glob("*.csv")) if p.name not in _KNOWN]
    for path in others[:_MAX_TABLES]:
        if path.stat().st_size > 64 * 2**20:
            continue
        frame = read_table(path, path.name, subject.thresholds.max_table_mb)
        shared = [c for c in frame.columns if c in set(subject.input_columns)]
        if len(shared) > max(2, len(subject.input_columns) // 2):
            continue  # more rows of the same kind, without their answers, say
        shared += [c for c in (subject.id_column,) if c in frame.columns]
        keys = {c: set(plain(frame[c].dropna())) for c in shared}
        yield path.name, {c: values for c, values in keys.items() if len(values) >= 10}


def _within(cells: pd.Series[str], known: set[str]) -> Mask:
    filled = plain(cells.dropna())
    here = filled.isin(known) | filled.str.rsplit("/", n=1).str[-1].isin(known)
    return np.asarray(here.to_numpy(dtype=bool))


def _lacking(
    column: str,
    where: str,
    train: Mask,
    test: Mask,
) -> Iterator[Outcome]:
    if len(train) < 20 or len(test) < 5 or train.mean() < 0.9:
        return
    absent = int((~test).sum())
    usual = float((~train).mean())
    yield Measured("P10", {f"{column} in {where}": {"test_rows_without": absent}})
    if absent >= 2 and absent > len(test) * (2 * usual + 0.01):
        yield _finding(
            f"{absent} of {len(test)} test rows have a {column!r} that is not in {where} (of train "
            f"{usual:.1%}); give participants what their rows refer to.",
            column=column,
            rows=absent,
        )


def _emptier(column: str, train: pd.Series[str], test: pd.Series[str]) -> Iterator[Finding]:
    ours, theirs = float(test.isna().mean()), float(train.isna().mean())
    pooled = (ours * len(test) + theirs * len(train)) / (len(test) + len(train))
    error = np.sqrt(max(pooled * (1 - pooled), 1e-9) * (1 / len(test) + 1 / len(train)))
    # Splits that keep twins, groups or years together honestly shift what is missing: measured,
    # from 14 % to 43 %.
    least = 0.45
    if ours < 1 and ours - theirs >= least and ours - theirs >= 6 * error:
        yield _finding(
            f"{column!r} is empty in {ours:.0%} of the test rows and in {theirs:.0%} of train; "
            "give both the same inputs, or drop it.",
            column=column,
            repair={"drop_columns": [column]},
        )


def _finding(message: str, **evidence: object) -> Finding:
    return Finding(
        code="P10", severity=Severity.ERROR, blame=Blame.DESIGN, message=message, evidence=evidence
    )
