"""What the profile of a data set says, and which data sets are refused."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mle_smith.data.columns import profile_column
from mle_smith.data.profile import profile
from mle_smith.data.read import read_table
from mle_smith.data.tables import DatasetProfile, Kind
from mle_smith.errors import MLESmithError, RefusedError, SourceError

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    """A test draws the same numbers whichever others this worker ran before it."""
    RNG.bit_generator.state = np.random.default_rng(0).bit_generator.state


def profiled(raw: Path, memory_mb: int = 1536) -> DatasetProfile:
    return profile(raw, "set", "0" * 64, memory_mb=memory_mb)


def hourly(days: int = 40) -> pd.DataFrame:
    hours = pd.date_range("2021-03-01", periods=24 * days, freq="h")
    return pd.DataFrame(
        {
            "date": hours.strftime("%Y-%m-%d"),
            "hour": hours.hour,
            "riders": RNG.integers(0, 90, len(hours)),
            "wind": np.round(RNG.random(len(hours)) * 20, 2),
        }
    )


def relations(found: DatasetProfile) -> list[tuple[str, str, str]]:
    return [(r.kind, r.first, r.second) for r in found.relations]


@pytest.mark.parametrize(
    ("values", "kind", "facts"),
    [
        ([1, 2, 3, 4], Kind.INTEGER, {"order": "increasing", "unique": True, "maximum": 4.0}),
        ([1.0, 2.0, None, 4.0], Kind.INTEGER, {"missing": 0.25, "distinct": 3}),
        ([1.5, 0.0, 0.5, 0.0], Kind.FLOAT, {"zeros": 0.5, "mean": 0.5}),
        ([7, 7, 7], Kind.CONSTANT, {"distinct": 1}),
        ([None, None], Kind.EMPTY, {"missing": 1.0}),
        (["yes", None, "yes", None], Kind.CATEGORICAL, {"distinct": 1, "missing": 0.5}),
        ([True, False, True], Kind.BOOLEAN, {"top": (("True", 2), ("False", 1))}),
        (["a", "b", "a", "c", "b"], Kind.CATEGORICAL, {"top": (("a", 2), ("b", 2), ("c", 1))}),
        ([f"A note on row {i}" for i in range(40)], Kind.TEXT, {"unique": True}),
        (["03/01/2020", "02/01/2020", "01/01/2020"], Kind.DATETIME, {"order": "decreasing"}),
        (list(pd.date_range("2020-01-01", periods=3)), Kind.DATETIME, {"time_format": None}),
    ],
)
def test_kinds_of_columns(values: list[object], kind: Kind, facts: dict[str, object]) -> None:
    found = profile_column(pd.Series(values, name="x"), 0)
    assert found.kind is kind
    assert {name: getattr(found, name) for name in facts} == facts


def test_a_table_is_described_in_full(tmp_path: Path) -> None:
    hourly().to_csv(tmp_path / "rides.csv", index=False)
    (tmp_path / "README.md").write_text("Data: CC BY 4.0\n\n- `wind`: speed in knots\n")
    found = profiled(tmp_path)
    table = found.table("rides")
    assert (table.rows, table.rows_profiled, table.duplicate_rows) == (960, 960, 0)
    assert found.licence == "CC BY 4.0"
    date, hour, _, wind = table.columns
    assert (date.kind, date.time_format, date.order) == (Kind.DATETIME, "%Y-%m-%d", "increasing")
    assert (hour.kind, hour.distinct) == (Kind.INTEGER, 24)
    assert wind.description == "speed in knots"
    assert [f.role for f in found.files] == ["document", "table"]
    assert DatasetProfile.model_validate_json(found.model_dump_json()) == found
    assert profiled(tmp_path) == found


def test_copies_samples_and_sums_are_recognised(tmp_path: Path) -> None:
    frame = hourly()
    frame.to_csv(tmp_path / "hours.csv", index=False)
    frame.sample(96, random_state=1).to_csv(tmp_path / "sample.csv", index=False)
    frame.groupby("date", as_index=False)[["riders"]].sum().to_csv(tmp_path / "days.csv")
    renamed = frame[["riders", "wind"]].set_axis(["Riders (n)", "Wind (kt)"], axis=1)
    renamed.to_csv(tmp_path / "short.csv", index=False)
    assert relations(profiled(tmp_path)) == [
        ("aggregate", "days", "hours"),
        ("shares_key", "days", "sample"),
        ("subset", "sample", "hours"),
        ("copy", "short", "hours"),
    ]


def test_tables_that_differ_in_spelling_can_be_stacked(tmp_path: Path) -> None:
    frame = hourly()
    frame.iloc[:400].to_csv(tmp_path / "a.csv", index=False)
    upper = frame.iloc[400:].assign(riders=lambda f: f["riders"] + 1000)
    upper.set_axis([c.upper() for c in frame.columns], axis=1).to_csv(
        tmp_path / "b.csv", index=False
    )
    found = profiled(tmp_path)
    assert relations(found) == [("same_columns", "a", "b")]
    assert found.table("b").spec.columns == tuple(frame.columns)
    assert list(read_table(found.table("b").spec, tmp_path)) == list(frame.columns)


def test_tables_share_a_key(tmp_path: Path) -> None:
    people = pd.DataFrame({"person": [f"p{i}" for i in range(50)], "born": range(1950, 2000)})
    people.to_csv(tmp_path / "people.csv", index=False)
    visits = pd.DataFrame({"person": [f"p{i % 50}" for i in range(200)], "paid": RNG.random(200)})
    visits.to_csv(tmp_path / "visits.csv", index=False)
    assert relations(profiled(tmp_path)) == [("shares_key", "people", "visits")]


def test_names_come_from_a_document(tmp_path: Path) -> None:
    body = "".join(f"{i},{i * 7 % 5},{i / 3:.2f}\n" for i in range(40))
    (tmp_path / "x.data").write_text(body)
    (tmp_path / "x.names").write_text("Attributes:\n 1. age\n 2. grade: 0 to 4\n 3. pay\n")
    table = profiled(tmp_path).table("x")
    assert table.spec.columns == ("age", "grade", "pay")
    assert table.columns[1].description == "0 to 4"
    assert list(read_table(table.spec, tmp_path)) == ["age", "grade", "pay"]


def test_tables_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("north", "south"):
        (tmp_path / folder).mkdir()
        hourly(3).to_csv(tmp_path / folder / "t.csv", index=False)
    names = [table.spec.name for table in profiled(tmp_path).tables]
    assert names == ["t", "south_t"]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_too_large_for_the_memory_is_thinned(packed: bool, tmp_path: Path) -> None:
    frame = hourly(900)
    frame["note"] = np.where(frame.index % 10 == 3, 'two\nlines, "quoted"', "plain")
    text = frame.to_csv(index=False)
    data = text.encode()
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(data) if packed else data)
    table = profiled(tmp_path, memory_mb=1).table("t")
    k = table.spec.keep_one_in
    assert k > 5
    assert table.rows == len(frame)
    assert table.rows_profiled == len(frame.iloc[::k])
    read = read_table(table.spec, tmp_path)
    pd.testing.assert_frame_equal(read, frame.iloc[::k].reset_index(drop=True), check_dtype=False)


def test_a_large_parquet_file_is_thinned(tmp_path: Path) -> None:
    frame = hourly(3000).assign(noise=RNG.random(72_000))
    frame.to_parquet(tmp_path / "t.parquet")
    table = profiled(tmp_path, memory_mb=1).table("t")
    assert table.spec.keep_one_in > 1
    assert (table.rows, table.rows_profiled) == (72_000, -(-72_000 // table.spec.keep_one_in))


def test_one_bad_file_does_not_spoil_the_rest(tmp_path: Path) -> None:
    hourly().to_csv(tmp_path / "good.csv", index=False)
    (tmp_path / "bad.csv").write_bytes(RNG.bytes(5_000))
    (tmp_path / "x.json").write_text(json.dumps({"a": 1}))
    found = profiled(tmp_path)
    assert [t.spec.name for t in found.tables] == ["good"]
    notes = {f.path: (f.role, f.note) for f in found.files}
    assert notes["bad.csv"][0] == "unreadable"
    assert "binary data" in notes["bad.csv"][1]
    assert notes["x.json"] == ("unreadable", "JSON: not read as a table")


CASES: dict[str, tuple[str, bytes, type[MLESmithError], int]] = {
    "data.one_column": (
        "t.csv",
        b"a\n" + b"".join(b"%d\n" % (i % 9) for i in range(50)),
        RefusedError,
        1,
    ),
    "data.one_row": ("t.csv", b"a,b,c\n1,2,x\n", RefusedError, 1),
    "data.few_rows": ("t.csv", b"a,b\n1,2\n3,4\n1,4\n", RefusedError, 1),
    "data.constant": ("t.csv", b"a,b\n" + b"1,x\n" * 50, RefusedError, 1),
    "data.all_unique": (
        "t.csv",
        b"id,name\n" + b"".join(b"%d,person %d\n" % (i, i) for i in range(50)),
        RefusedError,
        1,
    ),
    "data.too_wide": (
        "t.csv",
        (",".join(f"c{i}" for i in range(20_000)) + "\n").encode() + b"1," * 19_999 + b"1\n",
        RefusedError,
        1,
    ),
    "data.no_table": ("t.json", b'{"a": [1, 2]}', RefusedError, 1),
    "source.binary": ("t.csv", bytes(range(256)) * 40, SourceError, 2),
    "source.damaged": (
        "t.csv.gz",
        gzip.compress(b"a,b\n" + RNG.bytes(9_000).hex().encode())[:3_000],
        SourceError,
        2,
    ),
    "source.bomb": ("t.csv.gz", gzip.compress(b"1,2\n" * 40_000_000, 9), SourceError, 2),
}


@pytest.mark.parametrize("code", CASES)
def test_what_is_refused_and_how(code: str, tmp_path: Path) -> None:
    name, data, kind, status = CASES[code]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(kind) as error:
        profiled(tmp_path)
    assert (error.value.code, error.value.exit_status) == (code, status)
    assert name in str(error.value)
    assert ";" in str(error.value), "the message names the next step"
    assert [p.name for p in tmp_path.iterdir()] == [name]
