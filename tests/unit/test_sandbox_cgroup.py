from __future__ import annotations

from pathlib import Path

from mle_smith.sandbox.cgroup import Parents, find_parents

V1 = """\
31 23 0:28 / {top} rw,relatime - tmpfs tmpfs rw,mode=755
35 31 0:32 {root} {top}/memory {options},relatime - cgroup cgroup rw,memory
39 31 0:36 {root} {top}/pids {options},relatime shared:9 - cgroup cgroup rw,pids
41 31 0:38 / {top}/unified rw,relatime - cgroup2 cgroup2 rw
"""
V2 = "30 23 0:26 / {top} {options},nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = "8:pids:/\n4:cpu,memory:/box/job\n0::/\n"


def own_of_1(memory: Path, pids: Path) -> Parents:
    return Parents(1, memory, pids, own=(memory, pids))


def test_version_one_takes_our_own_groups(tmp_path: Path) -> None:
    mounts = V1.format(top=tmp_path, root="/", options="rw")
    assert find_parents(HYBRID, mounts) == own_of_1(tmp_path / "memory/box/job", tmp_path / "pids")


def test_a_container_sees_its_part_of_the_hierarchy_at_the_top(tmp_path: Path) -> None:
    groups = "8:pids:/docker/ab\n4:memory:/docker/ab/deeper\n"
    mounts = V1.format(top=tmp_path, root="/docker/ab", options="rw")
    assert find_parents(groups, mounts) == own_of_1(tmp_path / "memory/deeper", tmp_path / "pids")
    elsewhere = V1.format(top=tmp_path, root="/docker/cd", options="rw")
    assert find_parents(groups, elsewhere) is None


def test_what_is_mounted_read_only_is_of_no_use(tmp_path: Path) -> None:
    assert find_parents(HYBRID, V1.format(top=tmp_path, root="/", options="ro")) is None


def tree(top: Path, handed_on: dict[str, str], limits: dict[str, str] | None = None) -> str:
    for name in ("user.slice", "user.slice/app.slice", "user.slice/app.slice/run.scope"):
        folder = top / name
        folder.mkdir(parents=True)
        (folder / "cgroup.procs").write_text("")
        (folder / "cgroup.subtree_control").write_text(handed_on.get(folder.name, ""))
        (folder / "memory.max").write_text((limits or {}).get(folder.name, "max") + "\n")
    return V2.format(top=top, options="rw")


OWN = "0::/user.slice/app.slice/run.scope\n"


def test_version_two_takes_the_nearest_group_that_hands_memory_and_pids_on(tmp_path: Path) -> None:
    mounts = tree(tmp_path, {"app.slice": "memory pids\n", "user.slice": "cpu memory pids\n"})
    nearest = tmp_path / "user.slice/app.slice"
    assert find_parents(OWN, mounts) == Parents(2, nearest, nearest, own=(nearest / "run.scope",))


def test_version_two_passes_over_groups_that_hand_on_too_little(tmp_path: Path) -> None:
    mounts = tree(tmp_path, {"app.slice": "memory\n", "user.slice": "cpu memory pids\n"})
    above = tmp_path / "user.slice"
    own = above / "app.slice/run.scope"
    assert find_parents(OWN, mounts) == Parents(2, above, above, own=(own,))
    assert find_parents("0::/user.slice\n", mounts) == Parents(2, above, above, own=(above,))


def test_version_two_without_controllers_is_none(tmp_path: Path) -> None:
    mounts = tree(tmp_path, {"app.slice": "cpu\n"})
    assert find_parents(OWN, mounts) is None


def test_a_group_with_a_memory_limit_is_not_left(tmp_path: Path) -> None:
    mounts = tree(tmp_path, {"user.slice": "memory pids\n"}, {"run.scope": "1073741824"})
    assert find_parents(OWN, mounts) is None
