"""A server that cannot call tools does the same work by the text protocol."""

from __future__ import annotations

from pathlib import Path

from langchain_core.messages import AIMessage

from mle_smith.models.text_tools import read_calls
from tests.support.agents import Desk, no_orphans
from tests.support.model_server import ModelServer, in_turn
from tests.support.model_wire import Say

PROGRAM = 'import json\n\nprint(json.dumps({"a": "\\n</b>"}))\n'


def said(name: str, **args: str) -> str:
    lines = "".join(f'<arg name="{key}">\n{value}</arg>\n' for key, value in args.items())
    return f'I go on.\n<call name="{name}">\n{lines}</call>'


def test_an_agent_works_without_tool_calling(tmp_path: Path) -> None:
    words = [Say(said("note", text=PROGRAM)), Say(said("submit_draft"))]
    with ModelServer(in_turn(words)) as server:
        state = Desk(tmp_path).run(f"openai:small@{server.url}?tools=text")
        first, second = server.requests
    assert state.submitted
    assert "\n".join(Desk(tmp_path).notes) + "\n" == PROGRAM + "\n"
    assert no_orphans(state.messages)
    assert first.tools == []
    assert '"name": "note"' in first.said[0][1]
    assert {role for role, _, _ in second.said} == {"system", "user", "assistant"}
    assert all(a[0] != b[0] for a, b in zip(second.said, second.said[1:], strict=False))
    assert '<result name="note">' in second.said[-1][1]


def test_a_call_without_its_end_is_shown_to_the_model(tmp_path: Path) -> None:
    broken = said("note", text="half").removesuffix("</call>")
    words = [Say(broken), Say(said("note", text="whole")), Say(said("submit_draft"))]
    with ModelServer(in_turn(words)) as server:
        state = Desk(tmp_path).run(f"openai:small@{server.url}?tools=text")
        assert "no </call> at its end" in server.requests[1].said[-1][1]
    assert state.submitted
    assert Desk(tmp_path).notes == ["whole"]


def test_arguments_that_are_no_text_are_json() -> None:
    schema = {
        "name": "preview",
        "parameters": {"properties": {"rows": {"type": "integer"}, "table": {"type": "string"}}},
    }
    text = '<call name="preview"><arg name="table">12</arg><arg name="rows">5</arg></call>'
    (call,) = read_calls(AIMessage(text), [schema], number=1).tool_calls
    assert call["args"] == {"table": "12", "rows": 5}
    bad = text.replace(">5<", ">five<")
    (invalid,) = read_calls(AIMessage(bad), [schema], number=1).invalid_tool_calls
    assert "rows is no JSON" in (invalid["error"] or "")
