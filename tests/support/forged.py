"""What a whole run on the bundled data leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

PENGUINS = str(Path(__file__).resolve().parents[2] / "examples" / "penguins" / "raw")


class Forged(NamedTuple):
    """A finished run of two tasks on the embedded backbone. Nobody may change it."""

    run: Path
    summary: dict[str, Any]
    recording: Path
