"""A conversation is made to fit without losing its instructions, its latest turns, or its sense."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from mle_smith.models.context import fit, guess_tokens
from tests.support.agents import no_orphans

COLUMNS = [
    {
        "name": f"column {number}",
        "kind": "float",
        "missing": 0.0,
        "distinct": 900,
        "top": [[f"{value}.5", 12] for value in range(12)],
        "minimum": 0.0,
        "description": "",
    }
    for number in range(200)
]
CASE = json.dumps([{"name": "t", "columns": COLUMNS, "read_code": "x = 1\n" * 400}], indent=1)


def conversation(*results: int, case: str = CASE) -> list[AnyMessage]:
    said: list[AnyMessage] = [
        SystemMessage("Instructions."),
        HumanMessage(f"The tables:\n\n```json tables\n{case}\n```\n\nThat is all."),
    ]
    for number, size in enumerate(results):
        args = {"path": f"file {number}", "text": "y" * (size // 2)}
        call = {"name": "write_file", "args": args, "id": f"c{number}"}
        said += [AIMessage("", tool_calls=[call])]
        said += [ToolMessage(f"result {number} " + "z" * size, tool_call_id=f"c{number}")]
    return [*said, HumanMessage("Step 9 of 30; 21 left after this one.")]


def test_what_fits_is_left_alone() -> None:
    said = conversation(100, 100)
    assert fit(said, 100_000) == said
    assert fit(said, None) == said


@pytest.mark.parametrize("context", [8_000, 16_000, 32_768])
def test_thirty_steps_with_long_results_fit(context: int) -> None:
    sent = fit(conversation(*[9000] * 30), context)
    assert guess_tokens(sent) < context
    assert sent[0].text == "Instructions."
    assert sent[-1].text.startswith("Step 9")
    assert "result 29" in sent[-2].text
    assert no_orphans([*sent])  # type: ignore[list-item]  # a list of the union's base class


def test_columns_are_thinned_before_any_is_left_out() -> None:
    (_, case, *_) = fit(conversation(case=CASE), 16_000)
    for number in (0, 100, 199):
        assert f'"column {number}"' in case.text
    assert json.loads(case.text.split("```json tables\n")[1].split("\n```")[0])
    assert '"top"' not in case.text or case.text.count(".5") < 12 * 200


def test_the_code_that_reads_a_table_is_never_cut() -> None:
    (_, case, *_) = fit(conversation(case=CASE), 16_000)
    blocks = json.loads(case.text.split("```json tables\n")[1].split("\n```")[0])
    assert blocks[0]["read_code"] == "x = 1\n" * 400


def test_a_single_long_result_is_cut_in_its_middle() -> None:
    sent = fit(conversation(400_000, case="[]"), 16_000)
    assert guess_tokens(sent) < 16_000
    assert "result 0" in sent[-2].text
    assert "characters left out" in sent[-2].text


def test_what_is_left_out_is_said() -> None:
    sent = fit(conversation(*[9000] * 30), 8_000)
    (note,) = [m for m in sent if isinstance(m, HumanMessage) and "left out here" in m.text]
    kept = sum(isinstance(message, AIMessage) for message in sent)
    assert note.text.startswith(f"[{30 - kept} earlier turns")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 20_000), max_size=12),
    st.integers(6_000, 60_000),
    st.booleans(),
)
def test_any_conversation_fits_and_keeps_its_sense(
    results: list[int], context: int, long_case: bool
) -> None:
    said = conversation(*results, case=CASE if long_case else "[]")
    sent: list[BaseMessage] = fit(said, context)
    assert guess_tokens(sent) <= context
    assert isinstance(sent[0], SystemMessage)
    assert sent[-1].text == said[-1].text
    assert no_orphans([*sent])  # type: ignore[list-item]  # as above
