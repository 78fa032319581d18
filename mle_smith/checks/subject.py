"""The package that is checked, as checks see it: lazily read tables, the target, the inputs.

Nothing of the package is executed here. Every cell is read as text and only the empty cell is
missing; what is a number or a time is decided in `features`. Files are read once and bounded.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from mle_smith.checks.association import Goal, column_skill, joint_prediction
from mle_smith.checks.features import Feature, Floats, Ints, evenly_spaced, plain
from mle_smith.checks.side_files import SideFiles, read_side_files
from mle_smith.checks.streamed import Streamed, evenly_spaced_rows, megabytes_held
from mle_smith.checks.thresholds import Thresholds
from mle_smith.package.layout import ID_COLUMN, TEST, TRAIN, PackagePaths
from mle_smith.package.seal import MAX_MANIFEST
from mle_smith.sandbox.job import Sandbox
from mle_smith.sandbox.untrusted import (
    Extent,
    UntrustedError,
    extent,
    parse_json,
    read_bytes,
    read_csv,
)
from mle_smith.values import Formulation, SplitKind, TaskType

_READ_COMPACTLY = 24 * 2**20
"""Bytes. pandas takes several times a table's size to read it as text."""


class FileDefectError(Exception):
    """A file of the package is missing or cannot be read as what it should be.

    The structure check reports it as a finding; every other check is then "not run".
    """

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


class TooLargeError(FileDefectError):
    """No defect of the file: it would take more memory than checks may use."""


def _megabytes(path: Path, shown: str) -> tuple[Extent, float]:
    """What a table holds, and about the memory that it takes. Raises FileDefectError."""
    if path.is_symlink() or not path.is_file():
        raise FileDefectError(shown, "is missing or not a regular file")
    try:
        measured = extent(path)
    except UntrustedError as fault:
        raise FileDefectError(shown, str(fault)) from fault
    return measured, megabytes_held(measured)


def read_table(path: Path, shown: str, max_mb: float) -> pd.DataFrame:
    """Read a comma-separated file as text, all of it.

    Raises:
        TooLargeError: it would take more than `max_mb` megabytes of memory.
        FileDefectError: it is missing, no regular file, or no table.
    """
    measured, needed = _megabytes(path, shown)
    if needed > max_mb:
        reason = f"would take some {needed:.3g} MB of memory; checks read tables of up to "
        raise TooLargeError(shown, f"{reason}{max_mb:.3g} MB whole")
    if measured.size > _READ_COMPACTLY:
        with contextlib.suppress(ValueError, OSError):  # short rows, say, which pandas reads
            return evenly_spaced_rows(path, None).frame
    try:
        frame = read_csv(
            path,
            most_bytes=measured.size,
            dtype=str,
            keep_default_na=False,
            na_values=[""],
        )
    except UntrustedError as fault:
        raise FileDefectError(shown, str(fault)) from fault
    if not isinstance(frame.index, pd.RangeIndex):
        raise FileDefectError(shown, "has rows with more cells than its header has names")
    return frame


