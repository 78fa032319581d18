"""The host folder that a job's files are collected into."""

from __future__ import annotations

from pathlib import Path

from mle_smith.errors import UsageError
from mle_smith.sandbox.scratch import remove_tree


def require_empty(out: Path | None) -> None:
    """Refuse a folder for outputs that is missing or holds something. Raises UsageError."""
    if out is not None and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not an existing, empty folder.", code="sandbox.out")


def clear(out: Path) -> None:
    """Empty a folder for outputs before the next attempt."""
    for entry in out.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            remove_tree(entry)
        else:
            entry.unlink()
