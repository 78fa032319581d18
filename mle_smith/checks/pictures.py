"""Pictures as points: those that look alike lie near each other, however they are encoded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mle_smith.errors import MachineError
from mle_smith.sandbox.job import Job, Limits, Mount, Role, Sandbox, Status
from mle_smith.sandbox.scratch import work_folder
from mle_smith.sandbox.untrusted import read_bytes

_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_SIDE = 16
_ROUNDED = 1e-3
_LIMITS = Limits(wall_s=120, memory_mb=1024)


def are_pictures(paths: Sequence[Path]) -> bool:
    """Whether nearly all of them are called what pictures are called."""
    named = sum(path.suffix.lower() in _SUFFIXES for path in paths)
    return named > 0 and named >= 0.9 * len(paths)


def thumbnails(public: Path, paths: Sequence[Path], sandbox: Sandbox) -> NDArray[np.float32] | None:
    """What files below `public` look like: a row each, of length 1; NaN for what is no picture.

    None where the sandbox ran out of what it may use.

    Raises:
        MachineError: the sandbox failed.
    """
    with work_folder() as folder:
        asked, out = folder / "asked", folder / "out"
        asked.mkdir()
        out.mkdir()
        names = [path.relative_to(public).as_posix() for path in paths]
        (asked / "paths.json").write_text(json.dumps(names), "utf-8")
        program = resources.files("mle_smith.checks") / "programs" / "pictures.py"
        job = Job(
            role=Role.SOLVE,
            code=program.read_text("utf-8"),
            mounts=(
                Mount(source=public, target="/in/public"),
                Mount(source=asked, target="/in/asked"),
            ),
            outputs=("thumbnails.bin",),
            limits=_LIMITS,
        )
        result = sandbox.run(job, out)
        if result.status is Status.INFRA_ERROR:
            raise MachineError(result.stderr.strip()[-300:], code="sandbox.failed")
        size = 4 * _SIDE**2 * len(paths)
        if not result.ok or "thumbnails.bin" not in result.artefacts:
            return None
        data = read_bytes(out / "thumbnails.bin", size)
    if len(data) != size:
        return None
    looks = np.frombuffer(data, dtype=np.float32).reshape(len(paths), _SIDE**2)
    lengths = np.sqrt((looks.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    return np.where(np.abs(lengths - 1) < _ROUNDED, looks, np.float32("nan"))


def mirrored(looks: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same pictures, left and right exchanged."""
    return looks.reshape(-1, _SIDE, _SIDE)[:, :, ::-1].reshape(looks.shape)
