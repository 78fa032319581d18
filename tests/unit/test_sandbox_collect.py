from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from mle_smith.sandbox.collect import Collected, collect, measure
from mle_smith.sandbox.job import Limits
from tests.support.sandboxes import folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.mkdir()
    return path


def take(source: Path, *patterns: str, **limits: int) -> Collected:
    destination = source.parent / "destination"
    destination.mkdir()
    return collect(source, destination, patterns, Limits(**limits))


def write(source: Path, *names: str) -> None:
    for name in names:
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("*.csv", ["a.csv"]),
        ("**", ["a.csv", "b.txt", "d/a.csv", "d/e/a.csv"]),
        ("**/*.csv", ["a.csv", "d/a.csv", "d/e/a.csv"]),
        ("d/**", ["d/a.csv", "d/e/a.csv"]),
        ("d/**/a.csv", ["d/a.csv", "d/e/a.csv"]),
        ("d/*", ["d/a.csv"]),
        ("?.txt", ["b.txt"]),
        ("a.csv", ["a.csv"]),
        ("A.CSV", []),
        ("[ab].csv", []),
        ("", []),
    ],
)
def test_patterns(source: Path, pattern: str, taken: list[str]) -> None:
    write(source, "a.csv", "b.txt", "d/a.csv", "d/e/a.csv")
    found = take(source, pattern)
    assert list(found.artefacts) == taken
    assert len(found.artefacts) + len(found.rejected) == 4


def test_total_size_is_bounded(source: Path) -> None:
    for name in "abc":
        (source / name).write_bytes(b"x" * (700 * 1024))
    found = take(source, "*", out_mb=1)
    assert (list(found.artefacts), found.overflow) == (["a"], True)
    assert "larger" in found.rejected["b"]


def test_number_of_files_is_bounded(source: Path) -> None:
    write(source, *(f"{number:03}" for number in range(30)))
    found = take(source, "*", out_files=10)
    assert (len(found.artefacts), found.overflow) == (10, True)


@pytest.mark.attack(
    "collection", "sockets, pipes, links and holes that a container could not make", "left behind"
)
def test_only_plain_files_are_taken(source: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    write(source, "plain", "twice")
    (source / "link").symlink_to(secret)
    (source / "folder_link").symlink_to(tmp_path)
    os.link(source / "twice", source / "hard")
    os.mkfifo(source / "pipe")
    with (source / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    with (source / "half").open("wb") as file:
        file.seek(1 << 20)
        file.write(b"x")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(source / "socket"))
        found = take(source, "**")
    assert list(found.artefacts) == ["plain"]
    assert set(found.rejected) == {
        *("twice", "hard", "link", "folder_link", "pipe", "sparse", "half", "socket")
    }
    assert found.rejected["half"] == "a sparse file"


@pytest.mark.parametrize(
    "name", [b"new\nline", b"\x1b[31mred", b"\xff\xfe", b"right\xe2\x80\xaeleft"]
)
def test_strange_names_are_refused(source: Path, name: bytes) -> None:
    (source / os.fsdecode(name)).write_text("x")
    found = take(source, "**")
    assert found.artefacts == {}
    (rejected,) = found.rejected
    assert rejected.isascii()
    assert rejected.isprintable()


def test_depth_is_bounded(source: Path) -> None:
    write(source, "/".join("d" * 16) + "/kept", "/".join("d" * 17) + "/lost")
    found = take(source, "**")
    assert list(found.artefacts) == ["/".join("d" * 16) + "/kept"]
    assert list(found.rejected) == ["/".join("d" * 17)]


def test_measure_counts_what_is_on_disk(source: Path) -> None:
    (source / "d").mkdir()
    (source / "d" / "a").write_bytes(b"x" * 100_000)
    size, files = measure(source)
    assert 100_000 <= size < 150_000
    assert files == 2


@pytest.mark.attack(
    "collection",
    "somebody who is still alive swaps files for links",
    "never follows one: what is taken was the job's own",
)
def test_what_is_swapped_meanwhile_is_never_followed(source: Path, tmp_path: Path) -> None:
    """After a job's end nobody is left to do so; the collector holds even where somebody is."""
    secret = folder(tmp_path, "theirs")
    (secret / "file").write_text("secret")
    write(source, "file", "folder/file")
    (source / "link").symlink_to(secret / "file")
    (source / "other").symlink_to(secret)
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            for one, two in (("file", "link"), ("folder", "other")):
                for here, there in ((one, "between"), (two, one), ("between", two)):
                    (source / here).rename(source / there)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for number in range(200):
            destination = folder(tmp_path, str(number))
            found = collect(source, destination, ("**",), Limits())
            for artefact in found.artefacts.values():
                assert not artefact.path.is_symlink()
                assert artefact.path.read_text() in {"file", "folder/file"}
    finally:
        over.set()
        thread.join()
