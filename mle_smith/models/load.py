"""From a model's name to a chat model: the embedded backbone, or any provider's."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from mle_smith.errors import ModelError, UsageError
from mle_smith.models.roles import AgentRole

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

EMBEDDED = "embedded"


def load_model(name: str, role: AgentRole, *, seed: int = 0) -> BaseChatModel:
    """The chat model that plays `role`.

    Args:
        name: `embedded`; `PROVIDER:MODEL` as LangChain's `init_chat_model` takes it; or
            `openai:MODEL@BASE_URL` for a server that speaks OpenAI's protocol.
        role: which policy the embedded backbone follows; other models learn it from the prompt.
        seed: passed to the embedded backbone.

    Raises:
        UsageError: the name is not of these forms.
        ModelError: the provider's package or key is missing.
    """
    if name == EMBEDDED:
        from mle_smith.models.embedded.model import EmbeddedChatModel

        return EmbeddedChatModel(role=role, seed=seed)
    provider, colon, model = name.partition(":")
    if not (colon and provider and model):
        raise UsageError(
            f"model {name!r}: expected 'embedded', 'PROVIDER:MODEL' or 'openai:MODEL@BASE_URL'",
            code="model.name",
        )
    model, _, base_url = model.partition("@")
    return _load_provider(provider, model, base_url)


def _load_provider(provider: str, model: str, base_url: str) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    options: dict[str, Any] = {"base_url": base_url} if base_url else {}
    try:
        chat: BaseChatModel = init_chat_model(model, model_provider=provider, **options)
    except ImportError as error:
        raise ModelError(f"model {provider}:{model}: {error}", code="model.package") from error
    except ValueError as error:
        # Provider classes report a missing key as a validation error, which is a ValueError.
        hint = f"set the key of {provider} in the environment (OPENAI_API_KEY for openai)"
        raise ModelError(f"model {provider}:{model}: {hint}", code="model.key") from error
    return chat


def provider_available(provider: str) -> bool:
    """Whether the LangChain package of a provider is installed."""
    return importlib.util.find_spec(f"langchain_{provider}") is not None
