"""How the embedded roles write files: Jinja templates that render to tidy Python and Markdown."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from mle_smith.data.code import literal
from mle_smith.syntax import parse_python

_WIDTH = 78
"""Characters of a value that stay on one line."""


class Source(NamedTuple):
    """Python source in two parts, so that several can share one head."""

    imports: tuple[str, ...]
    body: str


def render(template: str, **values: Any) -> str:
    """The text of a template beside this file; a missing variable is an error."""
    text = _environment().get_template(template).render(**values)
    return re.sub(r"\n{4,}", "\n\n\n", text).rstrip() + "\n"


def take_imports(code: str) -> Source:
    """Split source into its top-level import statements and the rest."""
    tree = parse_python(code)
    lines = code.splitlines()
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    gone = {n for node in imports for n in range(node.lineno - 1, (node.end_lineno or 0))}
    body = "\n".join(line for number, line in enumerate(lines) if number not in gone).strip()
    return Source(tuple(ast.unparse(node) for node in imports), body)


def import_head(statements: Iterable[str]) -> str:
    """Import statements as one block: the standard library first, then the rest, sorted."""
    unique = sorted(set(statements), key=lambda s: (s.startswith("from"), s))
    third_party = [s for s in unique if re.match(r"(import|from) (numpy|pandas|sklearn)", s)]
    standard = [s for s in unique if s not in third_party and "__future__" not in s]
    return "\n".join(standard) + "\n\n" + "\n".join(third_party)


def _block(value: Any) -> str:
    """A list or dict over several lines, black's way, when it does not fit on one."""
    flat = literal(value)
    if len(flat) <= _WIDTH or not value:
        return flat
    if isinstance(value, dict):
        rows = [f"    {literal(key)}: {literal(item)},\n" for key, item in value.items()]
        return "{\n" + "".join(rows) + "}"
    return "[\n" + "".join(f"    {literal(item)},\n" for item in value) + "]"


def _cell(value: Any) -> str:
    """Text that may stand in a Markdown table: one line, no bars."""
    printable = "".join(c if c.isprintable() else " " for c in str(value))
    return " ".join(printable.split()).replace("|", "\\|")


@functools.cache
def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("mle_smith.models.embedded"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Python and Markdown, not HTML
    )
    env.filters.update(pyrepr=literal, pylist=_block, pydict=_block, cell=_cell)
    return env
