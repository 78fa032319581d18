"""The public files beside train and test, as tables and as texts, with bounds on each.

What takes a decoder is read in the sandbox (`mle_smith.checks.decoding`). A few short texts, which
is all that most packages have, are read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from mle_smith.checks import decoding
from mle_smith.checks.decoding.containers import Blob, holds_encoded
from mle_smith.checks.decoding.contents import contents
from mle_smith.checks.decoding.program import SMALL, is_simple, side_paths
from mle_smith.checks.decoding.readers import SideTable, text_of
from mle_smith.errors import MachineError, UsageError
from mle_smith.package.layout import PUBLIC, SAMPLE_SUBMISSION, TEST, TRAIN
from mle_smith.sandbox.job import Job, Limits, Mount, Result, Role, Sandbox, Status
from mle_smith.sandbox.scratch import work_folder
from mle_smith.sandbox.untrusted import UntrustedError, parse_json, read_bytes, read_csv, read_text
from mle_smith.values import Value

_LIMITS = Limits(wall_s=150)
_SECONDS = 100
"""After so long no further file is begun: one may take 30 s of CPU time."""
_MAX_BYTES = 128 * 2**20
"""No further file is begun, either, once so much of them is written down as text."""
_MAX_FILES = 8_000
_PROGRAM = """
import os, sys, types
from pathlib import Path

home = Path(os.environ["MLE_IN"])
for name in ("mle_smith", "mle_smith.checks"):
    # The package that is mounted, without those above it, wherever else they are installed.
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [str(home.joinpath(*name.split(".")))]
from mle_smith.checks.decoding.program import main

main(home / "public", Path(os.environ["MLE_OUT"]), sys.argv[1])
"""


_SALT = re.compile(r"(?<![\w/.-])(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+/=-]{6,64}(?![\w/-])")
_SALTED_TEXT = 20_000
_MOST_SALTS = 30


@dataclass
class SideFiles:
    """Everything that the public files beside train, test and sample hold."""

    tables: list[SideTable] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    """By name: what can be read in the blob as text."""
    listings: dict[str, pd.DataFrame] = field(default_factory=dict)
    """By archive, its members (`decoding.listings.listing`); cells are text."""
    unread: dict[str, str] = field(default_factory=dict)
    """Files that were not read to the bottom, each with the reason."""

    @cached_property
    def salts(self) -> tuple[str, ...]:
        """Words of the texts that digests may have been salted with: letters and digits mixed."""
        words: dict[str, None] = {}
        for text in sorted((text for _, text in self.texts), key=len):
            for word in _SALT.findall(text[:_SALTED_TEXT]):
                words.setdefault(word)
                if len(words) == _MOST_SALTS:
                    return tuple(words)
        return tuple(words)


class _Report(Value):
    """What the program says it read (`decoding.program.Report`)."""

    files: tuple[str, ...]
    failed: dict[str, str]
    tables: dict[str, str]
    texts: dict[str, str]
    listings: dict[str, str]


def read_side_files(public: Path, sandbox: Sandbox | None, most: int) -> SideFiles:
    """Read the other public files to the bottom, at the most so many.

    Raises:
        MachineError: the sandbox failed.
    """
    known = (TRAIN, TEST, SAMPLE_SUBMISSION)
    paths = side_paths(public, known, most)
    names = {f"{PUBLIC}/{path.relative_to(public).as_posix()}": path for path in paths}
    if sum(path.stat().st_size for path in paths) <= SMALL:
        blobs = [Blob(name, path.read_bytes()) for name, path in names.items()]
        if all(_is_short_text(blob.data) for blob in blobs):
            found = contents(blobs)
            return SideFiles(found.tables, found.texts)
    if sandbox is None:
        return SideFiles(unread=dict.fromkeys(names, "no sandbox was given"))
    with work_folder() as out:
        try:
            result = sandbox.run(_job(public, known, most), out)
        except UsageError as refused:  # a link that leads out of the package
            return SideFiles(unread=dict.fromkeys(names, str(refused)))
        if result.status is Status.INFRA_ERROR:
            raise MachineError(result.stderr.strip()[-300:], code="sandbox.failed")
        return _collected(result, out, list(names))


def _is_short_text(data: bytes) -> bool:
    simple = is_simple(data, len(data)) and text_of(data) is not None
    return simple and not holds_encoded(data)


def _job(public: Path, known: Sequence[str], most: int) -> Job:
    request = {
        **{"known": known, "most": most},
        **{"bytes": _MAX_BYTES, "files": _MAX_FILES, "seconds": _SECONDS},
    }
    package = Path(decoding.__file__).parent
    return Job(
        role=Role.SOLVE,
        code=_PROGRAM,
        mounts=(
            Mount(source=public, target="/in/public"),
            Mount(source=package, target="/in/mle_smith/checks/decoding"),
        ),
        outputs=("*",),
        args=(json.dumps(request),),
        limits=_LIMITS,
    )


def _collected(result: Result, out: Path, names: Sequence[str]) -> SideFiles:
    """What the program wrote, as far as it is what it should be."""
    if sum(artefact.size for artefact in result.artefacts.values()) > 2 * _MAX_BYTES:
        return SideFiles(unread=dict.fromkeys(names, "they hold more than is searched"))
    found = SideFiles()
    read: set[str] = set()
    for name in sorted(result.artefacts):
        if not name.endswith(".json"):
            continue
        try:
            report = _Report.model_validate(parse_json(read_bytes(out / name, 4 * 2**20)))
        except (UntrustedError, ValidationError):
            continue  # its files are then not among those that were read
        for kind in ("tables", "listings", "texts"):
            for file, what in getattr(report, kind).items():
                try:
                    _take(found, kind, what, out / Path(file).name)
                except UntrustedError as fault:
                    found.unread[what.partition("!")[0]] = f"what it holds {fault}"
        read.update(report.files)
        found.unread |= report.failed
    ending = "its reader ended early" if result.ok else f"its reader ended: {result.status.value}"
    lost = [name for name in names if name not in read and name not in found.unread]
    found.unread |= dict.fromkeys(lost, ending)
    return found


def _take(found: SideFiles, kind: str, name: str, path: Path) -> None:
    if kind == "texts":
        found.texts.append((name, read_text(path, _MAX_BYTES)))
        return
    frame = read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    if kind == "tables":
        found.tables.append(SideTable(name, frame))
    else:
        found.listings[name] = frame
