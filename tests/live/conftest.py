"""One whole run on the bundled data, which several files of tests look at."""

from __future__ import annotations

import fcntl
import json
import os

import pytest

from graph import run as runs
from graph.context import ForgeContext
from tests.support.forged import PENGUINS, Forged


@pytest.fixture(scope="session")
def forged(tmp_path_factory: pytest.TempPathFactory) -> Forged:
    """It takes the better part of a minute, so the workers of a test run share one."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    run, recording = root / "forged", root / "forged.jsonl"
    with (root / "forged.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (run / "run.json").exists():
            context = ForgeContext(out=str(run), max_formulations=2, record=str(recording))
            runs.start([PENGUINS], context)
    return Forged(run, json.loads((run / "run.json").read_text()), recording)
