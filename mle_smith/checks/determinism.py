"""Does the code draw without a seed, read a clock, or depend on the order of sets and folders?

Defect M12, read from the syntax tree, for packages whose raw data are not at hand. The rebuild
(`P02`) decides where they are; what is found here is certain to differ from run to run.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from mle_smith.checks.check import Outcome, check
from mle_smith.checks.subject import Subject
from mle_smith.syntax import parse_python
from mle_smith.values import Blame, Finding, Severity

_UNSEEDED = frozenset({"default_rng", "RandomState", "Random", "SeedSequence"})
_GLOBAL = frozenset(
    {
        *("rand", "randn", "randint", "random", "choice", "shuffle", "permutation", "normal"),
        *("uniform", "sample", "random_sample", "integers"),
    }
)
_SHARED = ("np.random", "numpy.random", "random")
_CLOCKS = frozenset(
    {
        *("time.time", "time.time_ns", "time.perf_counter", "datetime.now", "datetime.utcnow"),
        *("datetime.datetime.now", "datetime.today", "date.today", "datetime.date.today"),
        *("pd.Timestamp.now", "uuid.uuid4", "uuid.uuid1", "os.urandom", "os.getpid"),
        *("secrets.token_hex", "pd.Timestamp.today"),
    }
)
_TELLING = frozenset({"print", "debug", "info", "warning"})
_SURROUNDINGS = frozenset(
    {
        *("gettempdir", "expanduser", "getcwd", "getenv", "gethostname", "getuser"),
        *("Path.home", "Path.cwd", "platform.node", "os.environ.get", "os.uname"),
    }
)
"""What another machine, or a second run, answers in another way."""
_ORDER_FREE = frozenset(
    {"sorted", "set", "frozenset", "len", "min", "max", "any", "all", "sum", "unique", "isin"}
)
"""Functions that take no heed of the order of what they are given."""
_SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference"})
_STATED = frozenset({"sample", "train_test_split"})
_LISTINGS = frozenset({"glob", "rglob", "iglob", "iterdir", "listdir", "scandir"})
_SHUFFLING = frozenset({"KFold", "StratifiedKFold", "GroupShuffleSplit", "ShuffleSplit", "shuffle"})


@check(
    {"P13": "the code draws without a seed, reads a clock or hashes texts (defect M12)"},
    title="Determinism of the code",
    asks="In prepare.py and metric.py no generator is made without a seed, no sample or split "
    "lacks random_state, and no clock, process number, hash(), id(), order of a set or of a "
    "folder's list, temporary folder or environment decides; no gzip file holds the time of "
    "writing.",
)
def deterministic(subject: Subject) -> Iterator[Outcome]:
    """Calls whose result is another one each time."""
    for path in (subject.paths.prepare, subject.paths.metric):
        try:
            tree = parse_python(path.read_text("utf-8"))
        except (OSError, SyntaxError, ValueError):
            continue  # the signature checks say so
        found = sorted(set(_unstable(tree)))
        if found:
            yield Finding(
                code="P13",
                severity=Severity.ERROR,
                blame=Blame.REFACTOR,
                message=f"{path.name} gives something else each time: {'; '.join(found[:4])}. Seed "
                "what is drawn, sort what is a set, and read no clock.",
                evidence={"file": path.name, "calls": found},
            )


def _unstable(tree: ast.Module) -> Iterator[str]:
    seeded = any("seed" in ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call))
    aliases, told = _aliases(tree), _only_told(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or (node in told and ast.unparse(node.func) in _CLOCKS):
            continue
        if reason := _reason(node, seeded, aliases):
            yield f"line {node.lineno}: {reason}"
    functions = [part for part in tree.body if isinstance(part, ast.FunctionDef)]
    rest = [part for part in tree.body if not isinstance(part, ast.FunctionDef)]
    outside = _Sets(ast.Module(rest, []))
    for scope in (outside, *(_Sets(function, outside.names) for function in functions)):
        yield from scope.put_in_order()


def _only_told(tree: ast.Module) -> set[ast.AST]:
    """What is printed or logged and goes nowhere else: how long something took, say."""
    said = {
        inner
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func).rsplit(".", 1)[-1] in _TELLING
        for inner in ast.walk(call)
    }
    uses: dict[str, list[ast.AST]] = defaultdict(list)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            uses[node.id].append(node)
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if uses[name] and all(use in said for use in uses[name]):
                    said |= set(ast.walk(value))
    return said


def _aliases(tree: ast.Module) -> set[str]:
    """Other names of the modules whose generator everybody shares."""
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.value) in _SHARED
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.asname for a in node.names if a.asname and a.name in _SHARED}
        elif isinstance(node, ast.ImportFrom) and node.module == "numpy":
            names |= {a.asname or a.name for a in node.names if a.name == "random"}
    return names


def _reason(call: ast.Call, seeded: bool, aliases: set[str]) -> str:
    full = ast.unparse(call.func)
    first, dot, rest = full.partition(".")
    if dot and first in aliases:
        full = f"np.random.{rest}"
    name = full.rsplit(".", 1)[-1]
    given = {k.arg for k in call.keywords}
    if full in _CLOCKS:
        return f"{full}()"
    if full in _SURROUNDINGS or name in _SURROUNDINGS:
        return f"{full}(), which is a matter of the machine"
    if name in _UNSEEDED and not call.args and not call.keywords:
        return f"{full}() without a seed"
    if name in _UNSEEDED and call.args and _is_none(call.args[0]):
        return f"{full}(None)"
    of_a_module = full.startswith(("np.random.", "numpy.random.", "random.")) and "(" not in full
    if of_a_module and name in _GLOBAL:
        return "" if seeded else f"{full}() without a seed"
    if name in _STATED and not seeded and not {"random_state", None} & given:
        pandas = isinstance(call.func, ast.Attribute) or name == "train_test_split"
        shuffled = not any(k.arg == "shuffle" and _is_false(k.value) for k in call.keywords)
        drawn = name == "train_test_split" or bool({"frac", "n"} & given) or len(call.args) == 1
        if pandas and shuffled and drawn and not full.startswith(("rng.", "random.")):
            return f"{full}() without random_state"
    if name in _SHUFFLING and "random_state" not in given and not seeded:
        shuffles = name in ("GroupShuffleSplit", "ShuffleSplit") or any(
            k.arg == "shuffle" and not _is_false(k.value) for k in call.keywords
        )
        return f"{full}() without random_state" if shuffles else ""
    return _of_order(call, full, name)


def _of_order(call: ast.Call, full: str, name: str) -> str:
    """What a set's or a folder's order, or a hash, gets into."""
    if name == "concat" and any(_lists_a_folder(argument) for argument in call.args):
        return "concat() of files in the order in which a folder lists them"
    if full in ("hash", "id"):
        return f"{full}(), which differs from process to process"
    if _dates_gzip(call, name):
        return f"{full}() of a gzip file, whose head holds the time"
    return ""


def _dates_gzip(call: ast.Call, name: str) -> bool:
    """Whether a gzip file is written with the time of writing."""
    texts = [n.value for n in ast.walk(call) if isinstance(n, ast.Constant)]
    if any(k.arg == "mtime" for k in call.keywords) or "mtime" in texts:
        return False
    if name == "compress":
        return ast.unparse(call.func) == "gzip.compress"
    if name in ("open", "GzipFile"):
        writes = any(isinstance(t, str) and t[:1] in ("w", "x", "a") and len(t) < 4 for t in texts)
        return writes and ast.unparse(call.func) in ("gzip.open", "gzip.GzipFile", "GzipFile")
    zipped = any(isinstance(t, str) and (t == "gzip" or t.endswith(".gz")) for t in texts)
    return name == "to_csv" and zipped


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _lists_a_folder(node: ast.expr) -> bool:
    """Whether the elements are made of files as they are listed, not as they are sorted."""
    if not isinstance(node, ast.ListComp | ast.GeneratorExp):
        return False
    source = node.generators[0].iter
    if not isinstance(source, ast.Call):
        return False
    return ast.unparse(source.func).rsplit(".", 1)[-1] in _LISTINGS


class _Sets:
    """The sets of a scope, and where their order, which no seed settles, gets into a list."""

    def __init__(self, tree: ast.AST, around: Iterable[str] = ()) -> None:
        """Of a module or a function, with the names of sets of the scope around it."""
        self._tree = tree
        self._holder = {
            inner: outer for outer in ast.walk(tree) for inner in ast.iter_child_nodes(outer)
        }
        given = [
            (target.id, node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        ]
        self.names = set(around) - {name for name, _ in given}
        for name, value in given:
            if self._is_set(value) and all(self._is_set(v) for n, v in given if n == name):
                self.names.add(name)

    def put_in_order(self) -> Iterator[str]:
        """Where a list is made of a set, and more is done with it than to sort or to count it."""
        for node in ast.walk(self._tree):
            if self._is_list_of_a_set(node) and not self._is_order_free(node):
                line = getattr(node, "lineno", 0)
                yield f"line {line}: a list of a set, whose order differs from process to process"

    def _is_list_of_a_set(self, node: ast.AST) -> bool:
        if isinstance(node, ast.List | ast.Tuple):
            return any(isinstance(e, ast.Starred) and self._is_set(e.value) for e in node.elts)
        if isinstance(node, ast.ListComp):
            return self._is_set(node.generators[0].iter)
        if not isinstance(node, ast.Call) or not node.args or not self._is_set(node.args[0]):
            return False
        name = ast.unparse(node.func)
        return name in ("list", "tuple", "enumerate", "pd.Series") or name.endswith(".join")

    def _is_order_free(self, node: ast.AST, *, follow: bool = True) -> bool:
        """Whether what becomes of a list is the same in any order, or only a message."""
        holder = self._holder.get(node)
        match holder:
            case ast.Call(func=function):
                if ast.unparse(function).rsplit(".", 1)[-1] in _ORDER_FREE:
                    return True
            case ast.Compare() | ast.If() | ast.BoolOp() | ast.Assert():
                return True
            case ast.Assign(targets=[ast.Name(id=name)]) if follow:
                uses = [self._is_order_free(use, follow=False) for use in self._uses(name)]
                return self._is_sorted(name) or (bool(uses) and all(uses))
        while holder is not None and not isinstance(holder, ast.stmt):
            holder = self._holder.get(holder)
        return isinstance(holder, ast.Raise | ast.Assert)

    def _is_sorted(self, name: str) -> bool:
        calls = [ast.unparse(n) for n in ast.walk(self._tree) if isinstance(n, ast.Call)]
        return any(call.startswith(f"{name}.sort(") for call in calls)

    def _uses(self, name: str) -> Iterator[ast.AST]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
                yield node

    def _is_set(self, node: ast.expr) -> bool:
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Name(id=name):
                return name in self.names
            case ast.Call(func=ast.Name(id="set" | "frozenset")):
                return True
            case ast.Call(func=ast.Attribute(value=value, attr=attr)):
                return attr in _SET_METHODS and self._is_set(value)
            case ast.BinOp(left=left, right=right, op=ast.Sub() | ast.BitAnd() | ast.BitOr()):
                return self._is_set(left) or self._is_set(right)
            case _:
                return False


CHECKS = (deterministic,)
