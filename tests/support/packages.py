"""Small, sound task packages, for tests to use as they are or to spoil."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from mle_smith.data.source import fingerprint
from mle_smith.metrics import (
    Answers,
    answers_of,
    metric_source,
    metric_spec,
    sample_submission_source,
)
from mle_smith.package.layout import PackagePaths
from mle_smith.package.manifest import Manifest, MetricRecord, Provenance, SubmissionRecord
from mle_smith.package.seal import seal
from mle_smith.values import Formulation, SplitKind, SplitPolicy, TaskType

Kind: TypeAlias = Literal["binary", "multiclass", "regression"]
KINDS: tuple[Kind, ...] = ("binary", "multiclass", "regression")

_INPUTS = ("length", "width", "weight", "place", "batch")
_METRICS = {"binary": "roc_auc", "multiclass": "macro_f1", "regression": "rmse"}
_TARGETS = {"binary": "outcome", "multiclass": "species", "regression": "yield"}
_CLASSES: dict[Kind, tuple[str, ...]] = {
    "binary": ("no", "yes"),
    "multiclass": ("ash", "beech", "cedar"),
    "regression": (),
}
_TYPES = {
    "binary": TaskType.BINARY,
    "multiclass": TaskType.MULTICLASS,
    "regression": TaskType.REGRESSION,
}

_PREPARE = '''\
"""Splits the raw table at random into train and test{stratified_words}."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 20
TEST_FRACTION = 0.25
INPUTS = {inputs}
TARGET = {target!r}


def prepare(raw: Path, public: Path, private: Path) -> None:
    """Write the files for participants to `public` and the answers to `private`."""
    table = pd.read_csv(raw / "measurements.csv")
    rng = np.random.default_rng(SEED)
    chosen = []
    for _, rows in table.groupby({group}).indices.items():
        count = max(1, round(TEST_FRACTION * len(rows)))
        chosen.extend(rng.permutation(rows)[:count])
    mask = np.zeros(len(table), dtype=bool)
    mask[chosen] = True
    train = table[~mask].sample(frac=1, random_state=SEED)
    test = table[mask].sample(frac=1, random_state=SEED)
    ids = rng.permutation(len(table))
    train.insert(0, "id", ids[: len(train)])
    test.insert(0, "id", ids[len(train) :])
    train[["id", *INPUTS, TARGET]].to_csv(public / "train.csv", index=False)
    test[["id", *INPUTS]].to_csv(public / "test.csv", index=False)
    test[["id", TARGET]].to_csv(private / "test_answer.csv", index=False)
    sample = {sample}
    sample.to_csv(public / "sample_submission.csv", index=False)
