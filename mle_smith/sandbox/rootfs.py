"""The image's file system without any registry: Debian packages, wheels installed from the host.

Serves machines where `python:3.11-slim` cannot be pulled. Needs root (chroot) and debootstrap.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox import recipe

Progress = Callable[[str], None]

_SITE = "usr/local/lib/python3.11/dist-packages"
_PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
_OF_THIS_MACHINE = ("etc/hostname", "etc/resolv.conf")
"""What debootstrap copies from here; the engine shows each container its own."""
_APT_URI = re.compile(r"^(?:URIs:|deb(?: \[[^]]*\])?)\s+(\S+/debian/?)(?:\s|$)", re.MULTILINE)


def make_rootfs_tar(cache: Path, progress: Progress) -> Path:
    """A tar of the image's root file system, made now or found in `cache`.

    Raises:
        SandboxUnavailableError: a step cannot be done here; the message names the next step.
    """
    final = cache / f"rootfs-{recipe.recipe_hash()[:12]}.tar"
    if final.exists():
        progress(f"found the root file system in the cache: {final.name}")
        return final
    _require_root()
    base = _base_tar(cache, progress)
    root = _fresh(cache / "rootfs.partial")
    try:
        _run(["tar", "-xf", base, "-C", root], "unpack the base")
        progress("installing the Python packages of requirements.lock")
        _install_wheels(cache, root / _SITE)
        progress("compiling and trimming")
        shutil.copyfile(recipe.FOLDER / "finish.sh", root / "finish.sh")
        inside = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8"}
        _run(["chroot", root, "/bin/sh", "/finish.sh"], "finish the image", inside)
        (root / "finish.sh").unlink()
        for name in _OF_THIS_MACHINE:
            (root / name).write_text("")
            (root / name).chmod(0o644)
        progress("packing")
        pack(root, final)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    for old in cache.glob("rootfs-*.tar"):
        if old != final:
            old.unlink()
    return final


def _base_tar(cache: Path, progress: Progress) -> Path:
    base = cache / f"base-{recipe.SUITE}-{'-'.join(recipe.PACKAGES)}.tar"
    if base.exists():
        progress(f"found the Debian base in the cache: {base.name}")
        return base
    _require_debootstrap(progress)
    root = _fresh(cache / "base.partial")
    try:
        progress(f"making a Debian {recipe.SUITE} base with debootstrap (about half a minute)")
        include = f"--include={','.join(recipe.PACKAGES)}"
        command = ["debootstrap", "--variant=minbase", include, recipe.SUITE, str(root)]
        _run([*command, *_mirror()], "make the Debian base")
        pack(root, base)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return base


def _require_root() -> None:
    if os.geteuid() != 0:
        raise SandboxUnavailableError(
            f"Cannot build the sandbox image: the base {recipe.DEFAULT_BASE} cannot be pulled, and "
            "making one from Debian packages needs root. Either give this machine access to the "
            f"registry (docker pull {recipe.DEFAULT_BASE}), name a base that is here "
            "(mle-smith sandbox build --base IMAGE), or run mle-smith sandbox build as root.",
            code="sandbox.image.root",
        )


def _require_debootstrap(progress: Progress) -> None:
    if shutil.which("debootstrap"):
        return
    if not shutil.which("apt-get"):
        raise SandboxUnavailableError(
            "Cannot make a Debian base for the sandbox image: debootstrap is not installed. "
            "Install it with this system's package manager and build again.",
            code="sandbox.image.debootstrap",
        )
    progress("installing debootstrap with apt-get")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "debootstrap"]
    _run(["apt-get", "update", "-qq"], "update the package lists", environment)
    _run(install, "install debootstrap (apt-get install debootstrap)", environment)


def _mirror() -> list[str]:
    """The Debian mirror that this machine's apt uses; none: debootstrap's own default."""
    folder = Path("/etc/apt")
    lists = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.list"))]
    lists += sorted((folder / "sources.list.d").glob("*.sources"))
    for path in lists:
        if path.is_file() and (found := _APT_URI.search(path.read_text(errors="replace"))):
            return [found[1]]
    return []


def _install_wheels(cache: Path, site: Path) -> None:
    """Install the locked wheels into `site` from outside: nothing of them runs."""
    machine = platform.machine()
    common = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--target", str(site)]
    common += ["-r", str(recipe.FOLDER / "requirements.lock")]
    uv = shutil.which("uv")
    if importlib.util.find_spec("pip") is None and uv:
        target = ["--python-version", "3.11", "--python-platform", f"{machine}-manylinux_2_28"]
        _run([uv, "pip", "install", "-q", *target, *common], "install the packages")
        return
    python = sys.executable
    if importlib.util.find_spec("pip") is None:
        python = str(cache / "pip" / "bin" / "python")
        _run([sys.executable, "-m", "venv", cache / "pip"], "make an environment for pip")
    target = ["--python-version", "3.11", "--implementation", "cp", "--no-compile"]
    target += [part for name in _PLATFORMS for part in ("--platform", f"{name}_{machine}")]
    _run([python, "-m", "pip", "install", "-q", *target, *common], "install the packages")


def pack(root: Path, tar: Path) -> None:
    """Pack `root` so that the same files give the same bytes, whole or not at all.

    Names, contents, rights and links of files count; times, owners and the order in which they
    were made do not.
    """
    partial = tar.with_suffix(".partial")
    stable = [
        "--format=gnu",
        "--sort=name",
        "--mtime=@0",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
    ]
    _run(["tar", "-C", root, *stable, "--exclude=./dev/*", "-cf", partial, "."], "pack the image")
    partial.rename(tar)


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    return folder


def _run(
    command: Iterable[str | Path], purpose: str, environment: dict[str, str] | None = None
) -> None:
    words = [str(word) for word in command]
    try:
        # A stricter umask of this user would keep jobs from reading what is installed.
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, env=environment, umask=0o022
        )
    except FileNotFoundError as error:
        raise SandboxUnavailableError(
            f"Could not {purpose}: {words[0]} is not installed here.", code="sandbox.image.build"
        ) from error
    if done.returncode != 0:
        tail = (done.stderr.strip() or done.stdout.strip())[-1500:]
        raise SandboxUnavailableError(
            f"Could not {purpose}: {words[0]} ended with status {done.returncode}.\n{tail}",
            code="sandbox.image.build",
        )
