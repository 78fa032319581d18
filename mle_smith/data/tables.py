"""What a raw data set holds, as values: how each table is read, its columns, the documents.

The rest of the program learns about data from a `DatasetProfile` alone. Text in it (names, cells,
documents) comes from outside and is data, never instructions.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from mle_smith.values import Value


class TableSpec(Value):
    """How to read one table: enough to write the code that reads it (`read_code`)."""

    name: str
    """Short, unique in the data set, stable: the file's stem, with the sheet's name if need be."""
    path: tuple[str, ...] = Field(min_length=1)
    """The file relative to the raw folder, `/` as separator; then members of archives inwards:
    `("data.zip", "2019/full.csv")`."""
    format: Literal["csv", "parquet", "excel"]
    columns: tuple[str, ...]
    """Unique names in file order, given to the frame after reading (positionally)."""
    encoding: str = "utf-8"
    delimiter: str = ","
    """One character, or the regular expression `\\s+` for columns separated by spaces."""
    quoting: bool = True
    """False where quote characters are plain text (csv.QUOTE_NONE)."""
    quotechar: str = '"'
    escape: str | None = None
    """Character that makes the next one plain text (`\\"` inside quotes)."""
    comment: str | None = None
    """Character that begins a comment; the rest of its line is left out."""
    decimal: str = "."
    thousands: str | None = None
    header_rows: int = 1
    """Rows taken up by names, 0 when there are none; all are skipped, `columns` names the rest."""
    skip_rows: int = 0
    """Lines before the header (a title, comments)."""
    sheet: str | None = None
    na_values: tuple[str, ...] = ()
    """Texts that mean missing in every column (nothing else does but the empty cell)."""
    na_codes: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    """Numbers that mean missing in one column (-200, 999)."""
    na_texts: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Texts that mean missing in one column only (elsewhere in the table they are values)."""
    text_columns: tuple[str, ...] = ()
    """Columns kept as text although they look like numbers (codes with leading zeros)."""
    header_names: bool = False
    """The one header row gives exactly `columns`, so reading code need not repeat them."""
    skip_initial_space: bool = False
    """Blanks after a delimiter are not part of the next cell."""
    surplus: Literal["none", "ignore", "skip_row"] = "none"
    """Rows with more cells than `columns`: there are none; the surplus is empty and is ignored;
    or the row is damaged and left out."""
    keep_one_in: int = Field(default=1, ge=1)
    """Rows read: every k-th, for tables too large to load whole (k > 1)."""


class Kind(StrEnum):
    """What a column holds, judged from its values first and its name second."""

    EMPTY = "empty"
    CONSTANT = "constant"
    BOOLEAN = "boolean"
    """Two distinct values of any type."""
    INTEGER = "integer"
    FLOAT = "float"
    DATETIME = "datetime"
    """Text or timestamps that parse as dates or times throughout."""
    CATEGORICAL = "categorical"
    """Text, few distinct values for its length."""
    TEXT = "text"
    """Text, mostly distinct: sentences, names, codes."""


class ColumnProfile(Value):
    """One column, described from its values."""

    name: str
    position: int
    kind: Kind
    missing: float
    """Share of rows without a value, 0 to 1."""
    distinct: int
    unique: bool
    """No value occurs twice (missing ones aside)."""
    top: tuple[tuple[str, int], ...] = ()
    """The most frequent values as text (cut at 60 characters), with counts; at most 12."""
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    std: float | None = None
    skew: float | None = None
    zeros: float | None = None
    """Share of zeros among the numbers."""
    order: Literal["increasing", "decreasing", "none"] = "none"
    """Whether the values rise or fall (weakly) with the row number."""
    mean_length: float | None = None
    """Characters of the text on average; None for numbers."""
    time_format: str | None = None
    """strptime format of a DATETIME that is text."""
    description: str = ""
    """What a document of the data set says about the column (cut at 300 characters)."""


class TableProfile(Value):
    """One table, described."""

    spec: TableSpec
    rows: int
    """Exact number of rows, however large the file is."""
    rows_profiled: int
    """Rows that the columns' numbers were taken from (fewer than `rows` for large files)."""
    bytes: int
    duplicate_rows: int
    columns: tuple[ColumnProfile, ...]
    notes: tuple[str, ...] = ()
    """What was odd and how it was settled: `2 header rows joined`, `duplicate name x renamed`."""


class Relation(Value):
    """How two tables of a data set relate."""

    kind: Literal["copy", "subset", "same_columns", "aggregate", "shares_key"]
    """`copy`: `first` holds the same rows as `second` (perhaps fewer columns). `subset`: some of
    its rows. `aggregate`: sums or means of it. `same_columns`: can be stacked."""
    first: str
    second: str
    evidence: str


class Document(Value):
    """A text that describes the data: a readme, a .names file."""

    path: str
    text: str
    """The beginning, at most 12,000 characters."""


class FileEntry(Value):
    """One file of the raw data and what it was taken for."""

    path: str
    """Relative to the raw folder; members of archives after `!`: `data.zip!a/b.csv`."""
    size: int
    role: Literal["table", "document", "media", "archive", "junk", "unreadable"]
    note: str = ""


class DatasetProfile(Value):
    """All that is known of a data set before anyone proposes a task."""

    name: str
    raw_sha256: str
    """Of names and contents of all files, in sorted order; independent of where they are."""
    licence: str
    """As a document of the data set states it, else `unknown`."""
    files: tuple[FileEntry, ...]
    tables: tuple[TableProfile, ...]
    relations: tuple[Relation, ...] = ()
    documents: tuple[Document, ...] = ()

    def table(self, name: str) -> TableProfile:
        """The table of that name. Raises KeyError."""
        for table in self.tables:
            if table.spec.name == name:
                return table
        raise KeyError(name)
