"""Notes at each test that carries the mark `attack` which case it is of, and in which sandbox.

A plugin of pytest, loaded by name so that the workers have it too.
"""

from __future__ import annotations

import pytest

from tests.support.attack_table.gather import HOST


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Attach its cases, and their places in the table, to everything reported about a test."""
    for place, item in enumerate(items):
        for mark in item.iter_markers("attack"):
            item.user_properties.append(("attack", [place, *mark.args, _column(item)]))


def _column(item: pytest.Item) -> str:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    for name in ("any_sandbox", "level"):
        if name in parameters:
            return str(parameters[name]).removesuffix("_sandbox").replace("_", ", ")
    return "docker" if item.get_closest_marker("docker") else HOST
