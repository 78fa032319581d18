from __future__ import annotations

import os
import random
import tarfile
from pathlib import Path

import pytest

from mle_smith.sandbox.recipe import FOLDER
from mle_smith.sandbox.rootfs import pack

FILES = {f"usr/lib/{letter}/{number}.py": letter * number for letter in "ab" for number in range(5)}


def tree(top: Path, seed: int) -> Path:
    """The same files, made in another order, at other times and, where we may, by other owners."""
    shuffled = random.Random(seed)
    names = sorted(FILES)
    shuffled.shuffle(names)
    for name in names:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILES[name])
        path.chmod(0o755 if name.endswith("1.py") else 0o644)
    os.link(top / "usr/lib/a/1.py", top / "usr/lib/b/hard.py")
    (top / "lib").symlink_to("usr/lib")
    (top / "dev").mkdir()
    (top / "dev" / f"made-{seed}").touch()
    for path in top.rglob("*"):
        moment = shuffled.randrange(10**9)
        os.utime(path, (moment, moment), follow_symlinks=False)
        if os.geteuid() == 0:
            os.chown(path, seed, seed, follow_symlinks=False)
    return top


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    tars = [tmp_path / f"{seed}.tar" for seed in (1, 2)]
    for seed, tar in enumerate(tars, start=1):
        pack(tree(tmp_path / str(seed), seed), tar)
    assert tars[0].read_bytes() == tars[1].read_bytes()
    with tarfile.open(tars[0]) as packed:
        assert {member.uid for member in packed} == {0}
        modes = {member.name: member.mode for member in packed}
    assert set(modes) >= {f"./{name}" for name in FILES}
    assert (modes["./usr/lib/a/1.py"], modes["./usr/lib/a/2.py"]) == (0o755, 0o644)
    assert not any(name.startswith("./dev/") for name in modes)
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("change", ["content", "mode", "name"])
def test_other_files_give_other_bytes(tmp_path: Path, change: str) -> None:
    one, other = tree(tmp_path / "one", 1), tree(tmp_path / "other", 1)
    file = other / "usr/lib/a/3.py"
    if change == "content":
        file.write_text("aab")
    elif change == "mode":
        file.chmod(0o755)
    else:
        file.rename(other / "usr/lib/a/z.py")
    pack(one, tmp_path / "one.tar")
    pack(other, tmp_path / "other.tar")
    assert (tmp_path / "one.tar").read_bytes() != (tmp_path / "other.tar").read_bytes()


def test_every_requirement_is_pinned_as_locked() -> None:
    asked = (FOLDER / "requirements.in").read_text().splitlines()
    pins = [line for line in asked if line and not line.startswith("#")]
    locked = (FOLDER / "requirements.lock").read_text()
    assert pins
    for pin in pins:
        assert "==" in pin
        assert f"{pin} \\\n" in locked
