"""The embedded backbone: a chat model that needs no key, no network and no weights.

It is a `BaseChatModel` like any other, so the graph has one path. A reply is a pure function of
(role, messages, tools, seed): the role's policy is replayed against the tool answers that the
conversation holds, and its next tool call is the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from mle_smith.models.embedded.brainstormer import brainstormer
from mle_smith.models.embedded.cheat import cheat
from mle_smith.models.embedded.designer import designer
from mle_smith.models.embedded.policy import Brief, Call, PolicyFactory
from mle_smith.models.embedded.refactor import refactor
from mle_smith.models.embedded.reviewer import reviewer
from mle_smith.models.embedded.tester import tester
from mle_smith.models.roles import AgentRole

_POLICIES: dict[AgentRole, PolicyFactory] = {
    AgentRole.BRAINSTORMER: brainstormer,
    AgentRole.DESIGNER: designer,
    AgentRole.REFACTOR: refactor,
    AgentRole.REVIEWER: reviewer,
    AgentRole.TESTER: tester,
    AgentRole.CHEAT: cheat,
}


class EmbeddedChatModel(BaseChatModel):
    """Plays one role by a deterministic policy."""

    role: AgentRole
    seed: int = 0
    tool_names: tuple[str, ...] = ()

    @property
    def _llm_type(self) -> str:
        return "mle-smith-embedded"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """A copy of this model that may call `tools`."""
        names = tuple(convert_to_openai_tool(tool)["function"]["name"] for tool in tools)
        return self.model_copy(update={"tool_names": names})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = self._reply(messages)
        return ChatResult(generations=[ChatGeneration(message=reply)])

    def _reply(self, messages: Sequence[BaseMessage]) -> AIMessage:
        asked = [m.text for m in messages if isinstance(m, (SystemMessage, HumanMessage))]
        answers = [m.text for m in messages if isinstance(m, ToolMessage)]
        brief = Brief("\n\n".join(asked), self.tool_names, self.seed)
        move = replay(_POLICIES[self.role], brief, answers)
        calls = []
        if isinstance(move, Call):
            number = len(answers) + 1
            calls = [{"name": move.name, "args": move.args, "id": f"call_{number}"}]
        return AIMessage(
            content=move if isinstance(move, str) else "",
            tool_calls=calls,
            usage_metadata={"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
            response_metadata={"model_name": "embedded"},
        )


def replay(policy: PolicyFactory, brief: Brief, answers: Sequence[str]) -> Call | str:
    """The next move of a policy after `answers`: a tool call, or its closing message."""
    plan = policy(brief)
    try:
        move = next(plan)
        for answer in answers:
            move = plan.send(answer)
    except StopIteration as stop:
        return str(stop.value)
    return move
