"""What calls cost: a dated table, which a user's own file overrides.

A price that is not known is None and stays None, through every sum. It is never taken for 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from mle_smith.errors import UsageError
from mle_smith.models.spec import ModelSpec
from mle_smith.values import Value

_MILLION = 1_000_000


class Price(Value):
    """Dollars for a million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)
    """Of prompt tokens that the provider had cached; None: as `input`."""

    def cost(self, usage: Mapping[str, Any]) -> float:
        """Dollars for a call with LangChain's `usage_metadata`; reasoning is part of the output."""
        cached = (usage.get("input_token_details") or {}).get("cache_read") or 0
        fresh = usage["input_tokens"] - cached
        at_cached = self.input if self.cached is None else self.cached
        written: int = usage["output_tokens"]
        dollars: float = fresh * self.input + cached * at_cached + written * self.output
        return dollars / _MILLION


class PriceTable(Value):
    """Prices by model, as `--model` names it without options."""

    as_of: str
    models: dict[str, Price]

    @classmethod
    def load(cls, own: str = "") -> PriceTable:
        """The bundled table, and over it the user's file.

        Raises:
            UsageError: the file cannot be read, or is no table.
        """
        bundled = json.loads(
            resources.files("mle_smith.models").joinpath("prices.json").read_text()
        )
        table = cls(as_of=bundled["as_of"], models=bundled["models"])
        if not own:
            return table
        try:
            given = json.loads(Path(own).read_text())
            mine = cls.model_validate({"as_of": given["as_of"], "models": given["models"]})
        except (OSError, ValueError, KeyError, ValidationError) as error:
            raise UsageError(
                f"price file {own}: {error}; it has the form "
                '{"as_of": "2026-01-31", "models": {"openai:NAME": {"input": 1.0, "output": 4.0}}}',
                code="prices.file",
            ) from error
        return cls(as_of=mine.as_of, models={**table.models, **mine.models})

    def of(self, name: str) -> Price | None:
        """The price of a model; None when it is not known.

        A model on a server of one's own is looked up with its address: `openai:qwen3@http://…`.
        A price for `openai:qwen3` says nothing about what another server takes.
        """
        return self.models.get(ModelSpec.parse(name).name.partition("?")[0])
