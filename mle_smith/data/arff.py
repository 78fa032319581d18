"""ARFF (the format of Weka and OpenML): a CSV whose header is a list of declarations."""

from __future__ import annotations

import re
from typing import Any

from mle_smith.data.header import unique_names

_ATTRIBUTE = re.compile(
    r"""\s*@attribute\s+(?P<name>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+)""", re.IGNORECASE
)


def read_arff_head(text: str) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """The fields of a `TableSpec`, and notes, from the beginning of an ARFF file; else None."""
    if not re.search(r"^\s*@relation\b", text, re.IGNORECASE | re.MULTILINE):
        return None
    names = []
    for number, line in enumerate(text.splitlines()):
        if found := _ATTRIBUTE.match(line):
            names.append(found["name"].strip("'\""))
        if line.strip().lower() == "@data":
            rest = text.splitlines()[number + 1 :]
            break
    else:
        return None
    if any(row.lstrip().startswith("{") for row in rest[:50]):  # sparse rows: another notation
        return None
    single = sum(row.count("'") for row in rest)
    double = sum(row.count('"') for row in rest)
    layout = {
        "columns": unique_names(names),
        "quotechar": "'" if single > double else '"',
        "skip_rows": number + 1,
        "header_rows": 0,
        "skip_initial_space": any(", " in row for row in rest[:100]),
    }
    return layout, ("names of columns taken from the ARFF declarations",)
