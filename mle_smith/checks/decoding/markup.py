"""Tables in pages, drawings and other markup: elements alike are rows, what they hold are cells."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import islice

import pandas as pd

_FEWEST = 5
_PAGE = re.compile(r"<!doctype html|<html|<table", re.I)
_EMPTY = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})
_MAX_DEPTH = 100
_MAX_BELOW = 20
"""Elements below one that are part of its row; a longer list is a table of its own."""


def is_page(text: str) -> bool:
    """Whether the text is a page, which need not be well-formed."""
    return bool(_PAGE.match(text))


def is_markup(text: str) -> bool:
    """Whether the text is well-formed markup that defines no entities, which could be bombs."""
    return text[:1] == "<" and "<!ENTITY" not in text and "<!DOCTYPE" not in text[:2000]


def page_as_lines(page: str) -> str:
    """A page as lines; the cells of its tables with tabs between them."""
    lines = re.sub(r"\s+", " ", page)
    lines = re.sub(r"</(?:tr|p|li|div|h\d)\s*>|<br\s*/?>", "\n", lines, flags=re.I)
    lines = re.sub(r"</t[dh]\s*>\s*(?=<t[dh])", "\t", lines, flags=re.I)
    return html.unescape(re.sub(r"<[^<>]{0,2000}>", "", lines)).strip()


def page_records(page: str) -> Iterator[pd.DataFrame]:
    """What the elements of a page hold in attributes and text."""
    reader = _Page()
    reader.feed(page)
    yield from _records(reader.root)


def records(text: str) -> Iterator[pd.DataFrame]:
    """The same of well-formed markup."""
    yield from _records(ElementTree.fromstring(text))


def _records(root: ElementTree.Element) -> Iterator[pd.DataFrame]:
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    for element in root.iter():
        row = {**element.attrib, **_text(element)}
        below = list(islice((b for child in element for b in child.iter()), _MAX_BELOW + 1))
        for inner in below if len(below) <= _MAX_BELOW else element:
            row |= {f"{inner.tag}.{name}": value for name, value in inner.attrib.items()}
            if len(inner) == 0 and (said := _text(inner)):
                row[inner.tag] = said["text"]
        if row:
            rows[element.tag].append(row)
    for members in rows.values():
        if len(members) >= _FEWEST:
            yield pd.DataFrame(members, dtype=str)


def _text(element: ElementTree.Element) -> dict[str, str]:
    return {"text": element.text.strip()} if element.text and element.text.strip() else {}


class _Page(HTMLParser):
    """A tree of what is open; an end without a start, or none, is no error."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = ElementTree.Element("page")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: value for name, value in attrs if value}
        element = ElementTree.SubElement(self._open[-1], tag, held)
        if tag not in _EMPTY and len(self._open) < _MAX_DEPTH:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: value for name, value in attrs if value}
        ElementTree.SubElement(self._open[-1], tag, held)

    def handle_endtag(self, tag: str) -> None:
        tags = [element.tag for element in self._open]
        if tag in tags[1:]:
            del self._open[len(tags) - 1 - tags[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        last = self._open[-1]
        if data.strip() and len(last) == 0:
            last.text = (last.text or "") + data
