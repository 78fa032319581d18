"""Are the files of a package there, under their names, and do their columns fit each other?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.source_code import declared_direction
from mle_smith.checks.subject import FileDefectError, Subject, TooLargeError
from mle_smith.checks.submissions import declared_constant
from mle_smith.errors import PackageError
from mle_smith.metrics.submission import label_key
from mle_smith.package.layout import ANSWERS, DESCRIPTION, ID_COLUMN, METRIC, PREPARE
from mle_smith.package.seal import load, verify_seal
from mle_smith.values import Blame, Finding, Severity

_ABSOLUTE_PATH = re.compile(
    r"(?<![\w./:-])(?:/(?:home|root|tmp|Users|usr|var|mnt|opt|etc|srv|private|workspace|content|"
    r"kaggle|work|data)/[\w.+-]+|[A-Za-z]:\\\\?[\w.+-]+|~/[\w.+-]+)"
)
"""A path that holds on one machine only, in a text."""

_TABLES = ("train", "test", "sample", "answers")


def machine_paths(subject: Subject, text: str) -> list[str]:
    """Absolute paths that a text names, but for those that the data hold as names or classes."""
    found = sorted(set(_ABSOLUTE_PATH.findall(text)))
    words = words_of_data(subject) if found else ()
    return [path for path in found if not any(path in word for word in words)]


def words_of_data(subject: Subject) -> set[str]:
    """Names of columns, and the answers, which code and descriptions may have to tell."""
    try:
        answers = subject.answers
        cells = pd.unique(answers[list(subject.targets)].to_numpy().ravel())
        return {str(word) for word in (*subject.test, *answers, *cells)}
    except FileDefectError:  # which is told as what it is
        return set()


def _error(code: str, message: str, **evidence: object) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        blame=Blame.REFACTOR,
        message=message,
        evidence=evidence,
    )


@check(
    {
        "S01": "a file of the package is missing",
        "S02": "a table cannot be read, or is empty",
        "S03": "a file is where it must not be: a link, code beside the public files, or anything "
        "but the answers in private/",
    },
    title="Files",
    asks="description.md, prepare.py, metric.py, public/ with train, test, sample_submission.csv "
    "and description.md, and private/test_answer.csv are there, regular files, and readable as "
    "what they are; nothing else lies in private/.",
)
def files(subject: Subject) -> Iterator[Outcome]:
    """The files of DESIGN, each where it belongs."""
    paths = subject.paths
    for path in (paths.description, paths.prepare, paths.metric, paths.public_description):
        shown = path.relative_to(subject.package).as_posix()
        if not path.is_file():
            yield _error("S01", f"{shown} is missing; write it.", file=shown)
    for name in _TABLES:
        try:
            frame: pd.DataFrame = getattr(subject, name)
        except TooLargeError as bound:
            yield NotRun("S02", str(bound))
            continue
        except FileDefectError as defect:
            code = "S01" if "missing" in defect.reason else "S02"
            yield _error(
                code, f"{defect}. Let prepare.py write it as a CSV file.", file=defect.file
            )
            continue
        if frame.empty:
            yield _error(
                "S02", f"the {name} table has no rows; prepare.py must fill it.", table=name
            )
    yield from _misplaced(subject)


def _misplaced(subject: Subject) -> Iterator[Finding]:
    paths = subject.paths
    extra = [p.name for p in _files(paths.private) if p != paths.answers]
    if extra:
        yield _error(
            "S03",
            f"private/ holds {extra[0]!r} besides {ANSWERS}; only the answers belong there.",
            files=extra[:20],
        )
    links = [p for p in subject.package.rglob("*") if p.is_symlink()]
    code = [p for p in _files(paths.public) if p.name in {PREPARE, METRIC, ANSWERS}]
    for path in sorted(links + code):
        shown = path.relative_to(subject.package).as_posix()
        kind = "a link" if path.is_symlink() else "not for participants"
        yield _error("S03", f"{shown} is {kind}; remove it.", file=shown)


def _files(folder: Path) -> Sequence[Path]:
    return sorted(p for p in folder.rglob("*") if not p.is_dir()) if folder.is_dir() else ()


@check(
    {
        "S09": "the ids of answers, sample submission and test rows are not the same",
        "S10": "the sample submission's columns do not fit the answers (defect M9)",
    },
    title="Identifiers and the submission's columns",
    asks="The id column is in test, sample submission and answers, with the same values in each; "
    "the sample submission has, beside it, the target's columns (or one column for each class, "
    "called target_class), filled, and nothing else.",
    needs=(Need.PRIVATE,),
)
def columns(subject: Subject) -> Iterator[Outcome]:
    """Ids and submission columns agree."""
    key = subject.id_column
    if key not in subject.test.columns:
        yield _error(
            "S09", f"test has no column {key!r}; put the ids of the answers there.", id=key
        )
        yield NotRun("S10", "test has no ids")
        return
    wanted = set(subject.answers[key].dropna())
    for name, frame in (("test", subject.test), ("sample_submission", subject.sample)):
        here = set(frame[key].dropna())
        if here != wanted:
            odd = sorted(here ^ wanted)[:3]
            yield _error(
                "S09",
                f"the ids of {name} and of the answers differ in {len(here ^ wanted)} places, such "
                f"as {odd}; write them from one frame.",
                table=name,
                examples=odd,
            )
    repeated = int(subject.sample[key].duplicated().sum())
    if repeated:
        yield _error(
            "S09",
            f"{repeated} rows of sample_submission repeat an id; write one row for each id.",
            table="sample_submission",
        )
    if key != ID_COLUMN:
        yield Finding(
            code="S09",
            severity=Severity.INFO,
            blame=Blame.REFACTOR,
            message=f"the id column is called {key!r}; the usual name is {ID_COLUMN!r}.",
        )
    yield from _submission_columns(subject)


def _submission_columns(subject: Subject) -> Iterator[Finding]:
    targets = set(subject.targets)
    given = [str(c) for c in subject.sample.columns if c != subject.id_column]
    absent = sorted(t for t in targets if not any(c == t or c.startswith(f"{t}_") for c in given))
    stray = [c for c in given if not any(c == t or c.startswith(f"{t}_") for t in targets)]
    if absent or stray:
        yield _error(
            "S10",
            f"sample_submission.csv has columns {given}, the answers {sorted(targets)}: a "
            "submission must have the targets (or one column a class, target_class), and no other.",
            missing=absent,
            unexpected=stray,
        )
    empty = [c for c in given if subject.sample[c].isna().any()]
    if empty:
        yield _error(
            "S10",
            f"sample_submission.csv has empty cells in {empty}; fill in a constant.",
            columns=empty,
        )


@check(
    {"S08": "a file names a path of the machine that made it"},
    title="Paths of a machine",
    asks="No absolute path of a machine stands in the code, the description or the manifest.",
)
def no_machine_paths(subject: Subject) -> Iterator[Outcome]:
    """Text files are free of absolute paths."""
    paths = subject.paths
    for path in (paths.prepare, paths.metric, paths.manifest, paths.report_json, paths.description):
        if not path.is_file() or path.stat().st_size > 8 * 2**20:
            continue
        found = machine_paths(subject, path.read_text("utf-8", errors="replace"))
        if found:
            yield Finding(
                code="S08",
                severity=Severity.ERROR,
                blame=Blame.DESIGN if path.name == DESCRIPTION else Blame.REFACTOR,
                message=f"{path.name} names {found[0]!r}, a path of one machine; use the folders "
                "that prepare(raw, public, private) is given, and relative names.",
                evidence={"file": path.name, "paths": found[:5]},
            )


@check(
    {"S11": "files are not those that the manifest was written for"},
    title="Seal",
    asks="Each file has the checksum that task.json records, and there is no other file. Checks "
    "look at the files as they are; ladder and checks in task.json are of the files as they were.",
)
def sealed(subject: Subject) -> Iterator[Outcome]:
    """The manifest's checksums are those of the files."""
    if not subject.paths.manifest.is_file():
        yield NotRun("S11", "there is no manifest")
        return
    try:
        broken = verify_seal(subject.package)
    except PackageError as error:
        yield NotRun("S11", f"the manifest cannot be read ({error.code})")
        return
    yield Measured("S11", {"files_that_differ": len(broken)})
    if broken:
        more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
        yield Finding(
            code="S11",
            severity=Severity.WARNING,
            blame=Blame.REFACTOR,
            message=f"{broken[0]}{more}. Get the package anew, or build it again from the raw data "
            "(`mle-smith prepare`).",
            evidence={"files_that_differ": len(broken), "differences": broken[:20]},
        )


