"""Compare sandboxes: `python -m benchmarks.sandbox [--runs N]`.

All ways take turns, so that a machine that becomes slower does so for all of them. Prints the
median and the 95th percentile of each, the ratios that matter, what a waiting container costs in
memory, and how many jobs a second each way gets done with as many jobs at once as there are CPUs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.sandbox.ways import Way, find_ways

_TARGETS: list[tuple[str, Callable[[dict[str, float]], float], str]] = [
    ("waiting container, ms", lambda t: t["waiting container"] * 1000, "<= 100"),
    ("docker run / waiting container", lambda t: t["docker run"] / t["waiting container"], ">= 15"),
    ("cold container / docker SDK", lambda t: t["cold container"] / t["docker SDK"], "<= 1.10"),
    ("process / bare subprocess", lambda t: t["process sandbox"] / t["bare subprocess"], "<= 1.2"),
]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="counted runs of each way")
    parser.add_argument("--jobs", type=int, default=24, help="jobs of the throughput part")
    options = parser.parse_args()
    with find_ways() as found:
        print_latency(latency(found.ways, options.runs))
        if found.memory_mib is not None:
            print(f"\n{'memory of a waiting container':32}{found.memory_mib():11.0f} MiB")
        print_throughput(found.many, options.jobs)


def latency(found: dict[str, Way], runs: int) -> dict[str, list[float]]:
    """Seconds of each counted run, by way; the first round warms caches and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in found}
    for number in range(runs + 1):
        for name, way in found.items():
            taken = way()
            if number:
                seconds[name].append(taken)
    return seconds


def print_latency(seconds: dict[str, list[float]]) -> None:
    """A row for each way, and one for each ratio."""
    print(f"{'way':32}{'median ms':>11}{'p95 ms':>11}")
    for name, values in seconds.items():
        p95 = statistics.quantiles(values, n=20, method="inclusive")[-1]
        print(f"{name:32}{statistics.median(values) * 1000:11.0f}{p95 * 1000:11.0f}")
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print()
    for name, ratio, target in _TARGETS:
        try:
            print(f"{name:32}{ratio(medians):11.2f}   target {target}")
        except KeyError:
            print(f"{name:32}{'not here':>11}   target {target}")


def print_throughput(found: dict[str, Way], jobs: int) -> None:
    """Jobs a second, one after the other in as many threads as there are CPUs."""
    at_once = os.cpu_count() or 1
    print(f"\n{'jobs a second':32}{'at once':>11}{'jobs/s':>11}")
    for name, way in found.items():
        started = time.perf_counter()
        with ThreadPoolExecutor(at_once) as threads:
            list(threads.map(lambda _, way=way: way(), range(jobs)))
        rate = jobs / (time.perf_counter() - started)
        print(f"{name:32}{at_once:11}{rate:11.2f}")


if __name__ == "__main__":
    main()
