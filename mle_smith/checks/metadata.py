"""Do names, sizes, times or the order of files tell the answers?

Defect L5. Files are those of folders and archives of public/ that belong to test rows: called after
the id, or named in a column. Sizes, and the folders that files are in, may honestly go with what a
file shows, so they have to tell much more.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from mle_smith.checks.association import Goal
from mle_smith.checks.check import Measured, Need, Outcome, check
from mle_smith.checks.decoding.headers import MAX_FILES, READ, ranks
from mle_smith.checks.dependence import (
    MIN_ROWS,
    Dependence,
    as_one_of,
    group_dependence,
    number_dependence,
    signal_of,
)
from mle_smith.checks.features import Floats, Ints, plain
from mle_smith.checks.names import QUESTIONS, name_dependence
from mle_smith.checks.subject import Subject
from mle_smith.checks.transfer import transferred
from mle_smith.package.layout import PUBLIC
from mle_smith.values import Blame, Finding, Severity

_MAX_FILES = 200_000
_WORDS = re.compile(r"[^\W_]+")
_ONE_EACH = 0.9
"""Rows that have a file of their own, and files that have a word of their own at one place of their
names, if that is what names them."""
_FEWEST_OF_A_FOLDER = 3
"""Rows that share a folder, on average; in fewer it is the file's name."""


@dataclass
class _Home:
    """A folder or archive, and what its listing says of each file."""

    name: str
    in_folder: bool
    files: dict[str, dict[str, float]] = field(default_factory=dict)
    """By the file's path: size, time of writing, place in the listing, fields of its header."""


@check(
    {"L05": "names, sizes, times or the order of files foretell the answers"},
    title="Metadata of files",
    asks="Of files that belong to test rows (called after the id, or named in a column; in folders "
    "or archives): time, size, folder, place in the archive and name, against a random order, and "
    "as a forest learns from the files of train rows. Sizes and folders may honestly go with what "
    "a file shows, and have to explain half of the answers.",
    needs=(Need.PRIVATE,),
)
def metadata(subject: Subject) -> Iterator[Outcome]:
    """A model of listings alone."""
    asked = 0
    for home in _homes(subject):
        columns = [subject.id_column, *subject.input_columns]
        rows = _rows(subject.test.iloc[subject.test_rows], columns, home)
        if rows is None:
            continue
        asked += 1
        if home.in_folder:
            _add_headers(subject.paths.public, home)
        train = _rows(subject.train.iloc[subject.train_rows], columns, home)
        for goal in subject.goals:
            for what, found in _asked(subject, goal, home, train, rows):
                yield from _judged(subject, home, goal.feature.name, what, found)
    if not asked:
        yield Measured("L05", {"files_of_test_rows": 0})


def _asked(
    subject: Subject,
    goal: Goal,
    home: _Home,
    train: list[str | None] | None,
    rows: list[str | None],
) -> Iterator[tuple[str, Dependence]]:
    """What listing, folders and names say of a target, each on its own."""
    signal = signal_of(goal)
    before = {} if train is None else _listing(home, train)
    for what, values in _listing(home, rows).items():
        found = number_dependence(signal, values, what)
        if what in before:
            numbers = np.concatenate([before[what], values])[:, None]
            learned = transferred(numbers, goal, subject.seed, "as in train")
            found = max(found, as_one_of(learned, QUESTIONS))
        yield what, found
    folders = _folders_of(rows)
    if 1 < len(set(folders)) <= len(folders) // _FEWEST_OF_A_FOLDER:
        found = group_dependence(signal, folders, "the folder of each")
        if train is not None:
            usual = _usual_of_folder(goal, [*train, *rows])
            learned = transferred(usual, goal, subject.seed, "as the train rows in it")
            found = max(found, as_one_of(learned, QUESTIONS))
        yield "folder", found
    names = pd.Series([PurePosixPath(str(r)).stem if r else "" for r in rows], dtype=str)
    ids = plain(subject.test[subject.id_column]).iloc[subject.test_rows]
    if not (names.to_numpy() == ids.to_numpy()).all():
        yield "name", name_dependence(names, signal)


def holds_files_of_rows(subject: Subject) -> bool:
    """Whether folders or archives of public/ hold a file for (most) test rows."""
    columns = [subject.id_column, *subject.input_columns]
    rows = subject.test.iloc[subject.test_rows]
    return any(_rows(rows, columns, home) is not None for home in _homes(subject))


def _homes(subject: Subject) -> list[_Home]:
    """Folders and archives with enough files to say anything."""
    listed = [*_folders(subject.paths.public), *_archives(subject.side_files.listings)]
    return [home for home in listed if len(home.files) >= MIN_ROWS]


