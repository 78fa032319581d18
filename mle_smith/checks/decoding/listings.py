"""What an archive says of its members, without unpacking them."""

from __future__ import annotations

import tarfile
import zipfile
from datetime import datetime
from pathlib import Path

import pandas as pd

from mle_smith.checks.decoding.headers import MAX_FILES, READ, ranks

_MAX_MEMBERS = 200_000
"""Of a longer listing the start is given."""
_FEWEST_HEADERS = 20
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")


def listing(path: Path) -> pd.DataFrame | None:
    """One row for each file in the archive: `path`, and numbers; None for what is no archive.

    Numbers are `size` and `packed size` in bytes, `time` in seconds (since any moment, the same for
    all), `place`, counted from 0, `owner` and `mode`, or what a zip file has in their stead, and
    the ranks of what stands in the headers of pictures and the like (`headers.ranks`).
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
        heads: dict[str, bytes] = {}
        for entry in files[:MAX_FILES]:
            with archive.open(entry) as member:
                heads[entry.filename] = member.read(READ)
        about = pd.DataFrame(
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
    return _with_headers(about, heads)


def _tar(path: Path) -> pd.DataFrame:
    rows = []
    owners: dict[tuple[object, ...], int] = {}
    heads: dict[str, bytes] = {}
    with tarfile.open(path) as archive:
        for place, member in enumerate(archive):
            if place >= _MAX_MEMBERS:
                break
            if member.isfile():
                by = (member.uid, member.gid, member.uname, member.gname)
                owner = owners.setdefault(by, len(owners))
                rows.append((member.name, member.size, member.mtime, place, owner, member.mode))
                opened = archive.extractfile(member) if len(heads) < MAX_FILES else None
                if opened is not None:
                    heads[member.name] = opened.read(READ)
    columns = ["path", "size", "time", "place", "owner", "mode"]
    return _with_headers(pd.DataFrame(rows, columns=columns), heads)


def _with_headers(about: pd.DataFrame, heads: dict[str, bytes]) -> pd.DataFrame:
    ranked = ranks(heads, _FEWEST_HEADERS)
    return about.assign(**{name: about["path"].map(of).fillna(-1) for name, of in ranked.items()})


def _moment(stamp: tuple[int, int, int, int, int, int]) -> float:
    try:
        return (datetime(*stamp) - datetime(1980, 1, 1)).total_seconds()
    except ValueError:
        return float("nan")
