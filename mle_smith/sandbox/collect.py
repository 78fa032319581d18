"""Taking files out of a folder that untrusted code wrote, after that code is dead.

Each entry is opened without following links and judged by what was opened, so that nothing can be
swapped in between. Links, devices, pipes, sparse and oversized files are left behind with a reason.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from mle_smith.sandbox.job import Artefact, Limits
from mle_smith.values import Value

_CHUNK = 1 << 20
_MAX_DEPTH = 16
_MAX_REASONS = 200
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Collected(Value):
    """What was taken and what was left."""

    artefacts: dict[str, Artefact]
    rejected: dict[str, str]
    overflow: bool
    """More was written than the limits allow."""


def collect(
    source: Path, destination: Path, patterns: tuple[str, ...], limits: Limits
) -> Collected:
    """Copy the files of `source` that match `patterns` into `destination`.

    Args:
        source: folder that the dead job wrote.
        destination: an existing, empty folder of our own.
        patterns: globs relative to `source`; `*` stays within a folder, `**` does not.
        limits: `out_mb` bounds all files together, `out_files` their number.
    """
    collector = _Collector(destination, [_compile(pattern) for pattern in patterns], limits)
    folder = os.open(source, _FOLDER_FLAGS)
    try:
        collector.folder(folder, "", 0)
    finally:
        os.close(folder)
    return Collected(
        artefacts=dict(sorted(collector.artefacts.items())),
        rejected=dict(sorted(collector.rejected.items())),
        overflow=collector.overflow,
    )


def measure(folder: Path) -> tuple[int, int]:
    """Bytes and number of files below a folder that a running job writes to."""
    size = count = 0
    pending = [str(folder)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    state = entry.stat(follow_symlinks=False)
                    size += state.st_blocks * 512
                    count += 1
                    if stat.S_ISDIR(state.st_mode):
                        pending.append(entry.path)
        except OSError:
            continue  # Gone or locked by the job meanwhile; the collector has the last word.
    return size, count


class _Collector:
    def __init__(self, destination: Path, patterns: list[re.Pattern[str]], limits: Limits) -> None:
        self._destination = destination
        self._patterns = patterns
        self._bytes_left = limits.out_mb * 2**20
        self._files_left = limits.out_files
        self.artefacts: dict[str, Artefact] = {}
        self.rejected: dict[str, str] = {}
        self.overflow = False

    def folder(self, descriptor: int, prefix: str, depth: int) -> None:
        for name in _names(descriptor):
            path = prefix + name
            if self._files_left <= 0:
                self.overflow = True
                self._reject(path, "more files than the limit allows")
                return
            self._files_left -= 1
            if not _is_plain(name):
                self._reject(ascii(path)[1:-1], "its name has characters that are not allowed")
                continue
            try:
                self._entry(descriptor, name, path, depth)
            except OSError as error:
                self._reject(path, _reason(error))

    def _entry(self, parent: int, name: str, path: str, depth: int) -> None:
        kind = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        if stat.S_ISDIR(kind):
            if depth >= _MAX_DEPTH:
                self._reject(path, f"deeper than {_MAX_DEPTH} folders")
                return
            child = os.open(name, _FOLDER_FLAGS, dir_fd=parent)
            try:
                self.folder(child, path + "/", depth + 1)
            finally:
                os.close(child)
            return
        if not stat.S_ISREG(kind):
            self._reject(path, "not a regular file (a link, pipe, socket or device)")
            return
        if not any(pattern.fullmatch(path) for pattern in self._patterns):
            self._reject(path, "matches none of the outputs asked for")
            return
        descriptor = os.open(name, _FILE_FLAGS, dir_fd=parent)
        try:
            self._file(descriptor, path)
        finally:
            os.close(descriptor)

    def _file(self, descriptor: int, path: str) -> None:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            self._reject(path, "not a regular file")
        elif state.st_nlink != 1:
            self._reject(path, "a hard link")
        elif state.st_size > self._bytes_left:
            self.overflow = True
            self._reject(path, "larger than what is left of the output limit")
        elif _has_hole(descriptor, state.st_size):
            self._reject(path, "a sparse file")
        else:
            self._bytes_left -= state.st_size
            self.artefacts[path] = _copy(descriptor, self._destination / path, state.st_size)

    def _reject(self, path: str, reason: str) -> None:
        if len(self.rejected) < _MAX_REASONS:
            self.rejected[path] = reason


def _copy(descriptor: int, target: Path, size: int) -> Artefact:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    left = size
    with target.open("xb") as file:
        while left and (chunk := os.read(descriptor, min(_CHUNK, left))):
            file.write(chunk)
            digest.update(chunk)
            left -= len(chunk)
    return Artefact(path=target, sha256=digest.hexdigest(), size=size - left)


def _names(descriptor: int) -> Iterator[str]:
    yield from sorted(os.listdir(descriptor))


def _is_plain(name: str) -> bool:
    """Whether a name is text without control characters (undecodable bytes are surrogates)."""
    return name.isprintable()


def _has_hole(descriptor: int, size: int) -> bool:
    if size == 0:
        return False
    try:
        hole = os.lseek(descriptor, 0, os.SEEK_HOLE)
    except OSError as error:
        if error.errno != errno.EINVAL:  # The file system does not know holes: there are none.
            raise
        hole = size
    os.lseek(descriptor, 0, os.SEEK_SET)
    return hole < size


def _reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a symbolic link"
    return f"cannot be read ({os.strerror(error.errno or 0)})"


def _compile(pattern: str) -> re.Pattern[str]:
    """The regular expression of a glob over `/`-separated paths."""
    expression = ""
    parts = pattern.split("/")
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if part == "**":
            expression += ".+" if last else "(?:[^/]+/)*"
            continue
        wild = {"*": "[^/]*", "?": "[^/]"}
        expression += "".join(wild.get(letter, re.escape(letter)) for letter in part)
        expression += "" if last else "/"
    return re.compile(expression, re.DOTALL)