'''

_DESCRIPTION = """\
# {title}

## Goal

Predict `{target}` of each row of `test.csv` from its measurements.

## Files

- `train.csv`: {train} rows with the columns `id`, {inputs} and the target `{target}`.
- `test.csv`: {test} rows with the columns `id`, {inputs}.
- `sample_submission.csv`: a valid submission, the same prediction for every row.

## Columns

| column | meaning |
|---|---|
| `id` | identifies a row |
| `length` | length in centimetres |
| `width` | width in centimetres; empty where it was not measured |
| `weight` | weight in grams |
| `place` | where it was collected: `north`, `south` or `west` |
| `batch` | number of the batch, 1 to 4 |
| `{target}` | {meaning} |

## Metric

{metric_title} (`{metric}`): {formula}. {direction} is better; {best} is perfect.

## Submission

A CSV file with the columns `id` and {columns}, one row for each row of `test.csv`:
{format}.
"""


class Example(NamedTuple):
    """A package and the raw data that it was made from."""

    paths: PackagePaths
    raw: Path
    manifest: Manifest


def raw_table(kind: Kind, rows: int, seed: int) -> pd.DataFrame:
    """Measurements with a learnable target: a strong model beats a simple one beats a constant."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "length": rng.normal(20, 4, rows).round(2),
            "width": rng.normal(10, 2, rows).round(2),
            "weight": rng.gamma(5, 30, rows).round(1),
            "place": rng.choice(["north", "south", "west"], rows),
            "batch": rng.integers(1, 5, rows),
        }
    )
    shift = table["place"].map({"north": 0.0, "south": 1.2, "west": -0.8})
    drive = (table["length"] - 20) / 4 + 0.8 * np.sin(table["width"]) + shift
    drive = drive + rng.normal(0, 0.5, rows)
    if kind == "regression":
        table["yield"] = (50 + 10 * drive).round(2)
    else:
        classes = _CLASSES[kind]
        edges = np.quantile(drive, np.linspace(0, 1, len(classes) + 1)[1:-1])
        table[_TARGETS[kind]] = np.asarray(classes)[np.searchsorted(edges, drive)]
    table.loc[rng.random(rows) < 0.05, "width"] = np.nan
    return table


def write_package(folder: Path, kind: Kind, *, rows: int = 320, seed: int = 7) -> Example:
    """Write `folder/raw` and the sealed package `folder/task`; the same bytes each time."""
    raw, paths = folder / "raw", PackagePaths(folder / "task")
    raw.mkdir(parents=True)
    raw_table(kind, rows, seed).to_csv(raw / "measurements.csv", index=False)
    for part in (paths.public, paths.private):
        part.mkdir(parents=True)
    target, classes = _TARGETS[kind], _CLASSES[kind]
    spec = metric_spec(_METRICS[kind])
    answers = answers_of(spec, targets=[target], classes=classes)
    paths.metric.write_text(metric_source(spec.name, targets=[target], classes=classes))
    paths.prepare.write_text(_prepare_source(kind))
    run_prepare(paths.prepare, raw, paths.public, paths.private)
    counts = {name: len(pd.read_csv(paths.public / f"{name}.csv")) for name in ("train", "test")}
    paths.description.write_text(_description(kind, answers, counts))
    shutil.copyfile(paths.description, paths.public_description)
    manifest = seal(paths.root, _manifest(kind, answers, counts, raw))
    return Example(paths, raw, manifest)


def run_prepare(script: Path, raw: Path, public: Path, private: Path) -> None:
    """Run a trusted prepare.py in this process."""
    spec = importlib.util.spec_from_file_location(f"prepare_{script.parent.name}", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    exec(compile(script.read_text(), str(script), "exec"), module.__dict__)
    module.prepare(raw, public, private)


def _prepare_source(kind: Kind) -> str:
    target, classes = _TARGETS[kind], _CLASSES[kind]
    sample = sample_submission_source(_METRICS[kind], targets=[target], classes=classes)
    return _PREPARE.format(
        inputs=list(_INPUTS),
        target=target,
        sample=sample,
        group="TARGET" if classes else 'pd.qcut(table[TARGET], 8, labels=False, duplicates="drop")',
        stratified_words=", the classes in equal shares" if classes else ", by eighths",
    ).replace("'", '"')


def _description(kind: Kind, answers: Answers, counts: dict[str, int]) -> str:
    spec, target = metric_spec(_METRICS[kind]), _TARGETS[kind]
    classes = ", ".join(f"`{label}`" for label in answers.classes)
    formats = {
        "label": f"`{target}` is one of the classes {classes}",
        "probability": f"`{target}` is the probability, 0 to 1, of the class `{answers.positive}`",
        "value": f"`{target}` is a number",
    }
    return _DESCRIPTION.format(
        title=f"Predict {target} from measurements",
        target=target,
        inputs=", ".join(f"`{name}`" for name in _INPUTS),
        meaning=f"the target, one of the classes {classes}" if classes else "the target, a number",
        metric=spec.name,
        metric_title=spec.title,
        formula=spec.formula_for(answers.targets, answers.classes),
        direction="Higher" if spec.higher_is_better else "Lower",
        best=spec.best,
        columns=", ".join(f"`{column}`" for column in answers.columns),
        format=formats[answers.kind],
        **counts,
    )


def _manifest(kind: Kind, answers: Answers, counts: dict[str, int], raw: Path) -> Manifest:
    target = _TARGETS[kind]
    split = SplitPolicy(kind=SplitKind.STRATIFIED, reason="rows are independent")
    return Manifest(
        id=f"example-{kind}",
        title=f"Predict {target} from measurements",
        formulation=Formulation(
            title=f"Predict {target} from measurements",
            task_type=_TYPES[kind],
            tables=("measurements",),
            targets=(target,),
            inputs=_INPUTS,
            metric=_METRICS[kind],
            split=split,
        ),
        metric=MetricRecord.of(metric_spec(_METRICS[kind]), answers),
        targets=(target,),
        classes=answers.classes,
        submission=SubmissionRecord.of(answers),
        split=split,
        rows=counts,
        seeds={"split": 20},
        provenance=Provenance(
            source="measurements",
            raw_sha256=fingerprint(raw),
            licence="CC0-1.0",
        ),
    )


def change(path: Path, old: str, new: str) -> None:
    """Replace a text that is there, wherever it is."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
