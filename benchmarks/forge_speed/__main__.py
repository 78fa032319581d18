"""Time per verified task, by stage, over any folder of data sets.

    python -m benchmarks.forge_speed --datasets DIR [--names a,b] [--sandbox auto] [--runs DIR]

DIR holds one folder a data set: NAME/raw (or NAME itself). For each, one run of `mle-smith forge`
is timed from outside, start of the interpreter included. CPU seconds are the whole machine's, from
/proc/stat, because containers are no children of ours: run it on an otherwise idle machine.
Seconds by stage are summed over the tasks of a run, which share the processors, so that they add
up to more than the wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple


class Timed(NamedTuple):
    """One run."""

    name: str
    tasks: int
    wall_s: float
    cpu_s: float
    stages: dict[str, float]


def main() -> int:
    """Print a row a data set and the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forge_speed")
    parser.add_argument("--datasets", type=Path, required=True)
    parser.add_argument("--names", default="", help="data sets, separated by commas")
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--runs", type=Path, help="keep the runs here, a folder a data set")
    options = parser.parse_args()
    folders = sorted(path for path in options.datasets.iterdir() if path.is_dir())
    names = options.names.split(",") if options.names else [folder.name for folder in folders]
    with tempfile.TemporaryDirectory() as scratch:
        out = options.runs or Path(scratch)
        runs = [timed(options.datasets / name, out / name, options.sandbox) for name in names]
    done = [run for run in runs if run.tasks]
    if not done:
        print("no task was verified")
        return 1
    print(
        f"\n{'median of data sets, per verified task':40} wall_s {_per_task(done, 'wall_s'):6.2f}"
    )
    print(f"{'':40} cpu_s  {_per_task(done, 'cpu_s'):6.2f}")
    total = sum(run.tasks for run in done)
    overall = sum(run.wall_s for run in done) / total
    print(f"{'all runs together, per verified task':40} wall_s {overall:6.2f}")
    for stage in sorted({stage for run in done for stage in run.stages}):
        middle = statistics.median(run.stages.get(stage, 0.0) / run.tasks for run in done)
        print(f"  {stage:38} wall_s {middle:6.2f}")
    return 0


def timed(folder: Path, out: Path, sandbox: str) -> Timed:
    """Forge one data set, and print how long it took."""
    raw = folder / "raw" if (folder / "raw").is_dir() else folder
    command = [sys.executable, "-m", "cli.main", "forge", str(raw), "--json"]
    command += ["--out", str(out), "--sandbox", sandbox]
    busy, started = machine_cpu(), time.perf_counter()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    wall, cpu = time.perf_counter() - started, machine_cpu() - busy
    document: dict[str, Any] = json.loads(ended.stdout)
    stages = {name: cost["wall_s"] for name, cost in document.get("stages", {}).items()}
    run = Timed(folder.name, len(document.get("tasks", [])), wall, cpu, stages)
    print(f"{run.name:24} {run.tasks} tasks  wall {wall:6.1f} s  cpu {cpu:6.1f} s", flush=True)
    return run


def _per_task(runs: list[Timed], what: str) -> float:
    return float(statistics.median(getattr(run, what) / run.tasks for run in runs))


def machine_cpu() -> float:
    """Seconds that all processors of the machine were busy, since it started."""
    user, nice, system, _idle, _wait, irq, soft_irq, *_ = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    )
    return (user + nice + system + irq + soft_irq) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    raise SystemExit(main())
