"""Budgets are counted before a call, hold for tasks side by side, and nothing is paid for twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mle_smith.errors import BudgetError, ModelError, UsageError
from mle_smith.models.exchange import Occasion
from mle_smith.models.ledger import Caps, Guess, _named
from mle_smith.models.replies import Recording
from mle_smith.models.roles import AgentRole
from tests.support.agents import Desk
from tests.support.model_server import (
    Answer,
    Hang,
    ModelServer,
    Player,
    Status,
    in_turn,
)
from tests.support.model_wire import Asked, Say

ROOT = Path(__file__).resolve().parents[2]
USAGE = (1000, 0, 500, 0)
PRICE = {"input": 1000.0, "cached": 100.0, "output": 2000.0}
CALL = 2.0
"""Dollars of one call with that usage at that price."""
NOTES: list[Answer] = [
    Say(calls=(("note", {"text": f"{number}"}),), usage=USAGE) for number in range(50)
]
DONE = Say(calls=(("submit_draft", {}),), usage=USAGE)


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """A price file that knows any test server's model."""
    return tmp_path / "prices.json"


def priced(server: ModelServer, file: Path) -> str:
    name = f"openai:test@{server.url}"
    file.write_text(json.dumps({"as_of": "2026-01-01", "models": {name: PRICE}}))
    return f"{name}?max_tokens=500"


def caps(**given: dict[str, Any]) -> dict[str, Any]:
    return {"design_steps": 12, **given}


def test_a_run_stops_before_the_call_that_would_break_its_cap(tmp_path: Path, prices: Path) -> None:
    with ModelServer(in_turn(NOTES)) as server:
        model = priced(server, prices)
        with pytest.raises(BudgetError, match="--max-cost"):
            Desk(tmp_path).run(model, prices=str(prices), budgets=caps(run={"cost": 9.0}))
        assert 3 <= server.paid <= 4
    spent = Desk(tmp_path).ledger.spent()
    assert spent.cost == server.paid * CALL
    assert spent.cost <= 9.0


def test_a_raised_budget_goes_on_and_pays_for_nothing_twice(tmp_path: Path, prices: Path) -> None:
    with ModelServer(in_turn([*NOTES[:5], DONE])) as server:
        model = priced(server, prices)
        with pytest.raises(BudgetError):
            Desk(tmp_path).run(model, prices=str(prices), budgets=caps(run={"cost": 7.0}))
        paid = server.paid
        state = Desk(tmp_path).run(model, prices=str(prices), budgets=caps(run={"cost": 70.0}))
        assert 0 < paid < server.paid == 6
    assert state.submitted
    (row,) = Desk(tmp_path).ledger.rows()
    assert row.calls == 6
    assert row.cost == 6 * CALL


@pytest.mark.parametrize("cap", [5.0, 9.0, 14.5, 30.0])
def test_tasks_side_by_side_break_a_cap_by_one_call_at_the_most(
    tmp_path: Path, prices: Path, cap: float
) -> None:
    def script(request: Asked) -> Answer:
        time.sleep(0.01)
        answered = sum(role == "assistant" for role, _, _ in request.said)
        return NOTES[answered]

    with ModelServer(script) as server:
        model = priced(server, prices)

        def work(task: str) -> str:
            try:
                Desk(tmp_path, task).run(model, prices=str(prices), budgets=caps(run={"cost": cap}))
            except BudgetError:
                return "stopped"
            return "ended"

        with ThreadPoolExecutor(3) as pool:
            ends = list(pool.map(work, ["t-1", "t-2", "t-3"]))
    assert "stopped" in ends
    cost = Desk(tmp_path).ledger.spent().cost
    assert cost == server.paid * CALL
    assert cap - 3 * CALL <= cost <= cap + CALL


@pytest.mark.parametrize("cap", [{"cost": 5.0}, {"tokens": 6000}, {"seconds": 0.0}])
def test_a_task_that_used_its_budget_ends_with_a_finding(
    tmp_path: Path, prices: Path, cap: dict[str, float]
) -> None:
    with ModelServer(in_turn(NOTES)) as server:
        model = priced(server, prices)
        state = Desk(tmp_path).run(model, prices=str(prices), budgets=caps(task=cap))
        other = Desk(tmp_path, "t-2").run(model, prices=str(prices), budgets=caps())
    assert state.stopped is not None
    assert (state.stopped.code, state.stopped.blame) == ("F11", "formulation")
    assert other.steps == 12
    assert other.stopped is None


def test_a_cap_in_dollars_needs_a_price(tmp_path: Path) -> None:
    with ModelServer(in_turn(NOTES)) as server:
        with pytest.raises(UsageError, match="--prices FILE"):
            Desk(tmp_path).run(f"openai:test@{server.url}", budgets=caps(run={"cost": 1.0}))
        assert server.requests == []


def test_an_unknown_price_is_unknown_and_not_nothing(tmp_path: Path) -> None:
    with ModelServer(in_turn([DONE])) as server:
        Desk(tmp_path).run(f"openai:test@{server.url}")
    (row,) = Desk(tmp_path).ledger.rows()
    assert row.cost is None


