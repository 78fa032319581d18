from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.local import LocalSandbox
from tests.support.packages import KINDS, Example, Kind, write_package


@pytest.fixture
def example(tmp_path: Path) -> Callable[[Kind], Example]:
    """Writes a small, sound, sealed package, anew for each test."""

    def write(kind: Kind) -> Example:
        return write_package(tmp_path / kind, kind)

    return write


@pytest.fixture(params=KINDS)
def example_package(request: pytest.FixtureRequest, tmp_path: Path) -> Example:
    """Each kind of small, sound, sealed package in turn."""
    return write_package(tmp_path / "example", request.param)


@pytest.fixture
def local_sandbox() -> LocalSandbox:
    """Runs jobs without isolation: for tests of the programs, not of sandboxes."""
    return LocalSandbox()
