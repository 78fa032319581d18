"""Tables that are too large to be read by pandas: evenly spaced rows of them, or all, compactly."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from mle_smith.sandbox.untrusted import Extent

_BLOCK = 8 * 2**20
_CELL, _ROW = 8, 160
"""Bytes of memory: where a text begins, and an id as an object in a set with its place there."""


class Streamed(NamedTuple):
    """A part of a table."""

    frame: pd.DataFrame
    """Cells as text, missing where empty."""
    rows: int
    """Of the whole table."""


def megabytes_held(measured: Extent) -> float:
    """About what a table takes in memory, its texts side by side, when its ids are compared."""
    return (measured.size + _CELL * measured.cells + _ROW * measured.rows) / 2**20


def evenly_spaced_rows(path: Path, most: int | None) -> Streamed:
    """About `most` rows, spread evenly over the file; None for all.

    Memory is that of the rows kept and of some blocks of 8 MB.

    Raises:
        ValueError: it is no table of comma-separated cells (`pyarrow.ArrowInvalid` is one).
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    if len(set(header)) < len(header):
        raise ValueError("two columns have the same name")
    reader = arrow_csv.open_csv(
        path,
        # With threads blocks are read ahead, and their memory comes back late.
        read_options=arrow_csv.ReadOptions(block_size=_BLOCK, use_threads=False),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in header},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    kept, rows, step = [], 0, 1 if most is None else 0
    for batch in reader:
        if most is not None and not step:
            expected = batch.num_rows * path.stat().st_size / _BLOCK
            step = max(1, int(expected // most))
        if step == 1:
            kept.append(batch)
        else:
            places = np.arange(-rows % step, batch.num_rows, step)
            kept.append(pc.take(batch, pa.array(places)))
        rows += batch.num_rows
    frame = pa.Table.from_batches(kept, reader.schema).to_pandas(self_destruct=True).astype("str")
    del kept
    pa.default_memory_pool().release_unused()  # which is several times what is kept
    return Streamed(frame, rows)
