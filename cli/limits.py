"""`--limits memory_mb=512,wall_s=10`: the limits of one job, from the command line."""

from __future__ import annotations

from pydantic import ValidationError

from mle_smith.errors import UsageError
from mle_smith.sandbox.job import Limits


def parse_limits(options: list[str]) -> Limits:
    """The limits that the options name, the rest as they are.

    Raises:
        UsageError: a name is none of the limits, or a value is not one that it can have.
    """
    given: dict[str, str] = {}
    for part in (part for option in options for part in option.split(",") if part.strip()):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals:
            raise _wrong(f"{part.strip()!r} is not NAME=NUMBER")
        if name not in Limits.model_fields:
            raise _wrong(f"there is no limit {name!r}")
        given[name] = value
    try:
        return Limits.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise _wrong(f"{first['loc'][0]}={first['input']}: {first['msg']}") from error


def limits_in_words() -> str:
    """Every limit with its default."""
    fields = Limits.model_fields.items()
    return ", ".join(f"{name}={field.default}" for name, field in fields)


def _wrong(what: str) -> UsageError:
    return UsageError(
        f"--limits: {what}. The limits and their defaults: {limits_in_words()}.", code="run.limits"
    )
