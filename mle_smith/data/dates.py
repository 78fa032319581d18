"""Which strptime format a column of text has, if it holds dates or times throughout."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

_DATES = """
%Y-%m-%d|%Y/%m/%d|%Y.%m.%d|%Y%m%d|%m/%d/%Y|%d/%m/%Y|%m-%d-%Y|%d-%m-%Y|%d.%m.%Y|%m.%d.%Y
%m/%d/%y|%d/%m/%y|%d.%m.%y|%m-%d-%y|%d-%m-%y|%y/%m/%d|%y-%m-%d|%d %b %Y|%d %B %Y|%b %d, %Y
%B %d, %Y|%b %d %Y|%B %d %Y|%d-%b-%Y|%d-%b-%y|%d/%b/%Y|%d%b%Y|%Y-%b-%d|%a %b %d %Y
%A, %B %d, %Y|%d-%B-%Y
"""
_PARTIAL = """
%Y-%m|%Y/%m|%m/%Y|%m-%Y|%b-%y|%b %y|%b-%Y|%b %Y|%B %Y|%y-%b|%Y, %B|%Y, %b|%B, %Y|%b, %Y
%Y-%b|%Y %b|%Y %B
"""
_TIMES = """
%H:%M:%S|%H:%M|%H:%M:%S.%f|%I:%M %p|%I:%M:%S %p|%I:%M%p|%H.%M.%S|%H:%M:%S%z|%H:%M:%S.%f%z
%H:%M%z|%H:%M:%S %z|%H:%M:%S %Z
"""
_SPECIAL = "%a %b %d %H:%M:%S %Y|%a %b %d %H:%M:%S %z %Y|%a, %d %b %Y %H:%M:%S %z"
_SHORTEST, _LONGEST = 4, 40
_PROBE = 200
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_PLAUSIBLE = re.compile(rf"\d+[-/.: ,T]+\d+|\d{{8}}|\d.*(?:{_MONTHS})|(?:{_MONTHS}).*\d", re.I)


def detect_format(texts: pd.Index) -> str | None:
    """The one format that all (distinct) texts have; None if there is none.

    Where day and month could be either way round, the format that keeps the texts in their order
    of appearance wins, then the one that has them closer together, then the month first.
    """
    probe = [str(text) for text in texts[:_PROBE]]
    if not probe or not all(_SHORTEST <= len(text) <= _LONGEST for text in probe):
        return None
    if not all(_PLAUSIBLE.search(text) for text in probe):
        return None
    fitting = [f for f in _formats(probe[0]) if _fits(pd.Index(probe), f)]
    fitting = [f for f in fitting if _fits(texts, f)]
    if not fitting:
        return None
    return min(fitting, key=lambda f: (*_disorder(probe, f), fitting.index(f)))


def _formats(example: str) -> Iterator[str]:
    """Formats whose punctuation agrees with an example."""
    target = _skeleton(example)
    dates, times = _split(_DATES), _split(_TIMES)
    yield from (f for f in (*dates, *_split(_PARTIAL), *times) if _skeleton(f) == target)
    yield from (f for f in _split(_SPECIAL) if _skeleton(f) == target)
    if ":" not in example and "." not in example:
        return
    for joint in ("T", " ", ", ", " - "):
        for date in dates:
            if target.startswith(_skeleton(date)):
                both = (f"{date}{joint}{time}" for time in times)
                yield from (f for f in both if _skeleton(f) == target)


def _split(formats: str) -> list[str]:
    return formats.strip().replace("\n", "|").split("|")


def _skeleton(text: str) -> str:
    """The punctuation that stands between letters and digits."""
    bare = re.sub(r"(?:%z|(?<=\d)Z|(?<=:\d\d) ?[+-]\d\d:?\d\d)", "~", text)
    bare = re.sub(r"(\.\d{1,9}~?|\.%f~?)$", lambda m: "^" + "~" * m[0].endswith("~"), bare)
    bare = re.sub(r"%[a-zA-Z]", "0", bare)
    bare = re.sub(r"(?<=\d)T(?=\d)", "=", bare)
    bare = re.sub(r"(?<=[\d ])[AaPp][Mm]$", "0", bare)
    return re.sub(r"0+", "0", re.sub(r"[^\W_]+", "0", bare))


def _fits(texts: pd.Index, form: str) -> bool:
    try:
        parsed = pd.to_datetime(texts, format=form, errors="coerce", utc="%z" in form)
    except (ValueError, TypeError):
        return False
    return bool(parsed.notna().all())


def _disorder(probe: list[str], form: str) -> tuple[bool, float]:
    """How unlikely a reading is: out of order first, then a long time between first and last."""
    stamps = pd.to_datetime(pd.Index(probe), format=form, utc="%z" in form)
    in_order = stamps.is_monotonic_increasing or stamps.is_monotonic_decreasing
    return not in_order, (stamps.max() - stamps.min()).total_seconds()
