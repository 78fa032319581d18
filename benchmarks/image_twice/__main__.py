"""Whether the sandbox image is the same each time: made twice from nothing, then compared.

    python -m benchmarks.image_twice

Needs root and debootstrap, takes two to three minutes and 3 GB of temporary space, touches neither
the engine nor the cache. Exit status 0 when both are the same bytes, 1 with the files that differ.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mle_smith.sandbox.rootfs import make_rootfs_tar

_SHOWN = 50


def main() -> int:
    """Print the layers' digests, and what differs where they do."""
    with tempfile.TemporaryDirectory() as folder:
        tars = [made(Path(folder) / name, umask) for name, umask in (("a", 0o022), ("b", 0o077))]
        digests = [digest(tar) for tar in tars]
        for number in digests:
            print(f"layer sha256:{number}")
        if digests[0] == digests[1]:
            print("the same")
            return 0
        one, other = (dict(members(tar)) for tar in tars)
        names = [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
        for name in names[:_SHOWN]:
            print(f"{name}: {one.get(name, 'absent')} / {other.get(name, 'absent')}")
        print(f"{len(names)} differ")
        return 1


def made(cache: Path, umask: int) -> Path:
    """A root file system made with an empty cache, under some user's umask."""
    started = time.monotonic()
    cache.mkdir()
    before = os.umask(umask)
    try:
        tar = make_rootfs_tar(cache, lambda step: print(f"  {step}", flush=True))
    finally:
        os.umask(before)
    print(f"made in {time.monotonic() - started:.0f} s", flush=True)
    return tar


def digest(tar: Path) -> str:
    """The digest that the engine gives a layer of this tar."""
    with tar.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def members(tar: Path) -> Iterator[tuple[str, str]]:
    """Each name with what is said of it: kind, rights, owner, link, content."""
    with tarfile.open(tar) as archive:
        for member in archive:
            data = archive.extractfile(member) if member.isreg() else None
            content = "" if data is None else hashlib.sha256(data.read()).hexdigest()[:12]
            owner = f"{member.uid}:{member.gid}"
            kind = member.type.decode()
            yield member.name, f"{kind} {member.mode:o} {owner} {member.linkname} {content}"


if __name__ == "__main__":
    raise SystemExit(main())
