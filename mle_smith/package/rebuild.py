"""Rebuilds a package's public/ and private/ from raw data, and compares them with its manifest."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from mle_smith.data.source import fingerprint
from mle_smith.errors import MachineError, UsageError
from mle_smith.package.build import BUILD_LIMITS, Conditions, build
from mle_smith.package.layout import DESCRIPTION, PRIVATE, PUBLIC, PackagePaths
from mle_smith.package.manifest import FileRole
from mle_smith.package.seal import load
from mle_smith.sandbox.job import Limits, Sandbox, Status
from mle_smith.values import Value


class Rebuilt(Value):
    """What a rebuild gave, file by file against the manifest."""

    raw_agrees: bool
    """The raw data are the ones that the package was made from."""
    script_agrees: bool
    """prepare.py is the one that was sealed."""
    agree: tuple[str, ...] = ()
    differ: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    """In the manifest, but not made."""
    extra: tuple[str, ...] = ()
    """Made, but not in the manifest."""
    error: str = ""
    """Why prepare.py did not run to its end; then there are no files."""

    @property
    def ok(self) -> bool:
        """Whether the rebuild gave the package's files and no others, byte for byte."""
        return not (self.error or self.differ or self.absent or self.extra)


def prepare_package(
    package: Path,
    raw: Path,
    out: Path,
    sandbox: Sandbox,
    *,
    conditions: Conditions = Conditions(),  # noqa: B008 - frozen
    limits: Limits = BUILD_LIMITS,
) -> Rebuilt:
    """Make public/ and private/ anew in `out`, whole or not at all.

    Args:
        package: a sealed package.
        raw: folder of the raw data.
        out: a folder that does not exist, or is empty.
        sandbox: where prepare.py runs.
        conditions: what the run is to differ in from other runs.
        limits: of the run.

    Raises:
        PackageError: `package` has no manifest that can be read.
        SourceError: `raw` cannot be read.
        UsageError: `out` holds something.
        MachineError: the sandbox failed.
    """
    manifest, paths = load(package), PackagePaths(package)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty; name a new folder", code="build.out")
    sealed = {
        file.path: file.sha256
        for file in manifest.files
        if file.role in (FileRole.PUBLIC, FileRole.PRIVATE)
    }
    script = {file.sha256 for file in manifest.files if file.role is FileRole.PREPARE}
    checked = Rebuilt(
        raw_agrees=fingerprint(raw) == manifest.provenance.raw_sha256,
        script_agrees=script == {_sha256(paths.prepare)},
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as name:
        fresh = Path(name) / "built"
        result = build(paths.prepare, raw, fresh, sandbox, conditions=conditions, limits=limits)
        if result.status is Status.INFRA_ERROR:
            raise MachineError(
                f"the sandbox could not run prepare.py: {result.stderr.strip()[-500:]}",
                code="build.sandbox",
            )
        if not result.ok:
            error = f"{result.status.value}: {result.stderr.strip()[-2000:]}"
            return checked.model_copy(update={"error": error})
        if f"{PUBLIC}/{DESCRIPTION}" in sealed:
            shutil.copyfile(paths.description, fresh / PUBLIC / DESCRIPTION)
        compared = _compare(fresh, sealed)
        fresh.rename(out)
    return checked.model_copy(update=compared)


def _compare(built: Path, sealed: dict[str, str]) -> dict[str, tuple[str, ...]]:
    files = (p for part in (PUBLIC, PRIVATE) for p in (built / part).rglob("*") if p.is_file())
    made = {path.relative_to(built).as_posix(): _sha256(path) for path in files}
    both = sorted(made.keys() & sealed.keys())
    return {
        "agree": tuple(name for name in both if made[name] == sealed[name]),
        "differ": tuple(name for name in both if made[name] != sealed[name]),
        "absent": tuple(sorted(sealed.keys() - made.keys())),
        "extra": tuple(sorted(made.keys() - sealed.keys())),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
