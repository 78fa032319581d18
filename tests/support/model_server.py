"""A server of language models on loopback: real sockets, a script in place of a model.

    with ModelServer(script) as server:
        … f"openai:test@{server.url}" …

A script gives each request its answer: a `Say`, or one of the ways in which providers fail. The
server counts what it answered, so that a test can say what was paid for.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from mle_smith.models.exchange import Exchange, digest, load_reply
from mle_smith.models.roles import AgentRole
from tests.support import model_wire as wire
from tests.support.model_wire import Asked, Say


@dataclass(frozen=True)
class Status:
    """An answer that is an error."""

    code: int
    error: dict[str, Any] = field(default_factory=lambda: {"message": "no"})
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hang:
    """No answer, for as long as the client waits."""


@dataclass(frozen=True)
class Drop:
    """A connection that ends without an answer, or in the middle of `said`."""

    when: Literal["before", "mid"] = "before"
    said: Say = field(default_factory=lambda: Say("a reply that never comes to its end"))


_PROMPTS = Path(__file__).resolve().parents[2] / "nodes" / "prompts"

Answer: TypeAlias = Say | Status | Hang | Drop
Script: TypeAlias = Callable[[Asked], Answer]


class ModelServer:
    """Serves a script until the context ends."""

    def __init__(self, script: Script, *, context: int | None = None) -> None:
        """With a `context`, requests of more tokens (of four bytes) are refused, as models do."""
        self.script = script
        self.context = context
        self.requests: list[Asked] = []
        self.answers: list[Answer] = []
        self.broken: list[str] = []
        """What was wrong with requests that are none; the end of the context finds none."""
        self.lock = threading.Lock()
        self.closing = threading.Event()
        handler = type("_Handler", (_Handler,), {"owner": self})
        self._http = _Quiet(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """What stands after the `@` of `openai:NAME@URL`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def paid(self) -> int:
        """Replies that a provider would charge for."""
        return sum(isinstance(answer, Say) for answer in self.answers)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        assert self.broken == []

    def answer(self, request: Asked) -> tuple[Answer, int]:
        """The script's answer and the number of the request."""
        with self.lock:
            self.requests.append(request)
            number = len(self.requests)
            if self.context and request.bytes // 4 > self.context:
                found: Answer = too_long(self.context)
            else:
                found = self.script(request)
            self.answers.append(found)
        return found, number


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the game."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    owner: ModelServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            request = wire.asked(
                self.path, json.loads(body), self.headers.get("authorization", ""), len(body)
            )
        except (ValueError, KeyError) as error:  # a request that a provider would not take either
            self.owner.broken.append(repr(error))
            self._send(400, json.dumps({"error": {"message": f"invalid request: {error!r}"}}), {})
            return
        answer, number = self.owner.answer(request)
        if isinstance(answer, Hang):
            self.owner.closing.wait(30)
            self.close_connection = True
        elif isinstance(answer, Status):
            self._send(answer.code, json.dumps({"error": answer.error}), answer.headers)
        elif isinstance(answer, Drop):
            self._drop(answer, request, number)
        elif request.stream:
            self._stream(_events(answer, request, number))
        else:
            self._send(200, json.dumps(_body(answer, request, number)), {})

    def _send(self, code: int, text: str, headers: dict[str, str]) -> None:
        payload = text.encode()
        self.send_response(code)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _stream(self, events: Iterable[str]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            self._chunk(event.encode())
        self._chunk(b"")

    def _chunk(self, payload: bytes) -> None:
        self.wfile.write(f"{len(payload):x}\r\n".encode() + payload + b"\r\n")
        self.wfile.flush()

    def _drop(self, drop: Drop, request: Asked, number: int) -> None:
        self.close_connection = True
        if drop.when == "before":
            return
        if request.stream:
            events = list(_events(drop.said, request, number))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for event in events[: len(events) // 2]:
                self._chunk(event.encode())
            return
        payload = json.dumps(_body(drop.said, request, number)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload[: len(payload) // 2])

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test's output is its own."""


def _body(say: Say, request: Asked, number: int) -> dict[str, Any]:
    make = wire.chat_body if request.api == "chat" else wire.responses_body
    return make(say, request, number)


def _events(say: Say, request: Asked, number: int) -> Iterator[str]:
    make = wire.chat_events if request.api == "chat" else wire.responses_events
    return make(say, request, number)


def too_long(limit: int) -> Status:
    """What OpenAI answers to a conversation that is too long."""
    message = f"This model's maximum context length is {limit} tokens."
    return Status(400, {"message": message, "code": "context_length_exceeded"})


def in_turn(answers: Sequence[Answer]) -> Script:
    """One answer after the other, the last one for ever."""
    coming = chain(answers, repeat(answers[-1]))
    return lambda request: next(coming)


class Player:
    """A script that gives the replies of a recording: what it was asked decides, not the order."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._replies = {exchange.digest: exchange.reply for exchange in exchanges}
        self.unknown: list[Asked] = []
        """Requests that the recording has no reply to."""

    def __call__(self, request: Asked) -> Answer:
        """The recorded reply."""
        recorded = self._replies.get(digest(request.said))
        if recorded is None:
            self.unknown.append(request)
            return Status(400, {"message": "the recording has no reply to this"})
        reply = load_reply(recorded)
        calls = tuple((call["name"], call["args"]) for call in reply.tool_calls)
        return Say(reply.text, calls)


class Follower:
    """A script that gives each role its recorded replies in their order, whatever it is shown.

    A model so knows what to do next without having read all that came before. The recording must
    be of one formulation: the conversations of a role then come one after the other.
    """

    def __init__(self, exchanges: Sequence[Exchange], *, text: Container[AgentRole] = ()) -> None:
        """Roles in `text` write their calls into plain text."""
        self._text = text
        self._replies: dict[AgentRole, Iterator[Exchange]] = {
            role: iter([e for e in exchanges if e.occasion.role is role]) for role in AgentRole
        }

    def __call__(self, request: Asked) -> Say:
        """The next reply of the role that is asked."""
        role = role_of(request)
        reply = load_reply(next(self._replies[role]).reply)
        calls = tuple((call["name"], call["args"]) for call in reply.tool_calls)
        if role in self._text:
            return Say("\n".join([reply.text, *(call_in_text(*call) for call in calls)]).strip())
        return Say(reply.text, calls)


def call_in_text(name: str, args: dict[str, Any]) -> str:
    """A call as the text protocol has models write it, who copy tags of data as they are shown."""
    values = {key: v if isinstance(v, str) else json.dumps(v) for key, v in args.items()}
    shown = {key: re.sub(r"<(~*/?(?:call|arg|result)\b)", r"<~\1", v) for key, v in values.items()}
    lines = "".join(f'<arg name="{key}">\n{value}</arg>\n' for key, value in shown.items())
    return f'<call name="{name}">\n{lines}</call>'


def role_of(request: Asked) -> AgentRole:
    """The role whose instructions a request begins with."""
    return next(role for role in AgentRole if request.said[0][1].startswith(_opening(role)))


@functools.cache
def _opening(role: AgentRole) -> str:
    return (_PROMPTS / f"{role}.md.j2").read_text().partition(".")[0]
