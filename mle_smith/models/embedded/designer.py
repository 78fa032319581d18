"""The embedded Designer: from a formulation to a draft that runs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from mle_smith.metrics import constant_prediction, metric_source, unreadable_classes
from mle_smith.metrics.classes import Labels, labels_of
from mle_smith.models.embedded.describe import describe
from mle_smith.models.embedded.policy import Brief, Call, Policy
from mle_smith.models.embedded.repair import repaired
from mle_smith.models.embedded.writing import import_head, render, take_imports
from mle_smith.values import Formulation, SplitKind

_MIN_CLASS_ROWS = 10
_LIKE_MISSING = ("None", "NA", "N/A", "null", "nan")


def designer(brief: Brief) -> Policy:
    """Write prepare.py, metric.py and description.md, run them, and submit the draft."""
    tables = {table["name"]: table for table in brief.block("tables")}
    formulation = repaired(
        Formulation.model_validate(brief.block("formulation")), brief.block("findings")
    )
    labels = labels_of(formulation, _profiled_counts(formulation, tables))
    built: dict[str, Any] = {}
    for _ in range(2):  # the second time with the classes that the first one met
        source = prepare_source(formulation, tables, labels, brief.seed)
        yield Call("write_file", {"path": "draft/prepare.py", "text": source})
        built = json.loads((yield Call("run_prepare", {})))
        if built["status"] != "ok":
            return f"prepare.py does not run: {built['error'][-600:]}"
        met = labels_of(formulation, _built_counts(formulation, built))
        if met == labels:
            break
        labels = met

    metric = metric_source(
        formulation.metric,
        targets=formulation.targets,
        classes=labels.classes or None,
        positive=labels.positive,
    )
    yield Call("write_file", {"path": "draft/metric.py", "text": metric})
    text = describe(formulation, tables, built, brief.block("dataset"), full=False)
    yield Call("write_file", {"path": "draft/description.md", "text": text})
    tried = yield Call("try_metric", {})
    if json.loads(tried)["status"] != "ok":
        return f"metric.py does not work: {tried[-600:]}"
    yield Call("submit_draft", {"formulation": formulation.model_dump(mode="json")})
    return "The draft is submitted."


def prepare_source(
    formulation: Formulation, tables: dict[str, Any], labels: Labels, seed: int
) -> str:
    """prepare.py for a formulation: self-contained, deterministic, and pleasant to read."""
    used = [tables[name] for name in formulation.tables]
    readers = [take_imports(table["read_code"]) for table in used]
    imports = {"from pathlib import Path", "import numpy as np", "import pandas as pd"}
    for reader in readers:
        imports.update(reader.imports)
    horizon, lookback = reach(formulation.derive.values())
    return render(
        "prepare.py.j2",
        title=formulation.title.replace('"', "'"),
        imports=import_head(imports),
        readers="\n\n\n".join(dict.fromkeys(reader.body for reader in readers)),
        reader=used[0]["read_function"],
        stacked=_stacked(used) if len(used) > 1 else [],
        targets=list(formulation.targets),
        inputs=list(formulation.inputs),
        groups=list(formulation.split.group_columns),
        times=_times(formulation, used[0]["columns"]),
        split=str(formulation.split.kind),
        test_fraction=formulation.split.test_fraction,
        seed=seed,
        classification=formulation.task_type.is_classification,
        min_class_rows=_MIN_CLASS_ROWS,
        renamed=renamed_classes(formulation, tables),
        derive=formulation.derive,
        row_filter=formulation.row_filter,
        horizon=horizon,
        lookback=lookback,
        sample=constant_prediction(
            formulation.metric,
            targets=formulation.targets,
            classes=labels.classes or None,
            positive=labels.positive,
        ),
    )


def reach(expressions: Sequence[str] | Any) -> tuple[int, int]:
    """How many steps ahead, and back, derived columns look (`shift(-24)`, `rolling(6)`)."""
    ahead, back = 0, 0
    for expression in expressions:
        for steps in map(int, re.findall(r"\.shift\(\s*(-?\d+)", expression)):
            ahead, back = max(ahead, -steps), max(back, steps)
        for window in map(int, re.findall(r"\.rolling\(\s*(\d+)", expression)):
            back = max(back, window)
    return ahead, back


def _stacked(tables: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """How to stack tables whose columns differ in letter case only."""
    names = {column["name"].casefold(): column["name"] for column in tables[0]["columns"]}
    parts = []
    for table in tables:
        renamed = {
            column["name"]: names[column["name"].casefold()]
            for column in table["columns"]
            if names.get(column["name"].casefold(), column["name"]) != column["name"]
        }
        parts.append({"function": table["read_function"], "rename": renamed})
    return parts


def _times(formulation: Formulation, columns: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The time columns, each with the format of its text; "" for numbers, "" kinds apart."""
    if formulation.split.kind is not SplitKind.TEMPORAL:
        return {}
    profiles = {column["name"]: column for column in columns}
    formats = {}
    for name in formulation.split.time_columns:
        profile = profiles.get(name, {"kind": "datetime"})
        is_time = profile["kind"] == "datetime"
        formats[name] = (profile.get("time_format") or "ISO8601") if is_time else ""
    return formats


def _profiled_counts(formulation: Formulation, tables: dict[str, Any]) -> dict[str, int]:
    """Classes as the profile knows them; a guess where the target is derived or filtered."""
    for column in tables[formulation.tables[0]]["columns"]:
        if column["name"] == formulation.targets[0]:
            names = renamed_classes(formulation, tables)
            return {names.get(c, c): n for c, n in column["top"] if n >= _MIN_CLASS_ROWS}
    return {"0": 1, "1": 1}


def renamed_classes(formulation: Formulation, tables: dict[str, Any]) -> dict[str, str]:
    """Classes that a CSV file would not give back (`None`, `NA`), with names that it would."""
    if not formulation.task_type.is_classification:
        return {}
    for column in tables[formulation.tables[0]]["columns"]:
        if column["name"] == formulation.targets[0] and column["mean_length"] is not None:
            labels = [label for label, _ in column["top"]]
            if column["distinct"] > len(labels):  # the profile does not show them all
                labels += [label for label in _LIKE_MISSING if label not in labels]
            return {str(label): f"{label} (class)" for label in unreadable_classes(labels)}
    return {}


def _built_counts(formulation: Formulation, built: dict[str, Any]) -> dict[str, int]:
    """Classes as prepare.py wrote them."""
    for column in built["files"]["public/train.csv"]["columns"]:
        if column["name"] == formulation.targets[0]:
            return {str(label): count for label, count in column["top"]}
    return {}
