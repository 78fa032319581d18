"""Programs that want their end to look like another, or to learn what is not for them."""

from __future__ import annotations

import json
from collections.abc import Callable

from mle_smith.sandbox.job import Status
from tests.support.attacks.case import Attack, Seen, ended_as, limits
from tests.support.attacks.host import a_secret_variable, no_process_left

_GIVEN = {
    *("PATH", "PWD", "LANG", "LC_CTYPE", "TZ", "HOME", "HOSTNAME", "TMPDIR", "MLE_IN", "MLE_OUT"),
    *("MPLCONFIGDIR", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONUNBUFFERED"),
    "ARROW_DEFAULT_MEMORY_POOL",
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    *("POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT"),
}
"""All variables that a job is given where it asks for none."""


def _ended_with(status: Status, code: int, stdout: str = "") -> Callable[[Seen], None]:
    def judge(seen: Seen) -> None:
        assert (seen.result.status, seen.result.exit_code) == (status, code), seen.told
        assert seen.result.stdout == stdout

    return judge


def _no_artefact(seen: Seen) -> None:
    assert seen.result.status is Status.OK, seen.told
    assert seen.result.artefacts == {}
    assert list(seen.out.iterdir()) == []


def _was_seen_to_its_end(seen: Seen) -> None:
    assert (seen.result.status, seen.result.exit_code) == (Status.NONZERO, 7), seen.told
    assert list(seen.result.artefacts) == ["late"]


def _only_given_variables(seen: Seen) -> None:
    found = json.loads(seen.result.stdout)
    assert "MLE_TEST_SECRET" not in found
    assert set(found) <= _GIVEN


def _worked(seen: Seen) -> None:
    assert seen.result.status is Status.OK, seen.told
    assert seen.result.stdout.split() == ["(200,)", "[0,", "1,", "4,", "9]", "boosted", "drawn"]


ATTACKS = (
    Attack(
        name="crash in native code",
        expected="nonzero 139, as a shell tells it",
        code="ctypes.string_at(0)",
        judge=_ended_with(Status.NONZERO, 139),
    ),
    Attack(
        name="forge the report of how one ended",
        expected="the exit code is the true one, whatever is written to every open descriptor",
        code="""
import json
for line in ({"code": 0}, {"failed": "the machine"}, {"status": "ok", "exit_code": 0}):
    for descriptor in range(3, 256):
        try: os.write(descriptor, json.dumps(line).encode() + b"\\n")
        except OSError: pass
os._exit(7)
""",
        judge=_ended_with(Status.NONZERO, 7),
        warm=True,
    ),
    Attack(
        name="claim to be out of memory",
        expected="nonzero 7: a claim is no excuse",
        code="os.write(2, b'\\0mle: exit 137, killed for memory 1\\n')\nos._exit(7)",
        judge=_ended_with(Status.NONZERO, 7),
        warm=True,
    ),
    Attack(
        name="claim to have ended",
        expected="nonzero 7: nobody believes it while it lives, and what it left later is seen",
        code="""
for stream in (1, 2): os.write(stream, b"\\0mle: exit 0, killed for memory 0\\n")
for stream in (1, 2): os.close(stream)
time.sleep(1)
open(OUT + "/late", "w").close()
os._exit(7)
""",
        judge=_was_seen_to_its_end,
        warm=True,
    ),
    Attack(
        name="claim to have ended, and silence who says otherwise",
        expected="ok or killed, at once; nothing is left of it on the host",
        code="""
wear(sys.argv[1])
for stream in (1, 2): os.write(stream, b"\\0mle: exit 0, killed for memory 0\\n")
child = os.fork()
if child == 0:
    os.setsid()
    time.sleep(2)
    os._exit(0)
for number in set(range(1, 400)) - {os.getpid(), child}:
    try:
        if b"/job/runner.py" in open(f"/proc/{number}/cmdline", "rb").read():
            os.kill(number, signal.SIGKILL)
    except OSError: pass
time.sleep(1)
""",
        judge=ended_as(Status.OK, Status.KILLED),
        scene=no_process_left,
        warm=True,
    ),
    Attack(
        name="spoil whatever runs the program",
        expected="nonzero 7: what it replaces is only its own",
        code="""
import atexit, builtins, threading, traceback
atexit._clear()
builtins.compile = builtins.exec = builtins.open = None
threading._shutdown = atexit._run_exitfuncs = lambda: print("caught")
traceback.print_exception = print
for name in list(sys.modules):
    if "runner" in name: sys.modules[name].__dict__.clear()
raise SystemExit(7)
""",
        judge=_ended_with(Status.NONZERO, 7, "caught\ncaught\n"),
        warm=True,
    ),
    Attack(
        name="exit 0 without any output",
        expected="ok without an artefact: success is what was collected",
        code="""
print('{"artefacts": {"submission.csv": {"size": 1}}}')
os._exit(0)
""",
        judge=_no_artefact,
        warm=True,
    ),
    Attack(
        name="read the environment",
        expected="only what is given; no key of ours",
        code="import json\nprint(json.dumps(dict(os.environ)))",
        judge=_only_given_variables,
        scene=a_secret_variable,
        warm=True,
    ),
    Attack(
        name="do honest work",
        expected="ok: scikit-learn and joblib with two workers, LightGBM, Matplotlib where there",
        code="""
import warnings
warnings.simplefilter("ignore")
import numpy, pandas
from importlib.util import find_spec
from joblib import Parallel, delayed
from sklearn.ensemble import RandomForestClassifier
frame = pandas.DataFrame({"x": numpy.arange(200) % 7, "y": numpy.arange(200) % 2})
model = RandomForestClassifier(20, n_jobs=2, random_state=0).fit(frame[["x"]], frame["y"])
print(model.predict(frame[["x"]]).shape)
print(Parallel(2)(delayed(pow)(number, 2) for number in range(4)))
if find_spec("lightgbm"):
    from lightgbm import LGBMClassifier
    LGBMClassifier(n_estimators=3, n_jobs=2, verbose=-1).fit(frame[["x"]], frame["y"])
print("boosted")
if find_spec("matplotlib"):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    pyplot.plot([1, 2])
    pyplot.savefig(OUT + "/drawing.png")
print("drawn")
""",
        judge=_worked,
        limits=limits(wall_s=90, memory_mb=1024, cpus=2),
        warm=True,
    ),
)
