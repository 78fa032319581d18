"""The program that a sandbox runs: reads the files of a folder, writes down what they hold.

What is packed, binary or large is read by a process of its own, so that a file that is made to
exhaust or crash its reader takes nothing with it but itself.

A *report* is a JSON document that names what one such process, or the program itself, read:
`files` (read to the bottom), `failed` (a reason for each file that was not), and by the names of
files beside it `tables`, `texts` and `listings`. Every table is plain CSV.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd

from mle_smith.checks.decoding.containers import MAX_BLOB, Blob
from mle_smith.checks.decoding.contents import contents
from mle_smith.checks.decoding.listings import listing

SMALL = 2**20
"""Bytes of a file that may be read beside others."""
_GROUP = 16 * 2**20
"""Bytes of the files that one process reads. They may be written down as texts and as tables."""
_DECODED = (
    *(b"PK", b"\x1f\x8b", b"BZh", b"\xfd7zXZ"),
    *(b"PAR1", b"ARROW1", b"SQLite", b"\x93NUMPY", b"MATLAB"),
)
"""How the formats begin that are unpacked or decoded."""
_MEMORY = 1 * 2**30
"""Bytes that one file may take above what the program has."""
_CPU_S = 30
_MAX_WRITTEN = 64 * 2**20
"""Bytes that are written down of one file."""
_MAX_TEXT = 16 * 2**20
_MAX_CELL = 2_000
_MAX_CELLS = 5_000_000


@dataclass(frozen=True)
class Allowance:
    """What may still be written, and until when."""

    out: Path
    bytes: int
    files: int
    deadline: float

    def spent(self) -> bool:
        """Whether nothing more may be begun."""
        sizes = [path.stat().st_size for path in self.out.iterdir()]
        late = time.monotonic() > self.deadline
        return late or len(sizes) > self.files or sum(sizes) > self.bytes


@dataclass
class Report:
    """What one process read. Written last, so that one that is there is whole."""

    name: str
    out: Path
    files: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    listings: dict[str, str] = field(default_factory=dict)
    _files: int = 0
    _bytes: int = 0

    def add_table(self, name: str, frame: pd.DataFrame) -> None:
        """Write a table down, its cells as text."""
        if frame.size > _MAX_CELLS:
            raise MemoryError(f"more than {_MAX_CELLS} cells")
        self.tables[self._csv(frame)] = name

    def add_text(self, name: str, text: str) -> None:
        """Write a text down."""
        path = self._next("txt")
        path.write_text(text[:_MAX_TEXT], "utf-8", errors="replace", newline="")
        self.texts[path.name] = name
        self._count(path)

    def add_listing(self, name: str, frame: pd.DataFrame) -> None:
        """Write the listing of an archive down."""
        self.listings[self._csv(frame)] = name

    def close(self) -> None:
        """Write the report itself."""
        about = {k: v for k, v in vars(self).items() if isinstance(v, dict | list)}
        (self.out / f"{self.name}.json").write_text(json.dumps(about), "utf-8")

    def _csv(self, frame: pd.DataFrame) -> str:
        plain = {
            column: [None if v is None or v != v else _cell(v) for v in frame[column].tolist()]
            for column in frame.columns
        }
        path = self._next("csv")
        table = pd.DataFrame(plain, dtype=object).rename(columns=_cell)
        table.to_csv(path, index=False, errors="replace", lineterminator="\n")
        self._count(path)
        return path.name

    def _next(self, suffix: str) -> Path:
        self._files += 1
        return self.out / f"{self.name}-{self._files}.{suffix}"

    def _count(self, path: Path) -> None:
        self._bytes += path.stat().st_size
        if self._bytes > _MAX_WRITTEN:
            raise MemoryError(f"more than {_MAX_WRITTEN} bytes")


def side_paths(public: Path, known: Sequence[str], most: int) -> list[Path]:
    """The files of public/ but the `known` ones at its top, at the most so many.

    What is alone of its kind comes first: of folders of thousands of files a part is enough.
    """
    files = [p for p in sorted(public.rglob("*")) if p.is_file() and not p.is_symlink()]
    files = [p for p in files if p.parent != public or p.name not in known]
    homes: dict[tuple[Path, str], int] = defaultdict(int)
    ranked: list[tuple[bool, int, Path]] = []
    for path in files:
        homes[path.parent, path.suffix] += 1
        ranked.append((homes[path.parent, path.suffix] > 20, len(ranked), path))
    return [path for _, _, path in sorted(ranked)[:most]]


def is_simple(head: bytes, size: int) -> bool:
    """Whether a file that begins so can be read without a decoder and in little memory."""
    return size <= SMALL and not head.startswith(_DECODED) and head[257:262] != b"ustar"


def main(public: Path, out: Path, request: str) -> None:
    """Read the files of `public` and write reports into `out`.

    Args:
        public: the folder.
        out: an empty folder.
        request: a JSON object: `known` and `most` as `side_paths` takes them; `bytes`, `files` and
            `seconds` after which no further file is begun.
    """
    order = json.loads(request)
    deadline = time.monotonic() + order["seconds"]
    allowance = Allowance(out, order["bytes"], order["files"], deadline)
    simple: dict[str, Path] = {}
    failed: dict[str, str] = {}
    for number, path in enumerate(side_paths(public, order["known"], order["most"]), start=1):
        name = f"{public.name}/{path.relative_to(public).as_posix()}"
        if is_simple(_head(path), path.stat().st_size):
            simple[name] = path
        elif allowance.spent():
            failed[name] = "the files before it took all room or time"
        elif reason := _apart(partial(_read_one, Report(f"{number}", out), name, path)):
            failed[name] = reason
    for number, group in enumerate(_groups(simple)):
        reason = "the files before it took all room or time"
        if not allowance.spent():
            reason = _apart(partial(_read_simple, Report(f"simple{number}", out), group))
        failed |= dict.fromkeys(group, reason) if reason else {}
    Report("failed", out, failed=failed).close()


def _groups(paths: dict[str, Path]) -> Iterator[dict[str, Path]]:
    """The files in their order, so many at a time as one process reads."""
    group: dict[str, Path] = {}
    size = 0
    for name, path in paths.items():
        size += path.stat().st_size
        if group and size > _GROUP:
            yield group
            group, size = {}, path.stat().st_size
        group[name] = path
    if group:
        yield group


def _read_one(report: Report, name: str, path: Path) -> None:
    members = listing(path)
    if members is not None:
        report.add_listing(name, members)
    if path.stat().st_size > MAX_BLOB:
        report.failed[name] = f"larger than {MAX_BLOB >> 20} MiB"
    else:
        _read(report, [Blob(name, path.read_bytes())])
    report.close()


def _read_simple(report: Report, paths: dict[str, Path]) -> None:
    _read(report, [Blob(name, path.read_bytes()) for name, path in paths.items()])
    report.close()


def _read(report: Report, blobs: Sequence[Blob]) -> None:
    found = contents(blobs)
    for table in found.tables:
        report.add_table(table.name, table.frame)
    for name, text in found.texts:
        report.add_text(name, text)
    report.files += [blob.name for blob in blobs]


def _apart(work: Callable[[], None]) -> str:
    """Do `work` in a process with limits of its own; why it did not end well, or nothing."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _limit()
            work()
            status = 0
        except MemoryError:
            status = 2
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(ended)
    if code == 2:
        return "it unpacks to more than is read"
    return f"its reader ended with {code}" if code else ""


def _limit() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + _MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(65_536)


def _cell(value: object) -> str:
    return str(value)[:_MAX_CELL].translate({0: None, 13: " "})
