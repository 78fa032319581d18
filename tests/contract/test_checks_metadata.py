"""Answers that sizes, times, places, owners, headers and names of files tell are found."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.checked import errors
from tests.support.local import LocalSandbox
from tests.support.tasks import TARGET, Task, make_task


@pytest.mark.parametrize("leak", ["time", "size", "place", "folder", "none"])
def test_metadata_of_files(leak: str, tmp_path: Path) -> None:
    task = make_task("regression")
    subject = task.write(tmp_path / "task", LocalSandbox())
    rows = task.whole.sort_values(TARGET).reset_index(drop=True)
    home = subject.paths.public / "scans"
    home.mkdir()
    generator = np.random.default_rng(0)
    for rank, key in enumerate(rows["id"]):
        shelf = f"shelf {rank // 30 if leak == 'folder' else rank % 5}"
        path = home / shelf / f"{key}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(generator.bytes(100 + 2 * rank if leak == "size" else 100))
        moment = 1e9 + (60 * rank if leak == "time" else 0)
        os.utime(path, (moment, moment))
    if leak == "place":
        with zipfile.ZipFile(subject.paths.public / "media.zip", "w") as archive:
            for key in rows["id"]:
                archive.writestr(zipfile.ZipInfo(f"{key}.bin"), b"x")
    assert errors(subject) == (set() if leak == "none" else {"L05"})


def png(shade: int, moment: datetime) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)
    stamp = struct.pack(">HBBBBB", *moment.timetuple()[:6])
    content = zlib.compress(bytes([0, shade % 256, 0, 0, 0] * 4))
    chunks = ((b"IHDR", head), (b"tIME", stamp), (b"IDAT", content), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks)


def gz(shade: int, moment: datetime) -> bytes:
    return gzip.compress(f"{shade:06}".encode(), mtime=moment.timestamp())


def text(shade: int, moment: datetime) -> bytes:
    """Those written later come from another machine."""
    end = "\r\n" if moment > datetime(2020, 5, 4, 6) else "\n"
    return f"{shade:06}{end}".encode()


def in_some_order(task: Task, told: bool) -> Iterator[tuple[int, int]]:
    """Ids in their order, and a rank of each: that of its answer, or by lot."""
    rows = task.whole.sort_values("id")
    ranks = rows[TARGET].rank(method="first")
    yield from zip(rows["id"], ranks if told else ranks.sample(frac=1, random_state=0), strict=True)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("written", [png, gz, text])
def test_what_files_say_at_their_head(
    written: Callable[[int, datetime], bytes], told: bool, tmp_path: Path
) -> None:
    task = make_task("regression")
    subject = task.write(tmp_path / "task", LocalSandbox())
    home = subject.paths.public / "records"
    home.mkdir()
    for key, rank in in_some_order(task, told):
        path = home / f"{key}.{written.__name__}"
        path.write_bytes(written(key, datetime(2020, 5, 4) + timedelta(minutes=7 * rank)))
        os.utime(path, (1e9, 1e9))
    assert errors(subject) == ({"L05"} if told else set())


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_what_members_of_an_archive_say_at_their_head(
    kind: str, told: bool, tmp_path: Path
) -> None:
    task = make_task("regression")
    subject = task.write(tmp_path / "task", LocalSandbox())
    pictures = {
        f"{key}.png": png(key, datetime(2020, 5, 4) + timedelta(minutes=7 * rank))
        for key, rank in in_some_order(task, told)
    }
    if kind == "zip":
        with zipfile.ZipFile(subject.paths.public / "scans.zip", "w") as archive:
            for name, picture in pictures.items():
                archive.writestr(zipfile.ZipInfo(name), picture)
    else:
        with tarfile.open(subject.paths.public / "scans.tar", "w") as archive:
            for name, picture in pictures.items():
                member = tarfile.TarInfo(name)
                member.size = len(picture)
                archive.addfile(member, io.BytesIO(picture))
    assert errors(subject) == ({"L05"} if told else set())


@pytest.mark.parametrize("told", [True, False])
def test_folders_that_were_filled_with_like_rows(told: bool, tmp_path: Path) -> None:
    """A dozen files each, most of train rows, in folders whose names say nothing."""
    task = make_task("regression")
    subject = task.write(tmp_path / "task", LocalSandbox())
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    rows = rows.sort_values(TARGET) if told else rows.sample(frac=1, random_state=0)
    folders = np.random.default_rng(0).permutation(9_000)[: len(rows) // 12 + 1]
    for place, key in enumerate(rows["id"]):
        path = subject.paths.public / "parts" / f"p{folders[place // 12]}" / f"{key}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(struct.pack("<I", key * 7919 % 100_003))
        os.utime(path, (1e9, 1e9))
    assert errors(subject) == ({"L05"} if told else set())


@pytest.mark.parametrize("told", [True, False])
def test_owners_of_the_members_of_an_archive(told: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    subject = task.write(tmp_path / "task", LocalSandbox())
    with tarfile.open(subject.paths.public / "records.tar", "w") as archive:
        for key, rank in in_some_order(task, told):
            member = tarfile.TarInfo(f"{key}.json")
            member.uid = 1000 + int(rank // 60)
            archive.addfile(member, io.BytesIO())
    assert errors(subject) == ({"L05"} if told else set())


@pytest.mark.parametrize("told", [True, False])
def test_sessions_in_the_names_of_files(told: bool, tmp_path: Path) -> None:
    task = make_task("binary")
    task.weaken()
    generator = np.random.default_rng(2)
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        yes = (whole[TARGET] == "yes").to_numpy() if told else whole["id"] % 2 == 0
        session = generator.integers(0, 25, len(frame)) * 2 + yes
        take = generator.permutation(len(frame)) + (0 if frame is task.train else 5000)
        frame["file"] = [f"s{s:03d}_take{t:04d}.wav" for s, t in zip(session, take, strict=True)]
    assert ("L09" in errors(task.write(tmp_path / "task"))) == told


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("named", ["page_{rank:05d}_{key:06d}.txt", "{key}-{rank}.txt"])
def test_numbers_beside_the_id_in_the_names_of_files(
    named: str, told: bool, tmp_path: Path
) -> None:
    task = make_task("regression")
    for key, rank in in_some_order(task, told):
        task.files[f"records/{named.format(key=key, rank=int(rank))}"] = "a record"
    subject = task.write(tmp_path / "task", LocalSandbox())
    for path in (subject.paths.public / "records").iterdir():
        os.utime(path, (1e9, 1e9))
    assert errors(subject) == ({"L05"} if told else set())
