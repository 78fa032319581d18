"""The manifest of a package, task.json: what a task is, where it comes from, and how it was proven.

It holds no time, no path of a machine and no host name: the same inputs give the same bytes.
"""

from __future__ import annotations

import json
import platform
from enum import StrEnum
from importlib import metadata
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, Field, field_validator, model_validator
from pydantic_core import to_json

from mle_smith.metrics import Answers, Label, MetricSpec, Prediction
from mle_smith.values import Formulation, Ladder, LedgerRow, Severity, SplitPolicy, Usage, Value

SCHEMA_VERSION: Literal[1] = 1

_V = TypeVar("_V")


def _sorted(mapping: dict[str, _V]) -> dict[str, _V]:
    return dict(sorted(mapping.items()))


ByInt = Annotated[dict[str, int], AfterValidator(_sorted)]
ByText = Annotated[dict[str, str], AfterValidator(_sorted)]
ByUsage = Annotated[dict[str, Usage], AfterValidator(_sorted)]


class FileRole(StrEnum):
    """What a file of a package is for."""

    DESCRIPTION = "description"
    PREPARE = "prepare"
    METRIC = "metric"
    PUBLIC = "public"
    """A participant is given it."""
    PRIVATE = "private"
    """Only the grader is given it."""
    REPORT = "report"


class FileRecord(Value):
    """One file of a package."""

    path: str
    """Relative to the package, `/` as separator."""
    role: FileRole
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or pure.as_posix() != path or path == ".":
            raise ValueError(f"{path!r} is not a plain path below the package")
        return path


class MetricRecord(Value):
    """The metric, as far as a program has to know it."""

    name: str
    higher_is_better: bool
    best: float
    """The score of the answers themselves."""
    formula: str

    @classmethod
    def of(cls, spec: MetricSpec, answers: Answers | None = None) -> MetricRecord:
        """The record of a metric of the registry, with the formula as far as it concerns a task."""
        formula = spec.formula
        if answers is not None:
            formula = spec.formula_for(answers.targets, answers.classes)
        return cls(
            name=spec.name,
            higher_is_better=spec.higher_is_better,
            best=spec.best,
            formula=formula,
        )


class SubmissionRecord(Value):
    """What a participant hands in: a CSV file with these columns, a row for each test row."""

    id_column: str = "id"
    columns: tuple[str, ...] = Field(min_length=1)
    """After the id."""
    prediction: Prediction
    positive: Label | None = None
    """With two classes, the one that probabilities are about."""

    @classmethod
    def of(cls, answers: Answers) -> SubmissionRecord:
        """The record that goes with the answers of a metric."""
        return cls(columns=answers.columns, prediction=answers.kind, positive=answers.positive)


class Provenance(Value):
    """Where the data come from."""

    source: str
    """Name of the data set; never a path of a machine."""
    raw_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    licence: str = "unknown"


class CheckRecord(Value):
    """What one check said."""

    code: str
    severity: Severity | None = None
    """None when it found nothing."""
    numbers: dict[str, Any] = Field(default_factory=dict)
    """Its evidence; JSON values."""


class Manifest(Value):
    """task.json. Written last: a folder without it is no package."""

    schema_version: Literal[1] = SCHEMA_VERSION
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")
    title: str
    formulation: Formulation
    metric: MetricRecord
    targets: tuple[str, ...] = Field(min_length=1)
    """Columns of the answers. Names may differ from the formulation's, which name raw columns."""
    classes: tuple[Label, ...] = ()
    """All classes in their documented order; empty for numbers."""
    submission: SubmissionRecord
    split: SplitPolicy
    rows: ByInt = Field(default_factory=dict)
    """Rows of the main tables: `train`, `test`."""
    seeds: ByInt = Field(default_factory=dict)
    provenance: Provenance
    backbone: ByText = Field(default_factory=dict)
    """The model of each role: `embedded`, `openai:…`."""
    versions: ByText = Field(default_factory=dict)
    sandbox: str = ""
    """What held the code that was run, in words."""
    attempts: ByInt = Field(default_factory=dict)
    """How often each agent had to try."""
    checks: tuple[CheckRecord, ...] = ()
    ladder: Ladder | None = None
    usage: ByUsage = Field(default_factory=dict)
    """What each role spent."""
    ledger: tuple[LedgerRow, ...] = ()
    """What calls to models cost, by role, stage and model; `cost` null: not known."""
    files: tuple[FileRecord, ...] = ()
    """All files but task.json, by path. Filled in by `seal`."""

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths):
            raise ValueError("files name a path twice")
        if self.formulation.task_type.is_classification != bool(self.classes):
            raise ValueError("classes go with classification, and only with it")
        return self


def versions() -> dict[str, str]:
    """Versions of what a package's code runs on, of the Python that runs this."""
    names = ("numpy", "pandas", "scikit-learn", "mle-smith")
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in names}


def canonical_json(value: BaseModel | dict[str, Any]) -> str:
    """The one JSON text of a value: fields in order, two spaces, one newline at the end.

    Numbers that JSON has no word for (NaN, infinity) become null; NumPy scalars become plain.
    """
    plain = json.loads(to_json(value, inf_nan_mode="null", fallback=_plain))
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"evidence holds a {type(value).__name__}, which is no JSON value")


def schema() -> str:
    """The JSON Schema of task.json."""
    return canonical_json(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **Manifest.model_json_schema()}
    )
