"""What a whole run on the bundled data leaves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

PENGUINS = str(Path(__file__).resolve().parents[2] / "examples" / "penguins" / "raw")


class Forged(NamedTuple):
    """A finished run of two tasks on the embedded backbone. Nobody may change it."""

    run: Path
    summary: dict[str, Any]
    recording: Path


OF_THE_MODEL = {"backbone", "usage", "ledger"}
"""What of a manifest tells how the task was made, not what it is."""


REPORTS = ("report.html", "report.json")
"""They show which model made the task, and what it cost."""


def files_of(run: Path) -> dict[str, str]:
    """Checksums of the packages, but for what tells of the model."""
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((run / "tasks").rglob("*"))
        if path.is_file() and path.name not in {"task.json", *REPORTS}
    }


def manifests_of(run: Path) -> list[dict[str, Any]]:
    """The manifests, but for what tells of the model."""
    found = []
    for file in sorted(run.glob("tasks/*/task.json")):
        whole: dict[str, Any] = json.loads(file.read_text())
        kept = {name: value for name, value in whole.items() if name not in OF_THE_MODEL}
        kept["files"] = [f for f in whole["files"] if f["path"] not in REPORTS]
        found.append(kept)
    return found
