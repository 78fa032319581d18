from __future__ import annotations

from pathlib import Path

from mle_smith.metrics.document import markdown


def test_the_page_is_what_the_registry_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert page.read_text(encoding="utf-8") == markdown(), (
        "run: python -m mle_smith.metrics.document > docs/metrics.md"
    )