@dataclass(frozen=True)
class Subject:
    """One package under examination. Give what is known; the rest is read or inferred."""

    package: Path
    formulation: Formulation | None = None
    """What the task was made from. None: read from the manifest if there is one."""
    raw: Path | None = None
    sandbox: Sandbox | None = None
    seed: int = 0
    thresholds: Thresholds = field(default_factory=Thresholds)

    @cached_property
    def paths(self) -> PackagePaths:
        """Where the files are."""
        return PackagePaths(self.package)

    @cached_property
    def plan(self) -> Formulation | None:
        """The formulation: as given, else as the manifest holds it."""
        if self.formulation is not None or not self.paths.manifest.is_file():
            return self.formulation
        try:
            text = read_bytes(self.paths.manifest, MAX_MANIFEST)
            manifest = parse_json(text, most_bytes=MAX_MANIFEST)
            return Formulation.model_validate(manifest["formulation"])
        except (UntrustedError, KeyError, TypeError, ValidationError):
            return None

    @cached_property
    def _refused(self) -> dict[Path, FileDefectError]:
        """Why tables cannot be read: found out once, however many checks want them."""
        return {}

    def _table(self, path: Path) -> pd.DataFrame:
        shown = path.relative_to(self.package).as_posix()
        if path in self._refused:
            raise self._refused[path]
        try:
            return read_table(path, shown, self.thresholds.max_table_mb)
        except FileDefectError as defect:
            self._refused[path] = defect
            raise

    def _public(self, name: str, stem: str) -> Path:
        """The public table of that name, or the only one whose name starts with `stem`."""
        path = self.paths.public / name
        if path.exists() or not self.paths.public.is_dir():
            return path
        others = sorted(self.paths.public.glob(f"{stem}*.csv"))
        return others[0] if len(others) == 1 else path

    @cached_property
    def _train(self) -> Streamed:
        path, limits = self._public(TRAIN, "train"), self.thresholds
        shown = path.relative_to(self.package).as_posix()
        measured, needed = _megabytes(path, shown)
        if measured.size > limits.stream_mb * 2**20 or needed > limits.max_table_mb:
            try:
                return evenly_spaced_rows(path, limits.streamed_rows)
            except (ValueError, OSError) as fault:
                raise FileDefectError(shown, f"cannot be read as CSV: {fault}") from fault
        frame = self._table(path)
        return Streamed(frame, len(frame))

    @property
    def train(self) -> pd.DataFrame:
        """The training rows (evenly spaced ones of a huge file).

        Raises FileDefectError, as the next three, which are read whole or raise TooLargeError.
        """
        return self._train.frame

    @property
    def train_count(self) -> int:
        """How many training rows there are."""
        return self._train.rows

    @cached_property
    def test(self) -> pd.DataFrame:
        """The test rows, without answers."""
        return self._table(self._public(TEST, "test"))

    @cached_property
    def sample(self) -> pd.DataFrame:
        """The sample submission."""
        return self._table(self.paths.sample_submission)

    @cached_property
    def answers(self) -> pd.DataFrame:
        """The private answers."""
        return self._table(self.paths.answers)

    @cached_property
    def side_files(self) -> SideFiles:
        """What the other public files hold. Raises MachineError."""
        return read_side_files(self.paths.public, self.sandbox, self.thresholds.max_side_files)

    @cached_property
    def id_column(self) -> str:
        """The column that ties answers and submissions to test rows.

        Raises:
            FileDefectError: answers and sample submission share no such column.
        """
        shared = [c for c in self.answers.columns if c in set(self.sample.columns)]
        shared = [c for c in shared if c in set(self.test.columns)] or shared[:1]
        if ID_COLUMN in shared:
            return ID_COLUMN
        if not shared:
            raise FileDefectError("private/test_answer.csv", "shares no id column with the others")
        return str(shared[0])

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The columns that are predicted: those of the answers beside the id."""
        columns = tuple(str(c) for c in self.answers.columns if c != self.id_column)
        if not columns:
            raise FileDefectError("private/test_answer.csv", "has no column beside the id")
        if self.plan is not None and set(self.plan.targets) <= set(columns):
            return self.plan.targets
        return columns

    def has_classes(self, target: str) -> bool:
        """Whether a target is a class rather than a quantity."""
        return next(g.classes for g in self.goals if g.feature.name == target)

    @cached_property
    def aligned(self) -> pd.DataFrame:
        """The answers in the order of the test rows.

        Raises:
            FileDefectError: ids are not unique, or are not those of the test rows.
        """
        key = self.id_column
        if key not in self.test.columns:
            if len(self.test) != len(self.answers):
                raise FileDefectError("public/test.csv", f"has no column {key!r}")
            return self.answers
        if self.answers[key].equals(self.test[key]) and self.answers[key].is_unique:
            return self.answers
        answers = self.answers.set_index(key)
        if not answers.index.is_unique or set(answers.index) != set(self.test[key]):
            raise FileDefectError("private/test_answer.csv", "its ids are not those of test.csv")
        return answers.loc[self.test[key]].reset_index()

    @cached_property
    def input_columns(self) -> tuple[str, ...]:
        """The columns that train and test share, without id and targets."""
        skip = {self.id_column, *self.targets}
        here = set(self.test.columns)
        return tuple(str(c) for c in self.train.columns if c in here and c not in skip)

    @cached_property
    def _rows(self) -> tuple[list[int], list[int]]:
        most = self.thresholds.max_stat_rows
        return evenly_spaced(len(self.train), most), evenly_spaced(len(self.test), most)

    def _feature(self, train: pd.Series[str], test: pd.Series[str], name: str) -> Feature:
        head, tail = self._rows
        stacked = pd.concat([train.iloc[head], test.iloc[tail]], ignore_index=True)
        return Feature(name, stacked, len(head))

    @cached_property
    def inputs(self) -> tuple[Feature, ...]:
        """The inputs, train and test rows stacked (evenly spaced rows of long tables)."""
        return tuple(self._feature(self.train[c], self.test[c], c) for c in self.input_columns)

    @property
    def ids(self) -> pd.Series[str]:
        """The ids of train and test rows, row for row with `inputs`; train.csv has to have some."""
        sides = (
            self.train[self.id_column].iloc[self.train_rows],
            self.test[self.id_column].iloc[self.test_rows],
        )
        return pd.concat([plain(side) for side in sides], ignore_index=True)

    @cached_property
    def outcomes(self) -> tuple[Feature, ...]:
        """The targets, train values and answers stacked, row for row with `inputs`.

        Raises:
            FileDefectError: train lacks a target.
        """
        absent = [t for t in self.targets if t not in self.train.columns]
        if absent:
            raise FileDefectError("public/train.csv", f"has no column {absent[0]!r}")
        return tuple(self._feature(self.train[t], self.aligned[t], t) for t in self.targets)

    @cached_property
    def train_rows(self) -> list[int]:
        """Positions in train.csv of the train rows that `inputs` and `outcomes` hold."""
        return self._rows[0]

    @cached_property
    def test_rows(self) -> list[int]:
        """Positions in test.csv of the test rows that `inputs` and `outcomes` hold."""
        return self._rows[1]

    @cached_property
    def goals(self) -> tuple[Goal, ...]:
        """The targets as something to foretell: classes where planned so, or looking so."""
        planned = None if self.plan is None else self.plan.task_type.is_classification
        return tuple(
            Goal(outcome, outcome.looks_like_classes if planned is None else planned)
            for outcome in self.outcomes
        )

    @cached_property
    def in_full(self) -> Subject:
        """The same package for what compares rows with each other, which must see all of them."""
        if max(len(self.train), len(self.test)) <= self.thresholds.max_stat_rows:
            return self
        limits = self.thresholds.model_copy(
            update={"max_stat_rows": self.thresholds.max_compared_rows}
        )
        other = replace(self, thresholds=limits)
        tables = ("train", "test", "answers", "sample", "plan", "aligned")
        vars(other).update({name: vars(self)[name] for name in tables if name in vars(self)})
        return other

    @cached_property
    def column_skills(self) -> dict[str, dict[str, float]]:
        """By target, then by input: how well the column alone foretells the target."""
        return {
            goal.feature.name: {f.name: column_skill(f, goal, self.seed) for f in self.inputs}
            for goal in self.goals
        }

    @cached_property
    def foretold(self) -> dict[str, Floats | Ints | None]:
        """By target: what a forest on all inputs says of test rows; None where there is none."""
        return {
            goal.feature.name: joint_prediction(self.inputs, goal, self.seed) for goal in self.goals
        }

    @cached_property
    def temporal(self) -> bool:
        """Whether the split is planned by time (or, unplanned, is one by a public time)."""
        if self.plan is not None:
            split = self.plan.split.kind is SplitKind.TEMPORAL
            return split or self.plan.task_type is TaskType.FORECASTING
        return any(self._later(feature) for feature in self.inputs)

    def _later(self, feature: Feature) -> bool:
        times = feature.time
        if times is None:
            return False
        before, after = feature.of_train(times), feature.of_test(times)
        return bool(before.max(initial=-1e300) <= after.min(initial=1e300))
