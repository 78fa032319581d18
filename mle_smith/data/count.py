"""Counting the rows of text files that are too large to load."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc

from mle_smith.data.dialect import SPACES
from mle_smith.data.read import csv_arguments
from mle_smith.data.tables import TableSpec
from mle_smith.data.unpack import open_file

_BLOCK = 8 << 20
_CHUNK = 200_000


def count_rows(spec: TableSpec, raw: Path, kept: int) -> int:
    """Exact rows of a text table, by streaming it.

    Args:
        spec: how it is read, with `keep_one_in` above 1.
        raw: the folder of raw files.
        kept: rows that reading by the spec gave, which the count has to agree with.
    """
    if spec.delimiter != SPACES and spec.comment is None:
        rows = _by_arrow(spec, raw)
        if rows is not None and -(-rows // spec.keep_one_in) == kept:
            return rows
    return _by_pandas(spec, raw)


def _by_arrow(spec: TableSpec, raw: Path) -> int | None:
    """The count of Arrow's parser, several times as fast as pandas'; None if it cannot parse."""
    short = 0

    def judge(row: pc.InvalidRow) -> str:
        nonlocal short
        short += row.actual_columns < row.expected_columns or spec.surplus == "ignore"
        return "skip"

    first = "0"
    names = [first, *(f"_{i}" for i in range(1, len(spec.columns)))]
    read = pc.ReadOptions(
        block_size=_BLOCK,
        use_threads=False,
        encoding=spec.encoding.replace("utf-8-sig", "utf-8"),
        skip_rows=spec.skip_rows,
        skip_rows_after_names=spec.header_rows,
        column_names=names,
    )
    parse = pc.ParseOptions(
        delimiter=spec.delimiter,
        quote_char=spec.quotechar if spec.quoting else False,
        escape_char=spec.escape or False,
        newlines_in_values=spec.quoting,
        invalid_row_handler=judge,
    )
    convert = pc.ConvertOptions(include_columns=[first], column_types={first: pa.binary()})
    try:
        with (
            open_file(raw, spec.path) as handle,
            pc.open_csv(
                handle, read_options=read, parse_options=parse, convert_options=convert
            ) as x,
        ):
            rows = sum(len(batch) for batch in x)
    except pa.ArrowException:
        return None
    return rows + short


def _by_pandas(spec: TableSpec, raw: Path) -> int:
    """The count of the parser that reads the table."""
    arguments = csv_arguments(spec.model_copy(update={"keep_one_in": 1, "header_names": False}))
    for name in ("na_values", "compression", "low_memory", "dtype", "thousands", "decimal"):
        arguments.pop(name, None)
    if spec.surplus != "skip_row":
        arguments["usecols"] = [0]
    arguments |= {"dtype": str, "na_filter": False, "chunksize": _CHUNK}
    with open_file(raw, spec.path) as handle, pd.read_csv(handle, **arguments) as chunks:
        return sum(len(chunk) for chunk in chunks)
