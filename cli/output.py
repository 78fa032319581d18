"""Where output goes: one JSON document on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

from rich.console import Console


def messages() -> Console:
    """The console for people: stderr."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def results() -> Console:
    """The console for tables that are the answer: stdout."""
    # Where no terminal says how wide it is, tables are not squeezed into 80 columns.
    width = None if sys.stdout.isatty() else 140
    return Console(highlight=False, soft_wrap=True, width=width)


def print_json(document: Any) -> None:
    """The one JSON document of `--json`."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def fail(message: str, code: str, status: int, as_json: bool) -> NoReturn:
    """End with an error message and an exit status."""
    if as_json:
        print_json({"error": {"code": code, "message": message}})
    console = messages()
    console.print("[bold red]error:[/] ", end="")
    console.print(message, markup=False)
    raise SystemExit(status)
