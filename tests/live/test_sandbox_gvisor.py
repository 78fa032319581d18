"""gVisor is used where the engine has it and it works, and is done without where it does not."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.job import Job, Limits, Mount, Role, Status
from mle_smith.sandbox.recipe import default_image
from tests.support.engine import Engine

pytestmark = [pytest.mark.docker, pytest.mark.live]

_BROKEN = "#!/bin/sh\nexit 1\n"
_HANGS = "#!/bin/sh\nexec sleep 600\n"
# No network is all a job has; other platforms need hardware that a machine may not have.
_REAL = '#!/bin/sh\nexec runsc --platform=ptrace --network=none "$@"\n'


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path]]:
    """An engine that takes a script of ours for gVisor, and that script."""
    if not Engine.possible():
        if os.environ.get("MLE_REQUIRE_DOCKER") == "1":
            pytest.fail("an engine of one's own needs root and dockerd")
        pytest.skip("an engine of one's own needs root and dockerd")
    script = tmp_path_factory.mktemp("gvisor") / "runsc"
    script.write_text(_BROKEN)
    script.chmod(0o755)
    engine = Engine(f"--add-runtime=runsc={script}")
    try:
        engine.start()
        engine.load(default_image())
        yield engine, script
    finally:
        engine.remove()


def test_it_holds_jobs_where_it_works(engine: tuple[Engine, Path], tmp_path: Path) -> None:
    if shutil.which("runsc") is None:
        pytest.skip("runsc is not installed")
    engine[1].write_text(_REAL)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("x\n")
    for name in ("out", "scratch"):
        (tmp_path / name).mkdir()
    code = """
import os, platform, socket
print(os.listdir("/in/data"), platform.release())
with open(os.environ["MLE_OUT"] + "/a", "w") as file:
    file.write("x")
try:
    open("/in/data/b", "w")
except OSError:
    print("read-only")
"""
    with closing(
        DockerSandbox(client_factory=engine[0].client, scratch_parent=tmp_path / "scratch", warm=1)
    ) as sandbox:
        for _ in range(2):
            job = Job(
                role=Role.SOLVE,
                code=code,
                mounts=(Mount(source=tmp_path / "data", target="/in/data"),),
                outputs=("a",),
                limits=Limits(wall_s=60),
            )
            out = tmp_path / "out"
            result = sandbox.run(job, out)
            assert result.status is Status.OK, result.stderr
            assert list(result.artefacts) == ["a"]
            (out / "a").unlink()
            assert result.stdout.splitlines()[1] == "read-only"
            assert os.uname().release not in result.stdout
            assert "gVisor" in result.isolation
            time.sleep(8)
        bomb = Job(
            role=Role.SOLVE,
            code="kept = []\nwhile True: kept.append(b'x' * 2**20)",
            limits=Limits(memory_mb=256, wall_s=60),
        )
        # All of the container dies at once, and the engine's word of why may be lost with it.
        assert sandbox.run(bomb).status in {Status.OOM, Status.KILLED}


@pytest.mark.parametrize("script", [_BROKEN, _HANGS], ids=["fails", "hangs"])
def test_one_that_does_not_start_is_done_without(
    engine: tuple[Engine, Path], tmp_path: Path, script: str
) -> None:
    engine[1].write_text(script)
    started = time.monotonic()
    sandbox = DockerSandbox(client_factory=engine[0].client, scratch_parent=tmp_path)
    with closing(sandbox):
        assert time.monotonic() - started < 60
        result = sandbox.run(Job(role=Role.SOLVE, code="print('ran')"))
        assert (result.status, result.stdout) == (Status.OK, "ran\n")
        assert "gVisor" not in result.isolation
