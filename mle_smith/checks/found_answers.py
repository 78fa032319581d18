"""Are the answers written down somewhere in the public files?

Defects L7 and L14.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from mle_smith.checks.answers_in_tables import told_by_lists, told_by_table
from mle_smith.checks.answers_in_text import share_in_text
from mle_smith.checks.check import Measured, Need, Outcome, check
from mle_smith.checks.decoding.readers import SideTable
from mle_smith.checks.features import plain
from mle_smith.checks.subject import Subject
from mle_smith.checks.table_families import gathered, gathered_texts
from mle_smith.checks.table_forms import joined, lines_as_tables
from mle_smith.checks.telling import told_by_digests, told_by_row_digests
from mle_smith.package.layout import DESCRIPTION, PREPARE
from mle_smith.values import Blame, Finding, Severity

_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{200,}")
"""Longer than a digest."""
_BASE_64_OR_85 = re.compile(r"[0-9A-Za-z+/=_-]{64,}|[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]{64,}")


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
    for table in _all_tables(subject):
        for target in subject.targets:
            found = told_by_table(subject, table, target)
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
    for target in subject.targets:
        found = told_by_lists(subject, side.tables, target)
        if found.share >= subject.thresholds.found_share:
            yield _error(
                "L07",
                f"lists in public/ give {found.share:.1%} of the answers to {target!r} away (which "
                f"of them an id stands in: {found.how}); remove them.",
                share=round(found.share, 4),
                rows=found.rows,
                target=target,
            )
    fewest = subject.thresholds.found_share * len(subject.answers)
    for name, text in gathered_texts(side.texts):
        # A letter for an answer is the least that a text needs.
        share = 0.0 if named or len(text) < fewest else share_in_text(subject, text)
        if share >= subject.thresholds.found_share:
            yield _error(
                "L07",
                f"{name} holds {share:.0%} of the answers as text; remove them.",
                file=name,
                share=round(share, 4),
            )
    for name, text in side.texts:
        if _is_the_program(subject, text):
            yield _error(
                "L14", f"{name} holds the lines of prepare.py; remove it from public/.", file=name
            )
    yield from _digests_of_rows(subject)
    yield from _digests_of_whole_rows(subject)
    yield from _packed(subject)
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


def _all_tables(subject: Subject) -> Iterator[SideTable]:
    side = subject.side_files
    yield from gathered(side.tables)
    yield from _only_of_test(subject)
    yield from lines_as_tables(side.tables, side.texts)
    yield from joined(side.tables, subject.aligned[subject.id_column])


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
            if subject.has_classes(target) and subject.test[column].nunique() <= answers.nunique():
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


def _digests_of_whole_rows(subject: Subject) -> Iterator[Finding]:
    """Checksums of records that were taken before the target was left out of the test rows."""
    if not {*subject.targets, *subject.input_columns} <= set(subject.train.columns):
        return
    for column in subject.input_columns:
        inputs = [c for c in subject.input_columns if c != column]
        file = [c for c in subject.train.columns if c != column]
        with_id = [[subject.id_column]] if subject.id_column in file else []
        orders = [file, *([*first, *inputs, *subject.targets] for first in ([], *with_id))]
        orders.append([c for c in file if c != subject.id_column])
        if told_by_row_digests(subject.train[column], subject.train, orders):
            yield _error(
                "L14",
                f"{column!r} is a digest of the whole row, target included: who tries targets "
                "finds the right one. Drop it.",
                columns=[column],
                exploit="the digest of the row with each possible target",
                repair={"drop_columns": [column]},
            )


def _packed(subject: Subject) -> Iterator[Finding]:
    """Data in prepare.py, which has to make everything from the raw data."""
    try:
        program = ast.parse(subject.paths.prepare.read_text("utf-8", errors="replace"))
    except (OSError, SyntaxError, ValueError):
        return  # the check of the structure says so
    words = (node.value for node in ast.walk(program) if isinstance(node, ast.Constant))
    texts = [w.decode("latin-1") if isinstance(w, bytes) else w for w in words]
    packed = [len(text) for text in texts if isinstance(text, str) and _is_packed(text)]
    if longest := max(packed, default=0):
        yield _error(
            "L14",
            f"prepare.py holds {longest} characters of packed data, which may be the answers; "
            "make everything from the raw data.",
            characters=longest,
        )


def _is_packed(text: str) -> bool:
    """Whether a text is bytes in letters; names, patterns and addresses are of other letters."""
    kinds = (str.isupper, str.islower, str.isdigit)
    mixed = all(sum(map(kind, text)) >= 0.05 * len(text) for kind in kinds)
    return bool(_HEXADECIMAL.fullmatch(text) or (mixed and _BASE_64_OR_85.fullmatch(text)))


def _is_the_program(subject: Subject, text: str) -> bool:
    """Whether a text holds most of the telling lines of prepare.py, however they are indented."""
    if not subject.paths.prepare.is_file():
        return False
    source = subject.paths.prepare.read_text("utf-8", errors="replace")
    lines = {line.strip() for line in source.splitlines() if len(line.strip()) > 20}
    code = {line for line in lines if "=" in line or "(" in line}
    here = {line.strip().strip('",').removesuffix("\\n") for line in text.splitlines()}
    return len(code) >= 5 and len(code & here) >= 0.5 * len(code)


def _copies(subject: Subject) -> Iterator[Outcome]:
    secret = {"the answers": subject.paths.answers, PREPARE: subject.paths.prepare}
    known = {_digest(p): name for name, p in secret.items() if p.is_file()}
    if subject.raw is not None:
        raw = [p for p in sorted(subject.raw.rglob("*")) if p.is_file() and p.stat().st_size > 64]
        tables = [p for p in raw if p.suffix.lower() not in {".md", ".txt", ".pdf", ".jpg", ".png"}]
        for path in tables[: subject.thresholds.max_side_files]:
            known.setdefault(_digest(path), f"the raw file {path.name}")
    public = [p for p in sorted(subject.paths.public.rglob("*")) if p.is_file()]
    yield Measured("L14", {"files_compared": len(public), "with_files_kept_back": len(known)})
    for path in public:
        if path.name != DESCRIPTION and _digest(path) in known:
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


CHECKS = (found_answers,)
