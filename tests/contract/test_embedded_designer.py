"""The prepare.py that the embedded Designer writes: it runs, and divides rows as it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mle_smith.data.profile import profile
from mle_smith.data.source import fingerprint
from mle_smith.metrics.classes import labels_of
from mle_smith.models.embedded.designer import prepare_source, reach, renamed_classes
from mle_smith.models.embedded.repair import repaired
from mle_smith.values import Formulation, SplitKind, SplitPolicy, TaskType
from nodes.prompting import tables_of

Prepared = Callable[..., tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]]

STRATIFIED = SplitPolicy(kind=SplitKind.STRATIFIED, test_fraction=0.3)
GROUPED = SplitPolicy(kind=SplitKind.GROUPED, group_columns=("who",), test_fraction=0.3)
BY_DAY = SplitPolicy(kind=SplitKind.TEMPORAL, time_columns=("day",), test_fraction=0.3)


def rows(seed: int = 0, count: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.permutation(count), unit="D")
    return pd.DataFrame(
        {
            "who": [f"p{n:03d}x" for n in rng.integers(0, 40, count)],
            "day": day.strftime("%Y-%m-%d"),
            "size": rng.normal(5, 1, count).round(3),
            "level": rng.integers(0, 4, count),
            "load": rng.gamma(2, 3, count).round(3),
            "damage": rng.choice(["None", "Minor", "Major"], count, p=[0.6, 0.3, 0.1]),
        }
    )


def idea(**changes: Any) -> Formulation:
    return Formulation.model_validate(
        {
            "title": "A task",
            "task_type": TaskType.REGRESSION,
            "tables": ("rows",),
            "targets": ("load",),
            "inputs": ("size", "level", "damage"),
            "metric": "rmse",
            "split": STRATIFIED,
            **changes,
        }
    )


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    """Write a frame, generate prepare.py for a formulation, run it; train, test and answers."""

    def make(frame: pd.DataFrame, formulation: Formulation) -> tuple[pd.DataFrame, ...]:
        raw = tmp_path / "raw"
        raw.mkdir(exist_ok=True)
        frame.to_csv(raw / "rows.csv", index=False)
        described = profile(raw, "rows", fingerprint(raw))
        tables = {table["name"]: table for table in tables_of(described, formulation)}
        names = renamed_classes(formulation, tables)
        counts: dict[str, int] = {}
        if formulation.task_type.is_classification:
            found = frame[formulation.targets[0]].astype(str).replace(names).value_counts()
            counts = {str(label): int(n) for label, n in found.items()}
        source = prepare_source(formulation, tables, labels_of(formulation, counts), seed=0)
        module: dict[str, Any] = {}
        exec(compile(source, "prepare.py", "exec"), module)
        module["prepare"](raw, tmp_path / "public", tmp_path / "private")
        return tuple(
            pd.read_csv(tmp_path / path, keep_default_na=False)
            for path in ("public/train.csv", "public/test.csv", "private/test_answer.csv")
        )

    return make  # type: ignore[return-value]  # the tuple has three frames


many = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@many
@given(seed=st.integers(0, 10_000), few=st.integers(1, 3))
@example(seed=889, few=3)  # three dozen different rows, of which a few stand for most
def test_rows_of_equal_inputs_stay_on_one_side(prepared: Prepared, seed: int, few: int) -> None:
    frame = rows(seed).assign(size=lambda df: (df["size"] / few).round(0))
    train, test, answers = prepared(frame, idea())
    inputs = ["size", "level", "damage"]
    known = set(train[inputs].astype(str).agg("|".join, axis=1))
    assert not known & set(test[inputs].astype(str).agg("|".join, axis=1))
    assert 0.05 < len(test) / (len(train) + len(test)) < 0.6
    assert list(test["id"]) == list(answers["id"])
    assert not set(train["id"]) & set(test["id"])
    assert "load" not in test.columns


@many
@given(seed=st.integers(0, 10_000))
def test_groups_stay_on_one_side(prepared: Prepared, seed: int) -> None:
    frame = rows(seed)
    train, test, _ = prepared(frame, idea(split=GROUPED))
    who = frame.set_index(["size", "level", "load", "damage"])["who"]
    of_train = set(
        pd.MultiIndex.from_frame(train[["size", "level", "load", "damage"]]).map(who.to_dict())
    )
    everyone = set(frame["who"])
    assert len(of_train) < len(everyone)
    in_test = len(frame.drop_duplicates()) - len(train)
    assert in_test == len(test) == int((~frame["who"].isin(of_train)).sum())


@pytest.mark.parametrize("split", [STRATIFIED, GROUPED, BY_DAY], ids=lambda s: str(s.kind))
def test_a_raw_column_called_id_gives_way_to_the_package_s(
    prepared: Prepared, split: SplitPolicy
) -> None:
    frame = rows().rename(columns={"who": "id"})
    if split is GROUPED:
        split = split.model_copy(update={"group_columns": ("id",)})
    train, test, answers = prepared(frame, idea(split=split))
    assert sorted([*train["id"], *test["id"]]) == list(range(len(frame)))
    assert list(answers["id"]) == list(test["id"])
    rows_of = frame.set_index(["size", "level", "load", "damage"])["id"].to_dict()
    of_train = [
        rows_of[key]
        for key in zip(*(train[c] for c in ("size", "level", "load", "damage")), strict=True)
    ]
    divided = set(of_train) & set(frame["id"][~frame["size"].isin(train["size"])])
    assert bool(divided) == (split.kind is not SplitKind.GROUPED)


@many
@given(seed=st.integers(0, 10_000))
def test_test_rows_are_later(prepared: Prepared, seed: int) -> None:
    formulation = idea(split=BY_DAY, inputs=("day", "size", "level"))
    train, test, _ = prepared(rows(seed), formulation)
    assert train["day"].max() < test["day"].min()
    assert abs(len(test) / 300 - 0.3) < 0.02


def test_classes_that_read_as_missing_are_renamed(prepared: Prepared) -> None:
    formulation = idea(
        task_type=TaskType.MULTICLASS, targets=("damage",), inputs=("size",), metric="macro_f1"
    )
    train, _, answers = prepared(rows(), formulation)
    assert set(train["damage"]) == {"None (class)", "Minor", "Major"} == set(answers["damage"])


def test_rare_classes_are_left_out(prepared: Prepared) -> None:
    frame = rows().assign(damage=lambda df: ["Rare", *df["damage"][1:]])
    formulation = idea(
        task_type=TaskType.MULTICLASS, targets=("damage",), inputs=("size",), metric="macro_f1"
    )
    train, _, answers = prepared(frame, formulation)
    assert "Rare" not in set(train["damage"]) | set(answers["damage"])


def test_a_rare_class_that_test_lacks_is_left_out(prepared: Prepared) -> None:
    frame = rows().sort_values("day").reset_index(drop=True)
    frame["damage"] = ["Rare"] * 10 + ["Early"] * 40 + list(frame["damage"][50:])
    formulation = idea(
        task_type=TaskType.MULTICLASS,
        targets=("damage",),
        inputs=("size",),
        metric="macro_f1",
        split=BY_DAY,
    )
    train, _, answers = prepared(frame, formulation)
    assert set(train["damage"]) - set(answers["damage"]) == {"Early"}


def test_a_forecast_shows_no_answer_of_another_row(prepared: Prepared) -> None:
    formulation = idea(
        task_type=TaskType.FORECASTING,
        targets=("ahead",),
        inputs=("day", "load", "before"),
        split=BY_DAY,
        metric="mae",
        derive={"before": "df['load'].shift(2)", "ahead": "df['load'].shift(-3)"},
    )
    frame = rows().assign(load=np.arange(300) + 0.25)  # every value tells its row
    train, test, answers = prepared(frame, formulation)
    shown = set(test["load"]) | set(test["before"]) | set(train["load"]) | set(train["before"])
    assert not shown & set(answers["ahead"])
    assert len(test) > 20


def test_the_reach_of_derived_columns_is_read_from_their_expressions() -> None:
    assert reach(["df['a'].shift(-24)", "df['a'].shift(3)", "df['a'].rolling(7).mean()"]) == (24, 7)
    assert reach(["df['a'] - df['b']"]) == (0, 0)


def finding(**repair: Any) -> dict[str, Any]:
    return {"code": "L06", "message": "a leak", "evidence": {"repair": repair}}


def test_findings_are_acted_on() -> None:
    mended = repaired(idea(), [finding(drop_columns=["level"])])
    assert mended.inputs == ("size", "damage")
    assert "L06" in mended.excluded["level"]
    assert repaired(idea(), [finding(split="grouped", by=["who"])]).split.group_columns == ("who",)
    assert repaired(idea(), [finding(metric="mae")]).metric == "mae"
    assert repaired(idea(), [finding(test_fraction=0.4)]).split.test_fraction == 0.4


def test_a_repair_that_leaves_no_inputs_is_not_made() -> None:
    assert repaired(idea(), [finding(drop_columns=["size", "level", "damage"])]) == idea()
