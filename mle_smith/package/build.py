"""Runs a package's prepare.py over raw data, in the sandbox, to make public/ and private/."""

from __future__ import annotations

import shutil
import tempfile
from importlib import resources
from pathlib import Path

from mle_smith.errors import UsageError
from mle_smith.package.layout import PREPARE
from mle_smith.sandbox.job import Job, Limits, Mount, Result, Role, Sandbox
from mle_smith.values import Value

BUILD_LIMITS = Limits(wall_s=300, memory_mb=3072)
"""What preparing may use."""


class Conditions(Value):
    """What a prepare.py must not depend on."""

    hash_seed: int = 0
    """PYTHONHASHSEED, which orders sets of texts."""
    tz: str = "UTC"
    """TZ; in POSIX form (`X-05:30`), which needs no time zone files."""
    reverse_listing: bool = False
    """Folders list their entries the other way round."""


SHUFFLED = Conditions(hash_seed=4711, tz="XYZ-05:30", reverse_listing=True)
"""Conditions that differ from the usual ones in every respect."""


def build(
    prepare_py: Path,
    raw: Path,
    out: Path,
    sandbox: Sandbox,
    *,
    conditions: Conditions = Conditions(),  # noqa: B008 - frozen
    limits: Limits = BUILD_LIMITS,
) -> Result:
    """Run prepare(raw, public, private) and put what it wrote into `out`.

    Args:
        prepare_py: the script; it runs in the sandbox only.
        raw: folder of the raw data, which the script reads and cannot change.
        out: a folder that does not exist, or is empty. It gets public/ and private/ if the run
            succeeds (`Result.ok`), and is left as it was otherwise.
        sandbox: where the script runs.
        conditions: what the run is to differ in from other runs.
        limits: of the run.

    Returns:
        How the run went: a script that fails is told from a sandbox that does by its status.

    Raises:
        UsageError: `out` holds something, or a path is missing.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty; name a new folder", code="build.out")
    out.parent.mkdir(parents=True, exist_ok=True)
    program = resources.files("mle_smith.package") / "programs" / "prepare.py"
    job = Job(
        role=Role.PREPARE,
        code=program.read_text(encoding="utf-8"),
        mounts=(
            Mount(source=raw, target="/in/raw"),
            Mount(source=prepare_py, target=f"/in/task/{PREPARE}"),
        ),
        outputs=("public/**", "private/**"),
        args=("reverse",) if conditions.reverse_listing else (),
        env={"PYTHONHASHSEED": str(conditions.hash_seed), "TZ": conditions.tz},
        limits=limits,
    )
    fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        result = sandbox.run(job, fresh)
        if not result.ok:
            return result.model_copy(update={"artefacts": {}})
        fresh.chmod(0o755)
        fresh.rename(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    moved = {
        name: artefact.model_copy(update={"path": out / name})
        for name, artefact in result.artefacts.items()
    }
    return result.model_copy(update={"artefacts": moved})
