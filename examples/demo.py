"""`make demo`: forge tasks from the bundled penguins and say what to do next."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
OUT = HERE.parent / ".demo"


def main() -> int:
    """Build the sandbox image where there is a Docker engine, then forge; exit as forge does."""
    command = [sys.executable, "-m", "cli.main"]
    shutil.rmtree(OUT, ignore_errors=True)  # this script's own, from an earlier demo
    subprocess.run([*command, "sandbox", "build", "--if-possible"], check=False)
    began = time.monotonic()
    forged = subprocess.run(
        [*command, "forge", str(HERE / "penguins" / "raw"), "--out", str(OUT)], check=False
    )
    sys.stdout.write(f"\nForged in {time.monotonic() - began:.1f} s.\n")
    if forged.returncode == 0:
        sys.stdout.write(
            f"""
Look at a task:   {OUT / "tasks"}
Its report:       open report.html in a task's folder with any browser
Check it again:   {sys.executable} -m cli.main check {OUT / "tasks"}/*
Your own data:    {Path(sys.executable).parent / "mle-smith"} forge FOLDER_OR_FILE
See the graph:    {Path(sys.executable).parent / "langgraph"} dev --no-reload
"""
        )
    return forged.returncode


if __name__ == "__main__":
    raise SystemExit(main())
