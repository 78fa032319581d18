"""Plant defects in verified packages and count what the checks find.

    python -m benchmarks.detection PACKAGES             every class, variant and strength
    python -m benchmarks.detection PACKAGES --each 1    one variant of each class at each strength
    python -m benchmarks.detection PACKAGES --names L6,M3/merged
    python -m benchmarks.detection PACKAGES --raw-dir DIR   M12 as well, and rebuilds of the clean

PACKAGES holds packages at any depth. What counts as found: an error, which was not there before, of
a code that answers for the class (`catalogue.RESPONSIBLE`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from benchmarks.detection.measure import (
    Bench,
    Planted,
    Untouched,
    chosen,
    planted_in_each_class,
    untouched,
)
from benchmarks.detection.table import as_markdown, misses
from mle_smith.sandbox.choose import open_sandbox


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0 when the aims are met."""
    options = _parser().parse_args(arguments)
    packages = sorted(p.parent for p in options.packages.rglob("task.json") if _wanted(p))
    if options.packages_named:
        packages = [p for p in packages if p.name in options.packages_named.split(",")]
    clean: list[Untouched] = []
    tries: list[Planted] = []
    # A spawned worker would not know this module, which is run as a program.
    with ProcessPoolExecutor(options.workers, mp_context=get_context("fork")) as workers:
        for before, found in workers.map(partial(_measure, options), packages):
            clean.append(before)
            tries += found
            print(f"{before.package}: {' '.join(before.errors) or 'sound'}", file=sys.stderr)
            if options.json:
                _save(options.json, clean, tries)
    text = as_markdown(clean, tries)
    if options.markdown:
        options.markdown.write_text(text, "utf-8")
    print(text)
    print(misses(tries))
    print(f"median seconds {statistics.median(c.seconds for c in clean):.1f}")
    alarms = sum(bool(c.errors) for c in clean)
    return 0 if alarms <= 0.01 * len(clean) and all(t.found for t in tries if t.applicable) else 1


def _measure(options: argparse.Namespace, package: Path) -> tuple[Untouched, list[Planted]]:
    """One package, untouched and with everything planted that is asked for."""
    names = options.names.split(",") if options.names else ()
    with contextlib.ExitStack() as stack:
        box = None
        if options.sandbox != "none":
            box = stack.enter_context(contextlib.closing(open_sandbox(options.sandbox, warm=True)))
        bench = Bench(box, options.seed, options.raw_dir)
        before = untouched(package, bench)
        return before, planted_in_each_class(package, before, chosen(names), options.each, bench)


def _save(path: Path, clean: Sequence[Untouched], tries: Sequence[Planted]) -> None:
    record = {"clean": [c._asdict() for c in clean], "planted": [t._asdict() for t in tries]}
    path.write_text(json.dumps(record, indent=1), "utf-8")


def _wanted(manifest: Path) -> bool:
    return "rejected" not in manifest.parts and ".work" not in manifest.parts


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection")
    parser.add_argument("packages", type=Path, help="a folder that holds packages")
    parser.add_argument("--raw-dir", type=Path, help="raw data, a folder a data set")
    parser.add_argument("--names", default="", help="classes or variants, separated by commas")
    parser.add_argument("--packages-named", default="", help="only these packages")
    parser.add_argument("--each", type=int, help="variants of a class, at a strength, in a package")
    parser.add_argument("--workers", type=int, default=1, help="packages at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sandbox", default="auto", help="auto, docker, process or none")
    parser.add_argument("--json", type=Path, help="write every try there")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
