"""Parsing Python source from several threads."""

from __future__ import annotations

import ast
import threading

_ONE_AT_A_TIME = threading.Lock()


def parse_python(code: str) -> ast.Module:
    """`ast.parse`, safe to call from several threads.

    CPython 3.11 counts the depth of its recursion in one place for all threads, and raises
    SystemError when two parse at once (python/cpython#106905).

    Raises:
        SyntaxError: it is no Python.
        ValueError: it holds null bytes.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(code)