def _folders(public: Path) -> Iterator[_Home]:
    folders: dict[str, _Home] = defaultdict(lambda: _Home("", in_folder=True))
    for number, path in enumerate(sorted(public.rglob("*"))):
        if number >= _MAX_FILES:
            break
        if not path.is_file() or path.is_symlink():
            continue
        shown = path.relative_to(public).as_posix()
        if path.parent != public:
            folder = PurePosixPath(shown).parent.as_posix()
            about = path.stat()
            for home in (folder, f"{PurePosixPath(folder).parent.as_posix()}/*"):
                facts = {"size": float(about.st_size), "time": float(about.st_mtime)}
                folders[home].name = home
                folders[home].files[shown] = facts
    parents = [h for h in folders.values() if h.name.endswith("/*")]
    alone = {h.name for h in parents if len({PurePosixPath(f).parent for f in h.files}) == 1}
    yield from (home for home in folders.values() if home.name not in alone)


def _add_headers(public: Path, home: _Home) -> None:
    """What stands in the headers of the files."""
    heads = {}
    for shown in list(home.files)[:MAX_FILES]:
        with (public / shown).open("rb") as file:
            heads[shown] = file.read(READ)
    for section, ranked in ranks(heads, MIN_ROWS).items():
        for shown, about in home.files.items():
            about[section] = ranked.get(shown, -1.0)


def _archives(listings: dict[str, pd.DataFrame]) -> Iterator[_Home]:
    for name, members in listings.items():
        numbers = members.drop(columns="path").apply(pd.to_numeric, errors="coerce")
        rows = zip(members["path"], numbers.to_dict("records"), strict=True)
        files = {str(path): {str(k): float(v) for k, v in about.items()} for path, about in rows}
        yield _Home(name.removeprefix(f"{PUBLIC}/"), in_folder=False, files=files)


def _rows(table: pd.DataFrame, columns: Sequence[str], home: _Home) -> list[str | None] | None:
    """For each row its file, by what a column names; None where the files are not of these rows."""
    for by_name in _ways_to_name(home):
        for column in columns:
            if column not in table.columns:
                continue
            cells = plain(table[column]).fillna("")
            names = [by_name.get(c) or by_name.get(PurePosixPath(c).name) for c in cells]
            enough = sum(n is not None for n in names) >= max(MIN_ROWS, 0.5 * len(names))
            if enough and len(set(names)) > _ONE_EACH * len(names):
                return names
    return None


def _ways_to_name(home: _Home) -> Iterator[dict[str, str]]:
    """Files by what may stand for them: their paths and names, or one word of each name."""
    paths = {file: PurePosixPath(file) for file in home.files}
    by_name: dict[str, str] = {}
    for file, path in paths.items():
        for key in (file, path.name, path.stem):
            by_name.setdefault(key, file)
    yield by_name
    words = {file: _WORDS.findall(path.stem) for file, path in paths.items()}
    for place in (-1, 0, 1, 2):
        there = {f: w[place].lstrip("0") or "0" for f, w in words.items() if len(w) > max(1, place)}
        by_word = {word: file for file, word in there.items()}
        if len(by_word) >= _ONE_EACH * len(home.files):
            yield by_word


def _listing(home: _Home, rows: list[str | None]) -> dict[str, Floats]:
    kinds = next(iter(home.files.values()))
    return {
        kind: np.asarray([home.files[r].get(kind, np.nan) if r else np.nan for r in rows])
        for kind in kinds
    }


def _folders_of(rows: Sequence[str | None]) -> Ints:
    names = [PurePosixPath(row or "").parent.as_posix() for row in rows]
    return pd.factorize(np.asarray(names, dtype=object))[0].astype(np.int64)


def _usual_of_folder(goal: Goal, rows: Sequence[str | None]) -> Floats:
    """What the other train rows of its folder have on average: a row for each row of both sides."""
    folders, cut = _folders_of(rows), goal.feature.train_rows
    here, size = folders[:cut], int(folders.max()) + 1
    by_folder = [np.bincount(here, column, size)[folders] for column in goal.matrix[:cut].T]
    sums: Floats = np.stack(by_folder, axis=1).astype(np.float64)
    counts = np.bincount(here, minlength=size)[folders, None].astype(np.float64)
    sums[:cut] -= goal.matrix[:cut]
    counts[:cut] -= 1
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _judged(
    subject: Subject, home: _Home, target: str, what: str, found: Dependence
) -> Iterator[Outcome]:
    limits = subject.thresholds
    numbers = {
        "standard_errors": round(found.significance, 2),
        "share_of_variance": round(found.effect, 4),
    }
    yield Measured("L05", {f"{what} in {home.name}": numbers})
    if found.significance < limits.significance:
        return
    honest = what == "folder" or "size" in what
    least = limits.size_effect if honest else limits.order_effect
    yield Finding(
        code="L05",
        severity=Severity.ERROR if found.effect >= least else Severity.WARNING,
        blame=Blame.DESIGN,
        message=f"the {what} of the files in {home.name} explains {found.effect:.1%} of {target!r} "
        f"({found.significance:.0f} standard errors, {found.how}); give all files one time, names "
        "that say nothing and the order of their names.",
        evidence={**numbers, "target": target, "home": home.name, "exploit": f"{what} alone"},
    )


CHECKS = (metadata,)
