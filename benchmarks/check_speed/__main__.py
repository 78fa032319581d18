"""Time and memory of `mle-smith check`, over packages or over a large one made for it.

    python -m benchmarks.check_speed RUN/tasks/* [--raw RAW] [--sandbox docker] [--by-check]
    python -m benchmarks.check_speed --large 1024 [--shape thin] [--sandbox docker]

What is measured is the command, from its start to its end. CPU seconds are the whole machine's,
because containers are no children of ours: run it on an otherwise idle machine. Peak memory is that
of the process which checks, without containers. With `--by-check` each package is checked once
more, to time each check: those that run code run beside the others, so that the seconds add up to
more than the whole, and their CPU is without containers.
With `--raw DIR/{source}` each package finds its own raw data in a folder of data sets.
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
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.check_speed.large import SHAPES, write_large_package
from benchmarks.forge_speed.__main__ import machine_cpu

_COMMAND = Path(sys.executable).with_name("mle-smith")


class Timed(NamedTuple):
    """One package, checked."""

    name: str
    wall_s: float
    cpu_s: float
    peak_mb: float
    findings: list[str]
    not_run: dict[str, str]
    """By code, the reason."""


def main() -> int:
    """Print a row a package, then medians and the time by check."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check_speed")
    parser.add_argument("packages", nargs="*", type=Path)
    parser.add_argument("--raw", help="raw data; {source} stands for the data set's name")
    parser.add_argument("--sandbox", default="auto", choices=("auto", "docker", "process"))
    parser.add_argument("--large", type=float, metavar="MB", help="size of a package made for it")
    parser.add_argument("--shape", choices=SHAPES, help="of its tables; default: each of them")
    parser.add_argument("--by-check", action="store_true", help="also the time of each check")
    options = parser.parse_args()
    if options.large:
        for shape in [options.shape] if options.shape else SHAPES:
            with tempfile.TemporaryDirectory(prefix="mle-large-") as name:
                paths = write_large_package(Path(name) / shape, options.large, shape)
                run = _timed(paths.root, None, options.sandbox)
            for reason in sorted(set(run.not_run.values())):
                codes = [code for code, given in run.not_run.items() if given == reason]
                print(f"    not run: {' '.join(codes)}: {reason}")
        return 0
    asked = [(path, _raw_of(path, options.raw)) for path in options.packages]
    _summary([_timed(path, raw, options.sandbox) for path, raw in asked])
    if options.by_check:
        _table([_seconds(path, raw, options.sandbox) for path, raw in asked])
    return 0


def _timed(package: Path, raw: str | None, sandbox: str) -> Timed:
    """Check a package as a user does, and print how long it took."""
    command = [str(_COMMAND), "check", str(package), "--json", "--sandbox", sandbox]
    command += ["--raw", raw] if raw is not None else []
    with tempfile.TemporaryFile("w+") as said:
        busy, started = machine_cpu(), time.perf_counter()
        process = subprocess.Popen(command, stdout=said)
        _, _, usage = os.wait4(process.pid, 0)
        wall, cpu = time.perf_counter() - started, machine_cpu() - busy
        said.seek(0)
        (checked,) = json.load(said)
    run = Timed(
        package.name,
        wall,
        cpu,
        usage.ru_maxrss / 1024,
        [f"{f['code']}:{f['severity']}" for f in checked["findings"]],
        {omitted["code"]: omitted["reason"] for omitted in checked["not_run"]},
    )
    print(
        f"{run.name:40} wall {wall:6.2f} s  cpu {cpu:6.2f} s  peak {run.peak_mb:5.0f} MB  "
        f"{' '.join(run.findings) or 'sound'}",
        flush=True,
    )
    return run


def _raw_of(package: Path, raw: str | None) -> str | None:
    return None if raw is None else raw.replace("{source}", _source(package))


def _source(package: Path) -> str:
    manifest = json.loads((package / "task.json").read_text("utf-8"))
    return str(manifest["provenance"]["source"])


def _seconds(package: Path, raw: str | None, kind: Any) -> dict[str, tuple[float, float]]:
    """By name of the check: wall seconds, CPU seconds."""
    from mle_smith.checks import Subject, check_package
    from mle_smith.checks.run import Took
    from mle_smith.data.source import stage
    from mle_smith.sandbox.choose import open_sandbox

    checks: dict[str, tuple[float, float]] = {}

    def watch(took: Took) -> None:
        checks[took.check.name] = (took.wall_s, took.cpu_s)

    box = open_sandbox(kind, warm=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            staged = stage([raw], Path(folder) / "raw").raw if raw is not None else None
            check_package(Subject(package.resolve(), raw=staged, sandbox=box), watch=watch)
    finally:
        box.close()
    return checks


def _summary(runs: list[Timed]) -> None:
    print(f"\n{len(runs)} packages on {os.cpu_count()} CPUs       median      p95")
    for what, unit in (("wall_s", "s"), ("cpu_s", "s"), ("peak_mb", "MB")):
        values = sorted(getattr(run, what) for run in runs)
        middle, high = statistics.median(values), values[int(0.95 * (len(values) - 1) + 0.5)]
        print(f"{what:26} {middle:8.2f} {high:8.2f} {unit}")


def _table(packages: list[dict[str, tuple[float, float]]]) -> None:
    """Medians of each check, the longest first."""
    by_check: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for checks in packages:
        for name, took in checks.items():
            by_check[name].append(took)
    print("\nby check                  wall_s    cpu_s   (medians)")
    medians = {
        name: [statistics.median(part) for part in zip(*took, strict=True)]
        for name, took in by_check.items()
    }
    for name, (wall, cpu) in sorted(medians.items(), key=lambda item: -item[1][0]):
        print(f"{name:24} {wall:8.2f} {cpu:8.2f}")


if __name__ == "__main__":
    raise SystemExit(main())
