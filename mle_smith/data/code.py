"""Python source that reads a table: what a published `prepare.py` starts with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from mle_smith.data.header import default_names
from mle_smith.data.read import (
    BATCH_ROWS,
    Thinning,
    csv_arguments,
    excel_arguments,
    names_are_given,
)
from mle_smith.data.tables import TableSpec
from mle_smith.data.unpack import packing

_WIDTH = 100


def function_name(spec: TableSpec) -> str:
    """Name of the function that `read_code` defines: `read_` and the table's name as identifier."""
    return "read_" + (re.sub(r"\W+", "_", spec.name.lower()).strip("_") or "table")


def read_code(spec: TableSpec) -> str:
    """Source of `def read_NAME(raw: Path) -> pd.DataFrame`, equal to `read_table(spec, raw)`.

    It needs `from pathlib import Path` and `import pandas as pd` before it; what else it takes
    from the standard library it imports itself.
    """
    body = _Body()
    if names_are_given(spec) or spec.na_texts:
        body.line(f"columns = {_sequence(spec.columns)}")
    source = _open(spec, body)
    {"csv": _csv, "excel": _excel, "parquet": _parquet}[spec.format](spec, source, body)
    for name, codes in spec.na_codes.items():
        column = f"frame[{literal(name)}]"
        body.dedent()
        body.line(f"{column} = {column}.mask({column}.isin({literal(list(codes))}))")
    if spec.na_codes:
        body.line("return frame")
    else:
        body.return_last()
    shown_path = " in ".join(reversed(spec.path))
    sheet = f", sheet {spec.sheet}" if spec.sheet else ""
    head = [
        f"def {function_name(spec)}(raw: Path) -> pd.DataFrame:",
        f"    {_docstring(f'Read {shown_path}{sheet}.')}",
    ]
    imports = [*body.imports, ""] if body.imports else []
    return "\n".join([*head, *imports, *body.lines]) + "\n"


def literal(value: Any) -> str:
    """A value as Python source, with double quotes and tidy numbers."""
    if isinstance(value, str):
        single = repr(value)
        return single if '"' in value else '"' + single[1:-1].replace("\\'", "'") + '"'
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return repr(int(value))
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, range):
        return f"range({value.stop})"
    if isinstance(value, type):
        return value.__name__
    return value.source() if isinstance(value, Thinning) else repr(value)


class _Body:
    """Lines of the function, with the indentation of the `with` blocks around them."""

    def __init__(self) -> None:
        self.imports: list[str] = []
        self.lines: list[str] = []
        self._depth = 1
        self._last = 0

    def need(self, module: str) -> None:
        """Import a module of the standard library inside the function."""
        if f"    import {module}" not in self.imports:
            self.imports = sorted([*self.imports, f"    import {module}"])

    def line(self, text: str) -> None:
        """Add a statement (perhaps of several lines) at the present depth."""
        self._last = len(self.lines)
        self.lines += [("    " * self._depth + part) for part in text.split("\n")]

    def indent(self, opening: str) -> None:
        """Open a block."""
        self.line(opening)
        self._depth += 1

    def dedent(self) -> None:
        """Leave all blocks."""
        self._depth = 1

    def call(self, target: str, arguments: Iterable[str], suffix: str = "") -> None:
        """Assign a call to `frame`, on one line where it fits."""
        arguments = list(arguments)
        one = f"frame = {target}({', '.join(arguments)}){suffix}"
        if len(one) + 4 * self._depth + 1 <= _WIDTH:
            self.line(one)
            return
        inner = "".join(f"\n    {a}," for a in arguments)
        self.line(f"frame = {target}({inner}\n){suffix}")

    def return_last(self) -> None:
        """Return what the last statement assigned to `frame`."""
        self.lines[self._last] = self.lines[self._last].replace("frame = ", "return ", 1)


