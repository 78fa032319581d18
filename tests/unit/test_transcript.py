"""A transcript reads well: steps, calls with their code as it is, results shortened."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from cli.transcript import transcript
from mle_smith.errors import UsageError
from nodes.agent import keep_transcript

CODE = 'print("""```""")\n'
SAID: list[AnyMessage] = [
    SystemMessage("You take notes."),
    HumanMessage("Begin."),
    AIMessage(
        "First the file.",
        tool_calls=[{"name": "write_file", "args": {"path": "a.py", "text": CODE}, "id": "1"}],
    ),
    ToolMessage("x" * 5000, tool_call_id="1", name="write_file"),
    HumanMessage("You have not handed in."),
    AIMessage("Done."),
]


@pytest.fixture
def task(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks" / "t-1"
    folder.mkdir(parents=True)
    keep_transcript(tmp_path / "transcripts" / "t-1", "designer-1", SAID)
    keep_transcript(tmp_path / "transcripts" / "t-1", "tester-1", SAID[:3])
    return folder


def test_it_shows_who_did_what(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    transcript(task)
    text = capsys.readouterr().out
    assert text.index("# Designer, attempt 1") < text.index("# Tester, attempt 1")
    assert '## Step 1\n\nFirst the file.\n\nCalls `write_file(path="a.py", text=…)`' in text
    assert f"````\n{CODE}````" in text
    assert "characters left out" in text
    assert "**The model is told:**\n\nYou have not handed in." in text
    assert "## Step 2\n\nDone." in text


def test_it_can_show_all_of_one_role(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    transcript(task, role="designer", whole=True)
    text = capsys.readouterr().out
    assert "x" * 5000 in text
    assert "Tester" not in text


def test_a_folder_without_any_is_told_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="RUN/tasks/ID"):
        transcript(tmp_path)
