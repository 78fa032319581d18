"""From a model's name to a chat model: the embedded backbone, or any provider's.

Retries are not the provider's business but that of `faults`, where they are counted and bounded.
"""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mle_smith.errors import ModelError, UsageError
from mle_smith.models.roles import AgentRole
from mle_smith.models.spec import EMBEDDED, ModelSpec

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
"""Where the most used providers look for their key."""
_SERVER_CONTEXT = 32_768
_PROVIDER_CONTEXT = 128_000
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

__all__ = ["EMBEDDED", "KEYS", "context_of", "load_model", "provider_available"]


def load_model(name: str, role: AgentRole, *, seed: int = 0, asked: bool = True) -> BaseChatModel:
    """The chat model that plays `role`.

    Args:
        name: as `ModelSpec` describes.
        role: which policy the embedded backbone follows; other models learn it from the prompt.
        seed: passed to the embedded backbone.
        asked: False when the model is never asked, since a recording is played: no key is needed.

    Raises:
        UsageError: the name is of no known form, or LangChain knows no such provider.
        ModelError: the provider's package or key is missing.
    """
    spec = ModelSpec.parse(name)
    if spec.is_embedded:
        from mle_smith.models.embedded.model import EmbeddedChatModel

        return EmbeddedChatModel(role=role, seed=seed)
    chat = _load_provider(spec, asked)
    if spec.options.tools == "text":
        from mle_smith.models.text_tools import TextToolsChatModel

        return TextToolsChatModel(inner=chat)
    return chat


def context_of(name: str, chat: BaseChatModel) -> int | None:
    """Tokens that a model reads at the most; None where there is no limit.

    What `?context=` says; what LangChain knows of the model; else a cautious guess: servers of
    one's own are often set up with small contexts.
    """
    spec = ModelSpec.parse(name)
    if spec.is_embedded:
        return None
    known = (getattr(chat, "profile", None) or {}).get("max_input_tokens")
    guess = _SERVER_CONTEXT if spec.base_url else _PROVIDER_CONTEXT
    return spec.options.context or known or guess


def _load_provider(spec: ModelSpec, asked: bool) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    try:
        chat: BaseChatModel = init_chat_model(
            spec.model, model_provider=spec.provider or None, **_arguments(spec, asked)
        )
    except ImportError as error:
        raise ModelError(f"model {spec.name}: {error}", code="model.package") from error
    except Exception as error:
        if "infer model provider" in str(error) or "Unsupported provider" in str(error):
            raise UsageError(
                f"model {spec.name!r}: LangChain knows no such provider; expected 'embedded', "
                "'PROVIDER:MODEL' or 'openai:MODEL@BASE_URL'",
                code="model.name",
            ) from error
        if not _is_about_a_key(error):
            raise
        # Nothing of the provider's own words is passed on: they may quote a key.
        key = spec.options.key_env or KEYS.get(spec.provider or "openai", "the provider's key")
        raise ModelError(
            f"model {spec.name}: no key: set {key} in the environment", code="model.key"
        ) from None
    return chat


def _arguments(spec: ModelSpec, asked: bool) -> dict[str, Any]:
    options = spec.options
    # LangGraph turns calls into streams when somebody watches. LangChain takes the arguments of a
    # call in a stream for whole even when they broke off, so streams are ours to read (`stream`).
    streaming = {"streaming": True} if options.stream else {"disable_streaming": True}
    given: dict[str, Any] = {"max_retries": 0, "timeout": options.timeout, **streaming}
    for name in ("temperature", "max_tokens", "reasoning_effort"):
        if getattr(options, name) is not None:
            given[name] = getattr(options, name)
    if spec.base_url:
        given["base_url"] = spec.base_url
    if spec.provider == "openai" or spec.base_url:
        given["stream_usage"] = True
        if options.api != "auto":
            given["use_responses_api"] = options.api == "responses"
    key = _key(spec) if asked else "none"
    if key is not None:
        given["api_key"] = key
    return given


def _key(spec: ModelSpec) -> str | None:
    """The key to pass on; None leaves it to the provider's class."""
    if spec.options.key_env:
        key = os.environ.get(spec.options.key_env)
        if not key:
            raise ModelError(
                f"model {spec.name}: no key: set {spec.options.key_env} in the environment",
                code="model.key",
            )
        return key
    # A server on this machine asks for no key, but the client insists on sending one; the user's
    # real key is not for it.
    if spec.base_url and urlsplit(spec.base_url).hostname in _LOOPBACK:
        return "none"
    return None


def _is_about_a_key(error: Exception) -> bool:
    words = str(error).casefold()
    return any(word in words for word in ("api_key", "api key", "credential"))


def provider_available(provider: str) -> bool:
    """Whether the LangChain package of a provider is installed."""
    return importlib.util.find_spec(f"langchain_{provider}") is not None
