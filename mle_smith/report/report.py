"""What report.json holds: everything that report.html shows, but the list of files."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from mle_smith.metrics import Label
from mle_smith.package.manifest import (
    ByInt,
    ByText,
    ByUsage,
    CheckRecord,
    Manifest,
    MetricRecord,
    Provenance,
)
from mle_smith.values import Formulation, Ladder, LedgerRow, Value, Verdict


class Question(Value):
    """A check, as its reader has to know it: what it asks and which defects it stands for."""

    layer: str = Field(pattern=r"^[A-Z]$")
    title: str
    codes: ByText
    """Every code that it may give, with the defect."""


class Omission(Value):
    """A code that was not asked, and why."""

    code: str
    reason: str


class Report(Value):
    """All that is known of a task and of how it was judged."""

    schema_version: Literal[1] = 1
    id: str
    title: str
    verified: bool
    """Whether the task was verified; of a single check: whether the package is sound."""
    origin: Literal["forge", "check"] = "forge"
    """A task's whole way through the forge, or one check of a package from anywhere."""
    formulation: Formulation | None = None
    """None where a package does not say what it was made from."""
    verdicts: tuple[Verdict, ...]
    """In the order in which they were given, of all attempts."""
    questions: tuple[Question, ...] = ()
    """All that could have been asked."""
    checks: tuple[CheckRecord, ...] = ()
    """What was measured and found when the checks ran last."""
    not_run: tuple[Omission, ...] = ()
    silent_checks: tuple[str, ...] = ()
    """Codes that measured something and found nothing."""
    ladder: Ladder | None = None
    metric: MetricRecord | None = None
    classes: tuple[Label, ...] = ()
    rows: ByInt = Field(default_factory=dict)
    provenance: Provenance | None = None
    seeds: ByInt = Field(default_factory=dict)
    backbone: ByText = Field(default_factory=dict)
    versions: ByText = Field(default_factory=dict)
    sandbox: str = ""
    attempts: ByInt = Field(default_factory=dict)
    usage: ByUsage = Field(default_factory=dict)
    ledger: tuple[LedgerRow, ...] = ()
    """What calls to models cost, by role, stage and model."""

    @classmethod
    def of(cls, manifest: Manifest, *, verified: bool, verdicts: tuple[Verdict, ...]) -> Self:
        """The report of a package: its manifest's facts, and these verdicts on it."""
        shared = cls.model_fields.keys() & Manifest.model_fields.keys()
        facts = {name: getattr(manifest, name) for name in sorted(shared)}
        silent = tuple(check.code for check in manifest.checks if check.severity is None)
        return cls(**facts, verified=verified, verdicts=verdicts, silent_checks=silent)
