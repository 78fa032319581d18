"""Which texts and numbers of a table stand for "no value", judged column by column.

A text such as `None` or `NA` can be a value (a damage class, a continent), so each is taken for
missing only where the rest of its column, or of the table, speaks for it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from mle_smith.data.cells import MISSING_TEXTS, is_date, is_number

_ALWAYS = frozenset(
    {"?", "??", "\\N", "n/a", "n.a.", "#n/a", "<na>", "nan", "-nan", "nat", "null", "(null)"}
    | {"[null]", "<null>", "#null!", "#div/0!", "#value!", "#ref!", "(blank)"}
)
"""Missing in text too, unless the column is about such signs themselves."""
_WORDS = frozenset(
    MISSING_TEXTS - _ALWAYS - {"na", "-", "--", "---", "—", "–", ".", "..", "*", "/"}
)
"""Missing among numbers and dates only: among words they are usually an answer (`None`)."""
_NUMERIC_SHARE = 0.9
_SHORT_CODE = re.compile(r"[A-Z]{2}")

SENTINELS = (
    *(-9.0, -99.0, -999.0, -9999.0, -99999.0, -999999.0, -200.0, -888.0, -8888.0, -777.0),
    *(99.0, 999.0, 9999.0, 99999.0, 999999.0, 9999999.0, 888.0, 8888.0, 88888.0, 777.0),
    *(-1.0, -999.9, 999.9, -99.9, 99.99, 999.99, 9999.99, -9.99, -99.99, -999.99),
)
_ABSURD = 1e30
"""Numbers beyond it are fill values of scientific formats."""


class MissingTexts(NamedTuple):
    """Texts that mean missing, in the whole table or in single columns."""

    everywhere: tuple[str, ...]
    by_column: dict[str, tuple[str, ...]]


def missing_texts(cells: pd.DataFrame) -> MissingTexts:
    """The texts that stand for "no value" in a table read as text throughout."""
    counts = {name: column.value_counts() for name, column in cells.items()}
    judged: dict[str, dict[str, bool]] = {}
    """By text, by column that has it: whether it means missing there."""
    unsure: list[tuple[str, str]] = []
    for name, values in counts.items():
        texts = [str(v) for v in values.index[_may_be_missing(values.index)]]
        if not texts:
            continue
        rest = values.drop(texts)
        for text in texts:
            verdict = _means_missing(text, rest)
            judged.setdefault(text, {})[str(name)] = bool(verdict)
            if verdict is None:
                unsure.append((text, str(name)))
    empty_cells = any("" in values.index for values in counts.values())
    for text, name in unsure:
        # Programs write all gaps alike: what is a gap among numbers is one among words as well,
        # unless the file also has truly empty cells for that.
        share = counts[name][text] / len(cells)
        judged[text][name] = not empty_cells and any(judged[text].values()) and share < 0.5
    everywhere = tuple(sorted(t for t, columns in judged.items() if all(columns.values())))
    by_column: dict[str, list[str]] = {}
    for text, columns in sorted(judged.items()):
        if text not in everywhere:
            for name, missing in columns.items():
                if missing:
                    by_column.setdefault(name, []).append(text)
    return MissingTexts(everywhere, {n: tuple(t) for n, t in sorted(by_column.items())})


def missing_numbers(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Numbers that stand for "no value" in a column: a spike, far outside of all the rest."""
    present, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    codes = [float(v) for v in present if abs(v) >= _ABSURD]
    keep = np.abs(present) < _ABSURD
    present, counts = present[keep], counts[keep]
    while len(present) > 5:
        for at, inner in ((0, slice(1, None)), (-1, slice(None, -1))):
            if _is_spike(float(present[at]), int(counts[at]), present[inner], counts[inner]):
                codes.append(float(present[at]))
                present, counts = present[inner], counts[inner]
                break
        else:
            break
    return tuple(sorted(codes))


def _may_be_missing(texts: pd.Index) -> npt.NDArray[np.bool_]:
    bare = texts.astype(str).str.strip().str.lower()
    return np.asarray((texts != "") & ((bare == "") | bare.isin(list(MISSING_TEXTS))))


def _means_missing(text: str, rest: pd.Series[int]) -> bool | None:
    """Whether a text means missing beside the other values; None where the column cannot tell."""
    word = text.strip().lower()
    values = [str(v) for v in rest.index if str(v).strip()]
    if not word:
        return True
    if not values:
        return word not in _WORDS
    weights = rest.loc[values].to_numpy()
    quantities = np.array([is_number(v) or is_date(v) for v in values])
    if float(weights[quantities].sum()) >= _NUMERIC_SHARE * float(weights.sum()):
        return True
    if not word[0].isalpha() and any(not re.search(r"\w", v) for v in values):
        return False  # a column of signs: + and -
    if word in _ALWAYS:
        return True
    if word in _WORDS:
        return None
    if word == "na" and all(_SHORT_CODE.fullmatch(v) for v in values):
        return None  # NA among AF, AS, EU, SA
    return True


def _is_spike(
    code: float,
    count: int,
    rest: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
) -> bool:
    """Whether a number at the edge of a column is a code rather than a measurement."""
    if code not in SENTINELS or len(rest) < 5:
        return False
    total = count + int(counts.sum())
    low, high = float(rest[0]), float(rest[-1])
    span = high - low
    gap = low - code if code < low else code - high
    often = count >= max(2, 0.001 * total)
    if code == -1:
        return low >= 0 and len(rest) >= 20 and count >= max(0.02 * total, 3 * float(counts[0]))
    if code < 0 and low >= 0:
        return often and (gap > span or count >= 0.01 * total)
    return often and gap > (0.5 if code < 0 else 1.0) * span
