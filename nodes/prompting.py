"""Prompts: Markdown templates beside this file, rendered with every variable required."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from mle_smith.checks.registry import CHECKS
from mle_smith.data.code import function_name, read_code
from mle_smith.data.tables import DatasetProfile, TableProfile
from mle_smith.metrics import METRICS
from mle_smith.models.roles import AgentRole
from mle_smith.values import Finding, Formulation

MAX_COLUMNS = 200
"""Columns of a table that a prompt describes; `profile_columns` tells of the rest."""
_MAX_DOCUMENT = 8000


def render_prompt(role: AgentRole, **values: Any) -> list[AnyMessage]:
    """The first messages of a role: its instructions, and the case at hand.

    The template's part before the line `---` is the system message, the rest the human one.
    """
    text = _environment().get_template(f"{role}.md.j2").render(**values)
    system, _, human = text.partition("\n---\n")
    return [SystemMessage(system.strip()), HumanMessage(human.strip())]


def table_facts(table: TableProfile, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """A table as prompts show it: its columns (all, or those named) and the code that reads it."""
    shown = [c for c in table.columns if columns is None or c.name in columns][:MAX_COLUMNS]
    return {
        "name": table.spec.name,
        "rows": table.rows,
        "bytes": table.bytes,
        "duplicate_rows": table.duplicate_rows,
        "notes": list(table.notes),
        "column_count": len(table.columns),
        "columns": [column.model_dump(mode="json") for column in shown],
        "read_code": read_code(table.spec),
        "read_function": function_name(table.spec),
    }


def dataset_facts(profile: DatasetProfile, max_formulations: int) -> dict[str, Any]:
    """A data set as the Brainstormer is told of it."""
    return {
        "name": profile.name,
        "licence": profile.licence,
        "files": [file.model_dump(mode="json") for file in profile.files[:200]],
        "tables": [table_facts(table) for table in profile.tables],
        "relations": [relation.model_dump(mode="json") for relation in profile.relations],
        "documents": [
            {"path": document.path, "text": document.text[:_MAX_DOCUMENT]}
            for document in profile.documents
        ],
        "max_formulations": max_formulations,
        "metrics": metric_facts(),
    }


def metric_facts() -> list[dict[str, Any]]:
    """The metrics that a formulation may name."""
    return [
        {
            "name": metric.name,
            "higher_is_better": metric.higher_is_better,
            "task_types": [str(kind) for kind in metric.task_types],
            "prediction": metric.prediction,
        }
        for metric in METRICS.values()
    ]


def tables_of(profile: DatasetProfile, formulation: Formulation) -> list[dict[str, Any]]:
    """The tables of a formulation, with all their columns."""
    return [table_facts(profile.table(name)) for name in formulation.tables]


def finding_facts(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Findings as an agent is told of them, each with the defect that its code stands for."""
    defects = {code: defect for check in CHECKS for code, defect in check.codes.items()}
    return [
        {**finding.model_dump(mode="json"), "stands_for": defects.get(finding.code, "")}
        for finding in findings
    ]


def _fenced_json(value: Any, name: str) -> str:
    """A JSON block that a reader can tell from instructions: "```json NAME"."""
    body = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    return f"```json {name}\n{body}\n```"


@functools.cache
def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("nodes", "prompts"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # prompts are plain text
    )
    env.filters["fenced"] = _fenced_json
    return env
