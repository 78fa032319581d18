"""A pickle read as data: lists, dictionaries and arrays, without calling anything that it names.

The stack machine of `pickle` is walked through; where the real one would call a function or make
an object, this one keeps the name and what it was given.
"""

from __future__ import annotations

import io
import itertools
import math
import pickletools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Column: TypeAlias = list[Any]

_MAX_OPERATIONS = 5_000_000
_MAX_DEPTH = 60
_MAX_COLUMNS = 400
_CELLS = str | int | float | None


@dataclass(eq=False)
class Made:
    """What a pickle would have made by a call: the callable's name, its arguments, its state."""

    of: Any
    given: Any
    state: Any = None


class Pairs(list[Any]):
    """A dictionary, as the list of its pairs: its keys may be of any kind."""


@dataclass
class _Machine:
    """The stack, its marks, the memo, and the file behind what was read of it."""

    file: io.BytesIO
    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[Any, Any] = field(default_factory=dict)

    def since_mark(self) -> list[Any]:
        place = self.marks.pop()
        found = self.stack[place:]
        del self.stack[place:]
        return found

    def pop(self, count: int) -> list[Any]:
        found = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return found


def _pairs(values: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(values[::2], values[1::2], strict=False))


def _extend(machine: _Machine, values: list[Any]) -> None:
    if isinstance(machine.stack[-1], list):
        machine.stack[-1].extend(values)


def _update(machine: _Machine, values: list[Any]) -> None:
    if isinstance(machine.stack[-1], Pairs):
        machine.stack[-1].extend(_pairs(values))


def _make(machine: _Machine, count: int) -> None:
    of, *given = machine.pop(count)
    machine.stack.append(Made(of, given[0] if len(given) == 1 else tuple(given)))


def _build(machine: _Machine) -> None:
    (state,) = machine.pop(1)
    if isinstance(machine.stack[-1], Made):
        machine.stack[-1].state = state
        machine.stack[-1] = _with_array(machine.stack[-1], machine.file)


_DO: dict[str, Callable[[_Machine], None]] = {
    "MARK": lambda m: m.marks.append(len(m.stack)),
    "POP": lambda m: m.stack.__delitem__(-1),
    "POP_MARK": lambda m: m.stack.__delitem__(slice(m.marks.pop(), None)),
    "DUP": lambda m: m.stack.append(m.stack[-1]),
    "NONE": lambda m: m.stack.append(None),
    "NEWTRUE": lambda m: m.stack.append(True),
    "NEWFALSE": lambda m: m.stack.append(False),
    "EMPTY_LIST": lambda m: m.stack.append([]),
    "EMPTY_SET": lambda m: m.stack.append([]),
    "EMPTY_DICT": lambda m: m.stack.append(Pairs()),
    "EMPTY_TUPLE": lambda m: m.stack.append(()),
    "LIST": lambda m: m.stack.append(m.since_mark()),
    "FROZENSET": lambda m: m.stack.append(m.since_mark()),
    "DICT": lambda m: m.stack.append(Pairs(_pairs(m.since_mark()))),
    "TUPLE": lambda m: m.stack.append(tuple(m.since_mark())),
    "TUPLE1": lambda m: m.stack.append(tuple(m.pop(1))),
    "TUPLE2": lambda m: m.stack.append(tuple(m.pop(2))),
    "TUPLE3": lambda m: m.stack.append(tuple(m.pop(3))),
    "APPEND": lambda m: _extend(m, m.pop(1)),
    "APPENDS": lambda m: _extend(m, m.since_mark()),
    "ADDITEMS": lambda m: _extend(m, m.since_mark()),
    "SETITEM": lambda m: _update(m, m.pop(2)),
    "SETITEMS": lambda m: _update(m, m.since_mark()),
    "STACK_GLOBAL": lambda m: m.stack.append(Made(".".join(map(str, m.pop(2))), ())),
    "REDUCE": lambda m: _make(m, 2),
    "NEWOBJ": lambda m: _make(m, 2),
    "NEWOBJ_EX": lambda m: _make(m, 3),
    "OBJ": lambda m: m.stack.append(Made("", tuple(m.since_mark()))),
    "BINPERSID": lambda m: _make(m, 1),
    "BUILD": _build,
    "MEMOIZE": lambda m: m.memo.__setitem__(len(m.memo), m.stack[-1]),
}
_NOTHING = {"PROTO", "FRAME", "STOP", "READONLY_BUFFER"}
_NAMES = {"GLOBAL", "EXT1", "EXT2", "EXT4", "PERSID"}


def unpickled(data: bytes) -> Any:
    """The object of a pickle: scalars, lists, tuples, pairs of dictionaries and `Made`.

    Raises:
        ValueError: it is no pickle, or one that does more than there is time to look at.
    """
    return _walked(io.BytesIO(data))


def _walked(file: io.BytesIO) -> Any:
    machine = _Machine(file)
    operations = itertools.islice(pickletools.genops(file), _MAX_OPERATIONS)
    try:
        for operation, argument, _ in operations:
            name = operation.name
            if name in _DO:
                _DO[name](machine)
            elif name in _NOTHING:
                continue
            elif name in _NAMES:
                machine.stack.append(Made(str(argument), ()))
            elif name == "INST":
                machine.stack.append(Made(str(argument), tuple(machine.since_mark())))
            elif "PUT" in name:
                machine.memo[argument] = machine.stack[-1]
            elif "GET" in name:
                machine.stack.append(machine.memo[argument])
            else:
                machine.stack.append(argument)
    except (IndexError, KeyError, AttributeError) as broken:
        raise ValueError("it is no pickle") from broken
    if not machine.stack:
        raise ValueError("the pickle is empty")
    return machine.stack[-1]


