"""What becomes of a reply: acted upon, answered with what is wrong with it, or the last one.

Whatever provider it comes from, a reply that enters a conversation has tool calls with whole
arguments and distinct ids, so that every provider takes it back at the next turn.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall

from mle_smith.models.exchange import canonical
from mle_smith.models.faults import POLICIES, SAME_CALLS, Fault, Outcome, reply_fault

REFUSED = "refused_calls"
"""Where a reply notes the calls that are answered with an error instead of being made, by id."""
_FAULT = "fault"
_SNIPPET = 300

_SAYS = {
    Fault.TRUNCATED: "Your last reply was cut off at the limit of its length, and nothing of it "
    "was done. Be shorter: one tool call, no explanation, less code at once.",
    Fault.EMPTY: "Your last reply was empty. Call one of your tools.",
    Fault.REFUSAL: "You declined. The task is to prepare tables for a machine-learning exercise; "
    "nothing else is asked. Go on, or say in one sentence what about these data stands against it.",
}


class Move(NamedTuple):
    """A reply as it enters the conversation, and what follows it."""

    reply: AIMessage
    correction: HumanMessage | None = None
    """What the model is told before it is asked again."""
    fault: Fault | None = None
    ended: bool = False
    """The fault has used up its repairs: the attempt is over."""


def judged(
    reply: AIMessage,
    before: Sequence[BaseMessage],
    *,
    tools: Collection[str],
    closing: Collection[str],
    unfinished: str,
) -> Move:
    """What becomes of a reply.

    Args:
        reply: as the model gave it.
        before: the conversation that it replies to.
        tools: names of the tools that the model may call.
        closing: of these, the ones after which the rest of a reply's calls is not made.
        unfinished: what the model is told when it stops now; empty when it may stop.
    """
    fault = reply_fault(reply)
    if fault is not None:
        return _answered(AIMessage(reply.text), fault, _SAYS.get(fault, ""), before)
    calls, refused = _calls(reply, tools, closing)
    if not calls:
        if unfinished:
            return _answered(reply, Fault.STOPPED_EARLY, unfinished, before)
        return Move(reply)
    fault = _fault_of_calls(reply, tools)
    if fault is None and _repeats(calls, before):
        fault = Fault.SAME_CALL_AGAIN
        refused = {str(c["id"]): _same(c, before) for c in calls}
    plain = _with_calls(reply, calls, refused, fault)
    ended = fault is not None and _used_up(fault, before)
    return Move(plain, fault=fault, ended=ended)


def _answered(reply: AIMessage, fault: Fault, says: str, before: Sequence[BaseMessage]) -> Move:
    if POLICIES[fault].first is Outcome.END or _used_up(fault, before):
        return Move(reply, fault=fault, ended=True)
    kept = reply.model_copy(
        update={
            # Some providers take no empty message back.
            "content": reply.content or "(no answer)",
            "additional_kwargs": {**reply.additional_kwargs, _FAULT: fault},
        }
    )
    return Move(kept, correction=HumanMessage(says), fault=fault)


def _used_up(fault: Fault, before: Sequence[BaseMessage]) -> bool:
    """Whether the replies before this one had the same fault as often as is repaired."""
    in_a_row = 0
    for message in reversed(before):
        if not isinstance(message, AIMessage):
            continue
        if message.additional_kwargs.get(_FAULT) != fault:
            break
        in_a_row += 1
    return in_a_row >= POLICIES[fault].most


def _calls(
    reply: AIMessage, tools: Collection[str], closing: Collection[str]
) -> tuple[list[ToolCall], dict[str, str]]:
    """All calls with distinct ids, and why some of them are not made."""
    given: list[tuple[ToolCall, str]] = []
    for call in reply.tool_calls:
        known = call["name"] in tools
        given.append((call, "" if known else _unknown(call["name"], tools)))
    for bad in reply.invalid_tool_calls:
        why = _malformed(bad.get("args"), bad.get("error"))
        call = ToolCall(name=bad["name"] or "unnamed", args={}, id=bad["id"], type="tool_call")
        given.append((call, why))
    calls: list[ToolCall] = []
    refused: dict[str, str] = {}
    closed = ""
    for number, (call, why) in enumerate(given, 1):
        taken = {c["id"] for c in calls}
        call_id = call["id"] if call["id"] and call["id"] not in taken else f"call_{number}"
        calls.append({**call, "id": call_id})
        if not why and closed:
            why = f"error: not done, since `{closed}` came before it: call it again on its own"
        if why:
            refused[call_id] = why
        elif call["name"] in closing:
            closed = call["name"]
    return calls, refused


def _fault_of_calls(reply: AIMessage, tools: Collection[str]) -> Fault | None:
    if reply.invalid_tool_calls:
        return Fault.MALFORMED_CALL
    unknown = any(call["name"] not in tools for call in reply.tool_calls)
    return Fault.UNKNOWN_TOOL if unknown else None


def _with_calls(
    reply: AIMessage, calls: list[ToolCall], refused: dict[str, str], fault: Fault | None
) -> AIMessage:
    """The reply with these calls; untouched when they are its own and none is refused."""
    if not refused and [c["id"] for c in reply.tool_calls] == [c["id"] for c in calls]:
        return reply
    notes: dict[str, Any] = {REFUSED: refused} if refused else {}
    return AIMessage(
        content=reply.text,
        tool_calls=calls,
        id=reply.id,
        usage_metadata=reply.usage_metadata,
        response_metadata=reply.response_metadata,
        additional_kwargs=notes | ({_FAULT: fault} if fault else {}),
    )


def _repeats(calls: Sequence[ToolCall], before: Sequence[BaseMessage]) -> bool:
    return _times(calls, before) + 1 >= SAME_CALLS


def _times(calls: Sequence[ToolCall], before: Sequence[BaseMessage]) -> int:
    """How many replies in a row, up to now, made the same calls."""
    now = _content(calls)
    times = 0
    for message in reversed(before):
        if isinstance(message, AIMessage):
            if _content(message.tool_calls) != now:
                break
            times += 1
    return times


def _content(calls: Sequence[ToolCall]) -> str:
    return canonical([(call["name"], call["args"]) for call in calls])


def _same(call: ToolCall, before: Sequence[BaseMessage]) -> str:
    times = _times([call], before) + 1
    return (
        f"error: not done: you have called `{call['name']}` {times} times in a row with the same "
        "arguments; its answer stays the same. Change something, or hand in what you have."
    )


def _unknown(name: str, tools: Collection[str]) -> str:
    return f"error: there is no tool `{name}`; your tools are {', '.join(sorted(tools))}"


def _malformed(args: str | None, error: str | None) -> str:
    began = (args or "")[:_SNIPPET]
    reason = (error or "they are no JSON object").splitlines()[0][:_SNIPPET]
    return (
        "error: not done: the arguments of this call cannot be read as JSON or in their form "
        f"({reason}). They began: {began!r}. Make the call again, with arguments in that form."
    )
