"""A whole forge through `ChatOpenAI` and a real socket gives what its transcript intends.

The transcript is a recording of the embedded backbone, which the server plays back. The machine's
key is one that can be found again: it must be in no file that the run leaves at any moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from graph import run as runs
from graph.context import ForgeContext
from mle_smith.errors import BudgetError, ModelError, UsageError, WaitingError
from mle_smith.models.replies import Recording
from mle_smith.settings import Budgets
from tests.support.forged import PENGUINS, Forged, files_of, manifests_of
from tests.support.model_server import Answer, ModelServer, Player, Status
from tests.support.model_wire import Asked

pytestmark = [pytest.mark.live, pytest.mark.docker]

ROOT = Path(__file__).resolve().parents[2]
SECRET = "sk-this-is-the-key-of-the-test-0123456789"
WIDE = "context=2000000"
"""The recording is of conversations that were not trimmed."""


def holders_of_the_key(folder: Path) -> list[str]:
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    ]


class Sick:
    """A script that plays a recording, but fails all calls about one title until it is healed."""

    def __init__(self, player: Player, title: str) -> None:
        self._player = player
        self._title = title
        self.healed = False

    def __call__(self, request: Asked) -> Answer:
        case = request.said[1][1]
        sick = case.startswith("The formulation:") and f'"title": "{self._title}"' in case
        return Status(503) if sick and not self.healed else self._player(request)


def test_a_fault_that_lasts_loses_no_other_task_and_a_resumed_run_makes_the_same_packages(
    forged: Forged, tmp_path: Path
) -> None:
    made, _, file = forged
    exchanges = Recording(file).read()
    first, second = json.loads((made / "run.json").read_text())["tasks"]
    player = Player(exchanges)
    script = Sick(player, second["title"])
    with ModelServer(script) as server:
        context = ForgeContext(
            out=str(tmp_path / "run"),
            max_formulations=2,
            model=f"openai:played@{server.url}?api=chat&{WIDE}",
            cache=None,
            retry_pause=0.01,
        )
        with pytest.raises(ModelError, match="--resume"):
            runs.start([PENGUINS], context)
        assert (tmp_path / "run" / first["path"] / "task.json").exists()
        assert not (tmp_path / "run" / second["path"]).exists()
        script.healed = True
        summary = runs.resume(tmp_path / "run")
    assert player.unknown == []
    assert files_of(tmp_path / "run") == files_of(made)
    assert manifests_of(tmp_path / "run") == manifests_of(made)
    assert summary["cost"]["calls"] == server.paid == len(exchanges)
    assert summary["cost"]["dollars"] is None
    assert summary["cost"]["tokens"] > 0
    stages = {row["stage"] for row in summary["ledger"]}
    assert stages == {"brainstorm", "design", "refactor", "review", "execute", "cheat"}


def test_a_forge_stopped_by_its_budget_and_resumed_pays_for_nothing_twice_and_leaks_no_key(
    forged: Forged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _, file = forged
    monkeypatch.setenv("TEST_MODEL_KEY", SECRET)
    out = tmp_path / "run"
    player = Player(Recording(file).read())
    with ModelServer(player) as server:
        context = ForgeContext(
            out=str(out),
            max_formulations=2,
            model=f"openai:played@{server.url}?api=responses&stream=true&key_env=TEST_MODEL_KEY&{WIDE}",
            cache=str(tmp_path / "replies.sqlite"),
            record=str(tmp_path / "again.jsonl"),
            budgets=Budgets.model_validate({"run": {"tokens": 150_000}}),
        )
        with pytest.raises(BudgetError, match="--resume"):
            runs.start([PENGUINS], context)
        assert (out / ".work" / "checkpoint.sqlite").exists()
        stopped_at = server.paid
        assert 0 < stopped_at < len(Recording(file).read())
        assert holders_of_the_key(tmp_path) == []
        unbound = context.model_copy(update={"budgets": Budgets()})
        summary = runs.resume(out, change=lambda context: unbound)
        assert server.paid == len(Recording(file).read())
        assert {request.authorization for request in server.requests} == {f"Bearer {SECRET}"}
    assert player.unknown == []
    assert files_of(out) == files_of(made)
    assert manifests_of(out) == manifests_of(made)
    assert summary["cost"]["calls"] == server.paid
    assert holders_of_the_key(tmp_path) == []
    for path in (out / "tasks").rglob("*"):
        assert not path.is_file() or server.url.encode() not in path.read_bytes()
    digests = [exchange.digest for exchange in Recording(tmp_path / "again.jsonl").read()]
    assert sorted(digests) == sorted(exchange.digest for exchange in Recording(file).read())


def at_a_terminal(words: list[str], answers: list[str]) -> str:
    """What a command shows at a terminal at which each of its questions is answered."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "cli.main", *words]
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, cwd=ROOT):
        os.close(its)
        shown, coming, asked = "", iter(answers), 0
        with contextlib.suppress(OSError):  # the end of a terminal
            while piece := os.read(ours, 4096).decode(errors="replace"):
                shown += piece
                if shown.count("decide later:") > asked:  # a question may come in two pieces
                    asked += 1
                    os.write(ours, f"{next(coming)}\n".encode())
    os.close(ours)
    return shown


def test_a_run_waits_for_a_word_and_goes_on_with_it(tmp_path: Path) -> None:
    context = ForgeContext(out=str(tmp_path / "run"), max_formulations=1, human_review=True)
    with pytest.raises(WaitingError, match="--decide") as caught:
        runs.start([PENGUINS], context)
    (task,) = caught.value.waiting
    assert not (tmp_path / "run" / "tasks").exists()
    with pytest.raises(WaitingError):
        runs.resume(tmp_path / "run")
    with pytest.raises(UsageError, match="a decision is"):
        runs.resume(tmp_path / "run", decisions={task: "perhaps"})
    said = at_a_terminal(
        ["forge", "--resume", str(tmp_path / "run")], ["perhaps", "reject: not for us"]
    )
    assert f"{task}: " in said
    assert "strong: " in said
    assert "'perhaps' is no decision" in said
    assert "deserialization" not in said  # what a checkpoint holds is known to be ours
    summary = json.loads((tmp_path / "run" / "run.json").read_text())
    assert summary["tasks"] == []
    (rejected,) = summary["rejected"]
    assert rejected["findings"][0]["code"] == "H01"
    assert rejected["findings"][0]["message"] == "not for us"
