"""Runs in the sandbox: calls prepare(raw, public, private) of a task's prepare.py.

It knows nothing of MLE-Smith. `$MLE_IN/raw` holds the raw data, `$MLE_IN/task/prepare.py` the
script, and `$MLE_OUT` gets public/ and private/. With the argument `reverse`, folders list their
entries the other way round, which shows a script that depends on their order.
"""

# ruff: noqa: E402, D102, D103 - listings are turned round before pathlib copies them
from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any

REVERSE = sys.argv[1:] == ["reverse"]
_listdir, _scandir = os.listdir, os.scandir


class ReversedScan:
    """What os.scandir returns, from the last entry to the first."""

    def __init__(self, path: Any = ".") -> None:
        with _scandir(path) as entries:
            self._entries = reversed(list(entries))

    def __iter__(self) -> ReversedScan:
        return self

    def __next__(self) -> os.DirEntry[Any]:
        return next(self._entries)

    def __enter__(self) -> ReversedScan:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._entries = reversed([])


def reversed_listdir(path: Any = ".") -> list[Any]:
    return list(reversed(_listdir(path)))


if REVERSE:
    os.listdir, os.scandir = reversed_listdir, ReversedScan  # type: ignore[assignment] # same use

import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    inputs, out = Path(os.environ["MLE_IN"]), Path(os.environ["MLE_OUT"])
    public, private = out / "public", out / "private"
    public.mkdir()
    private.mkdir()
    prepare = load(inputs / "task" / "prepare.py")
    prepare(inputs / "raw", public, private)
    for folder in (public, private):
        if not any(path.is_file() for path in folder.rglob("*")):
            sys.exit(f"prepare() ended without writing a file to {folder.name}/")


def load(path: Path) -> Callable[[Path, Path, Path], None]:
    spec = importlib.util.spec_from_file_location("prepare", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["prepare"] = module
    spec.loader.exec_module(module)
    prepare = getattr(module, "prepare", None)
    if not inspect.isfunction(prepare):
        sys.exit("prepare.py does not define a function prepare(raw, public, private)")
    try:
        inspect.signature(prepare).bind(path, path, path)
    except TypeError as error:
        sys.exit(f"prepare() in prepare.py does not take (raw, public, private): {error}")
    return prepare


if __name__ == "__main__":
    main()
