"""Files of test rows that are copies of train rows' files are found, by bytes and by looks."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mle_smith.checks import Layer, Subject
from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.job import Sandbox
from tests.support.checked import errors
from tests.support.tasks import TARGET, Task, make_task

SIZE = 40
COPIED = 30


def png(shades: NDArray[np.float64]) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        whole = kind + body
        return struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))

    grey = np.clip(shades, 0, 255).astype(np.uint8)
    lines = b"".join(b"\0" + line.tobytes() for line in grey)
    head = struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks)


def picture(generator: np.random.Generator) -> NDArray[np.float64]:
    """Something smooth, with a little grain."""
    coarse = generator.normal(size=(5, 5))
    weights = np.array([np.interp(np.linspace(0, 4, SIZE), range(5), row) for row in np.eye(5)])
    smooth = weights.T @ coarse @ weights
    grained: NDArray[np.float64] = 128 + 40 * smooth + generator.normal(0, 2, (SIZE, SIZE))
    return grained


def with_pictures(task: Task, how: str, folder: Path, sandbox: Sandbox | None) -> Subject:
    """A picture a row; those of some test rows are copies of a train row of the same target."""
    generator = np.random.default_rng(0)
    drawn: dict[str, NDArray[np.float64]] = {}
    for frame, names in ((task.train, "t"), (task.test, "u")):
        frame["picture"] = [f"pictures/{names}{n}.png" for n in range(len(frame))]
        drawn |= {name: picture(generator) for name in frame["picture"]}
    answers = task.answers[TARGET].to_numpy()
    contents = {name: png(shades) for name, shades in drawn.items()}
    for row in range(COPIED if how != "none" else 0):
        of_like = task.train["picture"][task.train[TARGET] == answers[row]]
        shades = drawn[of_like.iloc[row]]
        if how == "smaller":
            shades = shades.reshape(SIZE // 2, 2, SIZE // 2, 2).mean(axis=(1, 3))
        elif how == "mirrored":
            shades = shades[:, ::-1] + generator.normal(0, 2, shades.shape)
        elif how == "darker":
            shades = 0.8 * shades + generator.normal(0, 1, shades.shape)
        contents[task.test["picture"].iloc[row]] = png(shades)
    subject = task.write(folder, sandbox)
    (subject.paths.public / "pictures").mkdir()
    for name, content in contents.items():
        (subject.paths.public / name).write_bytes(content)
    return subject


@pytest.mark.parametrize("how", ["none", "same bytes"])
def test_files_of_the_same_bytes(how: str, tmp_path: Path) -> None:
    subject = with_pictures(make_task("binary"), how, tmp_path / "task", None)
    assert errors(subject, Layer.LEAKAGE) == ({"L01"} if how == "same bytes" else set())


@pytest.mark.docker
@pytest.mark.parametrize("how", ["none", "smaller", "mirrored", "darker"])
def test_pictures_that_look_the_same(
    how: str, docker_sandbox: DockerSandbox, tmp_path: Path
) -> None:
    subject = with_pictures(make_task("binary"), how, tmp_path / "task", docker_sandbox)
    assert errors(subject, Layer.LEAKAGE) == (set() if how == "none" else {"L02"})


@pytest.mark.parametrize("indent", [None, 2])
def test_records_of_rows_that_are_alike_by_chance(indent: int | None, tmp_path: Path) -> None:
    """A file that repeats its row equals another's wherever the rows are equal."""
    task = make_task("binary")
    generator = np.random.default_rng(1)
    contents = {}
    for frame, names in ((task.train, "t"), (task.test, "u")):
        whole = task.train if names == "t" else task.whole
        kinds = generator.integers(0, 75, len(frame)) + np.where(whole[TARGET] == "yes", 75, 0)
        frame[list(task.formulation.inputs)] = "as usual"
        frame["kind"] = [f"k{kind}" for kind in kinds]
        frame["record"] = [f"records/{names}{n}.json" for n in range(len(frame))]
        for name, kind in zip(frame["record"], frame["kind"], strict=True):
            contents[name] = json.dumps({"kind": kind}, indent=indent)
    subject = task.write(tmp_path / "task")
    (subject.paths.public / "records").mkdir()
    for name, content in contents.items():
        (subject.paths.public / name).write_text(content)
    assert "L01" not in errors(subject, Layer.LEAKAGE)
