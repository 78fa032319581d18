"""Evenly spaced rows of a table that is too large to be held, read block by block."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

_BLOCK = 8 * 2**20


class Streamed(NamedTuple):
    """A part of a table."""

    frame: pd.DataFrame
    """Cells as text, missing where empty."""
    rows: int
    """Of the whole table."""


def evenly_spaced_rows(path: Path, most: int) -> Streamed:
    """About `most` rows, spread evenly over the file.

    Raises:
        ValueError: it is no table of comma-separated cells (`pyarrow.ArrowInvalid` is one).
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    reader = arrow_csv.open_csv(
        path,
        read_options=arrow_csv.ReadOptions(block_size=_BLOCK),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in header},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    kept, rows, step = [], 0, 0
    for batch in reader:
        if not step:
            expected = batch.num_rows * path.stat().st_size / _BLOCK
            step = max(1, int(expected // most))
        places = np.arange(-rows % step, batch.num_rows, step)
        kept.append(pc.take(batch, pa.array(places)))
        rows += batch.num_rows
    frame = pa.Table.from_batches(kept).to_pandas()
    return Streamed(frame.astype("str"), rows)
