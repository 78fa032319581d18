"""Which host folders a job may see, by its role: one function that both backends ask.

The rule is absence, not permission: what a participant's code must not read is not in its sandbox.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mle_smith.errors import UsageError
from mle_smith.sandbox.job import Job, Mount, Role
from mle_smith.values import Value

_IN = PurePosixPath("/in")

# Names of mle_smith.package.layout, which is above this package and cannot be imported here.
_PRIVATE = "private"
_ANSWERS = "test_answer.csv"
_SIBLINGS = ("public", "task.json", "prepare.py")


class ResolvedMount(Value):
    """A mount that the policy allows, with its real path and what it takes to make it readable."""

    source: Path
    """Real path: no symbolic link in it."""
    target: str
    """Normal form, below `/in`."""
    world_readable: bool
    """Whether any user could read all of it once the folder itself is reached."""

    @property
    def name(self) -> str:
        """Path below `/in`; empty where the mount is `/in` itself."""
        relative = PurePosixPath(self.target).relative_to(_IN).as_posix()
        return "" if relative == "." else relative


def resolve_mounts(job: Job) -> tuple[ResolvedMount, ...]:
    """The mounts of `job` with real paths, or the reason why it may not have them.

    Raises:
        UsageError: a source is missing or has a link that leads out of it, a target is not below
            `/in` or overlaps another, or a participant's job would see a private folder.
    """
    resolved = tuple(_resolve(mount, job.role) for mount in job.mounts)
    _refuse_overlap([PurePosixPath(mount.target) for mount in resolved])
    return resolved


def _resolve(mount: Mount, role: Role) -> ResolvedMount:
    target = _normal_target(mount.target)
    try:
        source = mount.source.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"The mount source {mount.source} does not exist or cannot be read ({error}).",
            code="sandbox.mount.source",
        ) from error
    if not (source.is_dir() or source.is_file()):
        raise UsageError(
            f"The mount source {source} is neither a folder nor a regular file.",
            code="sandbox.mount.source",
        )
    if role is Role.SOLVE:
        _refuse_private(source)
    readable = _inspect_tree(source, role)
    return ResolvedMount(source=source, target=target.as_posix(), world_readable=readable)


def _normal_target(text: str) -> PurePosixPath:
    target = PurePosixPath(text)
    inside = target == _IN or _IN in target.parents
    if not inside or ".." in target.parts:
        raise UsageError(
            f"The mount target {text} is not /in or below it.", code="sandbox.mount.target"
        )
    return target


def _refuse_overlap(targets: list[PurePosixPath]) -> None:
    for position, one in enumerate(targets):
        for other in targets[position + 1 :]:
            if one == other or one in other.parents or other in one.parents:
                raise UsageError(
                    f"The mount targets {one} and {other} overlap.", code="sandbox.mount.target"
                )


def _refuse_private(source: Path) -> None:
    """A participant's mount is no private folder and nothing in one."""
    if any(_is_private(folder) for folder in (source, *source.parents)):
        raise UsageError(
            f"A participant's job must not see {source}: it is private to the task.",
            code="sandbox.mount.private",
        )


def _is_private(folder: Path) -> bool:
    """Whether `folder` is the private one of a package, and not just a folder of that name."""
    if folder.name.casefold() != _PRIVATE:
        return False
    beside = any((folder.parent / name).exists() for name in _SIBLINGS)
    return beside or (folder / _ANSWERS).exists()


def _inspect_tree(source: Path, role: Role) -> bool:
    """Check everything below `source`; whether all of it is readable for any user."""
    if source.is_file():
        return bool(source.stat().st_mode & 0o004)
    readable = source.stat().st_mode & 0o005 == 0o005
    for entry in _walk(source):
        if entry.is_symlink():
            _refuse_escape(Path(entry.path), source)
            continue
        if role is Role.SOLVE and entry.is_dir() and _is_private(Path(entry.path)):
            raise UsageError(
                f"A participant's job must not see {source}: {entry.path} in it is private.",
                code="sandbox.mount.private",
            )
        needed = 0o005 if entry.is_dir() else 0o004
        readable = readable and entry.stat(follow_symlinks=False).st_mode & needed == needed
    return readable


def _refuse_escape(link: Path, source: Path) -> None:
    """A link may lead to another place of the same mount, and nowhere else."""
    try:
        end = link.resolve(strict=False)
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"The symbolic link {link} cannot be followed ({error}). Remove it.",
            code="sandbox.mount.link",
        ) from error
    if end != source and source not in end.parents:
        raise UsageError(
            f"The symbolic link {link} leads out of {source}, which a sandbox cannot show. "
            "Put a copy of the file in its place.",
            code="sandbox.mount.link",
        )


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    pending = [str(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
