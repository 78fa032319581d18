from __future__ import annotations

import gzip
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mle_smith.sandbox import untrusted
from mle_smith.sandbox.untrusted import UntrustedError, parse_json, read_csv, read_head, read_text

Make = Callable[[Path], None]


def gz_bomb(path: Path) -> None:
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 50_000_000, compresslevel=1, mtime=0))


def many_columns(path: Path) -> None:
    names = ",".join(f"c{number}" for number in range(10**6))
    path.write_text(f"{names}\n{'1,' * (10**6 - 1)}1\n")


def many_short_columns(path: Path) -> None:
    path.write_text("a" + ",a" * 299_999 + "\n")


def many_columns_on_short_lines(path: Path) -> None:
    path.write_text(",".join('"\n"' for _ in range(300_000)) + "\n")


def endless_line(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"a,b\n")
        for _ in range(210):
            file.write(b"x" * 2**20)


def endless_quote(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b'"')
        for _ in range(100):
            file.write(b"x\n" * 2**19)


def many_cells(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"a,b\n")
        for _ in range(120):
            file.write((b"," * 1023 + b"\n") * 1024)


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"a": [1, 2]}))


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def ragged(path: Path) -> None:
    path.write_text('a,b\n1,2\n"open,3\n')


def latin(path: Path) -> None:
    path.write_bytes("a,b\né,1\n".encode("latin-1"))


HOSTILE: list[tuple[Make, str]] = [
    (gz_bomb, "cannot be read as CSV|is binary"),
    (many_columns, "line longer"),
    (many_short_columns, "has 300000 columns"),
    (many_columns_on_short_lines, "columns"),
    (endless_line, "line longer"),
    (endless_quote, "header longer"),
    (many_cells, "more than 100000000 cells"),
    (pickled, "is binary|cannot be read"),
    (nothing, "cannot be read as CSV"),
    (ragged, "cannot be read as CSV"),
    (latin, "cannot be read as CSV"),
]


@pytest.mark.parametrize(("make", "why"), HOSTILE)
def test_hostile_tables_are_refused_at_little_cost(tmp_path: Path, make: Make, why: str) -> None:
    path = tmp_path / "table.csv"
    make(path)
    with pytest.raises(UntrustedError, match=why):
        read_csv(path)
    assert peak_of(path) < 64, "MiB beyond what importing takes"


MEASURE = """
import resource, sys
from pathlib import Path
from mle_smith.sandbox.untrusted import UntrustedError, read_csv
Path(sys.argv[2]).write_text("a,b\\n1,2\\n")
read_csv(Path(sys.argv[2]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_csv(Path(sys.argv[1]))
except UntrustedError:
    pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def peak_of(path: Path) -> int:
    """MiB that a new process takes more while it reads `path`."""
    command = [sys.executable, "-c", MEASURE, str(path), str(path.with_suffix(".small"))]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def test_sound_tables_are_read(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    long_cell = "x" * (untrusted.MAX_LINE - 10)
    path.write_bytes(f'\ufeffid,"a\nb"\r\n1,{long_cell}\r\n2,\r\n'.encode())
    frame = read_csv(path, dtype=str, encoding="utf-8-sig")
    assert list(frame.columns) == ["id", "a\nb"]
    assert frame["a\nb"].str.len().tolist()[0] == len(long_cell)
    path.write_bytes(b"a,b\r1,2\r3,4\r")
    assert read_csv(path)["b"].tolist() == [2, 4]
    wide = tmp_path / "wide.csv"
    wide.write_text(",".join(f"c{n}" for n in range(untrusted.MAX_COLUMNS)) + "\n")
    assert len(read_csv(wide).columns) == untrusted.MAX_COLUMNS
    with pytest.raises(UntrustedError, match="larger than 11 bytes"):
        read_csv(path, most_bytes=11)


def link(path: Path) -> None:
    (path.parent / "target").write_text("a,b\n1,2\n")
    path.symlink_to("target")


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    link(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, why in [
        ("link", "is a link"),
        ("pipe", "not a regular file"),
        ("folder", "not a regular file"),
        ("none", "cannot be opened"),
    ]:
        for read in (read_csv, read_text, lambda path: read_head(path, 4)):
            with pytest.raises(UntrustedError, match=why):
                read(tmp_path / name)


def test_texts_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "text.md"
    path.write_bytes(b"x" * 11)
    with pytest.raises(UntrustedError, match="larger than 10 bytes"):
        read_text(path, 10)
    path.write_bytes(b"caf\xe9")
    with pytest.raises(UntrustedError, match="at byte 3"):
        read_text(path)
    assert read_text(path, errors="replace") == "caf\ufffd"


def test_the_head_of_a_table_costs_no_more_than_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("id,y\n" + "1,0\n" * 10)
    assert read_head(path, 3) == "id,y\n1,0\n1,0\n"
    endless_line(path)
    with pytest.raises(UntrustedError, match="line longer"):
        read_head(path, 3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 65 + "]" * 65, "nested deeper"),
        ('{"a":' * 65 + "1" + "}" * 65, "nested deeper"),
        ("[" * 100_000 + "]" * 100_000, "nested deeper"),
        ("NaN", "NaN is no number"),
        ('{"score": Infinity}', "Infinity is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ("1e999", "1e999 is too large"),
        ("9" * 5000, "is not JSON"),
        ("[1,", "is not JSON"),
        ("", "is not JSON"),
        (" " * (4 * 2**20 + 1), "larger than 4 MiB"),
        (b"\xff\xfe", "is not JSON"),
        (pickle.dumps([1]), "is not JSON"),
    ],
)
def test_hostile_json_is_refused(text: str | bytes, why: str) -> None:
    with pytest.raises(UntrustedError, match=why):
        parse_json(text)


def test_sound_json_is_read() -> None:
    assert parse_json('{"a": [1, 2.5, null, "[[["]}') == {"a": [1, 2.5, None, "[[["]}
    assert parse_json("[" * 64 + "]" * 64) is not None
    assert parse_json(b"1.5") == 1.5
