"""How a role of the embedded backbone decides: a generator of tool calls, replayed at each turn.

A policy is written as one would write a plan down: it yields a `Call`, is sent the tool's answer,
and goes on; what it returns is the closing message. It may use nothing but its `Brief` and those
answers, exactly what a language model sees. At each turn the model replays the generator against
the answers that the conversation holds, so a policy keeps no state and must be deterministic:

    def designer(brief: Brief) -> Policy:
        formulation = brief.block("formulation")
        answer = yield Call("run_python", {"code": "..."})
        if "error" in answer:
            ...
        return "The draft is submitted."
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

_BLOCK = re.compile(r"^```json (?P<name>[\w-]+)\n(?P<body>.*?)\n```$", re.DOTALL | re.MULTILINE)


class Call(NamedTuple):
    """One tool call."""

    name: str
    args: dict[str, Any]


Policy: TypeAlias = Generator[Call, str, str]
"""Yields tool calls, is sent each answer as text, returns the closing message."""

PolicyFactory: TypeAlias = Callable[["Brief"], Policy]


@dataclass(frozen=True)
class Brief:
    """What the conversation told the role before its first turn."""

    text: str
    """All system and human messages, joined."""
    tools: tuple[str, ...]
    """Names of the tools that are bound."""
    seed: int

    def block(self, name: str) -> Any:
        """The JSON of the fenced block "```json NAME" of the prompt.

        Raises:
            KeyError: the prompt has no such block.
        """
        for found in _BLOCK.finditer(self.text):
            if found["name"] == name:
                return json.loads(found["body"])
        raise KeyError(name)