def _open(spec: TableSpec, body: _Body) -> str:
    """Open the archives on the way; the expression for what is read."""
    source = f"raw / {literal(spec.path[0])}"
    for depth, (outer, inner) in enumerate(zip(spec.path, spec.path[1:], strict=False)):
        archive, member = ("archive", "file") if not depth else ("inner", "member")
        if packing(outer) == "zip":
            body.need("zipfile")
            opened = f"zipfile.ZipFile({source}) as {archive}"
            body.indent(f"with {opened}, {archive}.open({literal(inner)}) as {member}:")
        else:
            body.need("tarfile")
            argument = source if not depth else f"fileobj={source}"
            body.indent(f"with tarfile.open({argument}) as {archive}:")
            body.line(f"{member} = {archive}.extractfile({literal(inner)})")
        source = member
    return source


def _csv(spec: TableSpec, source: str, body: _Body) -> None:
    body.call("pd.read_csv", [source, *_keywords(spec, csv_arguments(spec), body)])


def _excel(spec: TableSpec, source: str, body: _Body) -> None:
    if len(spec.path) > 1:
        body.need("io")
        source = f"io.BytesIO({source}.read())"
    body.call("pd.read_excel", [source, *_keywords(spec, excel_arguments(spec), body)])
    body.dedent()
    thin = "" if spec.keep_one_in == 1 else f".iloc[::{spec.keep_one_in}].reset_index(drop=True)"
    body.line(f'frame = frame.dropna(how="all").reset_index(drop=True){thin}')


def _parquet(spec: TableSpec, source: str, body: _Body) -> None:
    if len(spec.path) > 1:
        body.need("io")
        source = f"io.BytesIO({source}.read())"
    if spec.keep_one_in > 1:
        _thinned_parquet(spec, source, body)
    else:
        keywords = ['to_pandas_kwargs={"ignore_metadata": True}']
        body.call("pd.read_parquet", [source, *keywords])
    if not spec.header_names:
        body.dedent()
        body.line("frame = frame.set_axis(columns, axis=1)")


def _thinned_parquet(spec: TableSpec, source: str, body: _Body) -> None:
    k = spec.keep_one_in
    body.need("pyarrow as pa")
    body.need("pyarrow.parquet as pq")
    body.line(f"source = pq.ParquetFile({source})")
    body.line("batches, seen = [], 0")
    body.line(
        f"for batch in source.iter_batches({BATCH_ROWS}):\n"
        f"    batches.append(batch.take(pa.array(range(-seen % {k}, len(batch), {k}))))\n"
        "    seen += len(batch)"
    )
    body.line("table = pa.Table.from_batches(batches, source.schema_arrow)")
    body.line("frame = table.to_pandas(ignore_metadata=True)")


def _keywords(spec: TableSpec, arguments: dict[str, Any], body: _Body) -> list[str]:
    rendered = {name: literal(value) for name, value in arguments.items()}
    if "names" in rendered:
        rendered["names"] = "columns"
    if "sep" in rendered and spec.delimiter == r"\s+":
        rendered["sep"] = 'r"\\s+"'
    if "quoting" in rendered:
        body.need("csv")
        rendered["quoting"] = "csv.QUOTE_NONE"
    if spec.na_texts and "na_values" in rendered:
        common = literal(["", *spec.na_values])
        special = literal({n: ["", *spec.na_values, *t] for n, t in spec.na_texts.items()})
        rendered["na_values"] = f"dict.fromkeys(columns, {common}) | {special}"
    return [f"{name}={value}" for name, value in rendered.items()]


def _sequence(names: tuple[str, ...]) -> str:
    if names == default_names(len(names)):
        return f'[f"column_{{i}}" for i in range(1, {len(names) + 1})]'
    one = literal(list(names))
    if len(one) + len("    columns = ") <= _WIDTH:
        return one
    return "[\n" + "".join(f"    {literal(name)},\n" for name in names) + "]"


def _docstring(text: str) -> str:
    safe = "".join(c if c.isprintable() else " " for c in text).replace("\\", "/")
    return f'"""{safe.replace(chr(34), chr(39))}"""'
