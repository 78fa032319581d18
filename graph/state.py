"""The states: the records of `mle_smith.task`, plus what only the graph needs.

A parent graph and its subgraphs share channels by name. The two records therefore have no field
in common, and `outcomes`, the one channel that tasks write into the forge's state, is never
passed down to them.
"""

from __future__ import annotations

from operator import add
from typing import Annotated

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from pydantic import BaseModel, Field

from mle_smith.task import Conversation, Dataset, Outcome, Task


class ForgeInput(BaseModel):
    """What a run of the forge is given."""

    sources: list[str] = Field(
        description="Files, folders or archives of ONE data set, as paths on this machine.",
        min_length=1,
    )


class ForgeState(Dataset):
    """A data set on its way to tasks."""

    outcomes: Annotated[list[Outcome], add] = Field(default_factory=list)
    """How each task ended, in the order in which they ended."""


class TaskState(Task):
    """The one shared state of a task."""

    outcomes: Annotated[list[Outcome], add] = Field(default_factory=list)


class BrainstormState(Dataset, Conversation):
    """The Brainstormer at work."""

    messages: Annotated[list[AnyMessage], add_messages] = Field(default_factory=list)


class AgentState(Task, Conversation):
    """The Designer, the Refactor, the test agent or the cheat at work."""

    messages: Annotated[list[AnyMessage], add_messages] = Field(default_factory=list)
