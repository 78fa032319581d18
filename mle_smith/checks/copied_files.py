"""Do test rows name files whose content a train row's file has too?

Defect L1 of pictures, sounds and documents: other names, the same bytes. Defect L2 of pictures:
encoded anew, in another size, mirrored.
"""

from __future__ import annotations

import codecs
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np

from mle_smith.checks.association import Goal
from mle_smith.checks.check import Measured, NotRun, Outcome
from mle_smith.checks.features import Mask, evenly_spaced, plain
from mle_smith.checks.matches import Matches, agreeing, copies_finding
from mle_smith.checks.nearness import crowd_of_copies, neighbours
from mle_smith.checks.pictures import are_pictures, mirrored, thumbnails
from mle_smith.checks.row_files import digests_of, files_of_folders
from mle_smith.checks.subject import Subject

_MAX_ROWS = 20_000
"""Of either side."""
_FEWEST = 5
_MAX_LOOKED_AT, _MAX_ASKED = 5_000, 1_000
"""Pictures of train, and of test."""
_FEWEST_LOOKS = 20
_HEAD = 4_096
_PLACEHOLDER = 0.01
"""Part of train that shares a content which says nothing: an empty picture, say."""


_Rows: TypeAlias = dict[int, Path]
"""The file that a row names, by the number of the row."""


def copied_file_findings(subject: Subject, goal: Goal) -> Iterator[Outcome]:
    """Test rows whose file is a copy of a train row's, and whose target is the same."""
    paths = files_of_folders(subject.paths.public)
    for column in (subject.id_column, *subject.input_columns) if paths else ():
        train = _files(subject, column, paths, of_train=True)
        test = _files(subject, column, paths, of_train=False)
        if min(len(train), len(test)) < _FEWEST:
            continue
        equal = {
            ours: theirs
            for ours, theirs in _equal(train, test).items()
            if not (_is_text(test[ours]) and _same_inputs(subject, column, ours, theirs))
        }
        yield from _of_equal(subject, goal, column, equal, len(test))
        if are_pictures([*train.values(), *test.values()]):
            others = {row: path for row, path in test.items() if row not in equal}
            yield from _alike(subject, goal, column, train, others)


def _equal(train: _Rows, test: _Rows) -> dict[int, int]:
    """Test rows, each with the first train row whose file has the same bytes."""
    digests = digests_of({*train.values(), *test.values()})
    holders: dict[str, list[int]] = defaultdict(list)
    for row, path in train.items():
        holders[digests.get(path, str(path))].append(row)
    most = max(_FEWEST, _PLACEHOLDER * len(train))
    held = {row: holders.get(digests.get(path, str(path)), []) for row, path in test.items()}
    return {row: rows[0] for row, rows in held.items() if 0 < len(rows) <= most}


def _is_text(path: Path) -> bool:
    """Whether a file begins as text: a record, which repeats what the row says, is one."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # which may be cut within a letter
    except UnicodeDecodeError:
        return False
    return b"\0" not in head


def _same_inputs(subject: Subject, column: str, ours: int, theirs: int) -> bool:
    """Whether rows are equal in all inputs but the file's name: `copied_rows` judges those."""
    others = [f for f in subject.inputs if f.name != column]
    return bool(others) and all(f.of_test(f.codes)[ours] == f.codes[theirs] for f in others)


def _of_equal(
    subject: Subject, goal: Goal, column: str, equal: dict[int, int], total: int
) -> Iterator[Outcome]:
    limits = subject.thresholds
    matches = Matches(*(np.array([*rows], dtype=np.int64) for rows in (equal, equal.values())))
    agreement = float(agreeing(goal, matches).mean()) if equal else 0.0
    numbers: dict[str, object] = {
        "equal_files": len(equal),
        "same_target_among_them": round(agreement, 4),
    }
    yield Measured("L01", {f"files of {column}": numbers})
    if len(equal) > 1 and agreement >= limits.duplicate_agreement:
        what = f"name a file in {column!r} whose bytes a train row's file has too"
        yield copies_finding("L01", what, len(equal), total, numbers, limits)


def _alike(
    subject: Subject, goal: Goal, column: str, train: _Rows, test: _Rows
) -> Iterator[Outcome]:
    """Pictures that look the same, as they are or mirrored, in other bytes."""
    if subject.sandbox is None:
        yield NotRun("L02", "pictures are looked at in a sandbox only")
        return
    limits = subject.thresholds
    train, test = _some(train, _MAX_LOOKED_AT), _some(test, _MAX_ASKED)
    looks = thumbnails(subject.paths.public, [*train.values(), *test.values()], subject.sandbox)
    if looks is None:
        yield NotRun("L02", f"the pictures of {column!r} are too many, or too large, to look at")
        return
    seen: Mask = np.asarray(np.isfinite(looks).all(axis=1))
    cut = len(train)
    head, asked = looks[:cut][seen[:cut]], looks[cut:][seen[cut:]]
    theirs, ours = np.array([*train])[seen[:cut]], np.array([*test])[seen[cut:]]
    if min(len(head), len(asked)) < _FEWEST_LOOKS:
        return
    (closest, distances), turned = neighbours(asked, head), neighbours(mirrored(asked), head)
    nearer = turned[1][:, 0] < distances[:, 0]
    closest[nearer], distances[nearer] = turned[0][nearer], turned[1][nearer]
    crowd = crowd_of_copies(goal, head, ours, (theirs[closest], distances), limits)
    numbers: dict[str, object] = {"pictures_asked": len(asked), "closer_than_train_lies": crowd}
    yield Measured("L02", {f"pictures of {column}": numbers})
    if crowd is not None:
        what = f"name a picture in {column!r} that looks like a train row's"
        yield copies_finding("L02", what, crowd, len(asked), numbers, limits)


def _some(rows: _Rows, most: int) -> _Rows:
    every = list(rows.items())
    return dict(every[n] for n in evenly_spaced(len(every), most))


def _files(subject: Subject, column: str, paths: dict[str, Path], *, of_train: bool) -> _Rows:
    """The file of each row that names one; none where most rows do not."""
    frame, rows = (
        (subject.train, subject.train_rows) if of_train else (subject.test, subject.test_rows)
    )
    if column not in frame.columns:
        return {}
    cells = plain(frame[column].iloc[rows].fillna("")).to_list()
    some = evenly_spaced(len(cells), _MAX_ROWS)
    found = {int(n): paths[cells[n]] for n in some if cells[n] in paths}
    return found if len(found) >= 0.9 * len(some) else {}
