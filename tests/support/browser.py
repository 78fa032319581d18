"""Pages in a real browser: how large they come out, and what they look like.

    python -m tests.support.browser PAGE.html OUT.png [WIDTH]

takes a picture of the whole page at that width.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
)
_RULER = """<body style="margin:0"><iframe id="page" src="{page}" style="border:0;width:{width}px;
height:900px"></iframe><script>
onload = () => {{
  const root = document.getElementById("page").contentDocument.documentElement;
  const size = {{"width": root.scrollWidth, "height": root.scrollHeight}};
  document.body.textContent = "MEASURED" + JSON.stringify(size);
}};
</script>"""


class Size(NamedTuple):
    """Of a page's content, in pixels."""

    width: int
    height: int


def browser() -> str | None:
    """The program, where there is one."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def measure(page: Path, width: int) -> Size:
    """How large the page is on a screen of that width; wider than it means that it overflows."""
    with tempfile.TemporaryDirectory() as folder:
        ruler = Path(folder, "ruler.html")
        ruler.write_text(_RULER.format(page=page.resolve().as_uri(), width=width))
        dom = _run(Path(folder), "--dump-dom", f"--window-size={width},900", ruler.as_uri())
    found = re.search(r"MEASURED(\{[^}]*\})", dom)
    assert found, dom[:500]
    size = json.loads(found.group(1))
    return Size(size["width"], size["height"])


def picture(page: Path, width: int, to: Path) -> None:
    """A picture of the whole page."""
    # Headless windows have a least width; a frame of the width that is wanted has none.
    height = measure(page, width).height
    with tempfile.TemporaryDirectory() as folder:
        frame = Path(folder, "frame.html")
        frame.write_text(
            f'<body style="margin:0"><iframe src="{page.resolve().as_uri()}" '
            f'style="border:0;display:block;width:{width}px;height:{height}px"></iframe>'
        )
        size = f"--window-size={width},{height}"
        _run(Path(folder), f"--screenshot={to.resolve()}", size, frame.as_uri())


def _run(folder: Path, *arguments: str) -> str:
    program = browser()
    assert program is not None
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [program, *_FLAGS, profile, *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    return done.stdout


if __name__ == "__main__":
    picture(Path(sys.argv[1]), int((sys.argv[3:] or ["1280"])[0]), Path(sys.argv[2]))
