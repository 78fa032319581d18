"""The options of `mle-smith forge` that bound what models may cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from graph.context import ForgeContext

MaxCost = Annotated[
    float | None, typer.Option(min=0, metavar="DOLLARS", help="What the run's models may cost.")
]
MaxTokens = Annotated[int | None, typer.Option(min=0, help="What the run's models may use.")]
MaxMinutes = Annotated[float | None, typer.Option(min=0, help="How long the run may take.")]
MaxTaskCost = Annotated[
    float | None, typer.Option(min=0, metavar="DOLLARS", help="The same for each task.")
]
MaxTaskTokens = Annotated[int | None, typer.Option(min=0, help="The same for each task.")]
MaxTaskMinutes = Annotated[float | None, typer.Option(min=0, help="The same for each task.")]

Given: TypeAlias = tuple[float | None, int | None, float | None]


def caps_given(*, run: Given, task: Given) -> dict[str, dict[str, Any]]:
    """The caps that the call names; those that it does not name are not in it."""
    return {"run": _caps(*run), "task": _caps(*task)}


def with_caps(context: ForgeContext, caps: dict[str, dict[str, Any]]) -> ForgeContext:
    """The settings with these caps, the others as they were."""
    budgets = context.budgets.model_dump()
    merged = {name: {**budgets[name], **given} for name, given in caps.items()}
    return type(context).model_validate({**context.model_dump(), "budgets": {**budgets, **merged}})


def _caps(cost: float | None, tokens: int | None, minutes: float | None) -> dict[str, Any]:
    seconds = None if minutes is None else 60 * minutes
    given = {"cost": cost, "tokens": tokens, "seconds": seconds}
    return {name: value for name, value in given.items() if value is not None}
