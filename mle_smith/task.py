"""A task in the making, and the data set that it is made from, as the graph carries them.

Both are small: names, paths, counters, verdicts. Data, code, transcripts and logs stay on disk.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from langchain_core.messages import AnyMessage
from pydantic import BaseModel, Field

from mle_smith.data.tables import DatasetProfile
from mle_smith.package.workspace import Workspace
from mle_smith.values import Finding, Formulation, Ladder, Usage, Value, Verdict


class Solution(Value):
    """A program that the test agent or the cheat ran, and what it scored."""

    number: int
    by: str
    """The role that ran it."""
    about: str = ""
    """What it does, in its own words: the first line of its docstring."""
    status: str
    """How the program ended in the sandbox, `ok` or why not."""
    valid: bool = False
    """Whether it left a submission that the metric accepts."""
    score: float | None = None
    error: str = ""


class Objection(Value):
    """Something that a review holds against a task."""

    aspect: Literal[
        "clarity", "metric_fit", "prerequisites", "leakage", "realism", "difficulty", "licence"
    ]
    blame: Literal["design", "refactor", "formulation"]
    serious: bool
    """Serious ones send the task back; the others are noted in its report."""
    message: str
    evidence: dict[str, object] = Field(default_factory=dict)


class Review(Value):
    """A reviewer's structured verdict on a task."""

    summary: str
    objections: tuple[Objection, ...] = ()


class Outcome(Value):
    """How a task ended, for the run's summary."""

    task_id: str
    status: Literal["verified", "rejected"]
    path: str
    """Relative to the run's folder."""
    title: str
    target: str
    task_type: str
    metric: str
    stages: tuple[str, ...]
    """Stages that the task passed, in order."""
    findings: tuple[Finding, ...] = ()
    ladder: Ladder | None = None
    attempts: dict[str, int] = Field(default_factory=dict)
    usage: dict[str, Usage] = Field(default_factory=dict)


class Conversation(BaseModel):
    """What an agent's loop adds to the record that it works on; gone when the agent is done."""

    messages: list[AnyMessage] = Field(default_factory=list)
    steps: int = 0
    """Model calls of this attempt."""
    stopped: Finding | None = None
    """Why the agent was stopped before it was done; None when it was not."""


class Task(BaseModel):
    """The shared record of one task: what every node of the task graph reads and writes."""

    task_id: str
    """Name of the task and of its folders."""
    formulation: Formulation
    """What is to be built; the Designer may narrow it (inputs, split) but not its target."""
    desk: str
    """Folder of this task's workspace."""
    run_folder: str
    """Folder of the run that the task belongs to."""
    raw_folder: str
    """Folder of the raw data, read-only."""
    profile_file: str
    """JSON file of the data set's profile."""
    at_work: str = ""
    """The role whose agent is at work."""
    submitted: bool = False
    """Whether the agent at work has handed in; reset when an agent begins."""
    stopped: Finding | None = None
    """Why the agent at work was stopped before it was done; reset when an agent begins."""
    attempts: dict[str, int] = Field(default_factory=dict)
    """Attempts begun, by role."""
    findings: list[Finding] = Field(default_factory=list)
    """What the agent at work has to repair: the errors of the verdict that sent the task back."""
    verdicts: list[Verdict] = Field(default_factory=list)
    """All verdicts, in order."""
    solutions: list[Solution] = Field(default_factory=list)
    """What the test agent and the cheat ran, in order."""
    review: Review | None = None
    ladder: Ladder | None = None
    usage: dict[str, Usage] = Field(default_factory=dict)
    """What each role spent on this task."""

    @property
    def workspace(self) -> Workspace:
        """The task's folders."""
        return Workspace(Path(self.desk))

    @property
    def verdict(self) -> Verdict:
        """The latest verdict."""
        return self.verdicts[-1]

    def profile(self) -> DatasetProfile:
        """The data set's profile, read from disk."""
        return load_profile(Path(self.profile_file))


class Dataset(BaseModel):
    """The shared record of a data set: what every node of the forge graph reads and writes."""

    sources: list[str] = Field(
        description="Files, folders or archives of ONE data set, as paths on this machine.",
        min_length=1,
    )
    run: str = ""
    """Folder of this run."""
    raw: str = ""
    """Folder of the raw data, read-only."""
    name: str = ""
    raw_sha256: str = ""
    profile_path: str = ""
    proposals: list[Formulation] = Field(default_factory=list)
    refusal: dict[str, str] | None = None
    """`code` and `message` when the data set is refused as a whole."""
    brainstorm_usage: Usage = Field(default_factory=Usage)
    ready: bool = False
    """Whether the Brainstormer has handed in."""

    def profile(self) -> DatasetProfile:
        """The data set's profile, read from disk."""
        return load_profile(Path(self.profile_path))


def load_profile(path: Path) -> DatasetProfile:
    """A profile as `ingest` wrote it."""
    return DatasetProfile.model_validate_json(path.read_text())
