"""From measurements of small made-up tables to roles, exclusions, splits and targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mle_smith.models.embedded.analysis.exclusions import excluded
from mle_smith.models.embedded.analysis.hints import Hints
from mle_smith.models.embedded.analysis.ideas import Idea, idea, layout
from mle_smith.models.embedded.analysis.proposal import choose_metric
from mle_smith.models.embedded.analysis.roles import Role, clock, entity, role
from mle_smith.models.embedded.analysis.selection import Tried, giveaways, holds, select
from mle_smith.models.embedded.analysis.subject import Subject, Survey
from mle_smith.models.embedded.analysis.survey_script import survey
from mle_smith.models.embedded.analysis.targets import plausibilities
from mle_smith.models.embedded.analysis.trial_script import trial
from mle_smith.models.embedded.analysis.variants import variants
from mle_smith.values import SplitKind, TaskType

RNG = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    """A test draws the same numbers whichever others this worker ran before it."""
    RNG.bit_generator.state = np.random.default_rng(7).bit_generator.state


def subject_of(frame: pd.DataFrame, hints: Hints | None = None) -> Subject:
    """A subject as the Brainstormer would have it, from a frame."""
    times = [c for c in frame if pd.api.types.is_datetime64_any_dtype(frame[c])]
    found = survey(frame, [str(t) for t in times], max_rows=2000, seed=0)
    profiles: dict[str, dict[str, Any]] = {}
    for name in map(str, frame.columns):
        lengths = frame[name].dropna().astype(str).str.len()
        profiles[name] = {"name": name, "description": "", "mean_length": float(lengths.mean())}
    return Subject(
        name="made",
        tables=("t",),
        profiles=profiles,
        survey=Survey.model_validate(found),
        hints=hints or Hints(),
    )


def _out(subject: Subject, target: str) -> Mapping[str, str]:
    plan = layout(subject)
    return excluded(subject, plan.roles, target, plan.group.column if plan.group else None)


def _idea(subject: Subject, target: str) -> Idea:
    made = idea(subject, layout(subject), target, 3.0)
    assert made is not None
    return made


def test_a_total_and_its_parts_exclude_each_other() -> None:
    frame = pd.DataFrame({"a": RNG.integers(0, 90, 400), "b": RNG.integers(0, 90, 400)})
    frame["heat"] = RNG.normal(size=400)
    frame["all"] = frame["a"] + frame["b"]
    subject = subject_of(frame)
    assert set(_out(subject, "all")) == {"a", "b"}
    assert "all" in _out(subject, "a")
    assert "heat" not in _out(subject, "a")


def test_a_total_with_an_unseen_part_is_still_found() -> None:
    frame = pd.DataFrame({"ride": RNG.gamma(2, 9, 500), "extra": RNG.gamma(1, 3, 500)})
    frame["bill"] = frame["ride"] + frame["extra"] + RNG.choice([0.0, 0.5, 1.0], 500)
    assert set(_out(subject_of(frame), "bill")) == {"ride", "extra"}


def test_a_mean_of_two_scores_is_seen_through() -> None:
    frame = pd.DataFrame({"reading": RNG.normal(60, 9, 300), "maths": RNG.normal(50, 9, 300)})
    frame["both"] = (frame["reading"] + frame["maths"]) / 2
    frame["age"] = RNG.integers(9, 14, 300).astype(float)
    assert {"reading", "both"} <= set(_out(subject_of(frame), "maths"))


def test_ranges_of_a_number_are_excluded_both_ways() -> None:
    frame = pd.DataFrame({"grams": RNG.normal(3000, 600, 300), "z": RNG.normal(size=300)})
    frame["low"] = (frame["grams"] < 2500).astype(int)
    subject = subject_of(frame)
    assert "low" in _out(subject, "grams")
    assert "grams" in _out(subject, "low")
    assert "z" not in _out(subject, "low")


def test_what_is_filled_after_the_outcome_is_excluded() -> None:
    sunk = RNG.random(500) < 0.4
    frame = pd.DataFrame({"speed": RNG.normal(size=500), "sunk": np.where(sunk, "yes", "no")})
    frame["salvage"] = np.where(sunk & (RNG.random(500) < 0.5), 7.0, np.nan)
    frame["repair cost"] = np.where(sunk, 0.0, RNG.gamma(2, 50, 500)) * (RNG.random(500) < 0.5)
    out = _out(subject_of(frame), "sunk")
    assert {"salvage", "repair cost"} <= set(out)
    assert "speed" not in out


def test_rows_where_a_number_cannot_be_but_zero_are_filtered() -> None:
    paid = RNG.choice(["cash", "card"], 600)
    frame = pd.DataFrame({"paid": paid, "km": RNG.gamma(2, 3, 600)})
    frame["tip"] = np.where(paid == "card", np.round(RNG.gamma(2, 2, 600), 2), 0.0)
    made = _idea(subject_of(frame), "tip")
    assert made.row_filter == "(df['paid'] == 'card')"
    assert made.inputs == ("km",)


def test_the_length_of_watching_is_no_input_for_the_event() -> None:
    frame = pd.DataFrame({"time": RNG.integers(1, 400, 300), "age": RNG.normal(60, 9, 300)})
    frame["death"] = (RNG.random(300) < 0.3).astype(int)
    assert set(_out(subject_of(frame), "death")) == {"time"}


def test_a_correlated_but_unrelated_column_stays() -> None:
    carat = RNG.gamma(3, 0.3, 500)
    frame = pd.DataFrame({"carat": carat, "price": carat**1.6 * 4000 + RNG.normal(0, 300, 500)})
    assert _out(subject_of(frame), "price") == {}


def test_roles() -> None:
    frame = pd.DataFrame(
        {
            "row": np.arange(1, 301),
            "code": [f"K{i:04d}" for i in RNG.permutation(300)],
            "hour": np.arange(300) % 24,
            "flat": 1,
            "weight": RNG.normal(size=300),
            "remarks": [f"seen {i % 40} times at the northern gate" for i in range(300)],
        }
    )
    subject = subject_of(frame)
    assert {c: role(subject, c) for c in subject.columns} == {
        "row": Role.IDENTIFIER,
        "code": Role.IDENTIFIER,
        "hour": Role.TIME,
        "flat": Role.CONSTANT,
        "weight": Role.USABLE,
        "remarks": Role.COMMENT,
    }


def _visits(people: int = 30, each: int = 12) -> pd.DataFrame:
    who = np.repeat(np.arange(people), each)
    level = np.repeat(RNG.normal(30, 8, people), each)
    age = np.repeat(RNG.integers(40, 80, people), each)
    score = level + RNG.normal(0, 1, people * each)
    day = np.tile(np.arange(each) * 7, people)
    return pd.DataFrame(
        {"patient": who, "age": age, "day_no": day, "sound": score, "score": score**2}
    )


def test_a_person_measured_again_and_again_is_the_group() -> None:
    subject = subject_of(_visits())
    group = entity(subject)
    assert group is not None
    assert group.column == "patient"
    split = _idea(subject, "score").split
    assert (split.kind, split.group_columns) == (SplitKind.GROUPED, ("patient",))


def test_a_count_is_no_entity() -> None:
    frame = pd.DataFrame({"unit": RNG.poisson(6, 400), "price": RNG.gamma(2, 9, 400)})
    assert entity(subject_of(frame)) is None


def test_an_hourly_record_is_a_series_and_can_be_forecast() -> None:
    hours = pd.date_range("2021-01-01", periods=2400, freq="h")
    wave = 50 + 30 * np.sin(np.arange(2400) / 24 * 2 * np.pi) + RNG.normal(0, 5, 2400)
    frame = pd.DataFrame({"when": hours, "warmth": RNG.normal(size=2400), "demand": wave})
    subject = subject_of(frame)
    found = clock(subject)
    assert found is not None
    assert found.series
    assert found.per_day == 24
    plain = _idea(subject, "demand")
    assert plain.split.kind is SplitKind.TEMPORAL
    ahead = next(v for v in variants(subject, layout(subject), [plain]) if v.variant == "ahead")
    assert ahead.task_type is TaskType.FORECASTING
    assert ahead.derive[ahead.targets[0]] == "df['demand'].shift(-6)"


def test_targets_rank_by_name_place_and_spread() -> None:
    frame = pd.DataFrame(
        {
            "order_id": np.arange(1000, 1400),
            "colour": RNG.choice(["red", "blue"], 400),
            "length": RNG.normal(size=400),
            "price": RNG.gamma(3, 9, 400),
        }
    )
    scores = plausibilities(subject_of(frame), layout(subject_of(frame)))
    assert next(iter(scores)) == "price"
    assert "order_id" not in scores


def test_rare_classes_are_left_out() -> None:
    kind = np.array(["a"] * 200 + ["b"] * 190 + ["c"] * 3)
    frame = pd.DataFrame({"x1": RNG.normal(size=393), "status": kind})
    made = _idea(subject_of(frame), "status")
    assert made.task_type is TaskType.BINARY
    assert made.row_filter == "df['status'].isin(['a', 'b'])"


def _tried(skill: float, z: float = 20.0, **more: Any) -> Tried:
    return Tried(skill=skill, z=z, rows=500, usable_rows=500, **more)


def test_noise_and_solved_tasks_do_not_hold() -> None:
    made = _idea(
        subject_of(pd.DataFrame({"u": RNG.normal(size=500), "v": RNG.normal(size=500)})), "v"
    )
    assert holds(made, _tried(0.4))
    assert not holds(made, _tried(0.01, z=1.0))
    assert not holds(made, _tried(0.9999))


def test_an_input_that_alone_gives_the_target_away_is_taken_out() -> None:
    generator = np.random.default_rng(3)
    frame = pd.DataFrame({"u": generator.normal(size=2000), "w": generator.normal(size=2000)})
    frame["label"] = np.where(frame["u"] > 0, "p", "q")
    made = _idea(subject_of(frame.assign(u=frame["u"] + generator.normal(0, 0.01, 2000))), "label")
    plan = made.plan()
    found = trial(frame, plan, {"times": [], "max_rows": 4000, "seed": 0})
    assert set(giveaways(made, Tried.model_validate(found))) == {"u"}


def test_selection_prefers_another_outcome_to_the_same_one_again() -> None:
    frame = pd.DataFrame({"in": RNG.normal(size=400), "price": RNG.gamma(2, 2, 400),
                          "rating": RNG.normal(size=400)})  # fmt: skip
    subject = subject_of(frame)
    plan = layout(subject)
    plain = [_idea(subject, "price"), _idea(subject, "rating")]
    ideas = [*plain, *variants(subject, plan, plain)]
    results = {i.key: _tried(0.5) for i in ideas}
    chosen = select(ideas, results, 3)
    assert {i.source for i in chosen[:2]} == {"price", "rating"}
    assert chosen[2].task_type is TaskType.BINARY


def test_trials_are_deterministic_and_tell_signal_from_noise() -> None:
    frame = pd.DataFrame({"u": RNG.normal(size=600), "v": RNG.normal(size=600)})
    frame["sum"] = frame["u"] * 2 + RNG.normal(0, 0.5, 600)
    frame["noise"] = RNG.normal(size=600)
    params = {"times": [], "max_rows": 4000, "seed": 0}
    signal = _idea(subject_of(frame.drop(columns="noise")), "sum").plan()
    first, second = (trial(frame, signal, params) for _ in range(2))
    assert first == second
    assert first["skill"] > 0.7
    noise = {**signal, "targets": ["noise"], "inputs": ["u", "v"]}
    assert trial(frame, noise, params)["z"] < 3


def test_few_series_side_by_side_are_divided_by_time() -> None:
    days = pd.date_range("2022-01-01", periods=150, freq="D")
    frame = pd.DataFrame(
        {
            "symbol": np.repeat(["north", "east", "west"], 150),
            "when": np.tile(days, 3),
            "warmth": RNG.normal(size=450),
            "price": np.cumsum(RNG.normal(size=450)),
        }
    )
    made = _idea(subject_of(frame), "price")
    assert (made.split.kind, made.split.time_columns) == (SplitKind.TEMPORAL, ("when",))


def test_a_mostly_zero_number_is_first_asked_whether_it_is_zero() -> None:
    spent = RNG.gamma(2, 50, 500) * (RNG.random(500) < 0.3)
    subject = subject_of(pd.DataFrame({"age": RNG.normal(size=500), "claims": spent.round(2)}))
    plain = _idea(subject, "claims")
    found = variants(subject, layout(subject), [plain])
    assert [v.targets for v in found if v.variant == "above"] == [("claims_above_0",)]


def test_nearly_solved_classes_are_scored_by_their_probabilities() -> None:
    frame = pd.DataFrame({"u": RNG.normal(size=400), "label": RNG.choice(["a", "b"], 400)})
    made = _idea(subject_of(frame), "label")
    metrics = [
        {"name": name, "task_types": [str(TaskType.BINARY)]} for name in ("roc_auc", "log_loss")
    ]
    assert choose_metric(made, _tried(0.3, auc=0.8), metrics) == "roc_auc"
    assert choose_metric(made, _tried(0.9, auc=0.99), metrics) == "log_loss"
    assert choose_metric(made, _tried(0.3, auc=0.8), metrics, used=["roc_auc"]) == "log_loss"
