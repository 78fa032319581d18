"""The architecture: imports go downwards, and our top-level packages are really ours."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Each may import itself and what stands to its right.
LAYERS = ["cli", "graph", "nodes", "tools", "mle_smith"]

# Inside the library, likewise; modules of one line may not import each other.
NOUNS = [
    {"task", "isolation"},
    {"settings", "report"},
    {"models", "checks"},
    {"package"},
    {"data", "metrics", "sandbox"},
    {"values"},
    {"errors"},
]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            if node.module in {"mle_smith", "nodes", "tools", "graph", "cli"}:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_go_downwards(layer: str) -> None:
    above = set(LAYERS[: LAYERS.index(layer)])
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / layer).rglob("*.py"))
        for name in imported(path)
        if name.split(".")[0] in above
    ]
    assert not wrong


def test_the_library_knows_no_graph() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / "mle_smith").rglob("*.py"))
        for name in imported(path)
        if name.split(".")[0] == "langgraph"
    ]
    assert not wrong


def test_the_nouns_import_downwards() -> None:
    rank = {noun: number for number, nouns in enumerate(NOUNS) for noun in nouns}
    wrong = []
    for path in sorted((ROOT / "mle_smith").rglob("*.py")):
        own = path.relative_to(ROOT / "mle_smith").parts[0].removesuffix(".py")
        for name in imported(path):
            other = name.split(".")[1] if name.startswith("mle_smith.") else ""
            if other in rank and own in rank and other != own and rank[other] < rank[own]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


@pytest.mark.parametrize("package", LAYERS)
def test_our_packages_resolve_to_this_project_from_anywhere(package: str) -> None:
    code = f"import {package}; print({package}.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()).is_relative_to(ROOT)


def test_the_wheel_lists_every_package() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert sorted(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == sorted(
        LAYERS
    )


def test_the_community_package_stays_behind_its_adapter() -> None:
    users = [
        path.relative_to(ROOT).as_posix()
        for layer in LAYERS
        for path in (ROOT / layer).rglob("*.py")
        for name in imported(path)
        if name.startswith("langchain_community")
    ]
    assert set(users) == {"tools/files.py"}
