from __future__ import annotations

from pathlib import Path

import pytest

from mle_smith.errors import UsageError
from mle_smith.sandbox.job import Job, Mount, Role
from mle_smith.sandbox.policy import ResolvedMount, resolve_mounts


def resolve(role: Role, *mounts: tuple[Path, str]) -> tuple[ResolvedMount, ...]:
    wanted = tuple(Mount(source=source, target=target) for source, target in mounts)
    return resolve_mounts(Job(role=role, code="", mounts=wanted))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    root = tmp_path / "package"
    for part in ("public", "private/deep"):
        (root / part).mkdir(parents=True)
    (root / "private" / "test_answer.csv").write_text("id\n")
    (root / "public" / "train.csv").write_text("id\n")
    return root


@pytest.mark.attack(
    "files", "mount a private folder, a part or a parent of it", "refused before anything runs"
)
@pytest.mark.parametrize("part", [".", "private", "private/deep", "private/test_answer.csv"])
def test_solver_sees_no_private_folder(package: Path, part: str) -> None:
    with pytest.raises(UsageError, match="must not see"):
        resolve(Role.SOLVE, (package / part, "/in/x"))


@pytest.mark.attack(
    "files", "mount a private folder by a link or through `..`", "refused before anything runs"
)
def test_solver_sees_no_private_folder_by_another_name(package: Path, tmp_path: Path) -> None:
    (tmp_path / "innocent").symlink_to(package / "private")
    with pytest.raises(UsageError, match="must not see"):
        resolve(Role.SOLVE, (tmp_path / "innocent", "/in/x"))
    with pytest.raises(UsageError, match="must not see"):
        resolve(Role.SOLVE, (package / "public" / ".." / "private", "/in/x"))


@pytest.mark.parametrize("role", [Role.PREPARE, Role.GRADE])
def test_other_roles_may_see_it(package: Path, role: Role) -> None:
    (mount,) = resolve(role, (package / "private", "/in/private"))
    assert mount.source == (package / "private").resolve()
    assert mount.name == "private"


def test_a_folder_that_is_only_called_private_is_no_secret(tmp_path: Path) -> None:
    home = tmp_path / "private" / "work" / "public"
    home.mkdir(parents=True)
    (home / "images" / "private").mkdir(parents=True)
    assert resolve(Role.SOLVE, (home, "/in/public"))[0].source == home.resolve()


@pytest.mark.attack("files", "mount over the system's folders", "refused before anything runs")
@pytest.mark.parametrize("target", ["/input", "/in/../etc", "//", "/inside", "/out"])
def test_targets_lie_below_in(package: Path, target: str) -> None:
    with pytest.raises(UsageError, match="not /in or below"):
        resolve(Role.PREPARE, (package, target))


@pytest.mark.parametrize(
    ("one", "other"),
    [("/in/a", "/in/a"), ("/in/a", "/in/a/b"), ("/in/a", "/in"), ("/in/a/", "/in/a")],
)
def test_targets_do_not_overlap(package: Path, one: str, other: str) -> None:
    with pytest.raises(UsageError, match="overlap"):
        resolve(Role.PREPARE, (package, one), (package / "public", other))


def test_sources_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        resolve(Role.PREPARE, (tmp_path / "missing", "/in/x"))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UsageError, match="does not exist"):
        resolve(Role.PREPARE, (tmp_path / "loop", "/in/x"))


@pytest.mark.attack("files", "mount a device", "refused before anything runs")
def test_sources_are_files_or_folders() -> None:
    with pytest.raises(UsageError, match="neither a folder nor"):
        resolve(Role.PREPARE, (Path("/dev/null"), "/in/x"))


@pytest.mark.attack(
    "files", "a link in the inputs that leads out of them", "refused before anything runs"
)
@pytest.mark.parametrize("role", list(Role))
def test_links_must_stay_in_their_mount(package: Path, role: Role) -> None:
    (package / "public" / "deep").mkdir()
    (package / "public" / "deep" / "inside").symlink_to("../train.csv")
    (package / "public" / "dangling").symlink_to("nothing.csv")
    assert len(resolve(role, (package / "public", "/in/x"))) == 1
    (package / "public" / "deep" / "out").symlink_to("../../private/test_answer.csv")
    with pytest.raises(UsageError, match=r"leads out of"):
        resolve(role, (package / "public", "/in/x"))


def test_unreadable_files_are_noticed(package: Path) -> None:
    package.chmod(0o755)
    for path in package.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert resolve(Role.PREPARE, (package, "/in/x"))[0].world_readable
    (package / "public" / "train.csv").chmod(0o640)
    assert not resolve(Role.PREPARE, (package, "/in/x"))[0].world_readable
    (package / "public" / "train.csv").chmod(0o644)
    (package / "public").chmod(0o700)
    assert not resolve(Role.PREPARE, (package, "/in/x"))[0].world_readable
