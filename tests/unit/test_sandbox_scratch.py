from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mle_smith.sandbox.owner import Owner, current_owner, is_dead, parse_owner
from mle_smith.sandbox.policy import ResolvedMount
from mle_smith.sandbox.scratch import Scratch, readable_copy, remove_tree, sweep, work_folder


def test_owner_is_read_back() -> None:
    owner = current_owner()
    assert parse_owner(str(owner)) == owner
    assert not is_dead(owner)


@pytest.mark.parametrize("text", ["", "boot", "boot.1", "boot.x.1", "boot.1.x", ".1.1"])
def test_other_text_names_no_owner(text: str) -> None:
    assert parse_owner(text) is None


def test_who_is_dead() -> None:
    boot, pid, started = current_owner()
    assert is_dead(Owner(boot, pid, started + 1)), "another process took the number"
    assert is_dead(Owner("0" * 32 + "-1", pid, started)), "the machine was started anew"
    other_namespace = boot.split("-")[0] + "-1"
    assert not is_dead(Owner(other_namespace, pid, started + 1)), "numbers mean nothing there"


def test_a_dead_process_is_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19])
        owner = current_owner()._replace(pid=child.pid, started=started)
        assert not is_dead(owner)
        child.communicate(b"\n")
    assert is_dead(owner)


def test_sweep_takes_only_what_the_dead_left(tmp_path: Path) -> None:
    live = Scratch(tmp_path)
    owner = current_owner()
    dead = tmp_path / f"{owner._replace(started=owner.started + 1)}.00ff"
    (dead / "job").mkdir(parents=True)
    (tmp_path / "unrelated").mkdir()
    assert sweep(tmp_path) == [dead]
    assert (tmp_path / "unrelated").exists()
    live.close()
    assert [path.name for path in tmp_path.iterdir()] == ["unrelated"]


_KILLED_AT_WORK = """
import os, signal
from mle_smith.sandbox.scratch import work_folder
with work_folder() as folder:
    (folder / "answers.csv").write_text("id,target\\n")
    print(folder.parent)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_step_held_is_swept(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    child = subprocess.run(
        [sys.executable, "-c", _KILLED_AT_WORK], env=environment, capture_output=True, text=True
    )
    place = Path(child.stdout.strip())
    assert place.is_relative_to(tmp_path)
    assert [path.name for path in place.glob("*/*")] == ["answers.csv"]
    sweep(place)
    assert not any(place.iterdir())


def test_a_work_folder_is_private_and_gone_at_its_end() -> None:
    with work_folder() as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "answers.csv").touch()
    assert not folder.exists()


def test_deployments_differ_by_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, same, other = (Scratch(tmp_path / name) for name in ("a", "a", "b"))
    assert one.deployment == same.deployment != other.deployment
    assert one.new() != one.new()


def test_remove_tree_is_not_stopped_by_rights(tmp_path: Path) -> None:
    target = tmp_path / "tree"
    (target / "a" / "b").mkdir(parents=True)
    (target / "a" / "b" / "file").write_text("x")
    (target / "link").symlink_to(tmp_path)
    (target / "a" / "b").chmod(0)
    (target / "a").chmod(0o500)
    remove_tree(target)
    assert not target.exists()
    assert tmp_path.exists()


def test_readable_copy_leaves_the_original(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a").write_text("x")
    (source / "deep" / "a").chmod(0o600)
    (source / "link").symlink_to("deep/a")
    mount = ResolvedMount(source=source, target="/in/x", world_readable=False)
    copy = readable_copy(mount, tmp_path)
    assert (copy / "deep" / "a").stat().st_mode & 0o777 == 0o444
    assert (copy / "link").is_symlink()
    assert (copy / "link").read_text() == "x"
    assert (source / "deep" / "a").stat().st_mode & 0o777 == 0o600
