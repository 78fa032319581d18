from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mle_smith.metrics import METRICS, answers_of
from mle_smith.package.machine import paths_found
from mle_smith.package.manifest import (
    CheckRecord,
    FileRecord,
    FileRole,
    Manifest,
    MetricRecord,
    Provenance,
    SubmissionRecord,
    canonical_json,
    schema,
    versions,
)
from mle_smith.values import (
    Formulation,
    Interval,
    Ladder,
    Rung,
    Severity,
    SplitKind,
    SplitPolicy,
    TaskType,
    Usage,
)


def manifest(**changes: Any) -> Manifest:
    split = SplitPolicy(kind=SplitKind.GROUPED, group_columns=("owner",))
    answers = answers_of(METRICS["log_loss"], targets=["y"], classes=[False, 1.5, "x"])
    fields: dict[str, Any] = {
        "id": "a-task",
        "title": "A task",
        "formulation": Formulation(
            title="A task",
            task_type=TaskType.MULTICLASS,
            tables=("t",),
            targets=("y",),
            inputs=("a", "b"),
            metric="log_loss",
            split=split,
        ),
        "metric": MetricRecord.of(METRICS["log_loss"]),
        "targets": ("y",),
        "classes": answers.classes,
        "submission": SubmissionRecord.of(answers),
        "split": split,
        "provenance": Provenance(source="t", raw_sha256="0" * 64),
    }
    return Manifest(**{**fields, **changes})


def test_the_schema_in_docs_is_the_one_in_force() -> None:
    page = Path(__file__).parents[2] / "docs" / "task.schema.json"
    assert page.read_text(encoding="utf-8") == schema(), (
        "run: python -m mle_smith.package > docs/task.schema.json"
    )


def test_a_full_manifest_survives_json_byte_for_byte() -> None:
    rung = Rung(name="constant", score=Interval(value=1.0986, low=1.0, high=1.2))
    full = manifest(
        classes=(False, 1.5, "x"),
        rows={"test": 1, "train": 3},
        checks=(CheckRecord(code="L06", severity=Severity.WARNING, numbers={"share": 0.1}),),
        ladder=Ladder(metric="log_loss", higher_is_better=False, test_rows=9, rungs=(rung,)),
        usage={"designer": Usage(calls=2), "brainstormer": Usage(calls=1)},
        backbone={"designer": "embedded", "brainstormer": "embedded"},
        versions=versions(),
        files=(FileRecord(path="public/é.csv", role=FileRole.PUBLIC, sha256="a" * 64, size=1),),
    )
    text = canonical_json(full)
    again = Manifest.model_validate_json(text)
    assert again == full
    assert canonical_json(again) == text
    assert [type(label) for label in again.classes] == [bool, float, str]


@given(st.permutations(["brainstormer", "designer", "refactor", "reviewer"]))
def test_the_order_in_which_roles_end_leaves_no_trace(order: list[str]) -> None:
    spent = {role: Usage(calls=len(role)) for role in order}
    ends = manifest(
        usage=spent, attempts=dict.fromkeys(order, 1), backbone=dict.fromkeys(order, "embedded")
    )
    first = dict.fromkeys(sorted(order))
    assert list(ends.usage) == list(ends.attempts) == list(ends.backbone) == list(first)


def test_evidence_becomes_plain_json() -> None:
    numbers = {"gap": float("nan"), "top": np.float64(0.5), "rows": np.int64(7), "ok": np.True_}
    record = json.loads(canonical_json(CheckRecord(code="X01", numbers=numbers)))
    assert record["numbers"] == {"gap": None, "top": 0.5, "rows": 7, "ok": True}
    with pytest.raises(Exception, match="no JSON value"):
        canonical_json(CheckRecord(code="X01", numbers={"frame": object()}))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "../up"},
        {"id": "A Task"},
        {"schema_version": 2},
        {"classes": ()},
        {"targets": ()},
        {"when": "now"},
        {"provenance": {"source": "t", "raw_sha256": "short"}},
    ],
)
def test_a_wrong_manifest_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        manifest(**changes)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a//b", "./a", ".", ""])
def test_a_file_outside_the_package_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        FileRecord(path=path, role=FileRole.PUBLIC, sha256="a" * 64, size=0)


PLACES = [Path("/srv/forge/work"), Path("/root")]


@pytest.mark.parametrize(
    ("text", "authored", "data"),
    [
        ("open('/srv/forge/work/x.csv')", ["/srv/forge/work"], ["/srv/forge/work"]),
        ("see /srv/forge/work.", ["/srv/forge/work"], ["/srv/forge/work"]),
        ("/root/.cache", ["/root"], []),
        ("/srv/forge/working", [], []),
        ("https://x.org/srv/forge/work", [], []),
        ("/rooted and /root alone", [], []),
        ("é" * 10, [], []),
    ],
)
def test_paths_of_a_machine_are_found_as_whole_paths(
    tmp_path: Path, text: str, authored: list[str], data: list[str]
) -> None:
    file = tmp_path / "file.txt"
    file.write_text(text, encoding="utf-8")
    assert paths_found(file, PLACES, authored=True) == authored
    assert paths_found(file, PLACES, authored=False) == data


def test_binary_files_name_no_paths(tmp_path: Path) -> None:
    file = tmp_path / "image.bin"
    file.write_bytes(b"\x89\0\0/srv/forge/work/")
    assert paths_found(file, PLACES, authored=True) == []


def test_a_path_across_two_chunks_is_found(tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    file.write_bytes(b"x" * (8 * 1024 * 1024 - 6) + b" /srv/forge/work/y")
    assert paths_found(file, PLACES, authored=False) == ["/srv/forge/work"]
