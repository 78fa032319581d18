"""Where formulations come from: finished runs, fresh runs, or the Brainstormer alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from mle_smith.data.profile import profile
from mle_smith.data.source import stage
from mle_smith.data.tables import DatasetProfile
from mle_smith.models.embedded.brainstormer import brainstormer
from mle_smith.models.embedded.policy import Brief, Call
from mle_smith.package.layout import MANIFEST, RunPaths
from mle_smith.sandbox.job import Job, Limits, Mount, Role, Sandbox
from mle_smith.sandbox.process import ProcessSandbox
from mle_smith.values import MAX_FORMULATIONS, Formulation, Value
from nodes.prompting import dataset_facts


class Forged(Value):
    """What was made of one data set."""

    verified: tuple[Formulation, ...] = ()
    rejected: tuple[str, ...] = ()
    """Name of each rejected task with the codes of its findings."""
    columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Columns of each table, in file order."""
    seconds: float = 0.0
    refused: str = ""


def from_run(folder: Path) -> Forged:
    """What a finished run holds."""
    paths = RunPaths(folder)
    if not paths.summary.exists():
        return Forged(refused=f"no finished run in {folder.name}")
    summary: dict[str, Any] = json.loads(paths.summary.read_text(encoding="utf-8"))
    manifests = sorted(paths.tasks.glob(f"*/{MANIFEST}"))
    formulations = [
        Formulation.model_validate(json.loads(m.read_text(encoding="utf-8"))["formulation"])
        for m in manifests
    ]
    rejected = [
        f"{task['id']}: {', '.join(f['code'] for f in task.get('findings', []))}"
        for task in summary.get("rejected", [])
    ]
    refused = summary.get("refused")
    return Forged(
        verified=tuple(formulations),
        rejected=tuple(rejected),
        refused=str(refused["message"]) if refused else "",
        seconds=sum(s["wall_s"] for s in summary.get("stages", {}).values()),
    )


def forge(raw: Path, out: Path, options: Sequence[str]) -> Forged:
    """Run `mle-smith forge` on raw data, and read what it made."""
    start = time.monotonic()
    command = [sys.executable, "-m", "cli.main", "forge", str(raw), "--out", str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        return Forged(refused=f"exit status {done.returncode}: {done.stderr.strip()[-300:]}")
    return from_run(out).model_copy(update={"seconds": time.monotonic() - start})


def brainstorm(raw: Path, name: str, sandbox: Sandbox) -> Forged:
    """The Brainstormer's proposals alone; nothing is built or verified."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        staged = stage([raw], Path(folder) / "raw")
        facts = profile(staged.raw, name, staged.sha256)
        proposals = _propose(facts, staged.raw, sandbox)
    return Forged(
        verified=proposals,
        columns=columns_of(facts),
        seconds=time.monotonic() - start,
    )


def with_columns(forged: Forged, raw: Path) -> Forged:
    """The same, with the columns of the raw tables in file order, which a run does not keep."""
    if not forged.verified:
        return forged
    with tempfile.TemporaryDirectory() as folder:
        staged = stage([raw], Path(folder) / "raw")
        facts = profile(staged.raw, "raw", staged.sha256)
    return forged.model_copy(update={"columns": columns_of(facts)})


def columns_of(facts: DatasetProfile) -> dict[str, tuple[str, ...]]:
    """Columns of each table, in file order."""
    return {t.spec.name: t.spec.columns for t in facts.tables}


def _propose(facts: DatasetProfile, raw: Path, sandbox: Sandbox) -> tuple[Formulation, ...]:
    """Play the Brainstormer's policy against a real sandbox."""
    text = json.dumps(dataset_facts(facts, MAX_FORMULATIONS), ensure_ascii=False)
    policy = brainstormer(Brief(text=f"```json dataset\n{text}\n```", tools=(), seed=0))
    answer: str | None = None
    while True:
        try:
            call = policy.send(answer) if answer is not None else next(policy)
        except StopIteration:
            return ()
        if call.name == "propose":
            return tuple(Formulation.model_validate(f) for f in call.args["formulations"])
        answer = _run(call, raw, sandbox)


def _run(call: Call, raw: Path, sandbox: Sandbox) -> str:
    job = Job(
        role=Role.PREPARE,
        code=call.args["code"],
        mounts=(Mount(source=raw, target="/in/raw"),),
        limits=Limits(stdout_bytes=240_000),
    )
    result = sandbox.run(job)
    if not result.ok:
        print(f"  run_python: {result.status}: {result.stderr[-600:]}", file=sys.stderr)
    return json.dumps({"status": result.status, "stdout": result.stdout[:60_000], "stderr": ""})


def process_sandbox() -> Sandbox:
    """The sandbox that every Linux machine has."""
    return ProcessSandbox()
