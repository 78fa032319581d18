"""What `--model` says of which role is played by which model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mle_smith.errors import UsageError
from mle_smith.models.roles import AgentRole


def models_given(values: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The model of all roles, and those of single roles.

    Args:
        values: each a model's name, or `ROLE=NAME`, or several of these with commas between.

    Raises:
        UsageError: a role is none.
    """
    common, by_role = "embedded", {}
    for value in (part for text in values for part in re.split(r",(?=[a-z]+=)", text)):
        role, equals, name = value.partition("=")
        if not equals:
            common = value
        elif role in list(AgentRole):
            by_role[role] = name
        else:
            roles = ", ".join(AgentRole)
            raise UsageError(
                f"--model {value}: {role!r} is no role; there are {roles}", code="model.role"
            )
    return common, by_role
