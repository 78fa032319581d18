"""What the documents of a data set say about its columns: which is the target, which to avoid.

Only phrases that documentation commonly uses are read. What is found is a prior for the ranking,
and text from outside can do no more than that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from mle_smith.models.embedded.analysis.lexicon import plain
from mle_smith.values import Value

_GOAL = re.compile(
    r"\bpredict(s|ing|ed|ion|ive)?\b|\btarget\b|\boutput variable|\bclass attribute|"
    r"\bdependent variable|\bresponse variable|\boutcome variable|\bvariable of interest|"
    r"\b(goal|aim|task|objective|purpose)\b.{0,40}\b(is|was) to\b|\bclass label|\bto classify\b|"
    r"\bto be predicted\b|\bpredicted attribute",
    re.IGNORECASE,
)
_INPUTS = re.compile(r"\b(from|using|based on|given|by means of)\b", re.IGNORECASE)
_CLASS_NUMBERS = re.compile(
    r"(?:class|target|predicted|output) (?:attribute|variable|column|field)s?"
    r"[^\w\n]{0,3}(.{0,160})",
    re.IGNORECASE | re.DOTALL,
)
_AFTERWARDS = re.compile(
    r"should (?:be discarded|not be used|be dropped|be excluded|be removed)|"
    r"not known (?:before|until|in advance|beforehand)|(?:only )?known (?:only )?(?:after|later)|"
    r"retrospective|of no significance|not available (?:at|before)|post[- ]hoc|"
    r"(?:recorded|measured|determined|decided) after(?:wards)? the|leak",
    re.IGNORECASE,
)
_ORDERED = re.compile(
    r"\b(ordered|sorted) (?:by|in) (?:date|time|chronolog)|chronological(?:ly)? order",
    re.IGNORECASE,
)
_TARGET = r"(?:desired )?(?:target|output variable|class label|class attribute|response variable|"
_TARGET += r"dependent variable|outcome variable)"
_IS_TARGET = re.compile(
    rf"^\W*(?:the )?{_TARGET}|\((?:the )?{_TARGET}|\b(?:is|as) the {_TARGET}|to be predicted",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n\s*\n|\n(?=\s*[-*#|\d])")


class Hints(Value):
    """What documents and names say."""

    goal: dict[str, float] = Field(default_factory=dict)
    """Columns that a document names as what to predict, with a weight up to 3."""
    afterwards: dict[str, str] = Field(default_factory=dict)
    """Columns that are known too late, or are to be left out, each with the words that say so."""
    titled: tuple[str, ...] = ()
    """Columns that the name or title of the data set mentions."""
    ordered_by_time: bool = False
    """A document says that the rows are in the order of time."""


def read(
    name: str,
    tables: Sequence[str],
    documents: Sequence[Mapping[str, Any]],
    profiles: Mapping[str, Mapping[str, Any]],
) -> Hints:
    """The hints for the columns of one table."""
    columns = list(profiles)
    text = "\n\n".join(str(d["text"]) for d in documents)
    goal: dict[str, float] = {}
    told = {c: _told(c, profiles[c], text) for c in columns}
    after = {c: m[0] for c, words in told.items() if (m := _AFTERWARDS.search(words))}
    in_words = [(c, w) for c, w in _named(text, columns) if c not in after]
    for column, weight in [*_numbered(text, columns), *in_words]:
        goal[column] = max(goal.get(column, 0.0), weight)
    for column, words in told.items():
        if _described_as_target(words):
            goal[column] = max(goal.get(column, 0.0), 2.5)
    return Hints(
        goal=goal,
        afterwards=after,
        titled=tuple(c for c in columns if _titled(c, name, tables, text)),
        ordered_by_time=bool(_ORDERED.search(text)),
    )


def _named(text: str, columns: Sequence[str]) -> list[tuple[str, float]]:
    """Columns named in a sentence that states the goal; those said to be inputs count not."""
    found = []
    lines = _SENTENCE.split(text)
    for place, sentence in enumerate(lines):
        goal = _GOAL.search(sentence)
        if goal is None:
            continue
        heading = sentence.strip().endswith(":")
        after = lines[place + 1] if heading and place + 1 < len(lines) else ""
        told = f"{sentence[goal.start() :]}\n{after[:80]}"
        cut = _INPUTS.search(told)
        told = told[: cut.start()] if cut else told
        mentioned = [c for c in columns if _mentions(told, c)]
        if 0 < len(mentioned) <= 4:
            found += [(c, 3.0) for c in mentioned]
    return found


def _mentions(text: str, column: str) -> bool:
    """Whether the text names the column; a name of one or two letters has to stand as a name."""
    if len(plain(column)) == 0:
        return False
    if len(plain(column)) <= 2:
        name = re.escape(column)
        pattern = (
            rf"(?:variable|target|attribute|column|class|label|field)\W{{0,3}}\b{name}\b|"
            rf"['\"`(]{name}['\"`)]|^\s*\d+\s*[-.:)]\s*{name}\b"
        )
        return bool(re.search(pattern, text, re.MULTILINE))
    words = [re.escape(w) for w in re.findall(r"[A-Za-z]+|\d+", column)]
    return bool(re.search(r"\b" + r"[\W_]*".join(words) + r"\b", text, re.IGNORECASE))


def _numbered(text: str, columns: Sequence[str]) -> list[tuple[str, float]]:
    """`class attributes: 24 ... others include 23, 25`: columns named by their position."""
    found = []
    for match in _CLASS_NUMBERS.finditer(text):
        told = re.split(r"\n\s*\n", match[1])[0]
        if re.match(r"[^\w\n]*(?:is|are)?\W*(?:number|no)?[^\w\n]*\d", told) is None:
            continue
        numbers = [int(n) for n in re.findall(r"\b\d{1,3}\b", told)]
        for place, number in enumerate(numbers):
            if 1 <= number <= len(columns):
                found.append((columns[number - 1], 3.0 if place == 0 else 1.5))
    return found


def _told(column: str, profile: Mapping[str, Any], text: str) -> str:
    """What is said about one column: its description, or the line of a document that starts it."""
    described = str(profile.get("description") or "")
    if len(plain(column)) < 1:
        return described
    head = re.escape(column)
    line = re.search(
        rf"^[ \t]*(?:[-*|][ \t]*)?(?:\d+[ \t]*[-:.)][ \t]*)?[`'\"]?{head}[`'\"]?\??"
        r"[ \t]*[-:|(](.*)",
        text,
        re.MULTILINE | re.IGNORECASE,
    )
    return f"{described}\n{line[1][:600]}" if line else described


def _described_as_target(words: str) -> bool:
    return bool(_IS_TARGET.search(words[:200]))


def _titled(column: str, name: str, tables: Sequence[str], text: str) -> bool:
    """Whether the data set is called after the column."""
    short = plain(column)
    title = text.strip()[:300]
    return len(short) >= 4 and (
        any(short in plain(t) for t in (name, *tables))
        or (len(short) >= 4 and short in plain(title))
    )
