"""Does the code of a package have the agreed functions, and only harmless imports and calls?

Decided from the syntax tree; nothing is executed. This is no sandbox: it catches what should be
written differently, while the sandbox holds what means harm.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from mle_smith.checks.check import Outcome, check
from mle_smith.checks.subject import Subject
from mle_smith.sandbox.untrusted import UntrustedError, read_text
from mle_smith.syntax import parse_python
from mle_smith.values import Blame, Finding, Severity

ALLOWED_LIBRARIES = frozenset({"numpy", "pandas", "sklearn", "scipy"})
FORBIDDEN_MODULES = frozenset(
    {
        *("subprocess", "socket", "ctypes", "importlib", "multiprocessing", "pty", "runpy"),
        *("http", "ftplib", "smtplib", "telnetlib", "poplib", "imaplib", "nntplib", "xmlrpc"),
        *("socketserver", "ssl", "webbrowser", "code", "codeop", "marshal", "shelve", "pickle"),
        *("pip", "ensurepip", "venv", "pdb", "builtins", "gc", "inspect", "concurrent"),
        "urllib.request",
    }
)
FORBIDDEN_CALLS = frozenset(
    {
        *("eval", "exec", "compile", "__import__", "globals", "breakpoint", "input"),
        *("os.system", "os.popen", "os.fork", "os.kill", "os.putenv", "os.chdir", "os.chroot"),
        *("pd.read_pickle", "pandas.read_pickle", "sys.settrace", "joblib.load"),
        *("pd.eval", "pandas.eval"),
    }
)
_SPAWNING = ("os.exec", "os.spawn", "os.posix_spawn")
_DELETING = frozenset({"rmtree", "unlink", "remove", "rmdir"})


def _finding(code: str, message: str, **evidence: object) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        blame=Blame.REFACTOR,
        message=message,
        evidence=evidence,
    )


def _tree(path: Path, code: str) -> ast.Module | Finding:
    try:
        return parse_python(read_text(path))
    except UntrustedError as fault:
        return _finding(code, f"{path.name} {fault}. Correct it.", file=path.name)
    except (SyntaxError, ValueError) as fault:
        return _finding(code, f"{path.name} is not Python: {fault}. Correct it.", file=path.name)


def _functions(tree: ast.Module) -> dict[str, list[str]]:
    """Names of the arguments of each function at the top level."""
    return {
        node.name: [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


@check(
    {"S04": "prepare.py does not parse or has no prepare(raw, public, private)"},
    title="prepare.py",
    asks="It is Python, and has `def prepare(raw, public, private)` at the top level.",
)
def prepare_signature(subject: Subject) -> Iterator[Outcome]:
    """The agreed function of prepare.py."""
    if not subject.paths.prepare.is_file():
        return
    tree = _tree(subject.paths.prepare, "S04")
    if isinstance(tree, Finding):
        yield tree
        return
    arguments = _functions(tree).get("prepare")
    if arguments is None or arguments[:3] != ["raw", "public", "private"]:
        found = "is missing" if arguments is None else f"takes ({', '.join(arguments)})"
        yield _finding("S04", f"prepare {found}; write def prepare(raw, public, private).")


@check(
    {"S05": "metric.py does not parse or lacks one of its four names"},
    title="metric.py",
    asks="It is Python, and has HIGHER_IS_BETTER = True or False, class InvalidSubmissionError, "
    "def validate_submission(submission, ground_truth), def evaluate(y_true, y_pred).",
)
def metric_signature(subject: Subject) -> Iterator[Outcome]:
    """The agreed names of metric.py."""
    if not subject.paths.metric.is_file():
        return
    tree = _tree(subject.paths.metric, "S05")
    if isinstance(tree, Finding):
        yield tree
        return
    functions = _functions(tree)
    lacking = [
        f"def {name}(…) with {count} arguments"
        for name, count in {"validate_submission": 2, "evaluate": 2}.items()
        if len(functions.get(name, ())) < count
    ]
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    if "InvalidSubmissionError" not in classes:
        lacking.append("class InvalidSubmissionError(ValueError)")
    if direction(tree) is None:
        lacking.append("HIGHER_IS_BETTER = True or False")
    if lacking:
        yield _finding("S05", f"metric.py lacks {'; '.join(lacking)}.", lacking=lacking)


def direction(tree: ast.Module) -> bool | None:
    """The value of HIGHER_IS_BETTER; None where it is not a plain True or False."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else ()
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        named = any(isinstance(t, ast.Name) and t.id == "HIGHER_IS_BETTER" for t in targets)
        if named and isinstance(node, ast.Assign | ast.AnnAssign):
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, bool):
                return value.value
    return None


def declared_direction(subject: Subject) -> bool | None:
    """HIGHER_IS_BETTER as metric.py states it; None where it cannot be told without running it."""
    if not subject.paths.metric.is_file():
        return None
    tree = _tree(subject.paths.metric, "S05")
    return None if isinstance(tree, Finding) else direction(tree)


@check(
    {
        "S06": "code imports what a package may not rely on",
        "S07": "code calls what a package has no use for",
    },
    title="Self-containedness",
    asks="Imports are NumPy, pandas, scikit-learn, SciPy and the standard library without "
    "processes, sockets, import tricks and pickles. No eval or exec, no process is started, no "
    "absolute path is opened, nothing in raw is deleted.",
)
def self_contained(subject: Subject) -> Iterator[Outcome]:
    """Imports and calls of both programs."""
    for path in (subject.paths.prepare, subject.paths.metric):
        if not path.is_file():
            continue
        tree = _tree(path, "S06")
        if isinstance(tree, Finding):
            continue  # the signature checks say so
        foreign = sorted(set(_foreign_imports(tree)))
        if foreign:
            yield _finding(
                "S06",
                f"{path.name} imports {', '.join(foreign)}; only NumPy, pandas, scikit-learn, "
                "SciPy and harmless parts of the standard library are there.",
                file=path.name,
                modules=foreign,
            )
        calls = sorted(set(_unwanted_calls(tree)))
        if calls:
            yield _finding(
                "S07",
                f"{path.name} has {'; '.join(calls)}; do without.",
                file=path.name,
                calls=calls,
            )


def _foreign_imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = ["." * node.level + module] if node.level else [module]
            if module == "urllib":
                names = [f"urllib.{alias.name}" for alias in node.names]
        for name in names:
            top = name.split(".")[0]
            known = top in ALLOWED_LIBRARIES or top in sys.stdlib_module_names
            if not known or top in FORBIDDEN_MODULES or name in FORBIDDEN_MODULES:
                yield name


def _unwanted_calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        try:
            name = ast.unparse(node.func)
        except RecursionError:
            yield f"line {node.lineno}: a call that is nested too deeply to be read"
            continue
        if name in FORBIDDEN_CALLS or name.startswith(_SPAWNING):
            yield f"line {node.lineno}: {name}()"
        elif name == "open" and node.args and _is_absolute(node.args[0]):
            yield f"line {node.lineno}: open() of an absolute path"
        elif name.split(".")[-1] in _DELETING and _touches_raw(node):
            yield f"line {node.lineno}: {name}() on raw data"
        elif any(k.arg == "allow_pickle" and _is_true(k.value) for k in node.keywords):
            yield f"line {node.lineno}: allow_pickle=True"


def _is_absolute(node: ast.expr) -> bool:
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and text.startswith(("/", "~", "\\"))


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _touches_raw(call: ast.Call) -> bool:
    return any(isinstance(n, ast.Name) and n.id == "raw" for n in ast.walk(call))


CHECKS = (prepare_signature, metric_signature, self_contained)
