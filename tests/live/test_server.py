"""The real `langgraph dev` server: offline, without a key, with the same graph."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_sync_client

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
PENGUINS = str(ROOT / "examples" / "penguins" / "raw")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [str(Path(sys.executable).parent / "langgraph"), "dev", "--no-browser"]
    command += ["--no-reload", "--host", "127.0.0.1", "--port", str(port)]
    quiet = {
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "LANGGRAPH_NO_VERSION_CHECK": "true",
        "LANGSMITH_TRACING": "false",
    }
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | quiet, stdout=out, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if get(f"{url}/ok")["ok"]:
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"the server did not come up:\n{log.read_text()[-3000:]}")


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_the_drawing_shows_agents_and_their_tools(server: str) -> None:
    drawing = get(f"{server}/assistants/forge/graph?xray=1")
    nodes = {node["id"] for node in drawing["nodes"]}
    for agent in ("brainstorm", "task:design", "task:refactor", "task:execute"):
        assert {f"{agent}:model", f"{agent}:tools"} <= nodes
    assert {"task:check_draft", "task:check_package", "task:review", "task:judge"} <= nodes


def test_studio_gets_forms_for_input_and_settings(server: str) -> None:
    with get_sync_client(url=server) as client:
        assistant = client.assistants.search(graph_id="forge")[0]
        schemas = client.assistants.get_schemas(assistant["assistant_id"])
    given, settings = schemas["input_schema"] or {}, schemas["context_schema"] or {}
    assert set(given["properties"]) == {"sources"}
    assert {"model", "seed", "sandbox", "max_formulations"} <= set(settings["properties"])


def test_a_run_streams_its_stages_and_ends_with_verified_tasks(server: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with get_sync_client(url=server) as client:
        parts = client.runs.stream(
            None,
            "forge",
            input=dict[str, Any](sources=[PENGUINS]),
            context={"out": str(out), "max_formulations": 1},
            stream_mode=["custom"],
            stream_subgraphs=True,
        )
        stages = [part.data["stage"] for part in parts if part.event.startswith("custom")]
    seen = list(dict.fromkeys(stages))
    assert seen[:3] == ["ingest", "profile", "brainstorm"]
    assert {"design", "check_package", "review", "execute", "judge", "publish"} <= set(seen)
    summary = json.loads((out / "run.json").read_text())
    assert len(summary["tasks"]) == 1


def test_a_run_waits_for_a_person_and_goes_on_with_the_word(server: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    context: dict[str, Any] = {"out": str(out), "max_formulations": 1, "human_review": True}
    with get_sync_client(url=server) as client:
        thread = client.threads.create()["thread_id"]
        given = dict[str, Any](sources=[PENGUINS])
        client.runs.wait(thread, "forge", input=given, context=context)
        assert client.threads.get(thread)["status"] == "interrupted"
        assert not (out / "tasks").exists()
        client.runs.wait(thread, "forge", command={"resume": "accept"}, context=context)
    assert len(json.loads((out / "run.json").read_text())["tasks"]) == 1
