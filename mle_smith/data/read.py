"""Reading a table by its spec: as a frame here, and as Python source for a task's `prepare.py`.

`read_table` and `read_code` share the arguments of `csv_arguments`, so that the published code
gives the frame that the program itself works with. The source needs pandas and the standard
library alone.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mle_smith.data.tables import TableSpec
from mle_smith.data.unpack import open_file, packing, shown
from mle_smith.errors import SourceError

BATCH_ROWS = 65_536
"""Rows that are in memory at once while a large parquet file is thinned."""


def read_table(spec: TableSpec, raw: Path) -> pd.DataFrame:
    """The table as a frame: numbers numeric, text as `str`, missing as NaN, rows from 0.

    Raises:
        SourceError: the file cannot be read as the spec says; the message names it.
    """
    try:
        frame = _READERS[spec.format](spec, raw)
    except (ValueError, pd.errors.ParserError, pa.ArrowException, KeyError, OSError) as error:
        raise SourceError(
            f"{shown(spec.path)}: cannot be read as {spec.format} ({error}); "
            "check that the file is complete and not mixed with another format",
            code="source.unreadable",
        ) from error
    for name, codes in spec.na_codes.items():
        frame[name] = frame[name].mask(frame[name].isin(codes))
    return frame


def csv_arguments(spec: TableSpec) -> dict[str, Any]:
    """Keyword arguments of `pandas.read_csv` for a spec; the defaults of pandas are left out."""
    start = spec.skip_rows + spec.header_rows
    positional = names_are_given(spec)
    common = ["", *spec.na_values]
    wanted: dict[str, tuple[Any, bool]] = {
        "sep": (spec.delimiter, spec.delimiter != ","),
        "encoding": (spec.encoding, spec.encoding != "utf-8"),
        "quotechar": (spec.quotechar, spec.quoting and spec.quotechar != '"'),
        "quoting": (csv.QUOTE_NONE, not spec.quoting),
        "skipinitialspace": (True, spec.skip_initial_space),
        "header": (None, positional),
        "names": (list(spec.columns), positional),
        "skiprows": (start if positional else spec.skip_rows, bool(start and positional)),
        "usecols": (range(len(spec.columns)), spec.surplus == "ignore"),
        "on_bad_lines": ("skip", spec.surplus == "skip_row"),
        "escapechar": (spec.escape, spec.escape is not None),
        "comment": (spec.comment, spec.comment is not None),
        "decimal": (spec.decimal, spec.decimal != "."),
        "thousands": (spec.thousands, spec.thousands is not None),
        "dtype": (dict.fromkeys(spec.text_columns, str), bool(spec.text_columns)),
        "keep_default_na": (False, True),
        "na_values": (common, True),
        "low_memory": (False, True),
        "compression": (packing(spec.path[-1]), len(spec.path) > 1 and _is_packed(spec)),
    }
    arguments = {name: value for name, (value, needed) in wanted.items() if needed}
    if not positional and spec.skip_rows:
        arguments["skiprows"] = spec.skip_rows
    if spec.keep_one_in > 1:
        arguments["skiprows"] = Thinning(start, spec.keep_one_in)
    if spec.na_texts:
        arguments["na_values"] = dict.fromkeys(spec.columns, common) | {
            name: [*common, *texts] for name, texts in spec.na_texts.items()
        }
    return arguments


def names_are_given(spec: TableSpec) -> bool:
    """Whether reading code has to state the columns' names (it need not repeat a good header)."""
    return not spec.header_names or spec.keep_one_in > 1


class Thinning:
    """Whether a line is skipped when every k-th row after the header is kept."""

    def __init__(self, start: int, keep_one_in: int) -> None:
        self.start = start
        self.keep_one_in = keep_one_in

    def __call__(self, line: int) -> bool:
        """Whether to skip the line of that number."""
        return line < self.start or (line - self.start) % self.keep_one_in > 0

    def source(self) -> str:
        """The same as a Python expression."""
        return f"lambda i: i < {self.start} or (i - {self.start}) % {self.keep_one_in} > 0"


def excel_arguments(spec: TableSpec) -> dict[str, Any]:
    """Keyword arguments of `pandas.read_excel` for a spec."""
    arguments: dict[str, Any] = {"sheet_name": spec.sheet}
    start = spec.skip_rows + spec.header_rows
    if not names_are_given(spec):
        arguments |= {"skiprows": spec.skip_rows} if spec.skip_rows else {}
    else:
        arguments |= {"header": None, "names": list(spec.columns)}
        arguments |= {"skiprows": start} if start else {}
    arguments["usecols"] = range(len(spec.columns))
    if spec.text_columns:
        arguments["dtype"] = dict.fromkeys(spec.text_columns, str)
    na_values = ["", *spec.na_values]
    return arguments | {"keep_default_na": False, "na_values": na_values}


def _is_packed(spec: TableSpec) -> bool:
    return packing(spec.path[-1]) in {"gzip", "bz2", "xz"}


def _read_csv(spec: TableSpec, raw: Path) -> pd.DataFrame:
    with open_file(raw, spec.path) as handle:
        # The handle gives unpacked bytes already; only published code unpacks by itself.
        arguments = {k: v for k, v in csv_arguments(spec).items() if k != "compression"}
        frame: pd.DataFrame = pd.read_csv(handle, **arguments)
    return frame


def _read_excel(spec: TableSpec, raw: Path) -> pd.DataFrame:
    with open_file(raw, spec.path) as handle:
        frame: pd.DataFrame = pd.read_excel(_whole(handle, spec), **excel_arguments(spec))
    frame = frame.dropna(how="all").reset_index(drop=True)
    return frame.iloc[:: spec.keep_one_in].reset_index(drop=True)


def _read_parquet(spec: TableSpec, raw: Path) -> pd.DataFrame:
    with open_file(raw, spec.path) as handle:
        file = pq.ParquetFile(_whole(handle, spec))
        table = _thinned(file, spec.keep_one_in) if spec.keep_one_in > 1 else file.read()
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    if not spec.header_names:
        frame.columns = pd.Index(list(spec.columns))
    return frame


def _thinned(file: pq.ParquetFile, keep_one_in: int) -> pa.Table:
    batches, seen = [], 0
    for batch in file.iter_batches(BATCH_ROWS):
        batches.append(batch.take(pa.array(range(-seen % keep_one_in, len(batch), keep_one_in))))
        seen += len(batch)
    return pa.Table.from_batches(batches, file.schema_arrow)


def _whole(handle: IO[bytes], spec: TableSpec) -> IO[bytes]:
    """A handle that can seek: the file itself, or all bytes of an archive's member."""
    plain = len(spec.path) == 1 and not _is_packed(spec)
    return handle if plain else io.BytesIO(handle.read())


_READERS = {"csv": _read_csv, "excel": _read_excel, "parquet": _read_parquet}
