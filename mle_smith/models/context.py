"""Making a conversation fit what a model can read.

What is kept, in this order: the instructions and the case (the first messages), the latest turns
whole, then as many earlier turns as fit, then earlier turns with their long results cut. A turn is
a reply with all the results of its calls, so no result ever stands without its call. The JSON
blocks of the first messages are thinned by steps when they alone are too long.

Tokens are guessed from bytes, on the high side: no tokenizer is at hand for every model, and a
guess that is too high costs a little context, one that is too low a failed call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

BYTES_PER_TOKEN = 3.0
_MESSAGE_TOKENS = 6
_REPLY_SHARE = 0.2
"""Of the context, what is left free for the reply and for guesses that are too low."""
_CASE_SHARE = 0.55
"""Of what may be sent, what the first messages may take."""
_SHORT = 600
"""Characters that are kept of an earlier result that was cut, half from each end."""
_LONGEST = 0.3
"""Of what may be sent, what one result may take."""
_BLOCK = re.compile(r"^```json (?P<name>[\w-]+)\n(?P<body>.*?)\n```$", re.DOTALL | re.MULTILINE)
_GONE = (
    "[{count} earlier turns are left out here to save space. Files that you wrote are still there.]"
)


def guess_tokens(messages: Sequence[BaseMessage], tools: Sequence[Any] = ()) -> int:
    """Tokens of a conversation and of the tools' schemas, on the high side."""
    size = sum(_size(message) for message in messages)
    size += sum(len(json.dumps(tool)) for tool in tools)
    return int(size / BYTES_PER_TOKEN) + _MESSAGE_TOKENS * len(messages)


def fit(
    messages: Sequence[BaseMessage], context: int | None, tools: Sequence[Any] = ()
) -> list[BaseMessage]:
    """The conversation, within `context` tokens together with `tools` and a reply.

    Returns:
        The same messages when they fit.
    """
    if context is None:
        return list(messages)
    room = int(context * (1 - _REPLY_SHARE)) - guess_tokens((), tools)
    if guess_tokens(messages) <= room:
        return list(messages)
    head, turns = _turns(messages)
    head = _thinned(head, int(room * _CASE_SHARE) if turns else room)
    return _latest(head, turns, room - guess_tokens(head))


def _size(message: BaseMessage) -> int:
    size = len(message.text.encode())
    if isinstance(message, AIMessage):
        size += sum(len(json.dumps(c["args"])) + len(c["name"]) for c in message.tool_calls)
    return size


def _turns(
    messages: Sequence[BaseMessage],
) -> tuple[list[BaseMessage], list[list[BaseMessage]]]:
    """The first messages, and the rest by turns, each of which begins with a reply."""
    head: list[BaseMessage] = []
    turns: list[list[BaseMessage]] = []
    for message in messages:
        if isinstance(message, AIMessage):
            turns.append([message])
        elif turns:
            turns[-1].append(message)
        else:
            head.append(message)
    return head, turns


def _latest(
    head: list[BaseMessage], turns: list[list[BaseMessage]], room: int
) -> list[BaseMessage]:
    """The head, and of the turns what fits, the latest first."""
    longest = int(room * _LONGEST * BYTES_PER_TOKEN)
    kept: list[list[BaseMessage]] = []
    for age, turn in enumerate(reversed(turns)):
        whole = [_cut(message, longest) for message in turn]
        for shape in (whole, [_cut(message, _SHORT) for message in turn]):
            if guess_tokens(shape) <= room:
                break
        else:
            if age:  # the last turn is sent whatever it takes: without it there is no question
                break
        kept.append(shape)
        room -= guess_tokens(shape)
    kept.reverse()
    gone = len(turns) - len(kept)
    note = [HumanMessage(_GONE.format(count=gone))] if gone else []
    return [*head, *note, *(message for turn in kept for message in turn)]


def _cut(message: BaseMessage, most: int) -> BaseMessage:
    """A message whose text, or whose calls' texts, are no longer than `most` characters."""
    if isinstance(message, ToolMessage):
        return message.model_copy(update={"content": shortened(message.text, most)})
    if isinstance(message, AIMessage) and message.tool_calls:
        calls = [
            {**call, "args": {k: _short_value(v, most) for k, v in call["args"].items()}}
            for call in message.tool_calls
        ]
        # Providers read the calls from `tool_calls`, or from blocks of the content: one must go.
        return AIMessage(content=shortened(message.text, most), tool_calls=calls, id=message.id)
    return message


def _short_value(value: Any, most: int) -> Any:
    return shortened(value, most) if isinstance(value, str) else value


def shortened(text: str, most: int) -> str:
    """The beginning and the end of a text that is too long, and how much is missing."""
    if len(text) <= most:
        return text
    half = max(most // 2, 1)
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters left out …]\n{text[-half:]}"


def _thinned(head: list[BaseMessage], room: int) -> list[BaseMessage]:
    """The first messages with their JSON blocks made smaller, step by step, until they fit."""
    for thin in _STEPS:
        if guess_tokens(head) <= room:
            return head
        head = [_thin_blocks(message, thin) for message in head]
    over = guess_tokens(head) - room
    if over > 0:
        # Names alone are too much: the longest message is cut in its middle.
        longest = max(range(len(head)), key=lambda number: _size(head[number]))
        keep = max(len(head[longest].text) - int(over * BYTES_PER_TOKEN), 2000)
        cut = type(head[longest])(content=shortened(head[longest].text, keep))
        head = [*head[:longest], cut, *head[longest + 1 :]]
    return head


def _thin_blocks(message: BaseMessage, thin: Callable[[Any], Any]) -> BaseMessage:
    def smaller(match: re.Match[str]) -> str:
        value = thin(json.loads(match["body"]))
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return f"```json {match['name']}\n{body}\n```"

    return type(message)(content=_BLOCK.sub(smaller, message.text))


def _same(value: Any) -> Any:
    """Compact JSON is a step of its own."""
    return value


def _each_column(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """The value with every description of a column changed, wherever it is."""
    if isinstance(value, list):
        return [_each_column(item, change) for item in value]
    if not isinstance(value, dict):
        return value
    if "kind" in value and "distinct" in value and "top" in value:
        return change(value)
    return {name: _each_column(item, change) for name, item in value.items()}


def _few_values(value: Any) -> Any:
    """Of each column, three frequent values, and no fact that is missing or empty."""
    return _each_column(
        value,
        lambda column: {
            name: fact[:3] if name == "top" else fact
            for name, fact in column.items()
            if fact not in (None, "", [])
        },
    )


def _names_and_kinds(value: Any) -> Any:
    """Of each column, its name and kind; `profile_columns` tells the rest."""
    return _each_column(value, lambda c: {name: c[name] for name in ("name", "kind", "missing")})


def _short_texts(value: Any) -> Any:
    """No text longer than 1,500 characters but code, no list of files longer than 30."""
    if isinstance(value, list):
        return [_short_texts(item) for item in value]
    if isinstance(value, dict):
        return {
            name: item
            if name == "read_code"
            else _short_texts(item[:30] if name == "files" and isinstance(item, list) else item)
            for name, item in value.items()
        }
    return shortened(value, 1500) if isinstance(value, str) else value


_STEPS = (_same, _few_values, _short_texts, _names_and_kinds)
