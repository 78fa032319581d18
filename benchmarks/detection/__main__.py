"""Plant defects in verified packages and count what the checks find.

    python -m benchmarks.detection PACKAGES             every class, variant and strength
    python -m benchmarks.detection PACKAGES --names L6,M3/merged --share 0.25
    python -m benchmarks.detection PACKAGES --raw-dir DIR   M12 as well, and rebuilds of the clean

PACKAGES holds packages at any depth. A share below 1 draws at random among the combinations of
package, variant and strength. What counts as found: an error, which was not there before, of a code
that answers for the class (`catalogue.RESPONSIBLE`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.detection.catalogue import Strength
from benchmarks.detection.measure import Bench, Planted, Untouched, chosen, planted, untouched
from benchmarks.detection.table import as_markdown, misses
from mle_smith.sandbox.choose import open_sandbox


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0 when the aims are met."""
    options = _parser().parse_args(arguments)
    packages = sorted(p.parent for p in options.packages.rglob("task.json") if _wanted(p))
    if options.packages_named:
        packages = [p for p in packages if p.name in options.packages_named.split(",")]
    box = None if options.sandbox == "none" else open_sandbox(options.sandbox)
    bench = Bench(box, options.seed, options.raw_dir)
    generator = np.random.default_rng(options.seed)
    clean: list[Untouched] = []
    tries: list[Planted] = []
    try:
        for package in packages:
            before = untouched(package, bench)
            clean.append(before)
            print(f"{package.name}: {' '.join(before.errors) or 'sound'}", file=sys.stderr)
            for mutator in chosen(options.names.split(",") if options.names else ()):
                for strength in Strength:
                    if generator.random() < options.share:
                        tries.append(planted(package, before, mutator, strength, bench))
            if options.json:
                _save(options.json, clean, tries)
    finally:
        if box is not None:
            box.close()
    text = as_markdown(clean, tries)
    if options.markdown:
        options.markdown.write_text(text, "utf-8")
    print(text)
    print(misses(tries))
    print(f"median seconds {statistics.median(c.seconds for c in clean):.1f}")
    alarms = sum(bool(c.errors) for c in clean)
    return 0 if alarms <= 0.01 * len(clean) and all(t.found for t in tries if t.applicable) else 1


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
    parser.add_argument("--share", type=float, default=1.0, help="part of the combinations")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sandbox", default="auto", help="auto, docker, process or none")
    parser.add_argument("--json", type=Path, help="write every try there")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
