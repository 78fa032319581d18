"""Finds paths of this machine in the files of a package, which is to travel without them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

_CHUNK = 8 * 1024 * 1024
_LONGEST = 4096


def machine_paths(package: Path) -> tuple[Path, ...]:
    """Folders of this machine that code or text may have picked up while the package was made."""
    folders = {Path.home(), Path.cwd(), package.resolve().parent, Path(sys.prefix)}
    return tuple(sorted(folder for folder in folders if folder != Path(folder.anchor)))


def paths_found(file: Path, folders: Iterable[Path], *, authored: bool) -> list[str]:
    """Which of the folders a text file names.

    Args:
        file: the file; binary ones name nothing.
        folders: absolute paths.
        authored: whether the file was written for the package. In data from outside, short paths
            such as `/root` may stand with every right, so that only deeper ones count.
    """
    patterns = {
        str(folder): _pattern(folder) for folder in folders if authored or len(folder.parts) > 2
    }
    found: set[str] = set()
    with file.open("rb") as stream:
        rest = b""
        while chunk := stream.read(_CHUNK):
            if b"\0" in chunk[:_LONGEST]:
                break
            found |= {name for name, regex in patterns.items() if regex.search(rest + chunk)}
            rest = chunk[-_LONGEST:]
    return sorted(found)


def _pattern(folder: Path) -> re.Pattern[bytes]:
    """The folder as a whole: not the middle of a longer path, not the start of a longer name."""
    name = re.escape(str(folder).encode())
    end = rb"(?![\w-])" if len(folder.parts) > 2 else rb"/"
    return re.compile(rb"(?<![\w.~-])" + name + end)
