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

Data may hold such tags themselves, and must not so end a call or make one. All tags that the model
is shown but the protocol's own are marked, `<~call …`, and unmarked in the arguments it writes: a
name that is copied as it is shown arrives as it is. A call begins its line, and after one that
cannot be read nothing more of the reply is done.
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

_CALL = re.compile(r'<call name="(?P<name>[^"]*)">')
_ARG = re.compile(
    r'\s*<arg name="(?P<name>[^"]*)">(?P<value>.*?)</arg>(?=\s*(?:<arg name="|</call>))', re.DOTALL
)
_END = re.compile(r"\s*</call>")
_TAG = re.compile(r"<(~*/?(?:call|arg|result)\b)")
_MARKED = re.compile(r"<~(~*/?(?:call|arg|result)\b)")

_EXPLAINED = """\
You act by calling tools. To call one, write exactly this, and end your message after it:

<call name="TOOL">
<arg name="ARGUMENT">VALUE</arg>
</call>

A value that is text stands as it is, over as many lines as it needs, without quotes or escapes;
other values are JSON. You may write several calls, one after the other. You are then told their
results in <result> blocks. Never write a <result> yourself. Tags that are part of the data are
shown as <~call, <~arg and the like: write them so, too. The tools:
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


def marked(text: str) -> str:
    """The text with its tags marked as none of the protocol's."""
    return _TAG.sub(r"<~\1", text)


def _plain(
    message: BaseMessage, names: dict[str | None, str], schemas: Sequence[dict[str, Any]]
) -> BaseMessage:
    if isinstance(message, SystemMessage) and schemas:
        tools = "\n".join(json.dumps(schema, ensure_ascii=False) for schema in schemas)
        return SystemMessage(f"{message.text}\n\n{_EXPLAINED}\n{tools}")
    if isinstance(message, ToolMessage):
        name = names.get(message.tool_call_id, "")
        return HumanMessage(f'<result name="{name}">\n{marked(message.text)}\n</result>')
    if isinstance(message, AIMessage):
        calls = "\n".join(_written(call) for call in message.tool_calls)
        return AIMessage(f"{marked(message.text)}\n{calls}".strip())
    return type(message)(content=marked(message.text))


def _written(call: ToolCall) -> str:
    args = "\n".join(
        f'<arg name="{name}">{_value(value)}</arg>' for name, value in call["args"].items()
    )
    return f'<call name="{call["name"]}">\n{args}\n</call>'


def _value(value: Any) -> str:
    if not isinstance(value, str):
        return marked(json.dumps(value))
    return "\n" * value.startswith("\n") + marked(value)


def read_calls(reply: AIMessage, schemas: Sequence[dict[str, Any]], *, number: int) -> AIMessage:
    """The reply with the calls that its text holds; `number` makes their ids unique."""
    text = reply.text
    known = {schema["name"]: schema["parameters"].get("properties", {}) for schema in schemas}
    good: list[ToolCall] = []
    bad: list[InvalidToolCall] = []
    spoken, at = "", 0
    while call := _CALL.search(text, at):
        spoken += text[at : call.start()]
        call_id = f"text_{number}_{len(good) + 1}"
        try:
            if text[: call.start()].rpartition("\n")[2].strip():
                raise ValueError("a call begins a line of its own")
            args, at = _args(text, call.end(), known.get(call["name"], {}))
        except ValueError as error:
            bad.append(
                InvalidToolCall(
                    name=call["name"],
                    args=text[call.end() :],
                    id=call_id,
                    error=str(error),
                    type="invalid_tool_call",
                )
            )
            break
        good.append(ToolCall(name=call["name"], args=args, id=call_id, type="tool_call"))
    spoken += "" if bad else text[at:]
    return reply.model_copy(
        update={"content": spoken.strip(), "tool_calls": good, "invalid_tool_calls": bad}
    )


def _args(text: str, at: int, properties: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The arguments of a call that begins before `at`, and where it ends.

    Raises:
        ValueError: it does not end, or an argument cannot be read.
    """
    args = {}
    while found := _ARG.match(text, at):
        at = found.end()
        name, value = found["name"], _MARKED.sub(r"<\1", found["value"])
        if properties.get(name, {}).get("type") == "string":
            args[name] = value.removeprefix("\n")
            continue
        try:
            args[name] = json.loads(value)
        except ValueError as error:
            raise ValueError(f"argument {name} is no JSON: {error}") from error
    end = _END.match(text, at)
    if end is None and "</call>" in text[at:]:
        raise ValueError("between the tags of a call stand its arguments in theirs, nothing else")
    if end is None:
        raise ValueError("its closing tag is missing")
    return args, end.end()
