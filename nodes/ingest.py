"""Make the sources one read-only folder of raw data, and a folder for the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime

from mle_smith.data.source import stage
from mle_smith.errors import RefusedError
from mle_smith.package.layout import RunPaths, fresh_run_folder
from mle_smith.settings import Settings
from mle_smith.task import Dataset


def ingest(state: Dataset, runtime: Runtime[Settings]) -> dict[str, Any]:
    """Stage the sources; a data set that is nothing to make a task of is refused.

    Raises:
        SourceError: a source is missing, unreadable, damaged or unsafe.
    """
    settings = runtime.context or Settings()
    run = RunPaths(
        Path(settings.out).resolve() if settings.out else fresh_run_folder(state.sources)
    )
    run.work.mkdir(parents=True, exist_ok=True)
    try:
        staged = stage(state.sources, run.work / "raw")
    except RefusedError as refusal:
        return {"run": str(run.root), "refusal": _refusal(refusal)}
    return {
        "run": str(run.root),
        "raw": str(staged.raw),
        "name": staged.name,
        "raw_sha256": staged.sha256,
    }


def _refusal(error: RefusedError) -> dict[str, str]:
    return {"code": error.code, "message": str(error)}
