"""Whatever a file holds, it is read, taken for prose, or refused by an error that names it."""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mle_smith.data.profile import profile
from mle_smith.data.read import read_table
from mle_smith.errors import MLESmithError

CELLS = st.sampled_from(
    ["", " ", "1", "-2.5", "1,5", "007", "NA", "None", "?", "x", "a b", '"', '""', "'", "#", "%"]
    + ['"q"', '"a,b"', "2020-01-01", "é", "\ufeff", "9" * 30, "1e400", "inf", "true", "\\", "\x1c"]
)
LINES = st.lists(CELLS, max_size=7)
JOINTS = st.sampled_from([",", ";", "\t", "|", " ", ", ", "::", "^"])


def assert_read_or_refused(data: bytes, name: str, folder: Path) -> None:
    (folder / name).write_bytes(data)
    try:
        found = profile(folder, "set", "0" * 64)
    except MLESmithError as error:
        assert name in str(error) or "holds no" in str(error)
        return
    for table in found.tables:
        frame = read_table(table.spec, folder)
        assert tuple(frame.columns) == table.spec.columns == tuple(c.name for c in table.columns)
        assert len(frame) == table.rows
        assert len(set(table.spec.columns)) == len(table.spec.columns)


@given(
    lines=st.lists(LINES, max_size=40),
    joint=JOINTS,
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    name=st.sampled_from(["t.csv", "t.txt", "t.data", "t"]),
    repeat=st.integers(1, 4),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(lines=[["a", "b"], ['"', "x"], ["1", "2"]], joint=",", end="\n", name="t.csv", repeat=3)
def test_any_mixture_of_cells(
    lines: list[list[str]], joint: str, end: str, name: str, repeat: int, tmp_path_factory: Any
) -> None:
    text = end.join(joint.join(line) for line in lines * repeat)
    assert_read_or_refused(text.encode(), name, tmp_path_factory.mktemp("raw"))


@given(
    data=st.binary(max_size=3_000),
    name=st.sampled_from(
        ["t.csv", "t.txt", "t.zip", "t.csv.gz", "t.tar", "t.tgz", "t.xlsx", "t.parquet", "t"]
    ),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes(data: bytes, name: str, tmp_path_factory: Any) -> None:
    assert_read_or_refused(data, name, tmp_path_factory.mktemp("raw"))
