"""What `--model` may say: which model, where it is served, and how it is spoken to.

embedded                                      the built-in backbone
PROVIDER:MODEL                                as LangChain's `init_chat_model` takes it
openai:MODEL@BASE_URL                         any server that speaks OpenAI's protocol
…?option=value&option=value                   after any of the latter two
"""

from __future__ import annotations

import re
from typing import Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, ValidationError

from mle_smith.errors import UsageError
from mle_smith.values import Value

EMBEDDED = "embedded"
_FORM = re.compile(
    r"(?:(?P<provider>[a-z][\w-]*):)?(?P<model>[^?]*?[^?:])(?:@(?P<url>https?://[^?]+))?"
)


class ModelOptions(Value):
    """What may follow the question mark."""

    api: Literal["auto", "chat", "responses"] = "auto"
    """OpenAI's Chat Completions or Responses; `auto` leaves the choice to LangChain."""
    tools: Literal["native", "text"] = "native"
    """`text`: tool calls written into plain text, for servers without tool calling."""
    context: int | None = Field(default=None, ge=2048)
    """Tokens that the model reads at the most."""
    max_tokens: int | None = Field(default=None, ge=64)
    """Tokens of one reply at the most."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    reasoning_effort: str | None = None
    stream: bool = False
    """Ask for replies as streams; some gateways close connections that are silent for long."""
    timeout: float = Field(default=300, gt=0)
    """Seconds without an answer after which a call has failed."""
    key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_]\w*$")
    """Environment variable that holds the key, where it is not the provider's usual one."""


class ModelSpec(Value):
    """A model as `--model` names it."""

    name: str
    """The whole text, as it was given."""
    provider: str = ""
    """Empty: LangChain infers it from the model's name."""
    model: str
    base_url: str = ""
    options: ModelOptions = ModelOptions()

    @classmethod
    def parse(cls, name: str) -> Self:
        """Read a model's name.

        Raises:
            UsageError: it is of no known form, or holds a credential.
        """
        plain, _, given = name.strip().partition("?")
        found = _FORM.fullmatch(plain)
        if not found:
            raise UsageError(
                f"model {name!r}: expected 'embedded', 'PROVIDER:MODEL' or 'openai:MODEL@BASE_URL'",
                code="model.name",
            )
        url = found["url"] or ""
        if url and "@" in urlsplit(url).netloc:
            raise UsageError(
                "a model's address must not hold a user or key: keys come from the environment "
                "(?key_env=VARIABLE names another variable)",
                code="model.name",
            )
        return cls(
            name=name.strip(),
            provider=found["provider"] or "",
            model=found["model"],
            base_url=url,
            options=_options(name, given),
        )

    @property
    def public_name(self) -> str:
        """The model without where it is served and how: what a package may tell of it."""
        return f"{self.provider}:{self.model}" if self.provider else self.model

    @property
    def is_embedded(self) -> bool:
        """Whether this is the built-in backbone."""
        return self.name == EMBEDDED


def _options(name: str, given: str) -> ModelOptions:
    try:
        return ModelOptions.model_validate(dict(parse_qsl(given, strict_parsing=bool(given))))
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(ModelOptions.model_fields)
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"model {name!r}: option {where}: {first['msg']}; options are {known}",
            code="model.name",
        ) from error
    except ValueError as error:
        raise UsageError(
            f"model {name!r}: options are written ?name=value&name=value", code="model.name"
        ) from error
