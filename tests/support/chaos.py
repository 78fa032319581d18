"""Two hundred jobs with known outcomes, and a program that does those which nobody has done yet.

Usage: python -m tests.support.chaos LEDGER SCRATCH. A line of JSON for each finished job, and one
about itself at the end, is added to LEDGER. Killed and started again it goes on.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.job import Job, Limits, Role

JOBS = 200
AT_ONCE = 8
MARK = "number"

# Each says who it is first, so that whoever kills it knows whom he killed.
_BEGIN = f"""
import os, sys, time
number = int(sys.argv[1])
with open(os.environ["MLE_OUT"] + "/{MARK}", "w") as file:
    file.write(str(number))
"""
_KINDS: list[tuple[str, dict[str, float], dict[str, Any]]] = [
    ("time.sleep(0.3)\nprint(number)", {}, {"status": "ok"}),
    ("sys.exit(1 + number % 100)", {}, {"status": "nonzero"}),
    ("while True: time.sleep(1)", {"wall_s": 1.5}, {"status": "timeout"}),
    ("kept = []\nwhile True: kept.append(b'x' * 2**20)", {}, {"status": "oom"}),
    ("print(number)", {"memory_mb": 512}, {"status": "ok"}),
    ("while True: sys.stdout.write('x' * 65536)", {}, {"status": "output_limit"}),
    ("time.sleep(1)\nprint(number)", {}, {"status": "ok"}),
    ("raise SystemExit(number % 2)", {}, {}),
]


def job(number: int) -> Job:
    body, limits, _ = _KINDS[number % len(_KINDS)]
    usual = {"wall_s": 60.0, "memory_mb": 64, "out_mb": 4, "tmp_mb": 4}
    return Job(
        role=Role.SOLVE,
        code=_BEGIN + body,
        args=(str(number),),
        outputs=(MARK,),
        limits=Limits.model_validate({**usual, "stdout_bytes": 4096, **limits}),
    )


def expected(number: int) -> dict[str, Any]:
    """What the job's line in the ledger must say where nobody killed it."""
    kind = number % len(_KINDS)
    found = dict(_KINDS[kind][2])
    if kind == 7:
        found["status"] = "nonzero" if number % 2 else "ok"
    if kind == 1:
        found["exit_code"] = 1 + number % 100
    if kind in {0, 4, 6}:
        found["stdout"] = f"{number}\n"
    return found


def finished(ledger: Path) -> Counter[int]:
    lines = ledger.read_text().splitlines() if ledger.exists() else []
    return Counter(json.loads(line)["job"] for line in lines)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def main() -> None:
    ledger, scratch = Path(sys.argv[1]), Path(sys.argv[2])
    done = finished(ledger)
    before = descriptors()
    with ledger.open("a") as file:

        def one(number: int) -> None:
            with tempfile.TemporaryDirectory() as out:
                result = sandbox.run(job(number), Path(out))
                mark = Path(out) / MARK
                line = {
                    "job": number,
                    "status": result.status.value,
                    "exit_code": result.exit_code,
                    "stdout": result.stdout[:80],
                    "stderr": result.stderr[-300:],
                    "mark": mark.read_text() if mark.exists() else None,
                }
            os.write(file.fileno(), json.dumps(line).encode() + b"\n")

        sandbox = DockerSandbox(scratch_parent=scratch, max_jobs=AT_ONCE, warm=1)
        with closing(sandbox), ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(one, [number for number in range(JOBS) if not done[number]]))
        line = {"job": -1, "descriptors": descriptors() - before - 1}
        os.write(file.fileno(), json.dumps(line).encode() + b"\n")


if __name__ == "__main__":
    main()
