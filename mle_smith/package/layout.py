"""Every path of a task package and of a run, each named once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

MANIFEST = "task.json"
DESCRIPTION = "description.md"
PREPARE = "prepare.py"
METRIC = "metric.py"
REPORT_JSON = "report.json"
REPORT_HTML = "report.html"
PUBLIC = "public"
PRIVATE = "private"
ANSWERS = "test_answer.csv"
SAMPLE_SUBMISSION = "sample_submission.csv"
TRAIN = "train.csv"
TEST = "test.csv"
ID_COLUMN = "id"
"""The column that ties a submission's rows to the test rows, first in every file that has it."""


class PackagePaths:
    """Where the files of a package are, under its root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest = root / MANIFEST
        self.description = root / DESCRIPTION
        self.prepare = root / PREPARE
        self.metric = root / METRIC
        self.report_json = root / REPORT_JSON
        self.report_html = root / REPORT_HTML
        self.public = root / PUBLIC
        self.private = root / PRIVATE
        self.answers = self.private / ANSWERS
        self.sample_submission = self.public / SAMPLE_SUBMISSION
        self.public_description = self.public / DESCRIPTION


class RunPaths:
    """Where the files of a run are, under its output folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tasks = root / "tasks"
        self.rejected = root / "rejected"
        self.summary = root / "run.json"
        self.index = root / "index.html"
        self.work = root / ".work"
        """Workspaces, transcripts and the checkpoint; removed when a run is complete."""
        self.checkpoint = self.work / "checkpoint.sqlite"
        self.ledger = self.work / "ledger.sqlite"
        """What every model call of the run cost, and its reply."""


def fresh_run_folder(sources: Sequence[str]) -> Path:
    """The first folder `mle-runs/<name of the data>-<n>`, below the current one, that is free."""
    name = Path(sources[0]).resolve().name.split(".")[0] or "run"
    free = (Path.cwd() / "mle-runs" / f"{name}-{number}" for number in count(1))
    return next(folder for folder in free if not folder.exists())
