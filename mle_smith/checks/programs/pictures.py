"""What pictures look like: runs in the sandbox, on files that nobody vouches for.

Reads `paths.json` (names below `public/`) and writes `thumbnails.bin`: for each file SIDE × SIDE
shades of grey as float32, rows from above, of mean 0 and length 1; NaN where it is no picture, or
all of one shade.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image  # type: ignore[import-not-found]  # is in the sandbox only

SIDE = 16
FLAT = 1e-3
"""Shades (of 0 to 1) by which a picture must vary to look like anything."""


def thumbnail(path: Path) -> NDArray[np.float32]:
    """One picture, made small and grey."""
    nothing = np.full(SIDE * SIDE, np.nan, dtype=np.float32)
    try:
        with Image.open(path) as picture:
            picture.draft("L", (4 * SIDE, 4 * SIDE))
            grey = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    except Exception:  # noqa: BLE001 - Pillow's readers raise anything on what is no picture
        return nothing
    shades = np.asarray(grey, dtype=np.float64).ravel() / 255
    shades -= shades.mean()
    length = float(np.sqrt((shades**2).sum()))
    return nothing if length < FLAT * SIDE else (shades / length).astype(np.float32)


def main() -> None:
    """Make all that are asked for."""
    home = Path(os.environ["MLE_IN"])
    names = json.loads((home / "asked" / "paths.json").read_text("utf-8"))
    with (Path(os.environ["MLE_OUT"]) / "thumbnails.bin").open("wb") as file:
        for name in names:
            file.write(thumbnail(home / "public" / name).tobytes())


if __name__ == "__main__":
    main()
