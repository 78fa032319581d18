"""What a single cell of text looks like: a number, a date, empty, a missing code, a word."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_EUROPEAN = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:[. ]\d{3})+)(?:,\d+)(?:[eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([,. '])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]\d{1,2}:\d{2}.*)?"
    r"|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?: \d{1,2}:\d{2}.*)?"
    r"|\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
)
_WORD = re.compile(r"[\w .%()'+/&#°$€£*?!-]{1,40}")

MISSING_TEXTS = frozenset(
    {"?", "??", "-", "--", "---", "—", "–", ".", "..", "*", "\\N", "/"}
    | {"na", "n/a", "n.a.", "#n/a", "<na>", "nan", "-nan", "nat", "null", "(null)", "[null]"}
    | {"none", "nil", "missing", "unknown", "undefined", "#null!", "#div/0!", "#value!", "#ref!"}
    | {"not available", "not recorded", "n.d.", "nd", "tbd", "void", "blank", "(blank)", "<null>"}
)
"""Texts (lower case) that often stand for "no value"; whether they do depends on the column."""


def is_missing_text(cell: str) -> bool:
    """Whether the cell may stand for "no value"."""
    return not cell.strip() or cell.strip().lower() in MISSING_TEXTS


def is_plain_number(cell: str) -> bool:
    """Whether the cell is a number as Python writes it."""
    return _PLAIN.fullmatch(cell.strip()) is not None


def is_number(cell: str) -> bool:
    """Whether the cell is a number in any common notation."""
    text = cell.strip()
    return any(form.fullmatch(text) for form in (_PLAIN, _EUROPEAN, _GROUPED))


def is_date(cell: str) -> bool:
    """Whether the cell has the shape of a date or a time of day."""
    return _DATE.fullmatch(cell.strip()) is not None


def is_word(cell: str) -> bool:
    """Whether the cell is a short text without unusual punctuation."""
    return _WORD.fullmatch(cell) is not None


def quantity_share(cells: Sequence[str]) -> float:
    """Share of numbers and dates among the cells that hold something."""
    filled = [cell for cell in cells if not is_missing_text(cell)]
    return sum(is_number(c) or is_date(c) for c in filled) / len(filled) if filled else 0.0
