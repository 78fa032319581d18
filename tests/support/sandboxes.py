"""Running small programs in any sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mle_smith.sandbox.job import Job, Limits, Result, Role, Sandbox

SMALL = Limits(wall_s=20, memory_mb=256, tmp_mb=16, out_mb=16)


def run(sandbox: Sandbox, code: str, out: Path | None = None, **settings: Any) -> Result:
    settings.setdefault("role", Role.SOLVE)
    settings.setdefault("limits", SMALL)
    return sandbox.run(Job(code=code, **settings), out)


def folder(parent: Path, name: str) -> Path:
    path = parent / name
    path.mkdir()
    return path
