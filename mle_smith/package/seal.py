"""Seals a package with its manifest, and tells whether a seal still holds."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from pydantic import ValidationError

from mle_smith.errors import PackageError
from mle_smith.package.layout import (
    DESCRIPTION,
    MANIFEST,
    METRIC,
    PREPARE,
    PRIVATE,
    PUBLIC,
    REPORT_HTML,
    REPORT_JSON,
)
from mle_smith.package.machine import machine_paths, paths_found
from mle_smith.package.manifest import FileRecord, FileRole, Manifest, canonical_json

_ROLES = {
    DESCRIPTION: FileRole.DESCRIPTION,
    PREPARE: FileRole.PREPARE,
    METRIC: FileRole.METRIC,
    REPORT_JSON: FileRole.REPORT,
    REPORT_HTML: FileRole.REPORT,
    PUBLIC: FileRole.PUBLIC,
    PRIVATE: FileRole.PRIVATE,
}
_NEEDED = (DESCRIPTION, PREPARE, METRIC, PUBLIC, PRIVATE)
MAX_MANIFEST = 64 * 1024 * 1024
"""Bytes of a manifest that is read. It lists every file, and media can be many."""

SEALED_TIME = 946_684_800
"""2000-01-01, the time of every sealed file: times of writing could give answers away."""


def seal(package: Path, manifest: Manifest) -> Manifest:
    """Record all files of a package in its manifest, and write that, last and atomically.

    Files get the same time and modes everywhere.

    Args:
        package: folder with everything but task.json (an old one is replaced).
        manifest: all but `files`, which this fills in.

    Raises:
        PackageError: a file is missing, is not one of a package, is a link, or names a path of
            this machine.
    """
    files = files_of(package)
    present = {file.path.partition("/")[0] for file in files}
    absent = [name for name in _NEEDED if name not in present]
    if absent:
        raise PackageError(
            f"{package} lacks {', '.join(absent)}; only a complete package can be sealed",
            code="package.incomplete",
        )
    _refuse_machine_paths(package, files)
    sealed = manifest.model_copy(update={"files": files})
    for folder, _, names in os.walk(package):
        for name in names:
            os.utime(Path(folder, name), (SEALED_TIME, SEALED_TIME))
            Path(folder, name).chmod(0o644)
        Path(folder).chmod(0o755)
    write_atomically(package / MANIFEST, canonical_json(sealed))
    os.utime(package / MANIFEST, (SEALED_TIME, SEALED_TIME))
    return sealed


def files_of(package: Path) -> tuple[FileRecord, ...]:
    """All files of a package but task.json, with their checksums, by path.

    Raises:
        PackageError: there is a link, a special file, or a file that no package has.
    """
    return tuple(_record(package, name) for name in _names(package))


def _names(package: Path) -> list[str]:
    """Relative paths of everything in the package that is no folder, but task.json; sorted."""
    entries = (path for path in package.rglob("*") if path.is_symlink() or not path.is_dir())
    names = (path.relative_to(package).as_posix() for path in entries)
    return sorted(name for name in names if name != MANIFEST)


def _record(package: Path, name: str) -> FileRecord:
    path, role = package / name, _ROLES.get(name.partition("/")[0])
    if path.is_symlink() or not path.is_file():
        raise PackageError(f"{path} is a link or a special file", code="package.link")
    if role is None:
        raise PackageError(f"{path} is no file of a package; remove it", code="package.extra")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return FileRecord(path=name, role=role, sha256=digest, size=path.stat().st_size)


def load(package: Path) -> Manifest:
    """The manifest of a package. Its files are not looked at: see `verify_seal`.

    Raises:
        PackageError: there is none, or it cannot be understood.
    """
    path = package / MANIFEST
    if not path.is_file():
        raise PackageError(
            f"{path} is missing, so {package} is not a task package; name a folder that holds "
            f"{MANIFEST}, such as one in tasks/ of a run",
            code="package.missing",
        )
    if path.stat().st_size > MAX_MANIFEST:
        raise PackageError(f"{path} is too large to be a manifest", code="package.manifest")
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise PackageError(
            f"{path} does not fit its schema at {where}: {first['msg']}; forge the task again, "
            "or use the version of MLE-Smith that made it",
            code="package.manifest",
        ) from error


def verify_seal(package: Path) -> list[str]:
    """What differs between a package and its manifest, in words; nothing when the seal holds.

    Byte code that Python left when someone imported metric.py does not count.

    Raises:
        PackageError: there is no manifest to compare with.
    """
    wanted = {file.path: file for file in load(package).files}
    given = [name for name in _names(package) if "__pycache__" not in name.split("/")]
    problems = [f"{name} is missing" for name in wanted.keys() - set(given)]
    for name in given:
        path = package / name
        if name not in wanted:
            problems.append(f"{name} is not in {MANIFEST}")
        elif path.is_symlink() or not path.is_file():
            problems.append(f"{name} is a link or a special file")
        elif _record(package, name) != wanted[name]:
            problems.append(f"{name} was changed: its checksum is not the one in {MANIFEST}")
    return sorted(problems)


def _refuse_machine_paths(package: Path, files: tuple[FileRecord, ...]) -> None:
    folders = machine_paths(package)
    for file in files:
        authored = file.role not in (FileRole.PUBLIC, FileRole.PRIVATE)
        found = paths_found(package / file.path, folders, authored=authored)
        if found:
            raise PackageError(
                f"{package / file.path} names {found[0]}, a folder of this machine; take it out",
                code="package.machine_path",
            )


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that others see the whole of it or none, even after a crash."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.chmod(0o644)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
