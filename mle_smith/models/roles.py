"""The roles that a model can play in the graph."""

from __future__ import annotations

from enum import StrEnum


class AgentRole(StrEnum):
    """One name for each agent of the workflow; `--model ROLE=NAME` uses them."""

    BRAINSTORMER = "brainstormer"
    DESIGNER = "designer"
    REFACTOR = "refactor"
    REVIEWER = "reviewer"
    TESTER = "tester"
    CHEAT = "cheat"
