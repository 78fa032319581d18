"""OpenAI's two protocols as a server sees them: what was asked, and how a reply is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from mle_smith.models.exchange import Said, canonical


@dataclass(frozen=True)
class Asked:
    """One request."""

    api: Literal["chat", "responses"]
    model: str
    said: list[Said]
    """The conversation, as `mle_smith.models.exchange` sees it."""
    tools: list[str]
    stream: bool
    authorization: str
    bytes: int
    """Of the whole request."""
    body: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Say:
    """A reply of the model."""

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any] | str], ...] = ()
    """Name and arguments; text is sent as it is, whether it is JSON or not."""
    ending: Literal["stop", "length", "content_filter"] = "stop"
    refusal: str = ""
    usage: tuple[int, int, int, int] | None = None
    """Tokens: input, of these cached, output, of these reasoning. None: guessed from bytes."""
    same_id: bool = False
    """Whether all calls bear the same id, as some servers' do."""


def asked(path: str, body: dict[str, Any], authorization: str, size: int) -> Asked:
    """A request, whichever protocol it speaks."""
    api: Literal["chat", "responses"] = "responses" if path.endswith("/responses") else "chat"
    tools = [tool.get("name") or tool["function"]["name"] for tool in body.get("tools", [])]
    return Asked(
        api=api,
        model=body["model"],
        said=_chat(body["messages"]) if api == "chat" else _responses(body["input"]),
        tools=tools,
        stream=bool(body.get("stream")),
        authorization=authorization,
        bytes=size,
        body=body,
    )


def _chat(messages: list[dict[str, Any]]) -> list[Said]:
    said: list[Said] = []
    for message in messages:
        role = {"developer": "system"}.get(message["role"], message["role"])
        calls = tuple(
            (call["function"]["name"], _same(call["function"]["arguments"]))
            for call in message.get("tool_calls") or []
        )
        said.append((role, _text(message.get("content")), calls))
    return said


def _responses(items: list[dict[str, Any]]) -> list[Said]:
    said: list[Said] = []
    for item in items:
        kind = item.get("type", "message")
        if kind == "function_call":
            call = (item["name"], _same(item["arguments"]))
            if said and said[-1][0] == "assistant":
                role, text, calls = said.pop()
                said.append((role, text, (*calls, call)))
            else:
                said.append(("assistant", "", (call,)))
        elif kind == "function_call_output":
            said.append(("tool", _text(item["output"]), ()))
        elif kind == "message":
            role = {"developer": "system"}.get(item["role"], item["role"])
            said.append((role, _text(item["content"]), ()))
    return said


def _same(arguments: str) -> str:
    return canonical(json.loads(arguments))


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text") or part.get("refusal") or "" for part in content)
    return content or ""


def _usage(say: Say, request: Asked) -> tuple[int, int, int, int]:
    written = len(say.text) + sum(len(_arguments(args)) for _, args in say.calls)
    return say.usage or (request.bytes // 4, 0, max(1, written // 4), 0)


def _arguments(args: dict[str, Any] | str) -> str:
    return args if isinstance(args, str) else json.dumps(args)


def _ids(say: Say, number: int) -> list[str]:
    return [f"call_{number}_{0 if say.same_id else at}" for at in range(len(say.calls))]


def chat_body(say: Say, request: Asked, number: int) -> dict[str, Any]:
    """A whole reply of Chat Completions."""
    calls = [
        {
            "id": call_id,
            "type": "function",
            "function": {"name": name, "arguments": _arguments(args)},
        }
        for call_id, (name, args) in zip(_ids(say, number), say.calls, strict=True)
    ]
    ending = "tool_calls" if calls and say.ending == "stop" else say.ending
    message: dict[str, Any] = {"role": "assistant", "content": say.text or None}
    if calls:
        message["tool_calls"] = calls
    if say.refusal:
        message["refusal"] = say.refusal
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 0,
        "model": request.model,
        "choices": [{"index": 0, "message": message, "finish_reason": ending}],
        "usage": _chat_usage(_usage(say, request)),
    }


def _chat_usage(usage: tuple[int, int, int, int]) -> dict[str, Any]:
    read, cached, written, reasoning = usage
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


