"""The folders that a task is made in: what agents write, what their code built, what was tried.

desk/draft/       the Designer's prepare.py, metric.py, description.md
desk/package/     the Refactor's
built/<hash>/     public/ and private/ as a prepare.py of that hash made them
assembled/<part>/ the files of desk/<part> and what they built, laid out as a package
solutions/<n>/    the test agent's programs and submissions
transcripts/      the conversations
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from mle_smith.errors import MachineError
from mle_smith.package.build import build
from mle_smith.package.layout import DESCRIPTION, METRIC, PREPARE, PRIVATE, PUBLIC, PackagePaths
from mle_smith.sandbox.job import Limits, Result, Sandbox, Status

Part: TypeAlias = Literal["draft", "package"]


class Built(NamedTuple):
    """What a prepare.py made, or why it made nothing."""

    folder: Path
    """Has public/ and private/ when `ok`."""
    ok: bool
    error: str


class Workspace:
    """The folders of one task in the making, under its root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = root / "desk"
        self.solutions = root / "solutions"
        self.transcripts = root / "transcripts"
        self.timings = root / "timings.jsonl"
        self.checked = root / "checked.json"
        """What `check_package` found and measured, for the manifest."""

    def part(self, part: Part) -> PackagePaths:
        """The files that an agent writes."""
        return PackagePaths(self.files / part)

    def assembled(self, part: Part) -> PackagePaths:
        """The package as `assemble` laid it out last."""
        return PackagePaths(self.root / "assembled" / part)

    def solution(self, number: int) -> Path:
        """Folder of the test agent's n-th program."""
        return self.solutions / f"{number:02d}"

    def build(self, part: Part, raw: Path, sandbox: Sandbox, limits: Limits) -> Built:
        """Run the part's prepare.py over `raw`, unless the same file was run before.

        A prepare.py that fails is remembered too: it is deterministic, or the checks refuse it.
        Infrastructure faults are not remembered, and raise MachineError.
        """
        source = self.part(part).prepare
        digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
        folder = self.root / "built" / digest
        record = folder / "result.json"
        if not record.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            result = build(source, raw, folder, sandbox, limits=limits)
            if result.status is Status.INFRA_ERROR:
                raise MachineError(f"the sandbox failed: {result.stderr}", code="sandbox.failed")
            _write_atomically(record, json.dumps({"ok": result.ok, "error": _why(result)}))
        known = json.loads(record.read_text())
        return Built(folder, known["ok"], known["error"])

    def assemble(self, part: Part, built: Built) -> PackagePaths:
        """Lay the part out as a package: its three files, public/ and private/."""
        final = self.assembled(part)
        fresh = final.root.with_name(f"{part}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for name in (PREPARE, METRIC, DESCRIPTION):
            shutil.copyfile(self.part(part).root / name, fresh / name)
        for name in (PUBLIC, PRIVATE):
            shutil.copytree(built.folder / name, fresh / name, copy_function=os.link)
        shutil.copyfile(fresh / DESCRIPTION, fresh / PUBLIC / DESCRIPTION)
        shutil.rmtree(final.root, ignore_errors=True)
        fresh.rename(final.root)
        return final


def _why(result: Result) -> str:
    if result.ok:
        return ""
    return f"{result.status}: {result.stderr[-4000:] or result.stdout[-1000:]}".strip()


def _write_atomically(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(path)