def _with_array(built: Any, file: io.BytesIO) -> Any:
    """What joblib puts in an array's place, as the array, whose cells follow it in the file."""
    if not isinstance(built, Made) or not isinstance(built.state, Pairs):
        return built
    facts = {key: value for key, value in built.state if isinstance(key, str)}
    shape, kind = facts.get("shape"), facts.get("dtype")
    if not {"order", "subclass", "allow_mmap"} <= set(facts) or not isinstance(shape, tuple):
        return built
    if isinstance(kind, Made) and isinstance(kind.given, tuple) and kind.given[:1] == ("O8",):
        return _walked(file)
    cells = _type(kind)
    if cells is None:
        return built
    if facts.get("numpy_array_alignment_bytes") is not None:
        file.read(int.from_bytes(file.read(1)))
    return (shape, kind, facts["order"] == "F", file.read(math.prod(shape) * cells.itemsize))


def arrays_of(pickled: Any) -> Iterator[Column]:
    """The columns of the arrays and the lists of cells in what `unpickled` gives."""
    for node in _nodes(pickled):
        if isinstance(node, tuple):
            yield from _array(node)
        elif isinstance(node, list) and all(isinstance(cell, _CELLS) for cell in node):
            yield node


def document_of(pickled: Any, depth: int = 0) -> Any:
    """The lists and dictionaries of it, as of a JSON document; calls by what they were given."""
    if depth > _MAX_DEPTH:
        return None
    if isinstance(pickled, Made):
        pickled = [pickled.given, pickled.state]
    if isinstance(pickled, Pairs):
        return {str(key): document_of(value, depth + 1) for key, value in pickled}
    if isinstance(pickled, list | tuple):
        return [document_of(value, depth + 1) for value in pickled]
    return None if isinstance(pickled, bytes | bytearray) else pickled


def _nodes(pickled: Any) -> Iterator[Any]:
    stack: list[Any] = [pickled]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        parts = (node.of, node.given, node.state) if isinstance(node, Made) else node
        stack.extend(part for part in parts if isinstance(part, Made | list | tuple))


def _array(state: tuple[Any, ...]) -> Iterator[Column]:
    """A tuple with a shape, a type and bytes (or cells) is an array; bytes and ends are texts."""
    shapes = [p for p in state if isinstance(p, tuple) and p and all(type(n) is int for n in p)]
    types = [found for part in state if (found := _type(part)) is not None]
    for part in state:
        content = _bytes(part)
        if isinstance(part, list) and len(part) == 3 and part[0] is None:
            yield from _texts(_bytes(part[1]), _bytes(part[2]))
        elif not shapes or not types or len(shapes[0]) > 2:
            continue
        elif isinstance(part, list) and len(part) == math.prod(shapes[0]):
            cells = np.empty(len(part), dtype=object)
            cells[:] = part
            yield from _columns(cells.reshape(shapes[0], order="F" if True in state else "C"))
        elif content and len(content) == math.prod(shapes[0]) * types[0].itemsize:
            numbers = np.frombuffer(content, types[0])
            yield from _columns(numbers.reshape(shapes[0], order="F" if True in state else "C"))


def _bytes(part: Any) -> bytes | None:
    """Bytes, alone, in calls of one argument, or as protocols before the third write them."""
    while isinstance(part, Made) and isinstance(part.given, tuple) and len(part.given) == 1:
        part = part.given[0]
    if isinstance(part, Made) and isinstance(part.given, tuple) and part.given[1:] == ("latin1",):
        return str(part.given[0]).encode("latin1", errors="replace")
    return bytes(part) if isinstance(part, bytes | bytearray) else None


def _type(part: Any) -> np.dtype[Any] | None:
    """The type of an array's cells, which a call names; objects have one as well."""
    if not isinstance(part, Made) or not isinstance(part.given, tuple) or not part.given:
        return None
    name = part.given[0]
    if not isinstance(name, str) or not re.fullmatch(r"[<>|=]?[a-zA-Z]\d{1,5}", name):
        return None
    swapped = isinstance(part.state, tuple) and part.state[1:2] == (">",)
    try:
        return np.dtype(name).newbyteorder(">" if swapped else "=")
    except TypeError:
        return None


def _columns(table: NDArray[Any]) -> Iterator[Column]:
    if table.ndim == 1:
        yield table.tolist()
        return
    longer = table if table.shape[0] < table.shape[1] else table.T
    for row in longer[:_MAX_COLUMNS]:
        yield row.tolist()


def _texts(ends: bytes | None, letters: bytes | None) -> Iterator[Column]:
    """Texts one after the other, with the places where each ends."""
    for kind in (np.int64, np.int32) if ends and letters else ():
        if len(ends or b"") % np.dtype(kind).itemsize:
            continue
        places = np.frombuffer(ends or b"", kind)
        if places[0] == 0 and places[-1] <= len(letters or b"") and (np.diff(places) >= 0).all():
            cuts = itertools.pairwise(places.tolist())
            yield [(letters or b"")[a:b].decode("utf-8", errors="replace") for a, b in cuts]
            return
