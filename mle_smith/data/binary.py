"""From workbooks and parquet files to the specs of the tables in them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mle_smith.data.archive import check_container
from mle_smith.data.dialect import shape
from mle_smith.data.header import tidy, unique_names
from mle_smith.data.missing import missing_texts
from mle_smith.data.numbers import code_columns
from mle_smith.data.read import read_table
from mle_smith.data.sniff import Sniffed, check_width, fit_header, with_na_codes
from mle_smith.data.tables import TableSpec
from mle_smith.data.unpack import open_file, shown
from mle_smith.errors import SourceError

_HEADER_ROWS = 1_000


def sniff_excel(raw: Path, path: tuple[str, ...], name: str) -> list[Sniffed]:
    """The tables of a workbook, one a sheet; sheets without a table are left out.

    Raises:
        SourceError: the file is not a workbook, or unsafe to open.
    """
    check_container(raw, path)
    found = []
    for sheet, cells in _sheets(raw, path):
        table = _sheet_table(raw, path, sheet, cells)
        if table:
            found.append(table)
    if len(found) == 1:
        return [found[0]._replace(spec=found[0].spec.model_copy(update={"name": name}))]
    return [
        t._replace(spec=t.spec.model_copy(update={"name": f"{name}_{t.spec.sheet}"})) for t in found
    ]


def sniff_parquet(
    raw: Path, path: tuple[str, ...], name: str, *, keep_one_in: int = 1
) -> tuple[Sniffed, int]:
    """The table of a parquet file, and how many rows it has.

    Raises:
        SourceError: the file is not parquet, or damaged.
    """
    file = _parquet(raw, path)
    given = file.schema_arrow.names
    check_width(len(given), shown(path))
    names = unique_names(given)
    spec = TableSpec(
        name=name,
        path=path,
        format="parquet",
        columns=names,
        header_names=names == tuple(given),
        keep_one_in=keep_one_in,
    )
    spec, frame = with_na_codes(spec, read_table(spec, raw))
    return Sniffed(spec, (), frame), int(file.metadata.num_rows)


def parquet_bytes(raw: Path, path: tuple[str, ...]) -> int:
    """Bytes that a parquet file's columns take up unpacked.

    Raises:
        SourceError: the file is not parquet, or damaged.
    """
    metadata = _parquet(raw, path).metadata
    groups = range(metadata.num_row_groups)
    return sum(int(metadata.row_group(i).total_byte_size) for i in groups)


def _parquet(raw: Path, path: tuple[str, ...]) -> pq.ParquetFile:
    with open_file(raw, path) as handle:
        source = handle if len(path) == 1 else io.BytesIO(handle.read())
        try:
            file = pq.ParquetFile(source)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise SourceError(
                f"{shown(path)}: is not a parquet file, or is cut short ({error}); "
                "get the file again and check its size",
                code="source.damaged",
            ) from error
        return file


def _sheets(raw: Path, path: tuple[str, ...]) -> Iterator[tuple[str, pd.DataFrame]]:
    with open_file(raw, path) as handle:
        try:
            book = pd.read_excel(
                io.BytesIO(handle.read()),
                sheet_name=None,
                header=None,
                dtype=object,
                na_filter=False,
                engine="openpyxl",
            )
        except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise SourceError(
                f"{shown(path)}: cannot be opened as a workbook ({error}); "
                "save it again as .xlsx, or export its sheets as CSV",
                code="source.damaged",
            ) from error
    yield from book.items()


def _sheet_table(
    raw: Path, path: tuple[str, ...], sheet: str, cells: pd.DataFrame
) -> Sniffed | None:
    texts = cells.map(_text)
    rows = [list(row) for row in texts.head(_HEADER_ROWS).itertuples(index=False)]
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    usual = shape(filled)
    if len(filled) < 2 or not usual.cells:
        return None
    check_width(usual.cells, f"{shown(path)}, sheet {sheet}")
    header, _ = fit_header(rows, usual.cells, presumed=True)
    width = len(header.names)
    top = list(cells.iloc[header.skip_rows, :width]) if header.header_rows == 1 else []
    spec = TableSpec(
        name=sheet,
        path=path,
        format="excel",
        sheet=sheet,
        columns=header.names,
        header_rows=header.header_rows,
        skip_rows=header.skip_rows,
        header_names=tuple(top) == header.names and all(isinstance(c, str) for c in top),
    )
    body = texts.iloc[header.skip_rows + header.header_rows :, :width]
    body.columns = pd.Index(list(header.names))
    spec = spec.model_copy(
        update={
            "na_values": missing_texts(body).everywhere,
            "text_columns": code_columns(body),
        }
    )
    spec, frame = with_na_codes(spec, read_table(spec, raw))
    return Sniffed(spec, header.notes, frame)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else tidy(str(value))
