"""Compare forged tasks with an expert's key.

    python -m benchmarks.forge_quality --datasets DIR --key KEY.json     forge, then compare
    python -m benchmarks.forge_quality ... --runs DIR                    finished runs: DIR/NAME
    python -m benchmarks.forge_quality ... --brainstorm                  proposals alone

DIR holds one folder a data set: NAME/raw (or NAME itself). `key.py` has the matching rule.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.forge_quality.key import Expected, Judgement, judge, read_key
from benchmarks.forge_quality.sources import (
    Forged,
    brainstorm,
    forge,
    from_run,
    process_sandbox,
    with_columns,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the totals; 0 when the aims of the totals are met."""
    options = _parser().parse_args(arguments)
    key = read_key(options.key)
    names = options.names.split(",") if options.names else [n for n in key]
    rows: list[tuple[str, Forged, list[Judgement]]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            home = options.datasets / name
            raw = home / "raw" if (home / "raw").is_dir() else home
            if not raw.exists():
                print(f"{name}: no data in {raw}", file=sys.stderr)
                continue
            forged = _made(options, name, raw, Path(scratch))
            judged = [judge(f, forged.columns[f.tables[0]], key[name]) for f in forged.verified]
            rows.append((name, forged, judged))
            _print_dataset(name, forged, judged, key[name])
    return _print_totals(rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forge_quality")
    parser.add_argument("--datasets", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--runs", type=Path, help="finished runs, one folder a data set")
    parser.add_argument("--names", default="", help="data sets, separated by commas")
    parser.add_argument("--brainstorm", action="store_true", help="proposals only, no packages")
    parser.add_argument("--sandbox", default="auto", help="for the forge: auto, docker or process")
    return parser


def _made(options: argparse.Namespace, name: str, raw: Path, scratch: Path) -> Forged:
    if options.brainstorm:
        sandbox = process_sandbox()
        try:
            return brainstorm(raw, name, sandbox)
        finally:
            sandbox.close()
    if options.runs:
        return with_columns(from_run(options.runs / name), raw)
    return with_columns(forge(raw, scratch / name, ["--sandbox", options.sandbox]), raw)


def _print_dataset(
    name: str, forged: Forged, judged: Sequence[Judgement], expected: Expected
) -> None:
    print(f"{name}  ({forged.seconds:.0f} s)  key: {expected.split[:70]}")
    for formulation, found in zip(forged.verified, judged, strict=True):
        split = found.split + ("" if found.split_kept else " (NOT as the key)")
        leaky = f"  LEAKY: {', '.join(found.leaky)}" if found.leaky else ""
        kind = f"{formulation.task_type} {formulation.metric}"
        print(f"  {found.verdict:<10} {found.target[:58]:<58} {kind:<44} {split}{leaky}")
    for rejected in forged.rejected:
        print(f"  rejected   {rejected}")
    if forged.refused:
        print(f"  refused    {forged.refused}")


def _print_totals(rows: Sequence[tuple[str, Forged, list[Judgement]]]) -> int:
    judged = [j for _, _, found in rows for j in found]
    count = max(1, len(judged))
    proposed = len(judged) + sum(len(f.rejected) for _, f, _ in rows)
    acceptable = sum(j.verdict == "acceptable" for j in judged)
    without = [name for name, _, found in rows if not found]
    poor = sum(j.verdict == "poor" for j in judged)
    leaky = sum(bool(j.leaky) for j in judged)
    kept = sum(j.split_kept for j in judged)
    lines = [
        f"data sets {len(rows)}, without a task: {', '.join(without) or 'none'}",
        f"tasks {len(judged)} of {proposed} proposed ({len(judged) / max(1, proposed):.0%}),"
        f" {len(judged) / max(1, len(rows)):.2f} a data set",
        f"targets acceptable {acceptable} ({acceptable / count:.0%}), poor {poor}",
        f"tasks with leaky inputs {leaky}",
        f"split policy kept {kept} ({kept / count:.0%})",
    ]
    print("\n".join(["", *lines]))
    met = not without and poor == 0 and leaky == 0 and acceptable >= 0.8 * count
    return 0 if met and kept == len(judged) and len(judged) >= 2 * len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
