"""Raw data with planted defects: `python -m benchmarks.repair --datasets DIR [--names a,b]`.

DIR holds one folder a data set: NAME/raw (or NAME itself). Each is forged as it is, to learn a
target that makes a task; then each defect is planted in the table of that task, which is written
as a CSV file and forged anew. It counts when a task on that target is verified, the defect does no
harm in it, and its manifest or report names it. The planted column has a name that says nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.repair.defects import DEFECTS, Defect
from mle_smith.data.profile import profile
from mle_smith.data.read import read_table
from mle_smith.data.source import fingerprint
from mle_smith.package.seal import load
from mle_smith.values import Formulation

_ROWS = 20_000


def main() -> int:
    """Print a row a data set and defect, and the share that ended well."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repair")
    parser.add_argument("--datasets", type=Path, required=True)
    parser.add_argument("--names", default="", help="data sets, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folders = sorted(path for path in options.datasets.iterdir() if path.is_dir())
    names = options.names.split(",") if options.names else [folder.name for folder in folders]
    good: dict[str, list[bool]] = {defect.name: [] for defect in DEFECTS}
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            raw = options.datasets / name / "raw"
            raw = raw if raw.is_dir() else options.datasets / name
            found = plain_task(raw, Path(scratch) / name)
            if found is None:
                print(f"{name:24} no plain task on one column of one table", flush=True)
                continue
            table, target = found
            for number, defect in enumerate(DEFECTS):
                generator = np.random.default_rng([options.seed, number])
                place = Path(scratch) / f"{name}-{number}"
                place.mkdir()
                spoiled = defect.plant(table, target, generator)
                spoiled.to_csv(place / f"{name}.csv", index=False)
                packages = forge(place / f"{name}.csv", place / "run", 3)
                well, words = judged(packages, defect, target, spoiled)
                good[defect.name].append(well)
                print(f"{name:24} {defect.name:22} {words}", flush=True)
    print()
    for defect_name, results in good.items():
        print(f"{defect_name:22} {sum(results)} of {len(results)}")
    every = [well for results in good.values() for well in results]
    print(f"{'all':22} {sum(every)} of {len(every)} ({np.mean(every) if every else 0:.0%})")
    return 0


def plain_task(raw: Path, run: Path) -> tuple[pd.DataFrame, str] | None:
    """The table and target column of the first verified task that needs no other column."""
    for package in forge(raw, run, 3):
        formulation = load(package).formulation
        if len(formulation.tables) == 1 and len(formulation.targets) == 1:
            described = profile(raw, "data", fingerprint(raw))
            table = read_table(described.table(formulation.tables[0]).spec, raw)
            if formulation.targets[0] in table:
                return table.head(_ROWS), formulation.targets[0]
    return None


def forge(source: Path, run: Path, most: int) -> list[Path]:
    """The packages of the verified tasks."""
    command = [sys.executable, "-m", "cli.main", "forge", str(source), "--json"]
    command += ["--out", str(run), "--max-formulations", str(most)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    tasks: list[dict[str, Any]] = json.loads(ended.stdout)["tasks"]
    return [run / "tasks" / task["id"] for task in tasks]


def judged(
    packages: list[Path], defect: Defect, target: str, table: pd.DataFrame
) -> tuple[bool, str]:
    """Whether a task on the target is verified and has dealt with the defect, and what was seen."""
    if not packages:
        return False, "no task"
    about = [p for p in packages if _sources(load(p).formulation, target)]
    if not about:
        return False, f"{len(packages)} tasks, none on {target!r}"
    for package in about:
        report = json.loads((package / "report.json").read_text())
        if not defect.settled(load(package).formulation, report, table):
            return False, f"{package.name} verified, the defect not named"
    return True, f"{len(about)} verified, named"


def _sources(formulation: Formulation, target: str) -> bool:
    made = " ".join(formulation.derive.get(name, "") for name in formulation.targets)
    return target in formulation.targets or repr(target) in made


if __name__ == "__main__":
    raise SystemExit(main())
