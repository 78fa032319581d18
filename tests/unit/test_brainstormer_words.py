"""What names, documents and the set of tables tell the embedded Brainstormer."""

from __future__ import annotations

from typing import Any

import pytest

from mle_smith.models.embedded.analysis import hints
from mle_smith.models.embedded.analysis.choice import choices
from mle_smith.models.embedded.analysis.lexicon import kin, prior, time_part, tokens
from mle_smith.models.embedded.analysis.script import SURVEY, answer_of, render


def test_names_fall_into_words() -> None:
    assert tokens("Sum Paid (net)") == ("sum", "paid", "net")
    assert tokens("churnFlag_2") == ("churn", "flag", "2")


@pytest.mark.parametrize(
    ("outcome", "attribute"),
    [("price", "color"), ("y", "age"), ("survived", "name"), ("Y2", "X2"), ("quality", "zip_code")],
)
def test_outcome_words_rank_above_attribute_words(outcome: str, attribute: str) -> None:
    assert prior(outcome) > prior(attribute)


def test_a_word_that_ends_in_an_outcome_counts_for_most_of_it() -> None:
    assert 0 < prior("xrating") < prior("rating") + 0.8


def test_identifier_words_sink_a_name() -> None:
    assert prior("customer_id") < -4


@pytest.mark.parametrize(
    ("first", "second", "related"),
    [
        ("motor_score", "total_score", True),
        ("Y1", "Y2", True),
        ("drilling", "drilled depth", True),
        ("height", "weight", False),
        ("x", "xylem", False),
    ],
)
def test_kin(first: str, second: str, related: bool) -> None:
    assert kin(first, second) is related


@pytest.mark.parametrize(
    ("name", "part"),
    [("yr", "year"), ("sale_date", "date"), ("Pickup Hour", "hour"), ("price", None)],
)
def test_time_part(name: str, part: str | None) -> None:
    assert time_part(name) == part


def _hints(text: str, *columns: str, name: str = "set") -> hints.Hints:
    profiles = {c: {"description": ""} for c in columns}
    return hints.read(name, ["t"], [{"path": "readme", "text": text}], profiles)


def test_a_goal_sentence_names_the_target_and_not_the_inputs() -> None:
    said = _hints("The aim is to predict the yield from rainfall and soil.", "yield", "soil")
    assert set(said.goal) == {"yield"}


def test_a_heading_speaks_for_the_line_below() -> None:
    said = _hints(
        "Inputs:\n 1 - age\n\nOutput variable (desired target):\n 2 - y - yes or no", "age", "y"
    )
    assert set(said.goal) == {"y"}


def test_class_attributes_named_by_number() -> None:
    said = _hints("Possible class attributes: 3 (was it?)\n others include: 2", "a1", "b2", "c3")
    assert said.goal["c3"] > said.goal["b2"] > 0
    assert "a1" not in said.goal


def test_a_number_in_the_next_paragraph_is_no_class_attribute() -> None:
    said = _hints("20 + output attribute.\n\n2. Attribute information", "alpha", "beta")
    assert said.goal == {}


def test_a_column_that_affects_the_target_is_not_the_target() -> None:
    text = "3 - length: It affects the output target (if length=0), is not known before the call"
    said = _hints(text, "age", "kind", "length")
    assert said.goal == {}
    assert "length" in said.afterwards


def test_order_of_time_and_title() -> None:
    said = _hints("Rows are ordered by date.", "ozone", "wind", name="city-ozone")
    assert said.ordered_by_time
    assert said.titled == ("ozone",)


def _table(name: str, rows: int, *columns: str) -> dict[str, Any]:
    described = [{"name": c, "kind": "float", "missing": 0.0} for c in columns]
    return {"name": name, "rows": rows, "columns": described}


def test_copies_are_dropped_and_tables_of_like_columns_are_stacked() -> None:
    dataset = {
        "tables": [
            _table("part", 100, "a", "b", "c"),
            _table("north", 900, "a", "b", "c", "d"),
            _table("south", 900, "A", "B", "C", "D"),
        ],
        "relations": [{"kind": "subset", "first": "part", "second": "north"}],
    }
    assert [[t["name"] for t in found] for found in choices(dataset)] == [["north", "south"]]


def test_the_richest_table_comes_first_and_tiny_ones_not_at_all() -> None:
    dataset = {
        "tables": [_table("few", 20, "a", "b"), _table("narrow", 500, "a", "b"),
                   _table("wide", 500, *"abcdefgh")],
        "relations": [],
    }  # fmt: skip
    assert [found[0]["name"] for found in choices(dataset)] == ["wide", "narrow"]


def test_a_program_stands_on_its_own() -> None:
    table = {"read_code": "def read_t(raw):\n    return None\n", "read_function": "read_t"}
    code = render(SURVEY, [table], {"columns": ["it's"], "times": [], "max_rows": 9, "seed": 0})
    compile(code, "<program>", "exec")
    assert "mle_smith" not in code.split('"""')[-1]
    assert "from mle_smith" not in code


def test_an_answer_that_is_not_the_programs_is_none() -> None:
    assert answer_of('{"status": "nonzero", "stdout": "", "stderr": "boom"}') is None
    assert answer_of("not json") is None
    assert answer_of('{"status": "ok", "stdout": "warning\\n{\\"rows\\": 3}\\n"}') == {"rows": 3}
