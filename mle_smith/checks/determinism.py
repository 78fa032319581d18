"""Does the code draw without a seed, read a clock, or depend on the order of sets and folders?

Defect M12, read from the syntax tree, for packages whose raw data are not at hand. The rebuild
(`P02`) decides where they are; what is found here is certain to differ from run to run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

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
_CLOCKS = frozenset(
    {
        *("time.time", "time.time_ns", "time.perf_counter", "datetime.now", "datetime.utcnow"),
        *("datetime.datetime.now", "datetime.today", "date.today", "datetime.date.today"),
        *("pd.Timestamp.now", "uuid.uuid4", "uuid.uuid1", "os.urandom", "os.getpid"),
        *("secrets.token_hex", "pd.Timestamp.today"),
    }
)
_STATED = frozenset({"sample", "train_test_split"})
_LISTINGS = frozenset({"glob", "rglob", "iglob", "iterdir", "listdir", "scandir"})
_SHUFFLING = frozenset({"KFold", "StratifiedKFold", "GroupShuffleSplit", "ShuffleSplit", "shuffle"})


@check(
    {"P13": "the code draws without a seed, reads a clock or hashes texts (defect M12)"},
    title="Determinism of the code",
    asks="In prepare.py and metric.py no generator is made without a seed, no sample or split "
    "lacks random_state, and no clock, process number, hash(), id() or order of a set or of a "
    "folder's list decides; no gzip file holds the time of writing.",
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
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            reason = _reason(node, seeded)
            if reason:
                yield f"line {node.lineno}: {reason}"
        elif isinstance(node, ast.List | ast.Tuple) and any(map(_is_unpacked_set, node.elts)):
            yield f"line {node.lineno}: a list of a set, whose order differs"


def _reason(call: ast.Call, seeded: bool) -> str:
    full = ast.unparse(call.func)
    name = full.rsplit(".", 1)[-1]
    given = {k.arg for k in call.keywords}
    if full in _CLOCKS:
        return f"{full}()"
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
    if full in ("list", "tuple", "enumerate") and call.args and _is_set(call.args[0]):
        return f"{full}() of a set, whose order differs from process to process"
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


def _is_unpacked_set(node: ast.expr) -> bool:
    return isinstance(node, ast.Starred) and _is_set(node.value)


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


def _is_set(node: ast.expr) -> bool:
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    made = called and node.func.id == "set"  # type: ignore[attr-defined]  # see `called`
    return made or isinstance(node, ast.Set | ast.SetComp)


CHECKS = (deterministic,)