@check(
    {"S12": "task.json says of the metric what metric.py does not (defect M6)"},
    title="The manifest's metric",
    asks="Direction, positive class and columns of a submission that task.json records, with which "
    "programs rank and hand in, are those of metric.py and of the sample submission.",
)
def recorded_metric(subject: Subject) -> Iterator[Outcome]:
    """What programs are told agrees with what is scored."""
    if not subject.paths.manifest.is_file():
        yield NotRun("S12", "there is no manifest")
        return
    try:
        manifest = load(subject.package)
    except PackageError as error:
        yield NotRun("S12", f"the manifest cannot be read ({error.code})")
        return
    told, form = manifest.metric, manifest.submission
    wrong = []
    higher = declared_direction(subject)
    if higher is not None and higher != told.higher_is_better:
        wrong.append(f"higher_is_better is {str(told.higher_is_better).lower()}")
    positive = declared_constant(subject, "POSITIVE")
    if None not in (positive, form.positive) and label_key(positive) != label_key(form.positive):
        wrong.append(f"the positive class is {form.positive!r}")
    if {form.id_column, *form.columns} != {*map(str, subject.sample.columns)}:
        wrong.append(f"the columns of a submission are {[form.id_column, *form.columns][:8]}")
    if wrong:
        yield Finding(
            code="S12",
            severity=Severity.ERROR,
            blame=Blame.REFACTOR,
            message=f"task.json says that {', and that '.join(wrong)}; metric.py and the sample "
            "submission say otherwise. Make them agree.",
            evidence={"differences": wrong},
        )


CHECKS = (files, columns, no_machine_paths, sealed, recorded_metric)
