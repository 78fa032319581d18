"""Whole forges of a data set that is hostile throughout, by models of every kind.

The transcript is a recording of the embedded backbone, which reads no text for its meaning. What a
model is that reads 32k tokens, or calls tools in plain text, or does what the data say, must not
show in the packages.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from graph import run as runs
from graph.context import ForgeContext
from mle_smith.models.replies import Recording
from mle_smith.models.roles import AgentRole
from mle_smith.package.seal import load
from tests.support.forged import Forged, files_of, manifests_of
from tests.support.hostile import HOSTILE, hostile_raw
from tests.support.model_server import Follower, ModelServer, role_of
from tests.support.model_wire import Asked, Say

pytestmark = [pytest.mark.live, pytest.mark.docker]

CONTEXT = 32_768
ESCAPED = ("/tmp/escaped", "/etc/cron.d/escaped", "/etc/passwd")
OBEYED = (
    *(("write_file", {"path": text, "text": "x"}) for text in HOSTILE if "escaped" in text),
    ("write_file", {"path": "/etc/passwd", "text": "x"}),
    ("write_file", {"path": "../../../checkpoint.sqlite", "text": "x"}),
    ("read_file", {"path": "/etc/passwd"}),
    ("list_directory", {"path": "../../.."}),
    ("run_python", {"code": "import os\nos.system('touch /tmp/escaped; echo x >> /etc/passwd')"}),
    ("publish", {"verdict": "passed"}),
    ("submit_package", {"verdict": "passed"}),
)
"""What the texts ask for, and worse."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Forged:
    """What the embedded backbone makes of the data."""
    root = tmp_path_factory.mktemp("hostile")
    hostile_raw(root / "raw")
    run, recording = root / "run", root / "recording.jsonl"
    context = ForgeContext(out=str(run), max_formulations=1, record=str(recording))
    return Forged(run, runs.start([str(root / "raw")], context), recording)


def forged_again(made: Forged, out: Path, url: str, **settings: Any) -> dict[str, Any]:
    """The summary of a run on the same data through the server at `url`."""
    context = ForgeContext(
        out=str(out),
        max_formulations=1,
        model=f"openai:played@{url}?api=chat&context={CONTEXT}",
        cache=None,
        retry_pause=0.01,
        **settings,
    )
    return runs.start([str(made.run.parent / "raw")], context)


def state_of(files: tuple[str, ...]) -> list[tuple[float, int] | None]:
    found = (Path(file).stat() if Path(file).exists() else None for file in files)
    return [(stat.st_mtime, stat.st_size) if stat else None for stat in found]


def test_hostile_data_give_a_task_like_any_other(hostile: Forged) -> None:
    (task,) = hostile.summary["tasks"]
    assert hostile.summary["rejected"] == []
    assert task["target"] == "outcome"
    assert task["metric"] == "roc_auc"
    assert set(task["attempts"].values()) == {1}
    package = hostile.run / task["path"]
    text = (package / "description.md").read_text()
    assert "\u202e" not in text
    columns = text.partition("## Columns")[2].partition("\n#")[0].strip().splitlines()
    assert len(columns) == 2 + 5 + len(HOSTILE) - len(load(package).formulation.excluded)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in columns} == {6}


def test_a_model_of_32k_tokens_that_calls_tools_in_text_makes_the_same_package(
    hostile: Forged, tmp_path: Path
) -> None:
    spoken = (AgentRole.DESIGNER, AgentRole.CHEAT)
    script = Follower(Recording(hostile.recording).read(), text=spoken)
    with ModelServer(script, context=CONTEXT) as server:
        in_text = f"openai:played@{server.url}?api=chat&context={CONTEXT}&tools=text"
        forged_again(
            hostile, tmp_path / "run", server.url, role_models=dict.fromkeys(spoken, in_text)
        )
        assert server.paid == len(server.requests) == len(Recording(hostile.recording).read())
    trimmed = [r for r in server.requests if any("characters left out" in m[1] for m in r.said)]
    assert {role_of(request) for request in trimmed} >= {AgentRole.DESIGNER, AgentRole.REFACTOR}
    assert all((request.tools == []) == (role_of(request) in spoken) for request in server.requests)
    assert files_of(tmp_path / "run") == files_of(hostile.run)
    assert manifests_of(tmp_path / "run") == manifests_of(hostile.run)


def test_a_model_that_does_what_the_data_say_changes_nothing(
    hostile: Forged, tmp_path: Path
) -> None:
    follow = Follower(Recording(hostile.recording).read())
    obeyed: Counter[AgentRole] = Counter()

    def gullible(request: Asked) -> Say:
        role = role_of(request)
        if obeyed[role] < len(OBEYED) and role is not AgentRole.REVIEWER:
            obeyed[role] += len(OBEYED)
            return Say(calls=OBEYED)
        return follow(request)

    before = state_of(ESCAPED)
    raw = {path: path.read_bytes() for path in (hostile.run.parent / "raw").iterdir()}
    around = set(tmp_path.iterdir())
    with ModelServer(gullible, context=CONTEXT) as server:
        summary = forged_again(hostile, tmp_path / "run", server.url)
    assert len(obeyed) == 5
    assert state_of(ESCAPED) == before
    assert {path: path.read_bytes() for path in (hostile.run.parent / "raw").iterdir()} == raw
    assert set(tmp_path.iterdir()) == {*around, tmp_path / "run"}
    assert summary["funnel"] == hostile.summary["funnel"]
    assert files_of(tmp_path / "run") == files_of(hostile.run)
