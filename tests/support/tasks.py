"""Sound tasks as frames, to plant defects in before they are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mle_smith.checks import Subject
from mle_smith.metrics import metric_source, metric_spec
from mle_smith.metrics.submission import constant_prediction
from mle_smith.sandbox.job import Sandbox
from mle_smith.values import Formulation, SplitKind, SplitPolicy, TaskType

TARGET = "yield"
SOUND = ("binary", "multiclass", "regression", "multi_output", "grouped", "temporal", "forecasting")


@dataclass
class Task:
    """A task before it is written; tests change its frames."""

    formulation: Formulation
    train: pd.DataFrame
    test: pd.DataFrame
    answers: pd.DataFrame
    sample: pd.DataFrame
    files: dict[str, str] = field(default_factory=dict)
    """Further public files."""

    @property
    def whole(self) -> pd.DataFrame:
        """The test rows with their answers."""
        return self.test.assign(**{t: self.answers[t] for t in self.formulation.targets})

    def give_test(self, rows: pd.DataFrame) -> None:
        """Make these (inputs and answers) the test rows."""
        targets = list(self.formulation.targets)
        self.answers = rows[["id", *targets]].reset_index(drop=True)
        self.test = rows.drop(columns=targets).reset_index(drop=True)
        first = self.sample.drop(columns="id").iloc[0]
        constant = {str(column): value for column, value in first.items()}
        self.sample = self.answers[["id"]].assign(**constant)

    def both(self, change: Callable[[pd.DataFrame], Any], name: str) -> None:
        """Add an input computed from the rows with their targets."""
        values = change(self.whole)
        self.train[name] = change(self.train)
        self.test[name] = values

    def weaken(self) -> None:
        """Leave one input, so that what is planted has little beside it."""
        kept = [c for c in ("id", "mass", TARGET) if c in self.train.columns]
        self.train = self.train[kept]
        self.test = self.test[[c for c in kept if c in self.test.columns]]

    def write(self, root: Path, sandbox: Sandbox | None = None, *, told: bool = True) -> Subject:
        """Write the package; `told`: the checks are told the formulation."""
        (root / "public").mkdir(parents=True)
        (root / "private").mkdir()
        tables = {"train": self.train, "test": self.test, "sample_submission": self.sample}
        for name, frame in tables.items():
            frame.to_csv(root / "public" / f"{name}.csv", index=False)
        self.answers.to_csv(root / "private" / "test_answer.csv", index=False)
        for name, text in self.files.items():
            (root / "public" / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "public" / name).write_text(text)
        plan = self.formulation
        source = metric_source(plan.metric, targets=plan.targets, classes=classes_of(self))
        (root / "metric.py").write_text(source)
        return Subject(root, formulation=plan if told else None, sandbox=sandbox)


def classes_of(task: Task) -> list[Any] | None:
    """The classes, sorted; None for quantities."""
    if not task.formulation.task_type.is_classification:
        return None
    values = task.train[task.formulation.targets[0]].unique()
    return [v.item() if isinstance(v, np.generic) else v for v in sorted(values)]


def _drive(rows: int, generator: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    table = pd.DataFrame(
        {
            "height": generator.normal(20, 4, rows).round(2),
            "mass": generator.gamma(5, 30, rows).round(1),
            "place": generator.choice(["north", "south", "west"], rows),
            "grade": generator.integers(1, 6, rows),
        }
    )
    shift = table["place"].map({"north": 0.0, "south": 1.2, "west": -0.8}).to_numpy()
    drive = ((table["height"] - 20) / 4).to_numpy() + shift
    return table, drive + generator.normal(0, 0.6, rows)


def make_task(kind: str, rows: int = 600, seed: int = 5) -> Task:
    """A sound task of a kind named in `SOUND`."""
    generator = np.random.default_rng(seed)
    table, drive = _drive(rows, generator)
    split = SplitPolicy(kind=SplitKind.STRATIFIED)
    late = np.zeros(rows, dtype=bool)
    late[generator.choice(rows, rows // 4, replace=False)] = True
    if kind == "grouped":
        people = generator.integers(0, rows // 10, rows)
        table["person"] = [f"p{number}" for number in people]
        drive = drive + generator.normal(0, 1, rows // 10)[people]
        late = people < rows // 40
        split = SplitPolicy(kind=SplitKind.GROUPED, group_columns=("person",))
    if kind in ("temporal", "forecasting"):
        hours = pd.date_range("2020-01-01", periods=rows, freq="h")
        table.insert(0, "moment", hours.strftime("%Y-%m-%d %H:%M"))
        drive = drive + 2 * np.sin(np.arange(rows) / 24 * 2 * np.pi) + np.arange(rows) / rows
        late = np.arange(rows) >= rows * 3 // 4
        split = SplitPolicy(kind=SplitKind.TEMPORAL, time_columns=("moment",))
    if kind == "forecasting":
        table["day_before"] = pd.Series(drive).shift(24).round(2)
    targets = _targets(kind, drive, generator)
    inputs = tuple(table.columns)
    return _task(kind, pd.concat([table, targets], axis=1), inputs, late, split, seed)


def _targets(
    kind: str, drive: np.ndarray[Any, Any], generator: np.random.Generator
) -> pd.DataFrame:
    if kind == "binary":
        return pd.DataFrame({TARGET: np.where(drive > 0.4, "yes", "no")})
    if kind in ("multiclass", "grouped"):
        edges = np.quantile(drive, [0.33, 0.67])
        return pd.DataFrame(
            {TARGET: np.array(["ash", "beech", "cedar"])[edges.searchsorted(drive)]}
        )
    values = pd.DataFrame({TARGET: (50 + 10 * drive).round(2)})
    if kind == "multi_output":
        values["gain"] = (5 - 2 * drive + generator.normal(0, 1, len(drive))).round(3)
    return values


_TYPES = {
    "binary": (TaskType.BINARY, "roc_auc"),
    "multiclass": (TaskType.MULTICLASS, "macro_f1"),
    "grouped": (TaskType.MULTICLASS, "log_loss"),
    "multi_output": (TaskType.MULTI_OUTPUT, "rmse"),
    "forecasting": (TaskType.FORECASTING, "mae"),
}


def _task(
    kind: str,
    rows: pd.DataFrame,
    inputs: tuple[str, ...],
    late: np.ndarray[Any, Any],
    split: SplitPolicy,
    seed: int,
) -> Task:
    task_type, metric = _TYPES.get(kind, (TaskType.REGRESSION, "rmse"))
    targets = tuple(c for c in rows.columns if c not in inputs)
    train, test = rows[~late], rows[late]
    if split.kind is not SplitKind.TEMPORAL:
        train, test = (
            train.sample(frac=1, random_state=seed),
            test.sample(frac=1, random_state=seed),
        )
    train = train.reset_index(drop=True)
    test = test.reset_index(drop=True)
    train.insert(0, "id", np.arange(len(train)))
    test.insert(0, "id", np.arange(len(train), len(rows)))
    assert metric_spec(metric).name == metric
    task = Task(
        formulation=Formulation(
            title=f"{kind} task",
            task_type=task_type,
            tables=("field",),
            targets=targets,
            inputs=inputs,
            metric=metric,
            split=split,
        ),
        train=train,
        test=test.drop(columns=list(targets)),
        answers=test[["id", *targets]],
        sample=test[["id"]],
    )
    constant = constant_prediction(metric, targets=targets, classes=classes_of(task))
    task.sample = task.sample.assign(**constant)
    return task
