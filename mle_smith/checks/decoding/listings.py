"""What an archive says of its members, without unpacking them."""

from __future__ import annotations

import tarfile
import zipfile
from datetime import datetime
from pathlib import Path

import pandas as pd

_MAX_MEMBERS = 200_000
"""Of a longer listing the start is given."""
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")


def listing(path: Path) -> pd.DataFrame | None:
    """One row for each file in the archive: `path`, and numbers; None for what is no archive.

    Numbers are `size` and `packed size` in bytes, `time` in seconds (since any moment, the same for
    all), `place`, counted from 0, `owner` and `mode`, or what a zip file has in their stead.
    """
    try:
        if zipfile.is_zipfile(path):
            return _zip(path)
        with path.open("rb") as file:
            head = file.read(512)
        # What does not begin like one may take long to be found out (a file of zeros, say).
        if head[257:262] == b"ustar" or head.startswith(_COMPRESSED):
            return _tar(path)
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, ValueError):
        return None
    return None


def _zip(path: Path) -> pd.DataFrame:
    with zipfile.ZipFile(path) as archive:
        files = [entry for entry in archive.infolist() if not entry.is_dir()][:_MAX_MEMBERS]
        return pd.DataFrame(
            {
                "path": [entry.filename for entry in files],
                "size": [entry.file_size for entry in files],
                "packed size": [entry.compress_size for entry in files],
                "time": [_moment(entry.date_time) for entry in files],
                "place": range(len(files)),
                "owner": [256 * entry.create_system + entry.create_version for entry in files],
                "mode": [entry.external_attr for entry in files],
            }
        )


def _tar(path: Path) -> pd.DataFrame:
    rows = []
    owners: dict[tuple[object, ...], int] = {}
    with tarfile.open(path) as archive:
        for place, member in enumerate(archive):
            if place >= _MAX_MEMBERS:
                break
            if member.isfile():
                by = (member.uid, member.gid, member.uname, member.gname)
                owner = owners.setdefault(by, len(owners))
                rows.append((member.name, member.size, member.mtime, place, owner, member.mode))
    return pd.DataFrame(rows, columns=["path", "size", "time", "place", "owner", "mode"])


def _moment(stamp: tuple[int, int, int, int, int, int]) -> float:
    try:
        return (datetime(*stamp) - datetime(1980, 1, 1)).total_seconds()
    except ValueError:
        return float("nan")
