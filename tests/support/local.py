"""A Sandbox without isolation, for tests of the programs that run in one."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

from mle_smith.sandbox.job import Artefact, Capabilities, Job, Result, Status
from mle_smith.sandbox.pool import kind_of

os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as in every sandbox
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["pandas", "tests.support.local"])


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
                "ARROW_DEFAULT_MEMORY_POOL": "system",
                **job.env,
            }
            # What Python reads at its start cannot be had of one that has started.
            run = _started_anew if kind_of(job) is None else _forked
            status, code = run(job, home, environment)
            return Result(
                status=status,
                exit_code=code,
                stdout=(home / "stdout").read_text("utf-8", errors="replace"),
                stderr=(home / "stderr").read_text("utf-8", errors="replace"),
                artefacts={} if out is None else _collect(job, home / "out", out),
                backend="local",
            )

    def close(self) -> None:
        pass


def _started_anew(job: Job, home: Path, environment: dict[str, str]) -> tuple[Status, int | None]:
    words = [sys.executable, str(home / "main.py"), *job.args]
    with (home / "stdout").open("wb") as out, (home / "stderr").open("wb") as err:
        try:
            done = subprocess.run(
                words,
                cwd=home / "cwd",
                env=environment,
                stdout=out,
                stderr=err,
                timeout=job.limits.wall_s,
            )
        except subprocess.TimeoutExpired:
            return Status.TIMEOUT, None
    return (Status.NONZERO if done.returncode else Status.OK), done.returncode


def _forked(job: Job, home: Path, environment: dict[str, str]) -> tuple[Status, int | None]:
    """In a child of a process that has imported pandas: that takes longer than most jobs."""
    child = _SERVER.Process(target=_become, args=(home, job.args, environment))
    child.start()
    child.join(job.limits.wall_s)
    if child.is_alive():
        child.kill()
        child.join()
        return Status.TIMEOUT, None
    return (Status.NONZERO if child.exitcode else Status.OK), child.exitcode


def _become(home: Path, args: tuple[str, ...], environment: dict[str, str]) -> None:
    """Be the program, as far as a process can that was another one before."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(home / name, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(home / "cwd")
    sys.argv = [str(home / "main.py"), *args]
    sys.path[0] = str(home)
    runpy.run_path(str(home / "main.py"), run_name="__main__")


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
