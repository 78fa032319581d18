from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mle_smith.errors import PackageError
from mle_smith.package.seal import SEALED_TIME, load, seal, verify_seal, write_atomically
from tests.support.packages import Example, Kind, write_package

Write = Callable[[Kind], Example]


@pytest.fixture
def package(example: Write) -> Path:
    return example("regression").paths.root


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_sealed_package_loads_and_holds(example_package: Example) -> None:
    root = example_package.paths.root
    assert load(root) == example_package.manifest
    assert verify_seal(root) == []
    listed = {file.path for file in example_package.manifest.files}
    assert listed | {"task.json"} == set(contents(root))


def test_the_same_inputs_give_the_same_bytes(example_package: Example, tmp_path: Path) -> None:
    kind = example_package.manifest.id.removeprefix("example-")
    again = write_package(tmp_path / "again" / "elsewhere", kind)  # type: ignore[arg-type] # a Kind
    assert contents(again.paths.root) == contents(example_package.paths.root)


def test_sealing_again_changes_nothing(package: Path) -> None:
    before = contents(package)
    seal(package, load(package))
    assert contents(package) == before


def test_every_file_has_the_same_time_and_mode(package: Path) -> None:
    states = {(p.stat().st_mtime, p.stat().st_mode) for p in package.rglob("*") if p.is_file()}
    assert states == {(SEALED_TIME, 0o100644)}


def test_what_was_tampered_with_is_named(package: Path) -> None:
    (package / "metric.py").write_text("HIGHER_IS_BETTER = True\n")
    (package / "public" / "hint.csv").write_text("id,yield\n")
    (package / "private" / "test_answer.csv").unlink()
    (package / "public" / "test.csv").unlink()
    (package / "public" / "test.csv").symlink_to("train.csv")
    (package / "notes.txt").write_text("x")
    assert verify_seal(package) == [
        "metric.py was changed: its checksum is not the one in task.json",
        "notes.txt is not in task.json",
        "private/test_answer.csv is missing",
        "public/hint.csv is not in task.json",
        "public/test.csv is a link or a special file",
    ]


def test_byte_code_of_an_imported_metric_breaks_no_seal(package: Path) -> None:
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "metric.cpython-311.pyc").write_bytes(b"\0")
    assert verify_seal(package) == []


def test_a_flipped_byte_in_any_file_is_found(package: Path) -> None:
    for name in [file.path for file in load(package).files]:
        path = package / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert [problem.split()[0] for problem in verify_seal(package)] == [name]
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["metric.py", "prepare.py", "description.md"])
def test_an_incomplete_package_is_not_sealed(package: Path, name: str) -> None:
    manifest = load(package)
    (package / name).unlink()
    (package / "task.json").unlink()
    with pytest.raises(PackageError, match=f"lacks {name}"):
        seal(package, manifest)
    assert not (package / "task.json").exists()


def test_foreign_files_and_links_are_not_sealed(package: Path) -> None:
    manifest = load(package)
    link = package / "public" / "answers.csv"
    link.symlink_to(package / "private" / "test_answer.csv")
    with pytest.raises(PackageError, match="is a link"):
        seal(package, manifest)
    link.unlink()
    (package / "scratch.ipynb").write_text("{}")
    with pytest.raises(PackageError, match=r"scratch\.ipynb is no file of a package"):
        seal(package, manifest)


@pytest.mark.parametrize("name", ["prepare.py", "report.json", "public/train.csv"])
def test_paths_of_this_machine_are_not_sealed(package: Path, name: str) -> None:
    manifest = load(package)
    with (package / name).open("a") as stream:
        stream.write(f"# {package.parent.resolve()}/raw\n")
    with pytest.raises(PackageError, match="a folder of this machine"):
        seal(package, manifest)


def test_a_write_that_fails_leaves_nothing_half_written(tmp_path: Path) -> None:
    target = tmp_path / "task.json"
    target.mkdir()
    (target / "in the way").write_text("x")
    with pytest.raises(OSError, match=r"task\.json"):
        write_atomically(target, "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["task.json"]


def test_a_folder_that_is_no_package_is_named_with_a_next_step(package: Path) -> None:
    path = package / "task.json"
    good = json.loads(path.read_text())
    del good["metric"]["name"]
    for content, message in {
        "": "does not fit its schema at the document",
        "{": "Invalid JSON",
        json.dumps(good): r"at metric\.name: Field required; forge the task again",
        json.dumps({**good, "schema_version": 9}): "at schema_version",
    }.items():
        path.write_text(content)
        with pytest.raises(PackageError, match=message):
            load(package)
    path.unlink()
    with pytest.raises(PackageError, match=r"task\.json is missing"):
        load(package)
