"""An expert's key: free text about targets, leaks and splits, and how it is matched.

Matching rule. Names are compared by their letters and digits, lower case. Of an entry's text the
whole, the part before a parenthesis, and each alternative in that (`/`, ` or `, ` and `, `,`, `+`)
are names; `(col 23)` names a column by position. A target matches an entry when its column, or a
column it is derived from, has one of the names, or one name of twelve letters and more begins with
the other, or (for an entry marked as derived) a word of a name is among the words of a derived
target. Several targets match when each of them does. A leak's text says for which target it holds:
`for T: columns`, `columns when T is the target`, `columns for T` (`and the reverse` turns it
round); without, it holds for all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mle_smith.values import Formulation, SplitKind, Value

_HARMLESS = re.compile(
    r"not a leak|is fine|\(allowed|state the setting|mentions|embeds", re.IGNORECASE
)


class Expected(Value):
    """What the key says of one data set."""

    dataset: str
    acceptable: tuple[str, ...]
    poor: tuple[str, ...]
    leaks: tuple[str, ...]
    split: str
    groups: tuple[str, ...]


class Judgement(Value):
    """How one formulation compares with the key."""

    target: str
    verdict: str
    """`acceptable`, `poor`, or `unlisted`."""
    leaky: tuple[str, ...]
    split: str
    split_kept: bool


def read_key(path: Path) -> dict[str, Expected]:
    """The key by data set."""
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return {
        e["dataset"]: Expected(
            dataset=e["dataset"],
            acceptable=tuple(e["acceptable_targets"]),
            poor=tuple(e["poor_targets"]),
            leaks=tuple(e["leaky_columns"]),
            split=e["split_policy"],
            groups=tuple(e["group_columns"]),
        )
        for e in entries
    }


def judge(formulation: Formulation, columns: Sequence[str], expected: Expected) -> Judgement:
    """Compare one formulation with the key; `columns` are the table's, in file order."""
    acceptable = all(
        any(matches(t, formulation, entry, columns) for entry in expected.acceptable)
        for t in formulation.targets
    )
    poor = any(
        matches(t, formulation, entry, columns)
        for t in formulation.targets
        for entry in expected.poor
    )
    return Judgement(
        target=" + ".join(formulation.targets),
        verdict="acceptable" if acceptable else "poor" if poor else "unlisted",
        leaky=tuple(leaks(formulation, columns, expected.leaks)),
        split=str(formulation.split.kind),
        split_kept=keeps_split(formulation, columns, expected),
    )


def matches(target: str, formulation: Formulation, entry: str, columns: Sequence[str]) -> bool:
    """Whether a target is what an entry of the key means."""
    sources = sources_of(target, formulation, columns)
    position = re.search(r"\bcol(?:umn)? (\d+)", entry)
    if position and int(position[1]) <= len(columns):
        return columns[int(position[1]) - 1] in sources
    derived = target in formulation.derive
    words = set(_words(target))
    for alternative in _alternatives(entry):
        name = _plain(alternative)
        if any(_same(name, _plain(source)) for source in sources):
            return True
        if derived and (len(set(_words(alternative)) & words) >= 1) and "derived" in entry:
            return True
    return False


def sources_of(target: str, formulation: Formulation, columns: Sequence[str]) -> set[str]:
    """The raw columns that a target is, or is made of."""
    expression = formulation.derive.get(target)
    if expression is None:
        return {target}
    return {c for c in columns if repr(c) in expression} | {target}


def leaks(formulation: Formulation, columns: Sequence[str], entries: Iterable[str]) -> list[str]:
    """Inputs that the key calls leaky for the formulation's target."""
    found = []
    sources = {s for t in formulation.targets for s in sources_of(t, formulation, columns)}
    for entry in entries:
        if _HARMLESS.search(entry) or ".csv" in entry:
            continue
        scope, told = _scope(entry)
        reverse = "reverse" in entry and scope
        for column in formulation.inputs:
            if column in formulation.derive or column in sources:
                continue
            applies = not scope or any(_named(s, scope, columns) for s in sources)
            leaky = applies and _named(column, told, columns)
            turned = reverse and _named(column, scope, columns)
            turned = bool(turned) and any(_named(s, told, columns) for s in sources)
            if leaky or turned:
                found.append(column)
    return sorted(set(found))


def _scope(entry: str) -> tuple[str, str]:
    """(for which target, what is said) of a leak's text; ("", text) when for all."""
    text = entry.split("(")[0] if not entry.lower().startswith("for ") else entry
    if found := re.match(r"for (.+?): (.+)", text, re.IGNORECASE):
        return found[1], found[2]
    if found := re.match(r"(.+?) when (.+?) is (?:the )?target", text, re.IGNORECASE):
        return found[2], found[1]
    if found := re.match(r"(.+?) for (.+?)(?: and the reverse.*)?$", text, re.IGNORECASE):
        return found[2], found[1]
    return "", text


def _named(column: str, text: str, columns: Sequence[str]) -> bool:
    """Whether the text names the column: by its words in order, or by its position."""
    for span in re.findall(r"cols? (\d+)(?:-(\d+))?", text):
        low, high = int(span[0]), int(span[1] or span[0])
        if column in columns and low <= columns.index(column) + 1 <= high:
            return True
    words = r"[\W_]*".join(re.escape(w) for w in _words(column))
    if not words:
        return False
    flags = re.IGNORECASE if len(column) > 2 else 0
    for longer in columns:
        if _plain(column) in _plain(longer) and _plain(column) != _plain(longer):
            text = text.replace(longer, " ")
    return bool(re.search(rf"(?<![A-Za-z0-9_]){words}(?![A-Za-z0-9_])", text, flags))


def keeps_split(formulation: Formulation, columns: Sequence[str], expected: Expected) -> bool:
    """Whether the rows are divided in a way that the key's policy allows."""
    kind, policy = formulation.split.kind, expected.split.casefold()
    if kind is SplitKind.GROUPED:
        return all(
            any(_named(column, entry, columns) for entry in expected.groups)
            for column in formulation.split.group_columns
        )
    needs_group = policy.startswith("group") or ", grouped by" in policy
    if kind is SplitKind.TEMPORAL:
        return "temporal" in policy or ("date" in policy and not needs_group)
    only_temporal = policy.startswith("temporal") and " or " not in policy
    return not needs_group and not only_temporal and "random" in policy


def _alternatives(entry: str) -> list[str]:
    head = re.split(r"\(|:", entry)[0]
    parts = re.split(r"\s+or\s+|\s+and\s+|[,/+]", head)
    return [entry, head, *parts] if len(parts) > 1 else [entry, head]


def _same(first: str, second: str) -> bool:
    if not first or not second:
        return False
    short, long = sorted((first, second), key=len)
    return first == second or (len(short) >= 12 and long.startswith(short))


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def _words(text: str) -> list[str]:
    return [w.casefold() for w in re.findall(r"[A-Za-z]+|\d+", text)]