def chat_events(say: Say, request: Asked, number: int) -> Iterator[str]:
    """The same as a stream: text and arguments in pieces, then the usage if it was asked for."""
    whole = chat_body(say, request, number)
    message, ending = whole["choices"][0]["message"], whole["choices"][0]["finish_reason"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in _pieces(say.text)]
    if say.refusal:
        deltas.append({"refusal": say.refusal})
    for at, call in enumerate(message.get("tool_calls", [])):
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        begin = {"index": at, "id": call["id"], "type": "function"}
        deltas.append({"tool_calls": [{**begin, "function": {"name": name, "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}
            for piece in _pieces(arguments)
        ]
    head = {"id": whole["id"], "object": "chat.completion.chunk", "created": 0}
    head |= {"model": request.model}
    for delta in deltas:
        yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": ending}]})
    if (request.body.get("stream_options") or {}).get("include_usage"):
        yield _event({**head, "choices": [], "usage": whole["usage"]})
    yield "data: [DONE]\n\n"


def responses_body(say: Say, request: Asked, number: int) -> dict[str, Any]:
    """A whole reply of the Responses API."""
    parts: list[dict[str, Any]] = []
    if say.text:
        parts.append({"type": "output_text", "text": say.text, "annotations": []})
    if say.refusal:
        parts.append({"type": "refusal", "refusal": say.refusal})
    output: list[dict[str, Any]] = []
    if parts:
        output.append(
            {
                "type": "message",
                "id": f"msg_{number}",
                "role": "assistant",
                "status": "completed",
                "content": parts,
            }
        )
    output += [
        {
            "type": "function_call",
            "id": f"fc_{number}_{at}",
            "call_id": call_id,
            "name": name,
            "arguments": _arguments(args),
            "status": "completed",
        }
        for at, (call_id, (name, args)) in enumerate(zip(_ids(say, number), say.calls, strict=True))
    ]
    reason = {"length": "max_output_tokens"}.get(say.ending, say.ending)
    done = say.ending == "stop"
    read, cached, written, reasoning = _usage(say, request)
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 0,
        "model": request.model,
        "status": "completed" if done else "incomplete",
        "incomplete_details": None if done else {"reason": reason},
        "error": None,
        "instructions": None,
        "metadata": {},
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": read,
            "output_tokens": written,
            "total_tokens": read + written,
            "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": reasoning},
        },
    }


def responses_events(say: Say, request: Asked, number: int) -> Iterator[str]:
    """The same as a stream."""
    whole = responses_body(say, request, number)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    for at, item in enumerate(whole["output"]):
        events += _item_events(at, item)
    kind = "completed" if whole["status"] == "completed" else "incomplete"
    events.append({"type": f"response.{kind}", "response": whole})
    for sequence, event in enumerate(events):
        numbered = {**event, "sequence_number": sequence}
        yield f"event: {event['type']}\n{_event(numbered)}"


def _item_events(at: int, item: dict[str, Any]) -> list[dict[str, Any]]:
    here = {"output_index": at, "item_id": item["id"]}
    if item["type"] == "function_call":
        empty = {**item, "arguments": "", "status": "in_progress"}
        prefix = "response.function_call_arguments"
        return [
            {"type": "response.output_item.added", "output_index": at, "item": empty},
            *({"type": f"{prefix}.delta", **here, "delta": p} for p in _pieces(item["arguments"])),
            {"type": f"{prefix}.done", **here, "arguments": item["arguments"]},
            {"type": "response.output_item.done", "output_index": at, "item": item},
        ]
    empty = {**item, "content": [], "status": "in_progress"}
    events = [{"type": "response.output_item.added", "output_index": at, "item": empty}]
    for number, part in enumerate(item["content"]):
        place = {**here, "content_index": number}
        field_ = "text" if part["type"] == "output_text" else "refusal"
        prefix = f"response.{part['type']}"
        more: dict[str, Any] = {"logprobs": []} if field_ == "text" else {}
        events += [
            {"type": "response.content_part.added", **place, "part": {**part, field_: ""}},
            *(
                {"type": f"{prefix}.delta", **place, "delta": p, **more}
                for p in _pieces(part[field_])
            ),
            {"type": f"{prefix}.done", **place, field_: part[field_], **more},
            {"type": "response.content_part.done", **place, "part": part},
        ]
    return [*events, {"type": "response.output_item.done", "output_index": at, "item": item}]


def _pieces(text: str) -> list[str]:
    """A text in three pieces, as a stream brings it."""
    third = len(text) // 3 + 1
    return [text[at : at + third] for at in range(0, len(text), third)]


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"
