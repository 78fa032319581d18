"""Are the files that test rows name whole, and of their own?

Defect M10: copies that broke off, and placeholders of what was not to be had. No file is opened as
what it claims to be; its end and its digest say enough.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pandas as pd

from mle_smith.checks.check import Measured, Outcome
from mle_smith.checks.features import evenly_spaced, plain
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity

_MAX_FILES = 200_000
_MAX_ROWS = 2_000
_MAX_BYTES = 64 * 2**20
"""What is read of files that are as long as another: of most kinds, few."""
_ENDINGS = 3
"""Last bytes that a kind of file with an end of its own may have: a brace, say, or a bracket."""
_FEWEST = 5


def row_file_findings(subject: Subject) -> Iterator[Outcome]:
    """What test rows name, measured by what train rows name."""
    paths = files_of_folders(subject.paths.public)
    if not paths:
        return
    asked: list[set[Path]] = []
    for column in (*subject.input_columns, subject.id_column):
        train, test = (named_files(frame[column], paths) for frame in (subject.train, subject.test))
        if train and test and set(test) not in asked:
            asked.append(set(test))
            yield from _broken(column, train, test)
            yield from _the_same(column, train, test)


def files_of_folders(public: Path) -> dict[str, Path]:
    """Files in folders by path, name and stem, where these are no other's."""
    paths: dict[str, Path] = {}
    counts: Counter[str] = Counter()
    for number, path in enumerate(public.rglob("*")):
        if number >= _MAX_FILES:
            return {}
        if path.parent == public or path.is_symlink() or not path.is_file():
            continue
        for name in {path.relative_to(public).as_posix(), path.name, path.stem}:
            counts[name] += 1
            paths[name] = path
    return {name: path for name, path in paths.items() if counts[name] == 1}


def named_files(cells: pd.Series[str], paths: dict[str, Path]) -> list[Path]:
    """The files of (some) rows, one each; none where rows do not name files."""
    names = plain(cells.dropna()).unique()
    some = [names[n] for n in evenly_spaced(len(names), _MAX_ROWS)]
    files = [paths[name] for name in some if name in paths]
    return files if len(files) >= max(_FEWEST, 0.9 * len(some)) else []


def _broken(column: str, train: Sequence[Path], test: Sequence[Path]) -> Iterator[Outcome]:
    """Files that do not end as files of this kind do."""
    usual = Counter(map(_last_byte, train)).most_common(_ENDINGS)
    ends = {end for end, _ in usual}
    other = 1 - sum(count for _, count in usual) / len(train)
    if len(train) < 20 or other > 0.01:
        return  # there is no end of its own
    broken = [path for path in test if _last_byte(path) not in ends]
    yield Measured("P10", {f"files of {column}": {"test_rows_with_another_end": len(broken)}})
    if len(broken) >= 2 and len(broken) > len(test) * (2 * other + 0.01):
        yield _finding(
            f"{len(broken)} of {len(test)} test rows name a file in {column!r} that does not end "
            f"as those of train do ({broken[0].name}): it broke off; give whole files.",
            column=column,
            rows=len(broken),
        )


def _the_same(column: str, train: Sequence[Path], test: Sequence[Path]) -> Iterator[Outcome]:
    """The commonest content of test rows' files, where hardly a train row has it."""
    digests = digests_of([*train, *test])
    held = Counter(digests[path] for path in test if path in digests)
    if not held:
        return
    content, count = held.most_common(1)[0]
    usual = sum(digests.get(path) == content for path in train) / len(train)
    share = count / len(test)
    yield Measured("P10", {f"files of {column}": {"test_rows_with_one_content": count}})
    if count >= _FEWEST and share >= 0.05 and share > 5 * usual:
        yield _finding(
            f"{count} of {len(test)} test rows name files in {column!r} that are all the same "
            f"(of train {usual:.1%}): a placeholder, it seems; give each row its own.",
            column=column,
            rows=count,
        )


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-min(1, path.stat().st_size), 2)
        return file.read(1)


def digests_of(paths: Collection[Path]) -> dict[Path, str]:
    """SHA-256 of the files that are as long as another, as far as the bound goes."""
    sizes = {path: path.stat().st_size for path in paths}
    shared = Counter(sizes.values())
    digests, read = {}, 0
    for path, size in sizes.items():
        if shared[size] > 1 and read + size <= _MAX_BYTES:
            read += size
            digests[path] = hashlib.sha256(path.read_bytes()).hexdigest()
    return digests


def _finding(message: str, **evidence: object) -> Finding:
    return Finding(
        code="P10", severity=Severity.ERROR, blame=Blame.DESIGN, message=message, evidence=evidence
    )
