"""What the sandbox image is made of: files of the recipe, the name that follows from them, caches.

An image is named by the hash of its recipe, so that a changed recipe is another image and an
unchanged one is never built twice.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

REPOSITORY = "mle-smith-sandbox"
LABEL = "mle.recipe"
DEFAULT_BASE = "python:3.11-slim"
SUITE = "bookworm"
"""The Debian release that serves as base where `DEFAULT_BASE` cannot be had (Python 3.11 too)."""
PACKAGES = ("python3", "libgomp1")
"""Debian packages of that base beyond the minimum."""
FILES = ("Dockerfile", "requirements.lock", "finish.sh")
FOLDER = Path(__file__).parent / "image"


def recipe_hash() -> str:
    """SHA-256 of everything that decides what the image holds."""
    digest = hashlib.sha256(f"{DEFAULT_BASE} {SUITE} {' '.join(PACKAGES)}\n".encode())
    for name in FILES:
        digest.update(f"{name}\n".encode())
        digest.update((FOLDER / name).read_bytes())
    return digest.hexdigest()


def default_image() -> str:
    """Name and tag of the image that this version of the program uses."""
    return f"{REPOSITORY}:{recipe_hash()[:12]}"


def cache_folder() -> Path:
    """Where built parts are kept between builds (`$XDG_CACHE_HOME/mle-smith/image`)."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "mle-smith" / "image"
