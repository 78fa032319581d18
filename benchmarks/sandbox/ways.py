"""The ways to run one program that are compared: without a sandbox, by Docker's own means, by ours.

The job is a small one, as most are: read a table, train a model, write a CSV file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from docker.types import Mount as Bind

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.engine import connect
from mle_smith.sandbox.job import Job, Limits, Mount, Role, Sandbox
from mle_smith.sandbox.owner import current_owner
from mle_smith.sandbox.pool import default_size
from mle_smith.sandbox.process import ProcessSandbox
from mle_smith.sandbox.recipe import default_image

PROGRAM = """
import os
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

table = pd.read_csv(os.environ["MLE_IN"] + "/public/train.csv")
model = LogisticRegression().fit(table[["a", "b", "c"]], table["y"])
table["y"] = model.predict_proba(table[["a", "b", "c"]])[:, 1]
table[["id", "y"]].to_csv(os.environ["MLE_OUT"] + "/submission.csv", index=False)
"""
_ROWS = 500
_LIMITS = Limits(wall_s=60, memory_mb=1024, cpus=1)
_READY_S = 60

Way = Callable[[], float]
"""Runs the job once and returns how long it took, in seconds."""


def job(public: Path) -> Job:
    """The job as our sandboxes take it."""
    return Job(
        role=Role.SOLVE,
        code=PROGRAM,
        mounts=(Mount(source=public, target="/in/public"),),
        outputs=("submission.csv",),
        limits=_LIMITS,
    )


class Found(NamedTuple):
    """What this machine has."""

    ways: dict[str, Way]
    """To run one job, with nothing else going on."""
    many: dict[str, Way]
    """To run one of many jobs, one after the other: containers that wait are made meanwhile."""
    memory_mib: Callable[[], float] | None
    """What the kernel charges to a container that waits; None without Docker."""


@contextmanager
def find_ways() -> Iterator[Found]:
    """Every way that this machine has, by name."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        public = _lay_out(folder)
        found: dict[str, Way] = {"bare subprocess": lambda: _bare(folder)}
        process = stack.enter_context(closing(ProcessSandbox()))
        found["process sandbox"] = lambda: timed(process, public)
        try:
            client = stack.enter_context(closing(connect(timeout=60)))
            cold = stack.enter_context(closing(DockerSandbox()))
            pool = stack.enter_context(closing(DockerSandbox(warm=1)))
        except SandboxUnavailableError as error:
            print(f"no Docker: {error}", file=sys.stderr)
            yield Found(found, found, None)
            return
        if shutil.which("docker"):
            found["docker run"] = lambda: _docker_run(folder)
        found["docker SDK"] = lambda: _sdk(client.api, folder)
        found["cold container"] = lambda: timed(cold, public)
        found["waiting container"] = lambda: _waiting(pool, public)
        busy = stack.enter_context(closing(DockerSandbox(warm=default_size())))
        many = {**found, "waiting container": lambda: timed(busy, public)}
        yield Found(found, many, lambda: _memory(client.api, pool, public))


def timed(sandbox: Sandbox, public: Path) -> float:
    """How long the job takes in a sandbox of ours, from the call to its collected file."""
    with tempfile.TemporaryDirectory() as out:
        started = time.perf_counter()
        result = sandbox.run(job(public), Path(out))
        seconds = time.perf_counter() - started
    if list(result.artefacts) != ["submission.csv"]:
        raise RuntimeError(f"the job failed: {result.status} {result.stderr}")
    return seconds


def wait_until_ready(sandbox: DockerSandbox, public: Path) -> None:
    """Return when a container waits for the job."""
    sandbox.pool.want(job(public))
    deadline = time.monotonic() + _READY_S
    while not sandbox.pool.has(job(public)):
        if time.monotonic() > deadline:
            raise RuntimeError("no container came to wait")
        time.sleep(0.01)


def _waiting(sandbox: DockerSandbox, public: Path) -> float:
    wait_until_ready(sandbox, public)
    seconds = timed(sandbox, public)
    wait_until_ready(sandbox, public)  # The next container must not boot during another's turn.
    return seconds


def _memory(api: Any, sandbox: DockerSandbox, public: Path) -> float:
    wait_until_ready(sandbox, public)
    labels = ["mle.role=waiting", f"mle.owner={current_owner()}"]
    (waiting,) = api.containers(filters={"label": labels})
    return float(api.stats(waiting["Id"], stream=False)["memory_stats"]["usage"] / 2**20)


def _lay_out(folder: Path) -> Path:
    for name in ("in", "in/public", "job"):
        (folder / name).mkdir()
    (folder / "job" / "main.py").write_text(PROGRAM)
    rows = [f"{n},{n % 7},{n % 11},{n % 13},{int(n % 7 > 3)}" for n in range(_ROWS)]
    train = folder / "in" / "public" / "train.csv"
    train.write_text("\n".join(["id,a,b,c,y", *rows]) + "\n")
    return folder / "in" / "public"


def _out(folder: Path) -> Path:
    """A new folder that any user can write: containers are not run as ours."""
    out = Path(tempfile.mkdtemp(dir=folder))
    out.chmod(0o777)
    return out


def _bare(folder: Path) -> float:
    places = {"MLE_IN": str(folder / "in"), "MLE_OUT": str(_out(folder))}
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return _call([sys.executable, str(folder / "job" / "main.py")], {**places, **one_thread})


def _docker_run(folder: Path) -> float:
    words = ["docker", "run", "--rm", "--network=none", "--cpus=1", "--memory=1024m"]
    words += ["--env=MLE_IN=/in", "--env=MLE_OUT=/out", "--env=OPENBLAS_NUM_THREADS=1"]
    words += [f"--volume={folder}/in:/in:ro", f"--volume={folder}/job:/job:ro"]
    words += [f"--volume={_out(folder)}:/out", default_image(), "python3", "/job/main.py"]
    return _call(words, {})


def _sdk(client: Any, folder: Path) -> float:
    started = time.perf_counter()
    places = {"/in": folder / "in", "/job": folder / "job", "/out": _out(folder)}
    binds = [Bind(target, str(source), type="bind") for target, source in places.items()]
    container = client.create_container(
        default_image(),
        ["python3", "/job/main.py"],
        environment={"MLE_IN": "/in", "MLE_OUT": "/out", "OPENBLAS_NUM_THREADS": "1"},
        host_config=client.create_host_config(
            network_mode="none", nano_cpus=10**9, mem_limit="1024m", mounts=binds
        ),
    )["Id"]
    client.start(container)
    code = client.wait(container)["StatusCode"]
    client.remove_container(container)
    if code != 0:
        raise RuntimeError(f"the job failed in the SDK's container: {code}")
    return time.perf_counter() - started


def _call(words: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(words, check=True, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
