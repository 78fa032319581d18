"""Hostile text in names, cells, files and documents stays data: in prompts, in files, in routes."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from langchain_core.messages import AIMessage, AnyMessage

from mle_smith.data.profile import profile
from mle_smith.data.source import fingerprint
from mle_smith.data.tables import DatasetProfile
from mle_smith.models.context import fit, guess_tokens
from mle_smith.models.corrections import REFUSED, judged
from mle_smith.models.embedded.model import EmbeddedChatModel
from mle_smith.models.embedded.policy import Brief
from mle_smith.models.roles import AgentRole
from mle_smith.models.text_tools import read_calls
from mle_smith.task import Task
from mle_smith.values import Formulation, SplitKind, SplitPolicy, TaskType
from nodes.prompting import dataset_facts, finding_facts, render_prompt, tables_of
from tests.support.agents import Desk
from tests.support.hostile import HOSTILE, file_name
from tests.support.model_server import ModelServer, call_in_text, in_turn
from tests.support.model_wire import Say

every_text = pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
BLOCK = re.compile(r"^```json ([\w-]+)$", re.M)


def hostile_data(folder: Path, text: str) -> DatasetProfile:
    """A table whose name, columns and cells, and whose documents, hold the text."""
    folder.mkdir()
    frame = pd.DataFrame({text: [text, "a", "b"] * 20, "x": range(60), "y": [0, 1] * 30})
    frame.to_csv(folder / "table.csv", index=False)
    (folder / "README.md").write_text(f"# About\n\n{text}\n")
    (folder / f"{file_name(text)}.txt").write_text(text)
    return profile(folder, text[:40], fingerprint(folder))


def formulation(table: str, column: str) -> Formulation:
    return Formulation(
        title="Predict y",
        task_type=TaskType.BINARY,
        tables=(table,),
        targets=("y",),
        inputs=("x", column),
        metric="roc_auc",
        split=SplitPolicy(kind=SplitKind.STRATIFIED),
        justification=column,
    )


def texts(messages: list[AnyMessage]) -> list[str]:
    return [message.text for message in messages]


@every_text
def test_a_prompt_holds_the_text_inside_its_blocks_alone(tmp_path: Path, text: str) -> None:
    described = hostile_data(tmp_path / "raw", text)
    plain = hostile_data(tmp_path / "plain", "harmless")

    def brainstormer(data: DatasetProfile) -> list[AnyMessage]:
        facts = dataset_facts(data, 3)
        return render_prompt(AgentRole.BRAINSTORMER, steps=30, max_formulations=3, dataset=facts)

    system, case = texts(brainstormer(described))
    plain_system, plain_case = texts(brainstormer(plain))
    assert system == plain_system
    assert outside(case) == outside(plain_case)
    block = Brief(f"{system}\n\n{case}", (), 0).block("dataset")
    assert block == json.loads(json.dumps(dataset_facts(described, 3), default=str))


@every_text
def test_a_thinned_prompt_holds_it_there_too(tmp_path: Path, text: str) -> None:
    described = hostile_data(tmp_path / "raw", text)
    facts = dataset_facts(described, 3)
    whole = render_prompt(AgentRole.BRAINSTORMER, steps=30, max_formulations=3, dataset=facts)
    sent = fit(whole, guess_tokens(whole))
    assert sent != whole
    assert BLOCK.findall(sent[1].text) == ["dataset"]


@every_text
def test_a_maker_is_told_the_same_outside_the_blocks(tmp_path: Path, text: str) -> None:
    described = hostile_data(tmp_path / "raw", text)
    (table,) = described.tables[:1]
    column = table.columns[0].name
    idea = formulation(table.spec.name, column)

    def case(given: Formulation, name: str) -> tuple[str, str]:
        system, human = texts(
            render_prompt(
                AgentRole.DESIGNER,
                steps=30,
                formulation=given.model_dump(mode="json"),
                tables=tables_of(described, given),
                dataset={"name": name, "licence": "unknown"},
                findings=finding_facts([]),
            )
        )
        return system, human

    system, human = case(idea, text)
    plain_system, plain_human = case(formulation(table.spec.name, "x2"), "harmless")
    assert system == plain_system
    assert outside(human) == outside(plain_human)
    brief = Brief(f"{system}\n\n{human}", (), 0)
    assert Formulation.model_validate(brief.block("formulation")) == idea
    assert brief.block("findings") == []
    assert brief.block("dataset")["name"] == text


@every_text
def test_a_reviewer_reads_the_whole_description_and_nothing_else_as_such(text: str) -> None:
    messages = render_prompt(
        AgentRole.REVIEWER,
        formulation=formulation("t", "c").model_dump(mode="json"),
        facts={},
        description=f"# A task\n\n{text}\n",
        prepare="import os",
        metric="",
    )
    brief = Brief("\n\n".join(texts(messages)), (), 0)
    assert brief.block("files")["description.md"] == f"# A task\n\n{text}\n"
    assert brief.block("files")["prepare.py"] == "import os"
    assert BLOCK.findall(messages[1].text) == ["formulation", "facts", "files"]


@every_text
def test_the_embedded_roles_make_the_same_first_call(tmp_path: Path, text: str) -> None:
    described = hostile_data(tmp_path / "raw", text)
    facts = dataset_facts(described, 3)
    messages = render_prompt(AgentRole.BRAINSTORMER, steps=30, max_formulations=3, dataset=facts)
    reply = EmbeddedChatModel(role=AgentRole.BRAINSTORMER).invoke(messages)
    assert [call["name"] for call in reply.tool_calls] in (["run_python"], [])
    for call in reply.tool_calls:
        compile(call["args"]["code"], "survey.py", "exec")


@every_text
def test_a_tool_result_calls_no_tool(tmp_path: Path, text: str) -> None:
    answers = [Say(calls=(("note", {"text": text}),)), Say(calls=(("submit_draft", {}),))]
    for number, way in enumerate(("?api=chat", "?api=responses")):
        with ModelServer(in_turn(answers)) as server:
            state = Desk(tmp_path / str(number)).run(f"openai:test@{server.url}{way}")
            said = server.requests[1].said
        assert state.steps == 2
        assert state.submitted
        assert said[-2][:2] == ("tool", f"noted {text}")


@every_text
def test_a_tool_result_in_text_calls_no_tool(tmp_path: Path, text: str) -> None:
    answers = [Say(call_in_text("note", {"text": text})), Say(call_in_text("submit_draft", {}))]
    with ModelServer(in_turn(answers)) as server:
        state = Desk(tmp_path).run(f"openai:small@{server.url}?tools=text")
        heard = server.requests[1].said[-1][1]
    assert state.steps == 2
    assert state.submitted
    assert (Desk(tmp_path).desk / "notes").read_text() == f"{text}\n"
    assert read_calls(AIMessage(heard.partition("</result>")[0]), [], number=1).tool_calls == []


@pytest.mark.parametrize("name", ["rm", "write_file; rm", "../submit_draft", "", "SUBMIT_DRAFT"])
def test_only_tools_of_the_role_are_called(name: str) -> None:
    reply = AIMessage("", tool_calls=[{"name": name, "args": {}, "id": "1"}])
    move = judged(reply, [], tools=["note", "submit_draft"], closing=[], unfinished="")
    (reason,) = move.reply.additional_kwargs[REFUSED].values()
    assert "your tools are note, submit_draft" in reason


@every_text
def test_a_file_tool_stays_on_the_desk(tmp_path: Path, text: str) -> None:
    from mle_smith.package.workspace import Workspace
    from tools.files import write_file

    desk = tmp_path / "desk"
    task = Task(
        task_id="t-1",
        formulation=formulation("t", "c"),
        desk=str(desk),
        run_folder=str(tmp_path),
        raw_folder="raw",
        profile_file="profile.json",
    )
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(desk)}
    runtime = type("Situation", (), {"state": task})()
    function = write_file.func  # type: ignore[attr-defined]  # a StructuredTool
    with contextlib.suppress(OSError, ValueError):  # a path that no file system takes
        function(path=text, text="x", runtime=runtime)
    after = {path for path in tmp_path.rglob("*") if not path.is_relative_to(desk)}
    assert after == before
    assert not Path("/tmp/escaped").exists()
    assert Workspace(desk).files.exists()


def outside(text: str) -> str:
    """A prompt without its JSON blocks."""
    return re.sub(r"^```json ([\w-]+)\n.*?\n```$", r"\1", text, flags=re.M | re.S)
