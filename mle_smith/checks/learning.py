"""Does code learn from all rows what it must learn from train rows alone?

The syntax tree is read, nothing is run: what is fitted, filled or averaged has to be a part called
train, or made of one. A table's column that is made of averages of that same table is not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Set

_FITTING = frozenset({"fit", "fit_transform", "partial_fit", "fit_resample"})
_AVERAGES = frozenset({"mean", "median", "mode", "std", "min", "max", "quantile", "var"})
_ENDS = frozenset({"min", "max"})
_RANKS = frozenset({"rank", "value_counts", "describe"})
_OF_GROUPS = _AVERAGES | {"count", "size", "rank"}
_BY_NAME = frozenset({"transform", "agg"})
_MADE_OF = (_AVERAGES - _ENDS) | {"rank", "value_counts"}
_SCALES = frozenset({"scale", "minmax_scale", "normalize", "robust_scale", "quantile_transform"})
_TRAIN = re.compile(r"(?:^|_)(?:train|tr|fit|known|labelled|labeled|past|history)(?:_|$|\d)", re.I)
_TEST = re.compile(r"(?:^|_)test(?:_|$|\d)", re.I)
_TARGETS = frozenset({"y", "target", "targets", "TARGET", "TARGETS", "label"})


def learning(tree: ast.Module, targets: Set[str], inputs: Set[str]) -> list[tuple[int, str]]:
    """Lines that learn from a table that is not the train part, and what stands there.

    Args:
        tree: of a program that divides rows into train and test.
        targets: names of target columns, which may be made from all rows.
        inputs: names of inputs: other columns may serve to divide the rows.
    """
    called = _called_on_all(tree, targets | _TARGETS)
    made = _made_of_averages(tree, targets | _TARGETS, inputs)
    return sorted({*called, *made})


def _made_of_averages(
    tree: ast.Module, targets: Set[str], inputs: Set[str]
) -> Iterator[tuple[int, str]]:
    """Columns of a table that are made of averages or counts of that table."""
    known = _names_of_train(tree)
    learned: dict[str, str] = {}
    """Names that hold averages, and the table these are of."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign | ast.AugAssign):
            continue
        places = node.targets if isinstance(node, ast.Assign) else [node.target]
        sources = _averaged(node.value, learned)
        for place in places:
            table = _root(place)
            if isinstance(place, ast.Name) and sources and place.id not in sources:
                learned[place.id] = min(sources)
            elif table not in sources or _TRAIN.search(table) or table in known:
                continue
            elif not _compares(node.value) and _may_be_input(place, targets, inputs):
                yield node.lineno, ast.unparse(node)[:60]


def _may_be_input(place: ast.expr, targets: Set[str], inputs: Set[str]) -> bool:
    """Whether what is written to is an input, or a whole table, as far as its name tells."""
    if isinstance(place, ast.Name):
        return True
    names = {_text(node) for node in ast.walk(place)} - {_root(place), ""}
    spelt = {n.value for n in ast.walk(place) if isinstance(n, ast.Constant)} - {None}
    return not names & targets and (not spelt or bool(spelt & inputs))


def _averaged(value: ast.expr, learned: dict[str, str]) -> set[str]:
    """Tables whose averages, ranks or counts an expression takes."""
    tables: set[str] = set()
    ends: dict[str, set[str]] = {}
    of_lambda = _tables_of_lambdas(value)
    for node in ast.walk(value):
        if isinstance(node, ast.Name) and node.id in learned:
            tables.add(learned[node.id])
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        table = _root(node.func)
        table = of_lambda.get(table, table)
        if node.func.attr in _ENDS:
            ends.setdefault(table, set()).add(node.func.attr)
        elif node.func.attr in _MADE_OF or (node.func.attr in _BY_NAME and _pools(node)):
            tables.add(table)
    # The first of all days is an origin, no scale: both ends are.
    return (tables | {table for table, used in ends.items() if used == _ENDS}) - {""}


def _pools(call: ast.Call) -> bool:
    """Whether rows are pooled, as far as a function is named: the first of them is but one."""
    return not (call.args and _text(call.args[0])) or _text(call.args[0]) in _OF_GROUPS


def _tables_of_lambdas(value: ast.expr) -> dict[str, str]:
    """Arguments of functions that a table applies to its columns, each with the table."""
    return {
        argument.arg: _root(call.func)
        for call in ast.walk(value)
        if isinstance(call, ast.Call)
        for function in call.args
        if isinstance(function, ast.Lambda)
        for argument in function.args.args
    }


def _compares(value: ast.expr) -> bool:
    """Whether rows are told apart, as those before a day are: that is no scale of them."""
    return any(isinstance(node, ast.Compare) for node in ast.walk(value))


def _called_on_all(tree: ast.Module, targets: Set[str]) -> Iterator[tuple[int, str]]:
    """Calls that fit, fill or average what is not the train part."""
    known, joined = _names_of_train(tree), _names_of_both(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _called(node)
        if name in _AVERAGES | _RANKS and _root(node.func) in joined:
            yield node.lineno, f"{ast.unparse(node)[:60]}"
        elif (name in _FITTING and node.args and not _of_train(node.args[0], known)) or (
            name in _SCALES and node.args and not _of_train(node.args[0], known)
        ):
            yield node.lineno, f"{name}({ast.unparse(node.args[0])[:40]})"
        elif name == "fillna" and node.args:
            for inner in ast.walk(node.args[0]):
                if _averages(inner) and not _of_train(inner, known):
                    yield node.lineno, f"fillna({ast.unparse(node.args[0])[:40]})"
                    break
        elif name in _BY_NAME | {"mean"} and _grouped(node) and _pools(node):
            inside = {_text(n) for n in ast.walk(node)}
            if inside & targets and not _of_train(node, known):
                yield node.lineno, f"{ast.unparse(node)[:60]}"


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
    if any(_TEST.search(name) and not _TRAIN.search(name) for name in names):
        return False
    return any(_TRAIN.search(name) or name in known for name in names)
