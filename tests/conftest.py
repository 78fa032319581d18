"""Sandboxes that tests of every kind share. Each is opened once and must leave nothing behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.job import Sandbox
from mle_smith.sandbox.plan import Level
from mle_smith.sandbox.process import MemoryLimit, ProcessSandbox
from mle_smith.sandbox.scratch import remove_tree
from tests.support.sandboxes import AlwaysWarm

pytest.register_assert_rewrite("tests.support.attacks")


@contextmanager
def scratch_parent() -> Iterator[Path]:
    """A folder that any user can pass through, unlike pytest's; empty when the test is over."""
    parent = Path(tempfile.mkdtemp(prefix="mle-smith-test-"))
    parent.chmod(0o711)
    try:
        yield parent
        assert list(parent.iterdir()) == []
    finally:
        remove_tree(parent)


def _docker_sandbox(warm: int) -> Iterator[DockerSandbox]:
    """Without an engine a skip, and with MLE_REQUIRE_DOCKER=1 a failure."""
    with scratch_parent() as parent:
        try:
            sandbox = DockerSandbox(scratch_parent=parent, warm=warm)
        except SandboxUnavailableError as error:
            if os.environ.get("MLE_REQUIRE_DOCKER") == "1":
                pytest.fail(f"Docker is required here: {error}")
            pytest.skip(str(error))
        yield sandbox
        sandbox.close()


@pytest.fixture(scope="session")
def docker_sandbox() -> Iterator[DockerSandbox]:
    """Containers that are started for their job."""
    yield from _docker_sandbox(warm=0)


@pytest.fixture(scope="session")
def warm_sandbox() -> Iterator[AlwaysWarm]:
    """Containers that were waiting for their job."""
    for sandbox in _docker_sandbox(warm=2):
        yield AlwaysWarm(sandbox)


def _process_sandbox(
    *levels: Level, memory_limit: MemoryLimit = "auto"
) -> Iterator[ProcessSandbox]:
    with scratch_parent() as parent:
        try:
            sandbox = ProcessSandbox(
                levels=levels, memory_limit=memory_limit, scratch_parent=parent
            )
        except SandboxUnavailableError as error:
            pytest.skip(str(error))
        yield sandbox
        sandbox.close()


@pytest.fixture(scope="session")
def process_sandbox() -> Iterator[ProcessSandbox]:
    """Confined processes, at the strongest level that works here."""
    yield from _process_sandbox("namespaces", "landlock")


@pytest.fixture(scope="session")
def namespaces_sandbox() -> Iterator[ProcessSandbox]:
    """Confined processes in namespaces of their own."""
    yield from _process_sandbox("namespaces")


@pytest.fixture(scope="session")
def landlock_sandbox() -> Iterator[ProcessSandbox]:
    """Confined processes among the host's files, held by Landlock and the system-call filter."""
    yield from _process_sandbox("landlock")


@pytest.fixture(scope="session")
def namespaces_measured_sandbox() -> Iterator[ProcessSandbox]:
    """As on a machine where control groups cannot be made."""
    yield from _process_sandbox("namespaces", memory_limit="measured")


@pytest.fixture(scope="session")
def landlock_measured_sandbox() -> Iterator[ProcessSandbox]:
    """As on a machine where neither namespaces nor control groups can be made."""
    yield from _process_sandbox("landlock", memory_limit="measured")


@pytest.fixture(params=["namespaces", "landlock"])
def kernel_sandbox(request: pytest.FixtureRequest) -> Iterator[ProcessSandbox]:
    """Confined processes whose memory the kernel holds, in each level."""
    yield from _process_sandbox(request.param, memory_limit="kernel")


@pytest.fixture(
    params=[
        pytest.param("docker_sandbox", marks=pytest.mark.docker),
        pytest.param("warm_sandbox", marks=pytest.mark.docker),
        "namespaces_sandbox",
        "namespaces_measured_sandbox",
        "landlock_sandbox",
        "landlock_measured_sandbox",
    ]
)
def any_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each kind of sandbox in turn."""
    sandbox: Sandbox = request.getfixturevalue(request.param)
    return sandbox
