"""Building the sandbox image, by whichever way works on this machine, and telling what is there."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal

import docker
import requests
from docker.errors import APIError, BuildError, ImageNotFound

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox import recipe
from mle_smith.sandbox.engine import connect, first_line
from mle_smith.sandbox.rootfs import Progress, make_rootfs_tar
from mle_smith.values import Value

_LOOKUP_S = 15
_BUILD_S = 1800

Method = Literal["auto", "dockerfile", "debootstrap"]


class ImageStatus(Value):
    """Whether the image of this version's recipe is there."""

    tag: str
    recipe: str
    present: bool
    image_id: str = ""
    layers: tuple[str, ...] = ()
    """Digests of its files; the same recipe gives the same, unlike `image_id`."""
    size_mb: int = 0
    cached: bool = False
    """The root file system is in the cache: a build takes seconds."""


class ImageBuild(Value):
    """What a build did."""

    tag: str
    image_id: str
    layers: tuple[str, ...]
    method: Literal["present", "dockerfile", "debootstrap"]
    seconds: float
    notes: tuple[str, ...] = ()
    """What was tried first and why it could not be used."""


def status(client: docker.DockerClient, tag: str | None = None) -> ImageStatus:
    """What there is of the image `tag` (default: the one of this version's recipe)."""
    digest = recipe.recipe_hash()
    name = tag or recipe.default_image()
    cached = (recipe.cache_folder() / f"rootfs-{digest[:12]}.tar").exists()
    try:
        image = client.images.get(name)
    except ImageNotFound:
        return ImageStatus(tag=name, recipe=digest, present=False, cached=cached)
    return ImageStatus(
        tag=name,
        recipe=digest,
        present=True,
        image_id=str(image.id),
        layers=tuple(image.attrs["RootFS"]["Layers"]),
        size_mb=round(image.attrs["Size"] / 2**20),
        cached=cached,
    )


def build(
    progress: Progress,
    *,
    method: Method = "auto",
    base: str = recipe.DEFAULT_BASE,
    force: bool = False,
) -> ImageBuild:
    """Build the image unless it is there already.

    Args:
        progress: is told each step, in words.
        method: `auto` builds on `base` where that is here or can be pulled, else on a base made
            from Debian packages.
        base: the image to build on, with a Python 3.11 and pip in it.
        force: build even if the image is there.

    Raises:
        SandboxUnavailableError: it cannot be built; the message names the next step.
    """
    started = time.monotonic()
    client = connect()
    client.api.timeout = _BUILD_S
    notes: list[str] = []
    used: Literal["present", "dockerfile", "debootstrap"] = "present"
    with closing(client):
        present = status(client)
        if force or not present.present:
            with _one_at_a_time(progress):
                if force or not status(client).present:
                    used = _build_by(client, method, base, progress, notes)
                    _drop(client, present.image_id)
            present = status(client)
    return ImageBuild(
        tag=present.tag,
        image_id=present.image_id,
        layers=present.layers,
        method=used,
        seconds=round(time.monotonic() - started, 2),
        notes=tuple(notes),
    )


def remove(client: docker.DockerClient, *, cache: bool = True) -> list[str]:
    """Remove every image that `build` made, and with `cache` its cached parts; what went."""
    gone = []
    for image in client.images.list(filters={"label": recipe.LABEL}):
        client.images.remove(str(image.id), force=True)
        gone.extend(image.tags or [str(image.id)])
    if cache and recipe.cache_folder().exists():
        shutil.rmtree(recipe.cache_folder())
        gone.append(str(recipe.cache_folder()))
    return gone


def _drop(client: docker.DockerClient, image_id: str) -> None:
    """Remove the image that a build took the name from, where nothing else holds it."""
    if image_id and image_id != status(client).image_id:
        with suppress(APIError):
            client.images.remove(image_id)


def _build_by(
    client: docker.DockerClient, method: Method, base: str, progress: Progress, notes: list[str]
) -> Literal["dockerfile", "debootstrap"]:
    if method == "debootstrap":
        _import(client, progress)
        return "debootstrap"
    try:
        _require_base(client, base, progress)
        _build_on(client, base, progress)
    except (APIError, BuildError, requests.RequestException) as error:
        why = f"not built on {base}: {first_line(error)}"
        if method == "dockerfile":
            raise SandboxUnavailableError(
                f"The sandbox image was {why}. Check that the engine can pull {base}, or build it "
                "without a registry: mle-smith sandbox build --method debootstrap.",
                code="sandbox.image.base",
            ) from error
        progress(why)
        notes.append(why)
        _import(client, progress)
        return "debootstrap"
    return "dockerfile"


def _require_base(client: docker.DockerClient, base: str, progress: Progress) -> None:
    """Make sure that `base` is here, asking for it briefly before the long pull."""
    try:
        client.images.get(base)
    except ImageNotFound:
        progress(f"looking for {base}")
        client.api.timeout = _LOOKUP_S
        try:
            client.images.get_registry_data(base)
        finally:
            client.api.timeout = _BUILD_S
        progress(f"pulling {base}")
        client.images.pull(base)


def _build_on(client: docker.DockerClient, base: str, progress: Progress) -> None:
    progress(f"building on {base}")
    lines = client.api.build(
        path=str(recipe.FOLDER),
        tag=recipe.default_image(),
        buildargs={"BASE": base},
        labels={recipe.LABEL: recipe.recipe_hash(), "mle.base": base},
        rm=True,
        forcerm=True,
        decode=True,
    )
    for line in lines:
        if "error" in line:
            raise BuildError(str(line["error"]), iter(()))
        if text := str(line.get("stream", "")).strip():
            progress(text.splitlines()[0][:200])


def _import(client: docker.DockerClient, progress: Progress) -> None:
    tar = make_rootfs_tar(recipe.cache_folder(), progress)
    progress("importing the root file system")
    repository, tag = recipe.default_image().split(":")
    client.api.import_image(
        src=str(tar),
        repository=repository,
        tag=tag,
        changes=[
            "ENV PATH=/usr/local/bin:/usr/bin:/bin",
            "USER 65534:65534",
            'CMD ["python3"]',
            f"LABEL {recipe.LABEL}={recipe.recipe_hash()} mle.base=debian-{recipe.SUITE}",
        ],
    )


@contextmanager
def _one_at_a_time(progress: Progress) -> Iterator[None]:
    """Hold the build lock of this user: a second build waits, and then finds the image."""
    folder = recipe.cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxUnavailableError(
            f"Cannot keep the parts of the sandbox image in {folder} ({error.strerror}). Set "
            "XDG_CACHE_HOME to a folder that you can write.",
            code="sandbox.image.cache",
        ) from error
    with Path(folder.parent / "image.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another build of the image")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