def test_cached_and_reasoning_tokens_are_counted_apart(tmp_path: Path, prices: Path) -> None:
    said = Say(calls=(("submit_draft", {}),), usage=(1000, 400, 300, 200))
    with ModelServer(in_turn([said])) as server:
        Desk(tmp_path).run(priced(server, prices), prices=str(prices))
    (row,) = Desk(tmp_path).ledger.rows()
    assert (row.input_tokens, row.cached_tokens) == (1000, 400)
    assert (row.output_tokens, row.reasoning_tokens) == (300, 200)
    assert row.cost == pytest.approx((600 * 1000 + 400 * 100 + 300 * 2000) / 1e6)


def test_a_failed_call_costs_nothing(tmp_path: Path, prices: Path) -> None:
    with ModelServer(in_turn([Status(401)])) as server, pytest.raises(ModelError):
        Desk(tmp_path).run(priced(server, prices), prices=str(prices))
    assert Desk(tmp_path).ledger.spent().cost == 0


def test_a_rerun_in_another_folder_is_free(tmp_path: Path, prices: Path) -> None:
    cache = str(tmp_path / "cache" / "replies.sqlite")
    with ModelServer(in_turn([*NOTES[:2], DONE])) as server:
        model = priced(server, prices)
        for folder in ("first", "second"):
            state = Desk(tmp_path / folder).run(model, prices=str(prices), cache=cache)
            assert state.submitted
        assert server.paid == 3
    (row,) = Desk(tmp_path / "second").ledger.rows()
    assert (row.calls, row.hits, row.cost) == (0, 3, 0.0)


def test_another_seed_is_another_sample(tmp_path: Path, prices: Path) -> None:
    cache = str(tmp_path / "replies.sqlite")
    with ModelServer(in_turn([DONE])) as server:
        model = priced(server, prices)
        for seed in (0, 1):
            Desk(tmp_path / str(seed)).run(model, prices=str(prices), cache=cache, seed=seed)
        assert server.paid == 2


def test_a_recording_replays_without_a_server(tmp_path: Path) -> None:
    file = str(tmp_path / "recording.jsonl")
    with ModelServer(in_turn([*NOTES[:3], DONE])) as server:
        model = f"openai:test@{server.url}"
        Desk(tmp_path / "made").run(model, record=file)
    state = Desk(tmp_path / "played").run(model, replay=file)
    assert state.submitted
    assert Desk(tmp_path / "played").notes == ["0", "1", "2"]


def test_a_recording_drives_a_server(tmp_path: Path) -> None:
    file = tmp_path / "recording.jsonl"
    with ModelServer(in_turn([*NOTES[:3], DONE])) as server:
        Desk(tmp_path / "made").run(f"openai:test@{server.url}", record=str(file))
    player = Player(Recording(file).read())
    with ModelServer(player) as server:
        state = Desk(tmp_path / "played").run(f"openai:other@{server.url}?api=responses")
    assert state.submitted
    assert player.unknown == []


def test_a_recording_of_something_else_is_refused(tmp_path: Path) -> None:
    file = str(tmp_path / "recording.jsonl")
    with ModelServer(in_turn([NOTES[0], DONE])) as server:
        model = f"openai:test@{server.url}"
        Desk(tmp_path / "made").run(model, record=file)
        Desk(tmp_path / "played")
        with pytest.raises(ModelError, match="has no reply"):
            Desk(tmp_path / "played").run(model, replay=file, budgets={"design_steps": 11})


def test_a_call_under_way_in_a_killed_process_counts_at_its_guess(
    tmp_path: Path, prices: Path
) -> None:
    def script(request: Asked) -> Answer:
        return NOTES[0] if len(server.requests) == 1 else Hang()

    with ModelServer(script) as server:
        model = priced(server, prices)
        program = (
            "from pathlib import Path; from tests.support.agents import Desk\n"
            f"Desk(Path({str(tmp_path)!r})).run({model!r}, prices={str(prices)!r})"
        )
        with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) as process:
            wait_for(server, 2)
            os.kill(process.pid, signal.SIGKILL)
    spent = Desk(tmp_path).ledger.spent()
    assert CALL < spent.cost <= 2 * CALL


def wait_for(server: ModelServer, requests: int) -> None:
    deadline = time.monotonic() + 60
    while len(server.requests) < requests:
        assert time.monotonic() < deadline, "the process asked nothing"
        time.sleep(0.02)


def test_a_process_that_bears_the_number_of_a_killed_one_does_not_wait_for_its_calls(
    tmp_path: Path, prices: Path
) -> None:
    occasion = Occasion(task="t-0", role=AgentRole.DESIGNER, stage="design")
    free = Caps()
    ledger = Desk(tmp_path).ledger
    assert ledger.admit(occasion, "m", "digest", Guess(1500, CALL), free, free) is None
    _named.cache_clear()  # as in a container that was started anew
    with ModelServer(in_turn(NOTES)) as server:
        with pytest.raises(BudgetError):
            Desk(tmp_path).run(
                priced(server, prices), prices=str(prices), budgets=caps(run={"cost": 7.0})
            )
        assert server.paid == 2


@pytest.mark.parametrize("cap", [{"tokens": 4000}, {"seconds": 0.0}])
def test_a_run_is_bounded_in_tokens_and_in_time_too(tmp_path: Path, cap: dict[str, float]) -> None:
    with ModelServer(in_turn(NOTES)) as server:
        model = f"openai:test@{server.url}?max_tokens=500"
        with pytest.raises(BudgetError, match="the run has used its budget"):
            Desk(tmp_path).run(model, budgets=caps(run=cap))
        assert server.paid <= 3
    assert Desk(tmp_path).ledger.spent().tokens <= 4000 + 1500
