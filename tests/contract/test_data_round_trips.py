"""Tables written in a random dialect are read as they were, and published code reads the same."""

import csv
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mle_smith.data.binary import sniff_excel, sniff_parquet
from mle_smith.data.code import function_name, read_code
from mle_smith.data.read import read_table
from mle_smith.data.sniff import Sniffed, sniff_csv
from mle_smith.data.tables import TableSpec

WORDS = ("red", "dark blue", "green", "off-white")
SENTENCES = (
    "It rained; we left.",
    "a, b and c",
    'She said "no", twice',
    "two\nlines",
    "plain words",
)


def run_code(spec: TableSpec, raw: Path) -> pd.DataFrame:
    scope: dict[str, Any] = {"pd": pd, "Path": Path}
    exec(read_code(spec), scope)
    read: Callable[[Path], pd.DataFrame] = scope[function_name(spec)]
    return read(raw)


def assert_code_agrees(spec: TableSpec, raw: Path, frame: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(read_table(spec, raw), frame)
    pd.testing.assert_frame_equal(run_code(spec, raw), frame)


def sniffed(raw: Path, *path: str) -> Sniffed:
    found = sniff_csv(raw, path, "table")
    assert found is not None
    return found


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(12, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    columns: dict[str, Any] = {
        "key": np.arange(rows) * 7 + 3,
        "Width (mm)": np.round(rng.normal(50, 12, rows), 2),
        "colour": rng.choice(WORDS, rows),
        "note": rng.choice(SENTENCES, rows),
    }
    extra = draw(st.integers(0, 3))
    for i in range(extra):
        columns[f"v_{i}"] = np.round(rng.random(rows) * 10**i, 3)
    frame = pd.DataFrame(columns)
    if draw(st.booleans()):
        frame.loc[rng.random(rows) < 0.2, "Width (mm)"] = np.nan
    if draw(st.booleans()):
        frame.loc[rng.random(rows) < 0.2, "colour"] = np.nan
    return frame


@st.composite
def dialects(draw: st.DrawFn) -> dict[str, Any]:
    sep = draw(st.sampled_from([",", ";", "\t", "|"]))
    return {
        "sep": sep,
        "decimal": "," if sep != "," and draw(st.booleans()) else ".",
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
        "na_rep": draw(st.sampled_from(["", "NA", "?", "NaN"])),
    }


@given(frame=frames(), dialect=dialects(), title=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_frame_survives_any_dialect(
    frame: pd.DataFrame, dialect: dict[str, Any], title: bool, tmp_path_factory: Any
) -> None:
    raw = tmp_path_factory.mktemp("raw")
    head = "Survey of the year\n\n" if title else ""
    text = frame.to_csv(index=False, **{k: v for k, v in dialect.items() if k != "encoding"})
    (raw / "t.csv").write_bytes((head + text).encode(dialect["encoding"]))
    found = sniffed(raw, "t.csv")
    assert list(found.spec.columns) == list(frame.columns)
    pd.testing.assert_frame_equal(found.frame, frame, check_dtype=False)
    assert_code_agrees(found.spec, raw, found.frame)


@given(
    rows=st.integers(10, 30), columns=st.integers(3, 6), wide=st.booleans(), seed=st.integers(0, 99)
)
@settings(max_examples=30, deadline=None)
def test_numbers_between_spaces_without_a_header(
    rows: int, columns: int, wide: bool, seed: int, tmp_path_factory: Any
) -> None:
    raw = tmp_path_factory.mktemp("raw")
    values = np.round(np.random.default_rng(seed).normal(0, 100, (rows, columns)), 3)
    joint = "   " if wide else " "
    lines = [joint.join(f"{v:.3f}" for v in row) + joint for row in values]
    (raw / "t.dat").write_text("\n".join(lines) + "\n")
    found = sniffed(raw, "t.dat")
    assert found.spec.columns == tuple(f"column_{i}" for i in range(1, columns + 1))
    np.testing.assert_allclose(found.frame.to_numpy(), values)
    assert_code_agrees(found.spec, raw, found.frame)


PLAIN = "id,size,kind\n" + "".join(f"{i},{i / 4},{WORDS[i % 3]}\n" for i in range(30))
LAYOUTS = {
    "plain": PLAIN,
    "trailing delimiters": PLAIN.replace("\n", ",\n"),
    "trailing in rows alone": PLAIN.replace("\n", ",\n").replace("kind,", "kind"),
    "damaged row": PLAIN + "30,1,red,surplus\n31,2,green\n",
    "duplicate names": PLAIN.replace("id,size,kind", "id,id,"),
    "row names": PLAIN.replace("id,size", "size"),
    "units": PLAIN.replace("kind\n", "kind\n(no),(cm),\n", 1),
    "own missing code": PLAIN + "30,None,None\n31,None,\n32,5,None\n",
    "sentinel": PLAIN + "30,-999,red\n31,-999,red\n32,-999,red\n",
    "leading zeros": PLAIN + "".join(f"{i:05d},1,red\n" for i in range(300, 330)),
    "comment lines": PLAIN + "# end of part one\n30,2,red\n",
    "escaped quotes": PLAIN + "".join(f'{i},1,"a \\"b\\", c"\n' for i in range(30, 40)),
    "open quotes": PLAIN.replace("red", '"red').replace(",", "\t"),
    "blanks after commas": PLAIN.replace(",", ", "),
    "single quotes": PLAIN.replace("dark blue", "'dark, blue'"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("keep_one_in", [1, 4])
def test_code_gives_the_frame_of_any_layout(layout: str, keep_one_in: int, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(LAYOUTS[layout])
    found = sniff_csv(tmp_path, ("t.csv",), "t", keep_one_in=keep_one_in)
    assert found is not None
    assert found.spec.columns == tuple(found.frame.columns)
    assert len(found.frame) >= 30 // keep_one_in
    assert_code_agrees(found.spec, tmp_path, found.frame)


def zipped(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


PACKINGS: dict[tuple[str, ...], bytes] = {
    ("t.csv.gz",): gzip.compress(PLAIN.encode()),
    ("a.zip", "in/t.csv"): zipped("in/t.csv", PLAIN.encode()),
    ("a.zip", "t.csv.gz"): zipped("t.csv.gz", gzip.compress(PLAIN.encode())),
    ("a.tar.gz", "t.csv"): tarred("t.csv", PLAIN.encode()),
    ("a.zip", "b.tgz", "t.csv"): zipped("b.tgz", tarred("t.csv", PLAIN.encode())),
    ("a.tgz", "b.zip", "t.csv"): tarred("b.zip", zipped("t.csv", PLAIN.encode())),
}


@pytest.mark.parametrize("path", PACKINGS)
def test_code_reads_archives_in_place(path: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / path[0]).write_bytes(PACKINGS[path])
    found = sniffed(tmp_path, *path)
    assert found.frame.shape == (30, 3)
    assert_code_agrees(found.spec, tmp_path, found.frame)
    assert [p.name for p in tmp_path.iterdir()] == [path[0]]


def test_code_of_a_plain_table_is_short(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(PLAIN)
    assert read_code(sniffed(tmp_path, "t.csv").spec).splitlines() == [
        "def read_table(raw: Path) -> pd.DataFrame:",
        '    """Read t.csv."""',
        '    return pd.read_csv(raw / "t.csv", '
        'keep_default_na=False, na_values=[""], low_memory=False)',
    ]


def test_code_cannot_be_broken_by_names(tmp_path: Path) -> None:
    name = '"""; import os; x = """\\'
    text = PLAIN.replace("kind", 'the ""kind""\\').replace("size", "{size}'s")
    (tmp_path / f"{name}.csv").write_text(text.replace('the ""kind""\\', '"the ""kind""\\"'))
    found = sniff_csv(tmp_path, (f"{name}.csv",), name)
    assert found is not None
    assert found.spec.columns == ("id", "{size}'s", 'the "kind"\\')
    assert_code_agrees(found.spec, tmp_path, found.frame)


@pytest.mark.parametrize("keep_one_in", [1, 3])
def test_code_reads_parquet(keep_one_in: int, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "when": pd.date_range("2024-01-01", periods=50, freq="h"),
            " size ": [None if i % 9 == 0 else i for i in range(50)],
            "kind": [WORDS[i % 3] for i in range(50)],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=7)
    found, rows = sniff_parquet(tmp_path, ("t.parquet",), "t", keep_one_in=keep_one_in)
    assert rows == 50
    assert found.spec.columns == ("when", "size", "kind")
    assert list(found.frame["when"]) == list(frame["when"][::keep_one_in])
    assert_code_agrees(found.spec, tmp_path, found.frame)


def test_code_reads_the_sheets_of_a_workbook(tmp_path: Path) -> None:
    first = pd.DataFrame({"a": range(20), "b": [f"0{i}" for i in range(20)], "c": [1.5] * 20})
    second = pd.DataFrame({"x": ["NA", "low", "?"] * 8, "y": [1.0, None, 2.5] * 8})
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        first.to_excel(book, sheet_name="One", index=False)
        second.to_excel(book, sheet_name="Two", index=False, startrow=2)
        pd.DataFrame().to_excel(book, sheet_name="Empty")
        book.sheets["Two"].cell(1, 1, "Results of the second part")
    one, two = sniff_excel(tmp_path, ("t.xlsx",), "t")
    assert (one.spec.name, two.spec.name) == ("t_One", "t_Two")
    assert list(one.frame["b"]) == list(first["b"])
    assert two.spec.skip_rows == 2
    assert two.frame["x"].isna().sum() == 16
    for table in (one, two):
        assert_code_agrees(table.spec, tmp_path, table.frame)
