"""Each fault of a model or its provider, over a real socket, has the outcome of the table."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from graph.state import AgentState
from mle_smith.errors import ModelError
from mle_smith.models.faults import POLICIES, Fault, Outcome
from tests.support.agents import UNFINISHED, Desk, no_orphans
from tests.support.model_server import (
    Answer,
    Drop,
    Hang,
    ModelServer,
    Status,
    in_turn,
    too_long,
)
from tests.support.model_wire import Say

NOTE = Say(calls=(("note", {"text": "one"}),))
DONE = Say(calls=(("submit_draft", {}),))
WAYS = ["?api=chat", "?api=responses", "?api=chat&stream=true", "?api=responses&stream=true"]
UNSEEN_REFUSALS = "?api=chat&stream=true"

pytestmark = pytest.mark.parametrize("way", WAYS)


def run(desk: Desk, server: ModelServer, way: str, **settings: object) -> AgentState:
    return desk.run(f"openai:test@{server.url}{way}", **settings)


def finding_code(state: AgentState) -> str:
    assert state.stopped is not None, "the agent was not stopped"
    return state.stopped.code


def test_a_faultless_model_hands_in(tmp_path: Path, way: str) -> None:
    with ModelServer(in_turn([NOTE, DONE])) as server:
        state = run(Desk(tmp_path), server, way)
    assert state.submitted
    assert state.stopped is None
    assert Desk(tmp_path).notes == ["one"]
    assert server.paid == 2
    (row,) = Desk(tmp_path).ledger.rows("t-1")
    assert (row.calls, row.retries, row.failed) == (2, 0, 0)
    assert row.input_tokens > 0
    assert row.output_tokens > 0


PASSING: dict[Fault, list[Answer]] = {
    Fault.RATE_LIMITED: [Status(429), Status(429, headers={"retry-after": "0"})],
    Fault.SERVER_ERROR: [Status(500), Status(502), Status(503), Status(529)],
    Fault.CONNECTION: [Drop("before"), Drop("mid")],
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_may_pass_is_retried_and_leaves_no_trace(
    tmp_path: Path, way: str, fault: Fault
) -> None:
    assert POLICIES[fault].first is Outcome.RETRY
    with ModelServer(in_turn([*PASSING[fault], NOTE, DONE])) as server:
        state = run(Desk(tmp_path), server, way)
    assert state.submitted
    assert server.paid == 2
    (row,) = Desk(tmp_path).ledger.rows("t-1")
    assert (row.calls, row.retries) == (2, len(PASSING[fault]))


LASTING: dict[Fault, Answer] = {
    Fault.RATE_LIMITED: Status(429),
    Fault.SERVER_ERROR: Status(503),
    Fault.CONNECTION: Drop("mid"),
    Fault.QUOTA: Status(429, {"message": "no credit", "code": "insufficient_quota"}),
    Fault.KEY_REFUSED: Status(401),
    Fault.NO_SUCH_MODEL: Status(404),
}


@pytest.mark.parametrize("fault", LASTING)
def test_what_lasts_pauses_the_run_after_bounded_tries(
    tmp_path: Path, way: str, fault: Fault
) -> None:
    with ModelServer(in_turn([LASTING[fault]])) as server:
        with pytest.raises(ModelError) as caught:
            run(Desk(tmp_path), server, way)
        assert len(server.requests) == POLICIES[fault].most + 1
    assert caught.value.code == f"model.{fault}"
    assert "--resume" in str(caught.value)
    (row,) = Desk(tmp_path).ledger.rows("t-1")
    assert (row.calls, row.failed) == (0, 1)


def test_a_silent_server_times_out_and_is_asked_again(tmp_path: Path, way: str) -> None:
    with ModelServer(in_turn([Hang(), NOTE, DONE])) as server:
        state = run(Desk(tmp_path), server, f"{way}&timeout=0.5")
    assert state.submitted
    (row,) = Desk(tmp_path).ledger.rows("t-1")
    assert row.retries == 1


def test_retry_after_is_waited_for(tmp_path: Path, way: str) -> None:
    limited = Status(429, headers={"retry-after": "0.6"})
    began = time.monotonic()
    with ModelServer(in_turn([limited, DONE])) as server:
        run(Desk(tmp_path), server, way)
    assert time.monotonic() - began > 0.6


def test_a_retry_after_beyond_the_cap_pauses_at_once(tmp_path: Path, way: str) -> None:
    limited = Status(429, headers={"retry-after": "3600"})
    with ModelServer(in_turn([limited])) as server:
        with pytest.raises(ModelError, match="3600 s"):
            run(Desk(tmp_path), server, way)
        assert len(server.requests) == 1


def test_a_context_that_is_too_long_is_trimmed_until_it_fits(tmp_path: Path, way: str) -> None:
    long = [Say(calls=(("note", {"text": f"{number}" + "x" * 6000}),)) for number in range(4)]
    with ModelServer(in_turn([*long, DONE]), context=3500) as server:
        state = run(Desk(tmp_path), server, f"{way}&context=100000")
    assert state.submitted
    assert len(Desk(tmp_path).notes) == 4
    assert too_long(3500) in server.answers
    assert no_orphans(state.messages)


def test_a_context_that_never_fits_ends_the_attempt(tmp_path: Path, way: str) -> None:
    with ModelServer(in_turn([too_long(10)])) as server:
        state = run(Desk(tmp_path), server, way)
        assert len(server.requests) == POLICIES[Fault.CONTEXT_TOO_LONG].most + 1
    assert finding_code(state) == "F01"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Status(400, {"message": "no such parameter"}), "F02"),
        (Status(400, {"message": "filtered", "code": "content_filter"}), "F03"),
        (Say("I", ending="content_filter"), "F03"),
    ],
)
def test_what_no_retry_can_mend_ends_the_attempt(
    tmp_path: Path, way: str, answer: Answer, code: str
) -> None:
    with ModelServer(in_turn([answer])) as server:
        state = run(Desk(tmp_path), server, way)
        assert len(server.requests) == 1
    assert finding_code(state) == code


MENDABLE: dict[Fault, Say] = {
    Fault.TRUNCATED: Say("I was about to", ending="length"),
    Fault.EMPTY: Say(""),
    # LangChain leaves refusals out of streams of Chat Completions: there they are empty replies.
    Fault.REFUSAL: Say(refusal="I cannot help with that."),
    Fault.MALFORMED_CALL: Say(calls=(("note", '{"text": "one'),)),
    Fault.UNKNOWN_TOOL: Say(calls=(("rm_rf", {"path": "/"}),)),
    Fault.STOPPED_EARLY: Say("I think that I am done."),
}


@pytest.mark.parametrize("fault", MENDABLE)
def test_what_the_model_can_mend_is_shown_to_it(tmp_path: Path, way: str, fault: Fault) -> None:
    seen = Fault.EMPTY if fault is Fault.REFUSAL and way == UNSEEN_REFUSALS else fault
    with ModelServer(in_turn([MENDABLE[fault], NOTE, DONE])) as server:
        state = run(Desk(tmp_path), server, way)
        shown = server.requests[1].said
    assert state.submitted
    assert Desk(tmp_path).notes == ["one"]
    assert no_orphans(state.messages)
    role, text, _ = shown[-2]  # the last message tells of the steps that are left
    words = {
        Fault.TRUNCATED: "cut off",
        Fault.EMPTY: "was empty",
        Fault.REFUSAL: "You declined",
        Fault.MALFORMED_CALL: "cannot be read as JSON",
        Fault.UNKNOWN_TOOL: "there is no tool `rm_rf`; your tools are note, submit_draft",
        Fault.STOPPED_EARLY: UNFINISHED,
    }
    assert words[seen] in text
    assert role == ("tool" if fault in {Fault.MALFORMED_CALL, Fault.UNKNOWN_TOOL} else "user")


@pytest.mark.parametrize("fault", MENDABLE)
def test_a_model_that_does_not_mend_it_is_stopped(tmp_path: Path, way: str, fault: Fault) -> None:
    seen = Fault.EMPTY if fault is Fault.REFUSAL and way == UNSEEN_REFUSALS else fault
    with ModelServer(in_turn([MENDABLE[fault]])) as server:
        state = run(Desk(tmp_path), server, way)
        assert len(server.requests) == POLICIES[seen].most + 1
    assert finding_code(state) == POLICIES[seen].code
    assert not state.submitted
    assert Desk(tmp_path).notes == []
    assert no_orphans(state.messages)


def test_a_model_that_loops_is_told_and_then_stopped(tmp_path: Path, way: str) -> None:
    with ModelServer(in_turn([NOTE])) as server:
        state = run(Desk(tmp_path), server, way)
        assert len(server.requests) == 5
    assert Desk(tmp_path).notes == ["one", "one"]
    assert finding_code(state) == "F09"
    told = [m.text for m in state.messages if isinstance(m, ToolMessage)]
    assert "3 times in a row" in told[2]
    assert no_orphans(state.messages)


def test_parallel_calls_are_made_in_order_and_none_after_the_hand_in(
    tmp_path: Path, way: str
) -> None:
    letters = [("note", {"text": letter}) for letter in "abcdef"]
    everything = Say(calls=(*letters, ("submit_draft", {}), ("note", {"text": "too late"})))
    with ModelServer(in_turn([everything])) as server:
        state = run(Desk(tmp_path), server, way)
    assert state.submitted
    assert Desk(tmp_path).notes == list("abcdef")
    assert no_orphans(state.messages)
    assert "`submit_draft` came before it" in state.messages[-1].text


@pytest.mark.parametrize("ending", ["length", "stop"])
def test_half_a_call_is_never_made(
    tmp_path: Path, way: str, ending: Literal["length", "stop"]
) -> None:
    half = Say(calls=(("note", {"text": "a"}), ("note", '{"text": "half of')), ending=ending)
    with ModelServer(in_turn([half, DONE])) as server:
        state = run(Desk(tmp_path), server, way)
    assert state.submitted
    assert Desk(tmp_path).notes == ["a"]
    assert no_orphans(state.messages)


def test_a_good_call_beside_a_malformed_one_is_made(tmp_path: Path, way: str) -> None:
    both = Say(calls=(("note", {"text": "good"}), ("note", "{bad")))
    with ModelServer(in_turn([both, DONE])) as server:
        state = run(Desk(tmp_path), server, way)
    assert state.submitted
    assert Desk(tmp_path).notes == ["good"]
    assert no_orphans(state.messages)


def test_wrong_arguments_are_shown_to_the_model(tmp_path: Path, way: str) -> None:
    wrong = Say(calls=(("note", {"line": "one"}),))
    with ModelServer(in_turn([wrong, NOTE, DONE])) as server:
        state = run(Desk(tmp_path), server, way)
        assert "text" in server.requests[1].said[-2][1]
    assert state.submitted
    assert Desk(tmp_path).notes == ["one"]


def test_calls_that_share_an_id_are_told_apart(tmp_path: Path, way: str) -> None:
    twins = Say(calls=(("note", {"text": "a"}), ("note", {"text": "b"})), same_id=True)
    with ModelServer(in_turn([twins, DONE])) as server:
        state = run(Desk(tmp_path), server, way)
    assert state.submitted
    assert Desk(tmp_path).notes == ["a", "b"]
    assert no_orphans(state.messages)


def test_steps_are_bounded_whatever_the_model_does(tmp_path: Path, way: str) -> None:
    counting = [Say(calls=(("note", {"text": str(number)}),)) for number in range(40)]
    with ModelServer(in_turn(counting)) as server:
        state = run(Desk(tmp_path), server, way)
        assert len(server.requests) == 12
        assert server.requests[-1].said[-1][1] == "Step 12 of 12, your last: hand in now."
    assert not state.submitted


def test_every_fault_is_tested(way: str) -> None:
    here = {*PASSING, *LASTING, *MENDABLE}
    elsewhere = {
        Fault.TIMEOUT,
        Fault.CONTEXT_TOO_LONG,
        Fault.BAD_REQUEST,
        Fault.CONTENT_FILTER,
        Fault.SAME_CALL_AGAIN,
        Fault.WRONG_FORM,  # test_model_review
        Fault.TASK_BUDGET,  # test_model_budget
    }
    assert here | elsewhere == set(Fault)


def test_messages_of_a_conversation_are_of_the_four_kinds(tmp_path: Path, way: str) -> None:
    with ModelServer(in_turn([MENDABLE[Fault.EMPTY], NOTE, DONE])) as server:
        state = run(Desk(tmp_path), server, way)
    kinds = {type(message) for message in state.messages[1:]}
    assert kinds == {HumanMessage, AIMessage, ToolMessage}
