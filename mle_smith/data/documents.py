"""What the documents of a data set say: about columns, their names, and the licence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from mle_smith.data.header import tidy
from mle_smith.data.tables import Document

_NAMES = re.compile(r"(?:^|[\W_])(?:readme|license|licence|copying|notice|citation|metadata)", re.I)
_SUFFIXES = frozenset({".md", ".rst", ".names", ".info", ".html", ".htm", ".tex", ".py", ".r"})
TEXT_LIMIT = 12_000
_DESCRIPTION = 300
_LONGEST_RANGE = 1_000

_LICENCES: tuple[tuple[str, str], ...] = (
    (r"\bCC0\b|creative commons zero", "CC0 1.0"),
    (r"\bCC[ -]BY[ -]NC[ -]SA\b", "CC BY-NC-SA"),
    (r"\bCC[ -]BY[ -]NC[ -]ND\b", "CC BY-NC-ND"),
    (r"\bCC[ -]BY[ -]NC\b|attribution-noncommercial", "CC BY-NC"),
    (r"\bCC[ -]BY[ -]SA\b|attribution-sharealike", "CC BY-SA"),
    (r"\bCC[ -]BY[ -]ND\b", "CC BY-ND"),
    (r"\bCC[ -]BY\b|creative commons attribution", "CC BY"),
    (r"\bODbL\b|open database licen[cs]e", "ODbL 1.0"),
    (r"\bPDDL\b|public domain dedication and licen[cs]e", "PDDL 1.0"),
    (r"\bODC-BY\b|open data commons attribution", "ODC-By 1.0"),
    (r"open government licen[cs]e", "Open Government Licence"),
    (r"apache licen[cs]e|\bapache[- ]2\.0\b", "Apache-2.0"),
    (r"\bMIT licen[cs]e\b|permission is hereby granted, free of charge", "MIT"),
    (r"\bBSD[ -][23][ -]clause\b|\bBSD licen[cs]e\b", "BSD"),
    (r"gnu general public licen[cs]e|\bGPL-?v?[23]\b", "GPL"),
    (r"(?:in|to) the public domain|public[- ]domain (?:data|dedication|work)", "public domain"),
)
_STATED = re.compile(r"^\W*licen[cs]e\W*[:=]\s*(?P<what>\S.{0,80})$", re.I | re.M)
_NUMBERED = re.compile(
    r"^[ \t]*(?:attribute|column|field|feature|variable)?[ \t]*"
    r"#?(?P<number>\d{1,4}(?:[ \t]*(?:,|and|&|to|-)[ \t]*\d{1,4})*)"
    r"[ \t]*(?P<mark>[.:)\]]|-(?=\s)|\t)[ \t]*(?P<name>\S.*?)[ \t]*$",
    re.I | re.M,
)
_ELLIPSIS = re.compile(r"\s*(?:\.{2,}|…|:|etc\.?)\s*")
_LISTED = re.compile(
    r"^[ \t]*(?:[-*•][ \t]+)?(?P<name>[^\s:(][^:(\n]{0,60}?)[ \t]*(?:[:(]|[ \t]-[ \t])"
    r"[ \t]*(?P<rest>.*)$",
    re.M,
)
_SECTION = re.compile(
    r"^.{0,12}(?:attribute|column|variable|field|feature)s?\b.{0,40}$", re.I | re.M
)


def is_document_name(path: str) -> bool:
    """Whether a file of this name describes data rather than being data."""
    pure = PurePosixPath(path)
    return pure.suffix.lower() in _SUFFIXES or _NAMES.search(pure.name) is not None


def documented_names(documents: Sequence[Document], count: int) -> tuple[str, ...] | None:
    """Names that a document gives to `count` columns in order; None if none does.

    Understood are lists that number the attributes (`1: age`, `2. sex - ...`) and, in a section
    on attributes, lines of the form `age: ...`.
    """
    for document in documents:
        for names in (_numbered(document.text), _listed(document.text)):
            if names is not None and len(names) == count and count > 1:
                return names
    return None


def describe(documents: Sequence[Document], names: Sequence[str]) -> dict[str, str]:
    """What the documents say about columns, by column; only those that are mentioned."""
    found: dict[str, str] = {}
    lines = [line for document in documents for line in document.text.splitlines()]
    entries = [(index, _entry_key(line)) for index, line in enumerate(lines)]
    for name in names:
        key = _key(name)
        for index, head in entries:
            if key and head.startswith(key) and (text := _entry_text(lines, index, name)):
                found[name] = text[:_DESCRIPTION]
                break
    return found


def find_licence(documents: Sequence[Document]) -> str:
    """The licence that a document states, else `unknown`."""
    for document in documents:
        text = document.text
        for pattern, name in _LICENCES:
            if found := re.search(pattern, text, re.I):
                version = re.match(r"[\s-]*(?:v(?:ersion)?\s*)?(\d\.\d)", text[found.end() :])
                return f"{name} {version[1]}" if version and version[1] not in name else name
        if stated := _STATED.search(text):
            return tidy(stated["what"])
    return "unknown"


def _numbered(text: str) -> tuple[str, ...] | None:
    """The longest run of lines numbered 1, 2, 3, … that looks like a list of attributes."""
    best: list[str] = []
    for start in [m for m in _NUMBERED.finditer(text) if m["number"] == "1"]:
        run = [_bare_name(start["name"])]
        end = start.end()
        for match in _NUMBERED.finditer(text, start.end()):
            if match["mark"] != start["mark"]:
                continue
            numbers = [int(n) for n in re.findall(r"\d+", match["number"])]
            if _ELLIPSIS.fullmatch(text[end : match.start()]) and numbers[0] > len(run) + 1:
                run = _counted_on(run, numbers[-1])
            elif numbers[0] == len(run) + 1 and numbers[-1] - numbers[0] < _LONGEST_RANGE:
                run += [_bare_name(match["name"])] * (numbers[-1] - numbers[0] + 1)
            else:
                continue
            end = match.end()
        if len(run) > len(best):
            best = run
    return tuple(best) if len(best) > 1 and all(best) else None


def _counted_on(run: list[str], count: int) -> list[str]:
    """Complete a list cut short by dots whose last names count (`sensor 1`, `sensor 2`)."""
    counted = [m for name in run[-2:] if (m := re.fullmatch(r"(.*\D)(\d+)", name))]
    if len(counted) < 2 or counted[0][1] != counted[1][1]:
        return run
    stem, last = counted[1][1], int(counted[1][2])
    missing = count - len(run)
    return run + [f"{stem}{last + i}" for i in range(1, missing + 1)]


def _bare_name(text: str) -> str:
    """The name at the beginning of a list entry, without what explains it."""
    name = re.split(r"\s+-+\s+|\s*[:=(\[{]|\s{3,}|\t", text.strip(), maxsplit=1)[0]
    return tidy(name).rstrip(".?,;").strip("`*'\" ")[:60]


def _listed(text: str) -> tuple[str, ...] | None:
    """The names of a list under a heading on attributes: `age: in years`, line by line."""
    for heading in _SECTION.finditer(text):
        names: list[str] = []
        for line in text[heading.end() :].strip("\n").splitlines():
            if not line.strip():
                if names:
                    break
                continue
            if line[0] in " \t" and names and not re.match(r"\s*[-*•]", line):
                continue  # it goes on with the entry above
            match = _LISTED.match(line)
            if match is None:
                continue
            names.append(tidy(match["name"]).strip("`*'\""))
        if len(names) > 1:
            return tuple(names)
    return None


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.lower()).strip()


def _entry_key(line: str) -> str:
    """The line without list marks and numbers, as `_key` gives it."""
    bare = re.sub(r"^\s*(?:@attribute\b|[-*•|#>]+|\(?\d{1,4}\s*[.:)\]-])*\s*", "", line, flags=re.I)
    return _key(bare)


def _entry_text(lines: Sequence[str], index: int, name: str) -> str:
    """What follows the name on its line and the lines that continue it."""
    letters = [re.escape(part) for part in _key(name).split()]
    head = re.compile(
        r"^[\s\d.:)\]\[(|#>*`'\"-]*" + r"[\W_]+".join(letters) + r"[`'\"*?#)%$]*(?P<rest>.*)$", re.I
    )
    match = head.match(lines[index])
    if match is None:
        return ""
    rest = match["rest"]
    if rest.strip() and not re.match(r"\s*(?:[:=|(\t–—-]|\s{2,})", rest):
        return ""  # the name is just the first word of a sentence
    parts = [rest]
    for line in lines[index + 1 : index + 7]:
        if not line.strip() or not re.match(r"\s{2,}|\t", line) or _NUMBERED.match(line):
            break
        parts.append(line)
    return tidy(" ".join(parts)).strip("|:=–—- \t").strip()
