"""Drawings, prompts and generated pages are as they were reviewed.

`make golden` writes them anew.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from tests.golden.regenerate import ROOT, goldens


def test_goldens_are_up_to_date(tmp_path: Path) -> None:
    stale = []
    for path, text in goldens(tmp_path).items():
        old = path.read_text() if path.exists() else ""
        if old != text:
            diff = difflib.unified_diff(old.splitlines(), text.splitlines(), lineterm="", n=1)
            stale.append(f"{path.relative_to(ROOT)}:\n" + "\n".join(list(diff)[:20]))
    assert not stale, "run `make golden` and review the diff:\n" + "\n".join(stale)
