"""How single layouts, codes and notations are understood."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mle_smith.data.dates import detect_format
from mle_smith.data.documents import describe, documented_names, find_licence
from mle_smith.data.header import unique_names
from mle_smith.data.missing import missing_numbers
from mle_smith.data.sniff import Sniffed, sniff_csv
from mle_smith.data.tables import Document
from mle_smith.errors import SourceError

RANDOM = random.Random(0)
COLOURS = ["red", "green", "blue"]


def sniff(tmp_path: Path, text: str, *, encoding: str = "utf-8", name: str = "t.csv") -> Sniffed:
    (tmp_path / name).write_bytes(text.encode(encoding))
    found = sniff_csv(tmp_path, (name,), "t")
    assert found is not None
    return found


def rows(*cells: Any, count: int = 40, joint: str = ",") -> str:
    """Lines made of cells, each a value or a function of the row number."""
    made = ([str(c(i) if callable(c) else c) for c in cells] for i in range(count))
    return "".join(joint.join(line) + "\n" for line in made)


def any_of(*values: str) -> Any:
    return lambda i: values[i % len(values)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id;weight\n" + rows(lambda i: i, lambda i: f"{i},{i:02d}", joint=";"), (",", None)),
        ("id;n\n" + rows(lambda i: i, lambda i: f"{i + 1}.{i:03d},5", joint=";"), (",", ".")),
        ("id,n\n" + rows(lambda i: i, lambda i: f'"{i + 1},{i:03d}"'), (".", ",")),
        ("id;n\n" + rows(lambda i: i, lambda i: f"{i}.5", joint=";"), (".", None)),
        (
            "id;a;b\n" + rows(lambda i: i, any_of("1,2,3", "7"), "1.5", joint=";"),
            (".", None),
        ),
    ],
)
def test_notation_of_numbers(text: str, expected: tuple[str, str | None], tmp_path: Path) -> None:
    found = sniff(tmp_path, text)
    assert (found.spec.decimal, found.spec.thousands) == expected
    assert len(found.frame) == 40


@pytest.mark.parametrize(
    ("text", "delimiter", "columns"),
    [
        ("a|b\n" + rows(lambda i: f"x, y; {i}", lambda i: i, joint="|"), "|", ("a", "b")),
        ("a^b\n" + rows(lambda i: f"x {i}", lambda i: i / 7, joint="^"), "^", ("a", "b")),
        ("a  b\n" + rows(lambda i: f"  {i}", lambda i: i / 7, joint="   "), r"\s+", ("a", "b")),
        ("when\n" + rows(lambda i: f"2020-01-{i % 28 + 1:02d} 12:30:00"), ",", ("when",)),
        ("note\n" + rows("one two three"), ",", ("note",)),
    ],
)
def test_delimiters(text: str, delimiter: str, columns: tuple[str, ...], tmp_path: Path) -> None:
    found = sniff(tmp_path, text)
    assert (found.spec.delimiter, found.spec.columns) == (delimiter, columns)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1251"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    word = "Москва и её область" if encoding == "cp1251" else "naïve café"
    found = sniff(tmp_path, "name;n\n" + rows(word, lambda i: i, joint=";"), encoding=encoding)
    assert found.spec.encoding == encoding
    assert found.spec.columns == ("name", "n")
    assert set(found.frame["name"]) == {word}


def test_a_late_byte_decides_the_encoding(tmp_path: Path) -> None:
    text = "name,n\n" + rows("plain", lambda i: i, count=200_000)
    (tmp_path / "t.csv").write_bytes(text.encode() + "café,1\n".encode("cp1252"))
    found = sniff_csv(tmp_path, ("t.csv",), "t")
    assert found is not None
    assert found.frame["name"].iloc[-1] == "café"


NUMBERS = rows(lambda i: i, lambda i: i * 2.5, any_of(*COLOURS))


@pytest.mark.parametrize(
    ("text", "name", "columns", "skipped"),
    [
        ("n,amount,colour\n" + NUMBERS, "t.csv", ("n", "amount", "colour"), 0),
        ("Report\n\nn,amount,colour\n" + NUMBERS, "t.csv", ("n", "amount", "colour"), 2),
        ("Report,,\n,,\nn,amount,colour\n" + NUMBERS, "t.csv", ("n", "amount", "colour"), 2),
        ("# a\n# b: c\nn,amount,colour\n" + NUMBERS, "t.csv", ("n", "amount", "colour"), 2),
        ("#n,amount,colour\n" + NUMBERS, "t.csv", ("n", "amount", "colour"), 0),
        (NUMBERS, "t.data", ("column_1", "column_2", "column_3"), 0),
        (NUMBERS, "t.csv", ("column_1", "column_2", "column_3"), 0),
        (",amount,colour\n" + NUMBERS, "t.csv", ("column_1", "amount", "colour"), 0),
        ("amount,colour\n" + NUMBERS, "t.csv", ("column_1", "amount", "colour"), 0),
        ("n,n,\n" + NUMBERS, "t.csv", ("n", "n_2", "column_3"), 0),
        (rows(*[any_of(*"abcde")] * 5), "t.csv", tuple(f"column_{i}" for i in range(1, 6)), 0),
        (
            "place,1990,1991,1992,1993\n" + rows(any_of("A", "B", "C"), *[lambda i: i] * 4),
            "t.csv",
            ("place", "1990", "1991", "1992", "1993"),
            0,
        ),
        (
            "time,temp,note\n(s),(K),\n" + rows(lambda i: i, lambda i: i / 3, any_of(*COLOURS)),
            "t.csv",
            ("time (s)", "temp (K)", "note"),
            0,
        ),
    ],
)
def test_headers(
    text: str, name: str, columns: tuple[str, ...], skipped: int, tmp_path: Path
) -> None:
    found = sniff(tmp_path, text, name=name)
    assert found.spec.columns == columns
    assert found.spec.skip_rows == skipped
    assert len(found.frame) == 40


def test_a_survey_has_a_second_header_row(tmp_path: Path) -> None:
    top = "id,Which did you see?,,,Rank them,,Gender,Age\n"
    second = ",First film,Second film,Third film,First film,Second film,Response,Response\n"
    body = rows(
        lambda i: 3_000_000 + i * 17,
        any_of("First film", ""),
        any_of("", "Second film"),
        any_of("Third film", "", ""),
        any_of("1", "2"),
        any_of("2", "1", ""),
        any_of("Male", "Female", ""),
        any_of("18-29", "> 60"),
    )
    found = sniff(tmp_path, top + second + body)
    assert found.spec.header_rows == 2
    assert found.spec.columns == (
        "id",
        "Which did you see?: First film",
        "Which did you see?: Second film",
        "Which did you see?: Third film",
        "Rank them: First film",
        "Rank them: Second film",
        "Gender",
        "Age",
    )
    assert found.frame["Rank them: First film"].dtype == "int64"


@pytest.mark.parametrize(
    ("first", "second", "missing"),
    [
        (any_of("AF", "EU", "NA"), any_of("1", "2"), {}),
        (any_of("low", "high", "NA"), any_of("1", "NA"), {"a": 13, "b": 20}),
        (any_of("None", "minor", "major"), any_of("1", "2"), {}),
        (any_of("None", "minor", "major"), any_of("1", "", "None"), {"b": 26}),
        (any_of("None", "minor", "major"), any_of("1", "3", "None"), {"a": 13, "b": 13}),
        (any_of("+", "-"), any_of("1", "-"), {"b": 20}),
        (any_of("x", "?"), any_of("1", "2"), {"a": 20}),
        (any_of("x", "unknown"), any_of("1", "2"), {}),
        (any_of("x", "y"), any_of("1", " "), {"b": 20}),
        (any_of("x", "N/A", "y"), any_of("1", "n/a", "2"), {"a": 13, "b": 13}),
    ],
)
def test_texts_that_mean_missing(
    first: Any, second: Any, missing: dict[str, int], tmp_path: Path
) -> None:
    frame = sniff(tmp_path, "a,b\n" + rows(first, second)).frame
    counts = frame.isna().sum()
    assert {name: int(n) for name, n in counts.items() if n} == pytest.approx(missing, abs=1)
    assert pd.api.types.is_numeric_dtype(frame["b"])


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([*np.linspace(600, 2800, 200), *[-200.0] * 9], (-200.0,)),
        ([*np.linspace(-2, 45, 200), *[-999.0] * 3], (-999.0,)),
        ([*np.linspace(0, 27, 100), *[999.0] * 300], (999.0,)),
        ([*np.linspace(1, 9, 99), *[99.0] * 3, *[-9999.0] * 4], (-9999.0, 99.0)),
        ([*range(200), *[-1] * 40], (-1.0,)),
        ([*np.linspace(0, 5, 50), 9.96e36], (9.96e36,)),
        (list(range(0, 1200)), ()),
        ([-1, 1] * 100, ()),
        ([*range(-30, 40)] * 3, ()),
        ([*np.linspace(0, 1000, 300), 9999.0], ()),
        ([1, 2, 9] * 50, ()),
        ([*range(90, 110)] * 5, ()),
    ],
)
def test_numbers_that_mean_missing(values: list[float], codes: tuple[float, ...]) -> None:
    assert missing_numbers(np.array(values, dtype=float)) == codes


def test_codes_of_digits_stay_text(tmp_path: Path) -> None:
    body = rows(lambda i: f"{i * 37:05d}", lambda i: f"{i % 12 + 1:02d}", lambda i: 10**19 + i)
    found = sniff(tmp_path, "zip,month,number\n" + body)
    assert found.spec.text_columns == ("zip", "number")
    assert list(found.frame["zip"].head(2)) == ["00000", "00037"]
    assert found.frame["number"].is_unique
    assert found.frame["month"].max() == 12


def test_prose_is_not_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("It rained, we left.\nThe road; was long.\nAnd so on, on.\n")
    assert sniff_csv(tmp_path, ("t.txt",), "t") is None


def test_binary_rubbish_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(random.Random(1).randbytes(50_000))
    with pytest.raises(SourceError, match=r"t\.csv: holds binary data") as error:
        sniff_csv(tmp_path, ("t.csv",), "t")
    assert (error.value.code, error.value.exit_status) == ("source.binary", 2)


def test_arff_declares_its_columns(tmp_path: Path) -> None:
    head = "% about\n@relation 'r'\n@attribute 'the width' numeric\n@ATTRIBUTE class {a,b}\n@data\n"
    found = sniff(tmp_path, head + rows(lambda i: i, any_of("a", "?")) + "%\n%\n", name="t.arff")
    assert found.spec.columns == ("the width", "class")
    assert len(found.frame) == 40
    assert found.frame["class"].isna().sum() == 20


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2011-01-31", "2012-02-01"], "%Y-%m-%d"),
        (["31/01/2011", "01/02/2012"], "%d/%m/%Y"),
        (["01/31/2011", "02/01/2012"], "%m/%d/%Y"),
        (["01/02/2011", "02/02/2011", "03/02/2011", "04/02/2011"], "%d/%m/%Y"),
        (["2011-01-31 10:00:05", "2012-02-01 23:59:59"], "%Y-%m-%d %H:%M:%S"),
        (["2011-01-31T10:00:05Z", "2012-02-01T23:59:59Z"], "%Y-%m-%dT%H:%M:%S%z"),
        (["2011-01-31 10:00:05.123"], "%Y-%m-%d %H:%M:%S.%f"),
        (["Aug-62", "Jan-01"], "%b-%y"),
        (["1939, May", "1940, October"], "%Y, %B"),
        (["3 January 2020", "14 March 2021"], "%d %B %Y"),
        (["1/5/2020 3:15 PM", "12/25/2020 11:05 AM"], "%m/%d/%Y %I:%M %p"),
        (["10:30", "23:59"], "%H:%M"),
        (["red", "green"], None),
        (["18-29", "30-44", "45-60"], None),
        (["10-20", "21-30", "31-99"], None),
        (["2011-01-31", "not known"], None),
    ],
)
def test_formats_of_dates(texts: list[str], expected: str | None) -> None:
    assert detect_format(pd.Index(texts)) == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1. Title: X\n\n7. Attributes\n 1: age\n   in years\n 2: sex - m/f\n 3: pay (EUR)\n", 3),
        ("1) age\n2) sex\n...\n3) pay\n", 3),
        ("Attribute Information:\n\nage: years\nsex: m or f\n  both\npay: (EUR)\n\nMore.\n", 3),
        ("Columns 1-3:\n1 - age (numeric)\n2 - sex\n3 - pay\n", 3),
        ("1. age\n2. sex\n", 0),
        ("nothing here\n", 0),
    ],
)
def test_names_from_documents(text: str, names: int) -> None:
    found = documented_names([Document(path="r.names", text=text)], 3)
    assert found == (("age", "sex", "pay") if names else None)


def test_names_that_count_are_counted_on() -> None:
    text = "1)\tunit\n2)\tsensor 1\n3)\tsensor 2\n...\n6)\tsensor 9\n"
    found = documented_names([Document(path="readme.txt", text=text)], 6)
    assert found == ("unit", "sensor 1", "sensor 2", "sensor 3", "sensor 4", "sensor 5")


@pytest.mark.parametrize(
    "line",
    [
        "wind_speed: metres per second",
        "- `wind_speed`: metres per second",
        "| `wind_speed` | metres per second |",
        "  11 - wind_speed: metres per second",
        "wind speed - metres per second",
        "WIND_SPEED = metres per second",
    ],
)
def test_descriptions_of_columns(line: str) -> None:
    text = f"About winds.\nwind speed matters a lot.\n{line}\n\nEnd.\n"
    found = describe([Document(path="README.md", text=text)], ["wind_speed", "rain"])
    assert found == {"wind_speed": "metres per second"}


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("Released under CC BY 4.0.", "CC BY 4.0"),
        ("Creative Commons Attribution-NonCommercial 4.0", "CC BY-NC 4.0"),
        ("This work is CC0.", "CC0 1.0"),
        ("Licence: ask the authors", "ask the authors"),
        ("The data are in the public domain.", "public domain"),
        ("Please cite us.", "unknown"),
    ],
)
def test_licences(text: str, licence: str) -> None:
    assert find_licence([Document(path="README", text=text)]) == licence


def test_unique_names_never_collide() -> None:
    assert unique_names(["a", "a", "a_2", "", " a "]) == ("a", "a_3", "a_2", "column_4", "a_4")
