"""Parsing Python source that others wrote, from several threads."""

from __future__ import annotations

import ast
import threading

_ONE_AT_A_TIME = threading.Lock()
_TOO_DEEP = "it is nested too deeply to be parsed"


def parse_python(code: str) -> ast.Module:
    """`ast.parse`, safe to call from several threads.

    CPython 3.11 counts the depth of its recursion in one place for all threads, and raises
    SystemError when two parse at once (python/cpython#106905).

    Raises:
        SyntaxError: it is no Python, or nested too deeply.
        ValueError: it holds null bytes.
    """
    with _ONE_AT_A_TIME:
        try:
            return ast.parse(code)
        except (RecursionError, MemoryError) as error:  # The parser's stack, not the machine's.
            raise SyntaxError(_TOO_DEEP) from error


def compile_python(code: str, name: str) -> None:
    """Check that a program compiles. Nothing of it runs.

    Raises:
        SyntaxError: it does not, or is nested too deeply.
        ValueError: it holds null bytes.
    """
    with _ONE_AT_A_TIME:
        try:
            compile(code, name, "exec", dont_inherit=True)
        except (RecursionError, MemoryError) as error:
            raise SyntaxError(_TOO_DEEP) from error
