"""Describe the raw data: files, tables, columns, relations, documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime

from mle_smith.data import profile as profiling
from mle_smith.errors import RefusedError
from mle_smith.package.layout import RunPaths
from mle_smith.settings import Settings
from mle_smith.task import Dataset


def profile(state: Dataset, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Write the data set's profile beside the run; refuse data that carry no task."""
    settings = runtime.context or Settings()
    try:
        found = profiling.profile(
            Path(state.raw), state.name, state.raw_sha256, memory_mb=settings.memory_mb
        )
    except RefusedError as refusal:
        return {"refusal": {"code": refusal.code, "message": str(refusal)}}
    path = RunPaths(Path(state.run)).work / "profile.json"
    path.write_text(found.model_dump_json(indent=1))
    return {"profile_path": str(path)}
