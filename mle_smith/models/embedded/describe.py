"""The text of description.md, from the formulation and from what prepare.py really wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mle_smith.metrics import METRICS
from mle_smith.metrics.classes import choose_positive
from mle_smith.models.embedded.writing import render
from mle_smith.values import Formulation, SplitKind

_PURPOSE = {
    "train.csv": "inputs and answers to learn from",
    "test.csv": "inputs to predict from",
    "sample_submission.csv": "a valid submission, the same constant in each row",
}
_TASK_TYPE = {
    "binary_classification": "binary classification",
    "multiclass_classification": "multiclass classification",
    "regression": "regression",
    "multi_output_regression": "regression with several outputs",
    "forecasting": "forecasting",
}

_CLAUSE_END = re.compile(r";\s*|(?<=[.!?])\s+")
_ABOUT_THE_SOURCE = re.compile(
    r"[\w-]\.(?:csv|tsv|parquet|jsonl?|zip|xlsx?|txt|md|py)\b|\d\s+(?:[a-z]+\s+)?(?:rows|columns|"
    r"examples|samples|records|observations|instances)\b",
    re.I,
)


def describe(
    formulation: Formulation,
    tables: dict[str, Any],
    built: dict[str, Any],
    dataset: dict[str, Any],
    *,
    full: bool,
) -> str:
    """Markdown for a participant; `full` adds files, columns and source with their numbers."""
    files = {
        path.removeprefix("public/"): facts
        for path, facts in built["files"].items()
        if path.startswith("public/") and path.endswith(".csv")
    }
    metric = METRICS[formulation.metric]
    sample, train = files["sample_submission.csv"], files["train.csv"]
    return render(
        "description.md.j2",
        full=full,
        title=formulation.title,
        targets_text=_names(formulation.targets),
        justification=formulation.justification,
        task_type=_TASK_TYPE[formulation.task_type],
        split_text=_split_text(formulation),
        files=[
            {
                "name": name,
                "rows": facts["rows"],
                "columns": len(facts["columns"]),
                "purpose": _PURPOSE.get(name, "further data"),
            }
            for name, facts in sorted(files.items())
        ],
        columns=_columns(formulation, tables, train),
        metric=metric,
        formula=metric.formula_for(formulation.targets, sorted(_classes(formulation, train))),
        submission_columns=_names([column["name"] for column in sample["columns"]]),
        submission_text=_submission_text(formulation, train, sample),
        sample_head=sample["head"].strip(),
        source=dataset["name"],
        licence=dataset["licence"],
    )


def _names(columns: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in columns]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + f" and {quoted[-1]}"


def _split_text(formulation: Formulation) -> str:
    split = formulation.split
    if split.kind is SplitKind.GROUPED:
        who = _names(split.group_columns)
        return f"Rows that share {who} are all on one side: the test set has other ones than train."
    if split.kind is SplitKind.TEMPORAL:
        by = f" by {_names(split.time_columns)}" if split.time_columns else ", in the order of rows"
        return (
            f"Train and test are divided in time{by}: all test rows are later than all train rows."
        )
    return "Train and test rows were divided at random, with like answers in like shares."


def _columns(
    formulation: Formulation, tables: dict[str, Any], train: dict[str, Any]
) -> list[dict[str, Any]]:
    meanings = {
        column["name"]: _of_the_column(column.get("description", ""))
        for table in tables.values()
        for column in table["columns"]
    }
    rows = []
    for column in train["columns"]:
        name = column["name"]
        if name == "id":
            meaning = "identifies the row; carries no information"
        elif name in formulation.targets:
            meaning = ("**to be predicted**. " + meanings.get(name, "")).strip()
        else:
            meaning = meanings.get(name, "")
        rows.append(
            {
                "name": name,
                "type": column["dtype"],
                "missing": column["missing"],
                "values": _values(column),
                "meaning": meaning,
            }
        )
    return rows


def _of_the_column(remark: str) -> str:
    """A data dictionary's remark without the clauses that are about the source's files and rows."""
    clauses = _CLAUSE_END.split(remark)
    kept = [clause for clause in clauses if not _ABOUT_THE_SOURCE.search(clause)]
    return remark if len(kept) == len(clauses) else "; ".join(c.rstrip(". ") for c in kept if c)


def _values(column: dict[str, Any]) -> str:
    if column.get("minimum") is not None and column["distinct"] > 12:
        return f"{column['minimum']} to {column['maximum']}"
    shown = [str(value)[:40] for value, _ in column["top"][:12]]
    more = column["distinct"] - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more > 0 else "")


def _submission_text(
    formulation: Formulation, train: dict[str, Any], sample: dict[str, Any]
) -> str:
    target, counts = formulation.targets[0], _classes(formulation, train)
    if not formulation.task_type.is_classification:
        return f"{_names(formulation.targets)}: the predicted number."
    classes = sorted(counts)
    kind = METRICS[formulation.metric].prediction_for(classes)
    if kind == "label":
        shown = ", ".join(f"`{label}`" for label in classes)
        return f"`{target}` is the predicted class, one of {shown}."
    if kind == "probability":
        positive = choose_positive(counts)
        return f"`{target}` is the predicted probability, 0 to 1, that the answer is `{positive}`."
    named = zip([column["name"] for column in sample["columns"][1:]], classes, strict=True)
    shown = ", ".join(f"`{column}` of `{label}`" for column, label in named)
    return f"The columns hold predicted probabilities, 0 to 1, that add up to 1: {shown}."


def _classes(formulation: Formulation, train: dict[str, Any]) -> dict[str, int]:
    """The classes of the target with their rows; none for numbers."""
    if not formulation.task_type.is_classification:
        return {}
    return {
        str(label): count
        for column in train["columns"]
        if column["name"] == formulation.targets[0]
        for label, count in column["top"]
    }
