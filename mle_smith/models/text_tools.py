"""Tool calls in plain text, for servers that cannot call tools.

The model is told of its tools in the system message, and calls one by writing

    <call name="write_file">
    <arg name="path">draft/metric.py</arg>
    <arg name="text">
    import numpy as np
    …
    </arg>
    </call>

Text arguments stand as they are, with no quoting and no escapes, since small models get long
programs in JSON strings wrong; others are JSON. Results come back as `<result name="…">` in a
user message. The protocol is one way of speaking: everything above sees ordinary tool calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

_CALL = re.compile(r'<call name="(?P<name>[^"]*)">(?P<body>.*?)</call>', re.DOTALL)
_OPEN = re.compile(r'<call name="(?P<name>[^"]*)">(?P<body>.*)\Z', re.DOTALL)
_ARG = re.compile(r'<arg name="(?P<name>[^"]*)">(?P<value>.*?)</arg>', re.DOTALL)

_EXPLAINED = """\
You act by calling tools. To call one, write exactly this, and end your message after it:

<call name="TOOL">
<arg name="ARGUMENT">VALUE</arg>
</call>

A value that is text stands as it is, over as many lines as it needs, without quotes or escapes;
other values are JSON. You may write several calls, one after the other. You are then told their
results in <result> blocks. Never write a <result> yourself. The tools:
"""


class TextToolsChatModel(BaseChatModel):
    """A chat model that speaks of tools in text alone."""

    inner: BaseChatModel
    schemas: tuple[dict[str, Any], ...] = ()
    """Of the bound tools, in OpenAI's form."""

    @property
    def _llm_type(self) -> str:
        return f"text-tools-{self.inner._llm_type}"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """A copy of this model that may call `tools`."""
        schemas = tuple(convert_to_openai_tool(tool)["function"] for tool in tools)
        return self.model_copy(update={"schemas": schemas})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = self.inner.invoke(in_text(messages, self.schemas), stop=stop)
        called = read_calls(reply, self.schemas, number=len(messages))
        return ChatResult(generations=[ChatGeneration(message=called)])


def in_text(
    messages: Sequence[BaseMessage], schemas: Sequence[dict[str, Any]]
) -> list[BaseMessage]:
    """The conversation without tool messages; messages of the same speaker become one."""
    names = {
        call["id"]: call["name"]
        for message in messages
        if isinstance(message, AIMessage)
        for call in message.tool_calls
    }
    said: list[BaseMessage] = []
    for message in messages:
        plain = _plain(message, names, schemas)
        if said and type(said[-1]) is type(plain):
            plain = type(plain)(content=f"{said[-1].text}\n\n{plain.text}")
            said.pop()
        said.append(plain)
    return said


def _plain(
    message: BaseMessage, names: dict[str | None, str], schemas: Sequence[dict[str, Any]]
) -> BaseMessage:
    if isinstance(message, SystemMessage) and schemas:
        tools = "\n".join(json.dumps(schema, ensure_ascii=False) for schema in schemas)
        return SystemMessage(f"{message.text}\n\n{_EXPLAINED}\n{tools}")
    if isinstance(message, ToolMessage):
        name = names.get(message.tool_call_id, "")
        return HumanMessage(f'<result name="{name}">\n{message.text}\n</result>')
    if isinstance(message, AIMessage):
        calls = "\n".join(_written(call) for call in message.tool_calls)
        return AIMessage(f"{message.text}\n{calls}".strip())
    return message


def _written(call: ToolCall) -> str:
    args = "\n".join(
        f'<arg name="{name}">{value if isinstance(value, str) else json.dumps(value)}</arg>'
        for name, value in call["args"].items()
    )
    return f'<call name="{call["name"]}">\n{args}\n</call>'


def read_calls(reply: AIMessage, schemas: Sequence[dict[str, Any]], *, number: int) -> AIMessage:
    """The reply with the calls that its text holds; `number` makes their ids unique."""
    text = reply.text
    known = {schema["name"]: schema["parameters"].get("properties", {}) for schema in schemas}
    good: list[ToolCall] = []
    bad: list[InvalidToolCall] = []
    found = list(_CALL.finditer(text))
    rest = text[found[-1].end() :] if found else text
    for count, match in enumerate(found, 1):
        call_id = f"text_{number}_{count}"
        try:
            args = _args(match["body"], known.get(match["name"], {}))
            good.append(ToolCall(name=match["name"], args=args, id=call_id, type="tool_call"))
        except ValueError as error:
            bad.append(_unread(match, call_id, str(error)))
    cut_off = _OPEN.search(rest)
    if cut_off:
        bad.append(_unread(cut_off, f"text_{number}_{len(found) + 1}", "no </call> at its end"))
    spoken = _OPEN.sub("", _CALL.sub("", text)).strip()
    return reply.model_copy(
        update={"content": spoken, "tool_calls": good, "invalid_tool_calls": bad}
    )


def _args(body: str, properties: dict[str, Any]) -> dict[str, Any]:
    args = {}
    for match in _ARG.finditer(body):
        name, value = match["name"], match["value"]
        if properties.get(name, {}).get("type") == "string":
            args[name] = value.removeprefix("\n").removesuffix("\n") + ("\n" * value.endswith("\n"))
            continue
        try:
            args[name] = json.loads(value)
        except ValueError as error:
            raise ValueError(f"argument {name} is no JSON: {error}") from error
    if not args and body.strip():
        raise ValueError('arguments are written <arg name="…">…</arg>')
    return args


def _unread(match: re.Match[str], call_id: str, error: str) -> InvalidToolCall:
    return InvalidToolCall(
        name=match["name"], args=match["body"], id=call_id, error=error, type="invalid_tool_call"
    )
