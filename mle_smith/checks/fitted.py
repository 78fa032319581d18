"""Was anything learned from test rows before the split: scales, components, means for the missing?

Defect L12. A column whose mean over train and test together is exactly zero, or whose fillings are
the mean of both, was made of both. Of prepare.py the syntax tree is read: what is fitted, filled or
averaged has to be a part called train.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Set
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.check import Measured, Need, Outcome, check
from mle_smith.checks.features import Floats, numbers_of
from mle_smith.checks.subject import Subject
from mle_smith.syntax import parse_python
from mle_smith.values import Blame, Finding, Severity

_FITTING = frozenset({"fit", "fit_transform", "partial_fit", "fit_resample"})
_AVERAGES = frozenset({"mean", "median", "mode", "std", "min", "max", "quantile", "var"})
_RANKS = frozenset({"rank", "value_counts", "describe"})
_SCALES = frozenset({"scale", "minmax_scale", "normalize", "robust_scale", "quantile_transform"})
_TRAIN = re.compile(r"(?:^|_)(?:train|tr|fit|known|labelled|labeled|past|history)(?:_|$|\d)", re.I)
_MAX_ROWS = 500_000


class _Trace(NamedTuple):
    column: str
    how: str


@check(
    {"L12": "something was learned from train and test rows together"},
    title="Learned from all rows",
    asks="Columns centred, standardised or made uniform over train and test together while train "
    "alone is not; missing cells that hold the mean of both; code of prepare.py that fits, fills "
    "or averages a table that is not the train part.",
    needs=(Need.PRIVATE,),
)
def learned_from_all(subject: Subject) -> Iterator[Outcome]:
    """Traces of fits in the data, and fits in the code."""
    traces = [t for c in subject.input_columns for t in _traces(subject, c)]
    code = _fits(subject)
    yield Measured("L12", {"columns": len(traces), "places_in_code": code[:5]})
    if code:
        yield _finding(
            Severity.ERROR,
            f"prepare.py learns from rows that are not train's alone: {'; '.join(code[:3])}. Split "
            "first, and fit on train.",
            code=code[:10],
        )
    if traces and not code:
        # The source may have been standardised as a whole; who has the raw data can see that
        # prepare.py leaves the columns as they are.
        own = subject.raw is not None
        listed = ", ".join(f"{t.column!r} ({t.how})" for t in traces[:4])
        yield _finding(
            Severity.INFO if own else Severity.ERROR,
            f"{len(traces)} columns were made from train and test together: {listed}. Split first, "
            "and fit on train.",
            columns=[t.column for t in traces],
        )


def _finding(severity: Severity, message: str, **evidence: object) -> Finding:
    return Finding(
        code="L12", severity=severity, blame=Blame.REFACTOR, message=message, evidence=evidence
    )


def _traces(subject: Subject, column: str) -> Iterator[_Trace]:
    train, test = (
        numbers_of(frame[column].iloc[:_MAX_ROWS]) for frame in (subject.train, subject.test)
    )
    if train is None or test is None:
        return
    train, test = train[np.isfinite(train)], test[np.isfinite(test)]
    if len(train) < 30 or len(test) < 10 or np.unique(train).size < 20:
        return
    both = np.concatenate([train, test])
    spread = float(both.std())
    if spread <= 0:
        return
    # Cells that were rounded to some digits keep a mean that is off by so little.
    digits = _resolution(both)
    tolerance = 4 * digits / np.sqrt(12 * len(both)) + 1e-9 * spread
    off = abs(float(train.mean()))
    if digits < 1e-2 * spread and abs(float(both.mean())) <= tolerance and off > 20 * tolerance:
        yield _Trace(column, "its mean over all rows is 0")
    elif (_uniform(both) <= 1.5 and _uniform(train) > 4) or _ranked(both) > _ranked(train):
        yield _Trace(column, "its ranks over all rows are even")
    else:
        yield from _fillings(column, train, both)


def _resolution(values: Floats) -> float:
    """The smallest step between different values: what they were rounded to."""
    steps = np.diff(np.unique(values[:20_000]))
    return float(np.median(np.sort(steps)[: max(1, len(steps) // 20)])) if len(steps) else 0.0


def _ranked(values: Floats) -> bool:
    """Whether the values are their own ranks, equal ones included, from 0 to 1."""
    ranks, count = rankdata(values), len(values)
    scaled = (ranks / count, (ranks - 0.5) / count, (ranks - 1) / max(1, count - 1))
    return any(np.abs(values - one).max() < 0.1 / count for one in scaled)


def _uniform(values: Floats) -> float:
    """The largest distance of the values from an even row of 0 to 1, in places."""
    even = np.linspace(0, 1, len(values))
    return float(np.abs(np.sort(values) - even).max() * len(values))


def _fillings(column: str, train: Floats, both: Floats) -> Iterator[_Trace]:
    """A value that occurs again and again, and is the mean of all the others."""
    values, counts = np.unique(both, return_counts=True)
    for place in np.argsort(-counts)[:3]:
        value, count = float(values[place]), int(counts[place])
        if count < 3:
            return
        rest, head = both[both != value], train[train != value]
        if len(head) < 20:
            continue
        close = 1e-9 * (1 + abs(value)) + 1e-12 * float(np.abs(rest).max())
        if abs(float(rest.mean()) - value) <= close < abs(float(head.mean()) - value):
            yield _Trace(column, "its missing cells hold the mean of all rows")


def _fits(subject: Subject) -> list[str]:
    """Calls of prepare.py that learn from a table that is not the train part."""
    try:
        tree = parse_python(subject.paths.prepare.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError):
        return []
    return [f"line {n.lineno}: {what}" for n, what in _learning(tree)]


def _learning(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    targets = {"y", "target", "targets", "TARGET", "TARGETS", "label"}
    known, joined = _names_of_train(tree), _names_of_both(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _called(node)
        if name in _AVERAGES | _RANKS and _root(node.func) in joined:
            yield node, f"{ast.unparse(node)[:60]}"
        elif (name in _FITTING and node.args and not _of_train(node.args[0], known)) or (
            name in _SCALES and node.args and not _of_train(node.args[0], known)
        ):
            yield node, f"{name}({ast.unparse(node.args[0])[:40]})"
        elif name == "fillna" and node.args:
            for inner in ast.walk(node.args[0]):
                if _averages(inner) and not _of_train(inner, known):
                    yield node, f"fillna({ast.unparse(node.args[0])[:40]})"
                    break
        elif name in ("transform", "agg", "mean") and _grouped(node):
            inside = {_text(n) for n in ast.walk(node)}
            if inside & targets and not _of_train(node, known):
                yield node, f"{ast.unparse(node)[:60]}"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else _name(call.func)


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _averages(node: ast.AST) -> bool:
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return called and node.func.attr in _AVERAGES  # type: ignore[attr-defined]  # see `called`


def _grouped(node: ast.Call) -> bool:
    inner = ast.walk(node.func)
    return any(isinstance(n, ast.Attribute) and n.attr == "groupby" for n in inner)


def _names_of_train(tree: ast.Module) -> set[str]:
    """Names that are given what is made of the train part alone."""
    known: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _of_train(node.value, known):
            tables = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
            if not any("test" in name.lower() for name in tables):
                known |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return known


def _names_of_both(tree: ast.Module) -> set[str]:
    """Names of tables that train and test were joined into again."""
    joined: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        if _called(node.value) == "concat":
            parts = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
            if any(map(_TRAIN.search, parts)) and any("test" in part.lower() for part in parts):
                joined |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return joined


def _root(node: ast.expr) -> str:
    """The name that a chain of attributes, cells and calls begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return _name(node)


def _of_train(node: ast.AST, known: Set[str]) -> bool:
    """Whether the tables that are named are parts called train, made of one, or masked by one."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - {"np", "pd"}
    return any(_TRAIN.search(name) or name in known for name in names)


CHECKS = (learned_from_all,)
