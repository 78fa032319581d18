"""A Sandbox without isolation, for tests of the programs that run in one."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mle_smith.sandbox.job import Artefact, Capabilities, Job, Result, Status


class LocalSandbox:
    """Runs a job as a plain subprocess, with links to the mounts in place of mounts."""

    def capabilities(self) -> Capabilities:
        return Capabilities(
            backend="local", isolation="none", network=False, filesystem=False, memory=False
        )

    def run(self, job: Job, out: Path | None = None) -> Result:
        with tempfile.TemporaryDirectory() as name:
            home = Path(name)
            for folder in ("in", "out", "cwd"):
                (home / folder).mkdir()
            for mount in job.mounts:
                link = home / mount.target.removeprefix("/")
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(mount.source.resolve())
            (home / "main.py").write_text(job.code, encoding="utf-8")
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(home / "cwd"),
                "MLE_IN": str(home / "in"),
                "MLE_OUT": str(home / "out"),
                "OMP_NUM_THREADS": "1",
                **job.env,
            }
            try:
                done = subprocess.run(
                    [sys.executable, str(home / "main.py"), *job.args],
                    cwd=home / "cwd",
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=job.limits.wall_s,
                )
            except subprocess.TimeoutExpired:
                return Result(status=Status.TIMEOUT, backend="local")
            artefacts = {} if out is None else _collect(job, home / "out", out)
            return Result(
                status=Status.OK if done.returncode == 0 else Status.NONZERO,
                exit_code=done.returncode,
                stdout=done.stdout,
                stderr=done.stderr,
                artefacts=artefacts,
                backend="local",
            )

    def close(self) -> None:
        pass


def _collect(job: Job, source: Path, out: Path) -> dict[str, Artefact]:
    found = {}
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        relative = path.relative_to(source)
        if not any(_matches(relative, pattern) for pattern in job.outputs):
            continue
        target = out / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        target.write_bytes(content)
        found[relative.as_posix()] = Artefact(
            path=target, sha256=hashlib.sha256(content).hexdigest(), size=len(content)
        )
    return found


def _matches(path: Path, pattern: str) -> bool:
    """Whether a pattern names the file: `folder/**`, or one without `**`."""
    folder, star, _ = pattern.partition("/**")
    if star:
        return path.parts[0] == folder
    return len(path.parts) == pattern.count("/") + 1 and path.match(pattern)
