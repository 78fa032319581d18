"""A key is sent to the model's server, and is nowhere else: not in words, not in files."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from mle_smith.errors import ModelError
from tests.support.agents import Desk
from tests.support.model_server import ModelServer, Status, in_turn
from tests.support.model_wire import Say

SECRET = "sk-0123456789-a-key-of-no-worth"
DONE = Say(calls=(("submit_draft", {}),))


def holders(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "MY_TOKEN", "whatever"])
def test_an_error_that_quotes_the_key_is_passed_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, SECRET)
    quoting = Status(401, {"message": f"Incorrect API key provided: {SECRET}"})
    with ModelServer(in_turn([quoting])) as server:
        with pytest.raises(ModelError) as caught:
            Desk(tmp_path).run(f"openai:m@{server.url}?key_env={variable}")
        assert server.requests[0].authorization == f"Bearer {SECRET}"
    said = "".join(traceback.format_exception(caught.value))
    assert f"[{variable}]" in said
    assert SECRET not in said
    assert holders(tmp_path) == []


def test_no_file_holds_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    note = Say(calls=(("note", {"text": "one"}),))
    with ModelServer(in_turn([note, DONE])) as server:
        state = Desk(tmp_path).run(
            f"openai:m@{server.url}?key_env=MY_KEY",
            record=str(tmp_path / "recording.jsonl"),
            cache=str(tmp_path / "cache.sqlite"),
        )
    assert SECRET not in state.model_dump_json()
    assert len(list(tmp_path.rglob("*.sqlite"))) == 2
    assert holders(tmp_path) == []


def test_a_server_on_this_machine_is_not_sent_the_real_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with ModelServer(in_turn([DONE])) as server:
        Desk(tmp_path).run(f"openai:m@{server.url}")
        assert SECRET not in server.requests[0].authorization
