"""What the process sandbox costs: a training program in it, and the same as a bare subprocess.

    python -m benchmarks.process_sandbox [--runs 15]

The program imports numpy, pandas and scikit-learn, fits a LogisticRegression and writes a CSV. One
run of each kind in turn, so that what else the machine does hits all alike. The bare time is from
the start of `python script.py` to its end, the sandbox's that of `run`, collecting included.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox.job import Job, Role, Sandbox
from mle_smith.sandbox.plan import Level
from mle_smith.sandbox.process import MemoryLimit, ProcessSandbox

PROGRAM = """
import os
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

random = np.random.default_rng(0)
x = random.normal(size=(2000, 10))
y = (x[:, 0] + 0.5 * x[:, 1] + random.normal(size=2000) > 0).astype(int)
model = LogisticRegression(max_iter=200).fit(x[:1500], y[:1500])
answer = pd.DataFrame({"id": range(500), "y": model.predict(x[1500:])})
answer.to_csv(os.path.join(os.environ["MLE_OUT"], "submission.csv"), index=False)
"""
KINDS: tuple[tuple[Level, MemoryLimit], ...] = (
    ("namespaces", "kernel"),
    ("namespaces", "measured"),
    ("landlock", "kernel"),
    ("landlock", "measured"),
)


def main() -> None:
    """Print a row a kind: median, least, and how many times the bare program's median."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.process_sandbox")
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with ExitStack() as cleanup:
        ways: dict[str, Callable[[Path], None]] = {"python script.py": bare}
        for level, limit in KINDS:
            try:
                box = ProcessSandbox(levels=(level,), memory_limit=limit)
            except SandboxUnavailableError as error:
                print(f"{level}, memory {limit}: not here ({error})")
                continue
            cleanup.enter_context(closing(box))
            ways[f"{level}, memory {limit}"] = partial(boxed, box)
        times: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(runs + 1):
            for name, way in ways.items():
                seconds = timed(way)
                if turn:  # The first of each fills the page cache.
                    times[name].append(seconds)
    base = statistics.median(times["python script.py"])
    for name, seen in times.items():
        middle = statistics.median(seen)
        print(f"{name:28} {middle:6.3f} s  least {min(seen):6.3f} s  ratio {middle / base:5.2f}")


def bare(out: Path) -> None:
    """The program as anybody would start it."""
    script = out / "script.py"
    script.write_text(PROGRAM)
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment = {**os.environ, **one_thread, "MLE_OUT": str(out)}
    subprocess.run([sys.executable, str(script)], env=environment, check=True)


def boxed(box: Sandbox, out: Path) -> None:
    """The program in a sandbox, its file collected."""
    result = box.run(Job(role=Role.SOLVE, code=PROGRAM, outputs=("submission.csv",)), out)
    if not result.ok:
        raise SystemExit(f"the program failed: {result.stderr}")


def timed(way: Callable[[Path], None]) -> float:
    """Seconds of one run in a fresh folder, which must hold the CSV afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        way(Path(folder))
        seconds = time.perf_counter() - started
        if not (Path(folder) / "submission.csv").is_file():
            raise SystemExit("nothing was written")
        return seconds


if __name__ == "__main__":
    main()
