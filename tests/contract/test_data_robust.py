"""Whatever a file holds, it is read, taken for prose, or refused by an error that names it."""

from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mle_smith.data.code import function_name, read_code
from mle_smith.data.profile import profile
from mle_smith.data.read import read_table
from mle_smith.data.sniff import sniff_csv
from mle_smith.errors import MLESmithError

COMMON = ["", " ", "1", "-2.5", "1,5", "007", "NA", "None", "?", "x", "a b", "true", "é", "\ufeff"]
NASTY = ['"', '""', "'", "#", "%", '"q"', '"a,b"', "\\", "9" * 30, "1e400", "inf", "2020-01-01"]
CELLS = st.sampled_from([*COMMON, *NASTY])
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
NAMES = st.sampled_from(["t.csv", "t.txt", "t.data", "t"])
PACKED = st.sampled_from(["t.csv", "t.zip", "t.csv.gz", "t.tar", "t.tgz", "t.xlsx", "t.parquet"])
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(
    lines=st.lists(st.lists(CELLS, max_size=7), max_size=40),
    joint=st.sampled_from([",", ";", "\t", "|", " ", ", ", "^"]),
    end=ENDS,
    name=NAMES,
    keep_one_in=st.sampled_from([1, 1, 3]),
)
@settings(RELAXED, max_examples=200)
@example(lines=[["", '"'], ["x", '"']] * 5, joint=",", end="\n", name="t.csv", keep_one_in=1)
def test_any_mixture_of_cells(
    lines: list[list[str]],
    joint: str,
    end: str,
    name: str,
    keep_one_in: int,
    tmp_path_factory: Any,
) -> None:
    raw: Path = tmp_path_factory.mktemp("raw")
    (raw / name).write_bytes(end.join(joint.join(line) for line in lines).encode())
    failure = ""
    try:
        found = sniff_csv(raw, (name,), "t", keep_one_in=keep_one_in)
    except MLESmithError as error:
        found, failure = None, str(error)
    assert not failure or failure.startswith(f"{name}: ")
    if found is not None:
        assert tuple(found.frame.columns) == found.spec.columns
        pd.testing.assert_frame_equal(read_table(found.spec, raw), found.frame)
        scope: dict[str, Any] = {"pd": pd, "Path": Path}
        exec(read_code(found.spec), scope)
        pd.testing.assert_frame_equal(scope[function_name(found.spec)](raw), found.frame)


@given(data=st.binary(max_size=3_000), name=PACKED)
@settings(RELAXED, max_examples=150)
def test_any_bytes(data: bytes, name: str, tmp_path_factory: Any) -> None:
    raw: Path = tmp_path_factory.mktemp("raw")
    (raw / name).write_bytes(data)
    failure = ""
    try:
        profile(raw, "set", "0" * 64)
    except MLESmithError as error:
        failure = str(error)
    assert name in failure or "holds no table" in failure
