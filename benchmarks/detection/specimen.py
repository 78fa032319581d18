"""A verified package as frames of text, to plant a defect in and to write as a package again."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from mle_smith.package.layout import ID_COLUMN, PackagePaths
from mle_smith.package.manifest import Manifest
from mle_smith.package.seal import seal

_FILE_ROW = re.compile(r"^\| `(train|test|sample_submission)\.csv` \| [\d,]+ \| \d+ \|", re.M)
_NOTE = "\n## Further files\n\n"


class NotApplicableError(Exception):
    """The defect cannot be planted in this package; the message says why."""


def read(path: Path) -> pd.DataFrame:
    """A CSV file with every cell as it stands; empty cells are empty texts."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


class Specimen:
    """A copy of a package. Mutators change its frames and texts; `write` makes it whole again."""

    def __init__(self, package: Path, folder: Path, seed: int) -> None:
        shutil.copytree(package, folder)
        self.package = package
        self.paths = PackagePaths(folder)
        self.rng = np.random.default_rng(seed)
        self.manifest: dict[str, Any] = json.loads(self.paths.manifest.read_text("utf-8"))
        self.train = read(self.paths.public / "train.csv")
        self.test = read(self.paths.public / "test.csv")
        self.sample = read(self.paths.sample_submission)
        self.answers = read(self.paths.answers)
        self.description = self.paths.description.read_text("utf-8")
        self.metric = self.paths.metric.read_text("utf-8")
        self.prepare = self.paths.prepare.read_text("utf-8")
        self.modified_times: dict[str, float] = {}
        """Times to give to public files when the package has been sealed, by their names."""

    @property
    def plan(self) -> dict[str, Any]:
        """The formulation, as the manifest holds it."""
        formulation: dict[str, Any] = self.manifest["formulation"]
        return formulation

    @property
    def targets(self) -> list[str]:
        """The columns that are predicted."""
        return [c for c in self.answers.columns if c != ID_COLUMN]

    @property
    def target(self) -> str:
        """The first of them."""
        return self.targets[0]

    @property
    def classes(self) -> bool:
        """Whether answers are classes."""
        return "classification" in self.plan["task_type"]

    @property
    def split(self) -> dict[str, Any]:
        """The split policy of the manifest's formulation."""
        policy: dict[str, Any] = self.plan["split"]
        return policy

    @property
    def temporal(self) -> bool:
        """Whether the test rows are later than the train rows."""
        return bool(self.split["kind"] == "temporal" or self.plan["task_type"] == "forecasting")

    @property
    def inputs(self) -> list[str]:
        """The columns that both tables have."""
        return [c for c in self.test.columns if c != ID_COLUMN and c in set(self.train.columns)]

    @property
    def whole(self) -> pd.DataFrame:
        """The test rows with their answers."""
        answers = self.answers.set_index(ID_COLUMN).loc[self.test[ID_COLUMN]]
        return self.test.assign(**{t: answers[t].to_numpy() for t in self.targets})

    @property
    def everything(self) -> pd.DataFrame:
        """Train rows and then test rows, with their targets."""
        return pd.concat([self.train, self.whole], ignore_index=True)

    @cached_property
    def labels(self) -> list[str]:
        """The classes, in an order that has no meaning."""
        found = sorted(set(self.train[self.target]) | set(self.answers[self.target]))
        return [found[k] for k in np.random.default_rng(5).permutation(len(found))]

    def signal(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """The target as a number: the quantity, or the number of the class."""
        if self.classes:
            order = {label: float(k) for k, label in enumerate(self.labels)}
            return np.asarray(rows[self.target].map(order), dtype=np.float64)
        return np.asarray(pd.to_numeric(rows[self.target]), dtype=np.float64)

    def bins(self, rows: pd.DataFrame, most: int) -> NDArray[np.int64]:
        """The target as a small whole number: the class, or a quantile."""
        values = self.signal(rows)
        if self.classes:
            return np.asarray(values.astype(np.int64) % most)
        edges = np.quantile(self.signal(self.everything), np.linspace(0, 1, most + 1)[1:-1])
        return np.asarray(np.searchsorted(edges, values)).astype(np.int64)

    def numeric(self, *, continuous: bool = False) -> list[str]:
        """Inputs that are numbers throughout, where filled; continuous ones have many values."""
        found = []
        for name in self.inputs:
            cells = self.train[name][self.train[name] != ""]
            values = pd.to_numeric(cells, errors="coerce")
            many = values.nunique() > max(20, 0.1 * len(values)) and bool((values % 1 != 0).any())
            if len(cells) and values.notna().all() and (many or not continuous):
                found.append(name)
        return found

    def categories(self, least: int, most: int) -> list[str]:
        """Inputs of so many values."""
        counts = {c: self.train[c].nunique() for c in self.inputs}
        return [c for c, count in counts.items() if least <= count <= most]

    def give_test(self, rows: pd.DataFrame) -> None:
        """Make these rows, with their targets, the test rows; the sample's constants are kept."""
        constants = {c: self.sample[c].iloc[0] for c in self.sample.columns if c != ID_COLUMN}
        rows = rows.reset_index(drop=True)
        self.answers = rows[[ID_COLUMN, *self.targets]]
        self.test = rows[list(self.test.columns)]
        self.sample = rows[[ID_COLUMN]].assign(**constants)

    def give_ids(self, test: Sequence[Any], train: Sequence[Any] | None = None) -> None:
        """New ids for the test rows (and train rows), in the order of the tables."""
        rows = self.whole
        rows[ID_COLUMN] = [str(i) for i in test]
        self.give_test(rows)
        if train is not None:
            self.train[ID_COLUMN] = [str(i) for i in train]

    def add_input(self, name: str, of_train: Any, of_test: Any, meaning: str) -> None:
        """A further input, described and planned like the others."""
        here = list(self.train.columns).index(self.target)
        for frame, values, place in ((self.train, of_train, here), (self.test, of_test, None)):
            column = [_cell(v) for v in values]
            frame.insert(len(frame.columns) if place is None else place, name, column)
        self.plan["inputs"].append(name)
        values = pd.Series([_cell(v) for v in of_train])
        row = f"| `{name}` | as in the file | {int((values == '').sum())} | | {meaning} |"
        marker = f"\n| `{self.target}` |"
        if marker in self.description:
            self.description = self.description.replace(marker, f"\n{row}{marker}", 1)
        else:
            self.description += f"\n{row}\n"

    def add_file(self, name: str, content: bytes | str, meaning: str) -> Path:
        """A further public file, named in the description."""
        path = self.paths.public / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        self.mention(name, meaning)
        return path

    def mention(self, name: str, meaning: str) -> None:
        """Name a file in the description."""
        if _NOTE not in self.description:
            self.description = self.description.rstrip("\n") + "\n" + _NOTE
        self.description += f"- `{name}`: {meaning}\n"

    def write(self) -> None:
        """Write tables, texts and the manifest, with counts that hold, and seal it."""
        tables = {"train": self.train, "test": self.test, "sample_submission": self.sample}
        for name, frame in tables.items():
            frame.to_csv(self.paths.public / f"{name}.csv", index=False, lineterminator="\n")
        self.answers.to_csv(self.paths.answers, index=False, lineterminator="\n")
        self.manifest["rows"] = {"test": len(self.test), "train": len(self.train)}
        self.paths.description.write_text(self.description, "utf-8")
        shutil.copyfile(self.paths.description, self.paths.public_description)
        self.paths.metric.write_text(self.metric, "utf-8")
        self.paths.prepare.write_text(self.prepare, "utf-8")
        seal(self.paths.root, Manifest.model_validate(self.manifest))
        for name, moment in self.modified_times.items():
            _set_time(self.paths.public / name, moment)

    def correct_description(self) -> None:
        """Make the table of files and the beginning of the sample true again."""
        tables = {"train": self.train, "test": self.test, "sample_submission": self.sample}
        self.description = _FILE_ROW.sub(
            lambda m: f"| `{m[1]}.csv` | {len(tables[m[1]]):,} | {len(tables[m[1]].columns)} |",
            self.description,
        )
        head = self.sample.head(3).to_csv(index=False, lineterminator="\n").splitlines()
        fresh = "\n".join(f"    {line}" for line in head)
        old = re.compile(r"^    id,.*(?:\n    .+){1,3}", re.M)
        self.description = old.sub(lambda _: fresh, self.description, count=1)


@lru_cache(maxsize=256)
def honest_skill(package: Path) -> float:
    """How well the inputs foretell the target of test rows: R², or the errors that are avoided."""
    train, test = read(package / "public/train.csv"), read(package / "public/test.csv")
    answers = read(package / "private/test_answer.csv").set_index(ID_COLUMN).loc[test[ID_COLUMN]]
    target = next(c for c in answers.columns if c != ID_COLUMN)
    names = [c for c in test.columns if c != ID_COLUMN and c in set(train.columns)]
    both = pd.concat([train[names], test[names]], ignore_index=True)
    columns = []
    for name in names:
        numbers = pd.to_numeric(both[name], errors="coerce")
        coded = numbers if numbers.notna().mean() > 0.5 else pd.factorize(both[name])[0]
        columns.append(pd.Series(coded).fillna(-1e6).to_numpy(dtype=np.float32))
    table = np.stack(columns, axis=1)
    rows = np.random.default_rng(0).permutation(len(train))[:4000]
    manifest = json.loads((package / "task.json").read_text("utf-8"))
    truth = answers[target]
    if "classification" in manifest["formulation"]["task_type"]:
        forest = ExtraTreesClassifier(60, min_samples_leaf=2, random_state=0)
        forest.fit(table[rows], train[target].to_numpy(dtype=object)[rows].astype(str))
        right = float((forest.predict(table[len(train) :]) == truth.to_numpy(dtype=str)).mean())
        constant = float(truth.value_counts(normalize=True).max())
        return (right - constant) / (1 - constant)
    trees = ExtraTreesRegressor(60, min_samples_leaf=2, random_state=0)
    trees.fit(table[rows], pd.to_numeric(train[target]).to_numpy()[rows])
    given = trees.predict(table[len(train) :])
    wanted = pd.to_numeric(truth).to_numpy(dtype=float)
    return float(1 - ((given - wanted) ** 2).sum() / ((wanted - wanted.mean()) ** 2).sum())


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    return repr(value.item()) if isinstance(value, np.generic) else str(value)


def _set_time(path: Path, moment: float) -> None:
    os.utime(path, (moment, moment))
