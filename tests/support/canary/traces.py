"""Routes through what work leaves behind: histories, caches, temporary files, other jobs."""

from __future__ import annotations

import glob
import os
import sys
import zlib
from collections.abc import Iterator

from tests.support.canary.kit import Evidence, Target, names_in, read, route, walk


@route("temporary files")
def temporary(target: Target) -> Iterator[Evidence]:
    """Read the host's folders for temporary files."""
    folders = [target.temporary]
    if not target.control:
        folders += ["/tmp", "/var/tmp", "/dev/shm", "/proc/1/root/tmp"]
    for folder in folders:
        yield from walk(folder, 0)


@route("what git keeps")
def git_objects(target: Target) -> Iterator[Evidence]:
    """Unpack the objects of every repository in sight."""
    for folder in _repositories(target):
        for path in glob.glob(f"{glob.escape(folder)}/objects/??/*"):
            try:
                yield zlib.decompress(read(path))
            except zlib.error:
                continue
        for name in ("config", "logs/HEAD", "COMMIT_EDITMSG", "index"):
            yield read(f"{folder}/{name}")


@route("homes and settings")
def homes(target: Target) -> Iterator[Evidence]:
    """Read what users keep in their homes: keys, histories, settings of tools."""
    names = (".env", ".netrc", ".bash_history", ".python_history", ".git-credentials", ".pgpass")
    deeper = (".aws/credentials", ".docker/config.json", ".config/gcloud/credentials.db")
    homes = {os.path.expanduser("~"), "/root", *names_in("/home"), target.package, os.getcwd()}
    for home in sorted(homes):
        for name in (*names, *deeper, ".ssh/id_rsa", ".ssh/id_ed25519", ".kaggle/kaggle.json"):
            yield read(f"{home}/{name}")


@route("caches")
def caches(target: Target) -> Iterator[Evidence]:
    """Read the caches of programs and of this one."""
    for variable in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "PIP_CACHE_DIR", "UV_CACHE_DIR"):
        if folder := os.environ.get(variable):
            yield from walk(folder, 2)
    for folder in ("/root/.cache/mle-smith", "/var/cache/mle-smith", "/var/lib/mle-smith"):
        yield from walk(folder, 2)


@route("Python's own packages")
def packages(target: Target) -> Iterator[Evidence]:
    """Follow what installed packages say about where they came from, and look there."""
    for folder in sys.path:
        for path in glob.glob(f"{glob.escape(folder)}/*.pth"):
            yield read(path)
            for line in read(path).decode(errors="replace").splitlines():
                yield from walk(line.strip(), 1) if line.startswith("/") else ()
        for path in glob.glob(f"{glob.escape(folder)}/*.dist-info/direct_url.json"):
            yield read(path)
            source = read(path).decode(errors="replace").partition("file://")[2].partition('"')[0]
            yield from walk(source, 1) if source else ()
    yield repr(sys.orig_argv).encode()


@route("folders of the engine")
def engine_folders(target: Target) -> Iterator[Evidence]:
    """Read where container engines keep files, settings and logs of containers."""
    for folder in ("/var/lib/docker", "/var/lib/containerd", "/run/containerd", "/run/docker"):
        yield from walk(folder, 3) if not target.control else ()
    for path in ("/.dockerenv", "/run/.containerenv", "/etc/docker/daemon.json", "/run/secrets"):
        yield read(path)


@route("what another job has left")
def leftovers(target: Target) -> Iterator[Evidence]:
    """Read everything in the folders that an earlier job could write."""
    if target.control:
        return
    for folder in (os.getcwd(), os.environ["MLE_OUT"], os.environ["HOME"]):
        yield from walk(folder, 3)
        if os.path.dirname(folder) != "/":
            yield from walk(os.path.dirname(folder), 2)


def _repositories(target: Target) -> list[str]:
    """Folders called .git from the package and from here upwards."""
    found = []
    for start in (target.package, os.getcwd(), os.environ.get("MLE_IN", "/")):
        parts = start.split("/")
        found += ["/".join([*parts[:end], ".git"]) for end in range(len(parts), 0, -1)]
    return [folder for folder in dict.fromkeys(found) if names_in(folder)]
