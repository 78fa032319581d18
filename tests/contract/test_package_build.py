"""prepare.py in a sandbox: what it may find, and what is left when it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mle_smith.errors import MachineError, PackageError, UsageError
from mle_smith.package.build import SHUFFLED, Conditions, build
from mle_smith.package.rebuild import prepare_package
from mle_smith.sandbox.job import Job, Result, Status
from tests.support.local import LocalSandbox
from tests.support.packages import Example, Kind

Write = Callable[[Kind], Example]

HEAD = "import glob, os, time\nfrom pathlib import Path\n\n"


def script(folder: Path, body: str) -> Path:
    """A prepare.py of these lines; it writes `text` to both folders."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    path = folder / "prepare.py"
    path.write_text(
        f"{HEAD}def prepare(raw, public, private):\n{lines}"
        "    (public / 'train.csv').write_text(str(text))\n"
        "    (private / 'test_answer.csv').write_text(str(text))\n"
    )
    return path


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    for name in ("a.csv", "b.csv", "sub/c.csv", "sub/d.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x\n1\n")
    return folder


def built(tmp_path: Path, raw: Path, body: str, conditions: Conditions, name: str) -> str:
    out = tmp_path / name
    result = build(script(tmp_path, body), raw, out, LocalSandbox(), conditions=conditions)
    assert result.ok, result.stderr
    assert set(result.artefacts) == {"public/train.csv", "private/test_answer.csv"}
    assert all(artefact.path.is_file() for artefact in result.artefacts.values())
    return (out / "public" / "train.csv").read_text()


@pytest.mark.parametrize(
    "body",
    [
        "text = os.listdir(raw)",
        "text = [e.name for e in os.scandir(raw)]",
        "with os.scandir(str(raw)) as entries:\n    text = [e.name for e in entries]",
        "text = [p.name for p in Path(raw).iterdir()]",
        "text = [p.name for p in Path(raw).glob('*.csv')]",
        "text = [p.name for p in Path(raw).rglob('*.csv')]",
        "text = [os.path.basename(p) for p in glob.glob(str(raw) + '/*.csv')]",
        "text = [name for _, _, names in os.walk(raw) for name in names]",
        "text = ' '.join({'red', 'green', 'blue', 'white', 'black', 'pink'})",
        "text = time.strftime('%H:%M', time.localtime(0))",
    ],
)
def test_shuffled_conditions_show_what_a_script_depends_on(
    tmp_path: Path, raw: Path, body: str
) -> None:
    usual = built(tmp_path, raw, body, Conditions(), "usual")
    again = built(tmp_path, raw, body, Conditions(), "again")
    shuffled = built(tmp_path, raw, body, SHUFFLED, "shuffled")
    assert usual == again
    assert shuffled != usual


def test_each_condition_alone_changes_its_own_matter(tmp_path: Path, raw: Path) -> None:
    body = "text = [os.listdir(raw), time.localtime(0).tm_hour, os.environ['PYTHONHASHSEED']]"
    usual = built(tmp_path, raw, body, Conditions(), "usual")
    turned = built(tmp_path, raw, body, Conditions(reverse_listing=True), "turned")
    names = eval(usual)[0]
    assert eval(usual)[1:] == [0, "0"]
    assert eval(turned) == [names[::-1], 0, "0"]


def test_a_deterministic_script_gives_the_sealed_bytes_under_any_conditions(
    example_package: Example, tmp_path: Path
) -> None:
    script_file, raw = example_package.paths.prepare, example_package.raw
    result = build(script_file, raw, tmp_path / "out", LocalSandbox(), conditions=SHUFFLED)
    sealed = {file.path: file.sha256 for file in example_package.manifest.files}
    assert {name: a.sha256 for name, a in result.artefacts.items()} == {
        name: sealed[name] for name in result.artefacts
    }
    assert len(result.artefacts) == 4


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "does not define a function prepare"),
        ("prepare = 3\n", "does not define a function prepare"),
        ("def prepare(raw):\n    pass\n", r"does not take (raw, public, private)"),
        ("def prepare(raw, public, private):\n    pass\n", "without writing a file to public/"),
        (
            "def prepare(raw, public, private):\n    (public / 'a').write_text('x')\n",
            "without writing a file to private/",
        ),
        ("def prepare(raw, public, private):\n    raise KeyError('column')\n", "KeyError"),
        ("import nothing_of_this_name\n", "ModuleNotFoundError"),
    ],
)
def test_a_failing_script_says_why_and_leaves_nothing(
    tmp_path: Path, raw: Path, source: str, message: str
) -> None:
    path = tmp_path / "prepare.py"
    path.write_text(source)
    before = set(tmp_path.iterdir())
    result = build(path, raw, tmp_path / "out", LocalSandbox())
    assert result.status is Status.NONZERO
    assert message in result.stderr
    assert result.artefacts == {}
    assert set(tmp_path.iterdir()) == before


def test_an_output_folder_in_use_is_not_touched(tmp_path: Path, raw: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="not empty"):
        build(script(tmp_path, "text = 1"), raw, out, LocalSandbox())
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_an_empty_output_folder_is_filled(tmp_path: Path, raw: Path) -> None:
    (tmp_path / "out").mkdir()
    assert built(tmp_path, raw, "text = 1", Conditions(), "out") == "1"


def test_a_package_is_rebuilt_from_its_raw_data(example_package: Example, tmp_path: Path) -> None:
    out = tmp_path / "rebuilt"
    rebuilt = prepare_package(example_package.paths.root, example_package.raw, out, LocalSandbox())
    assert rebuilt.ok
    assert rebuilt.raw_agrees
    assert rebuilt.script_agrees
    assert rebuilt.agree == tuple(
        file.path
        for file in example_package.manifest.files
        if file.path.startswith(("public/", "private/"))
    )
    for name in rebuilt.agree:
        assert (out / name).read_bytes() == (example_package.paths.root / name).read_bytes()


def test_other_raw_data_and_another_script_are_told(example: Write, tmp_path: Path) -> None:
    task = example("regression")
    table = task.raw / "measurements.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-40]) + "\n")
    source = task.paths.prepare.read_text()
    extra = '    (public / "more.csv").write_text("x")\n'
    task.paths.prepare.write_text(source + extra)
    rebuilt = prepare_package(task.paths.root, task.raw, tmp_path / "out", LocalSandbox())
    assert not rebuilt.ok
    assert not rebuilt.raw_agrees
    assert not rebuilt.script_agrees
    assert rebuilt.extra == ("public/more.csv",)
    assert "public/train.csv" in rebuilt.differ
    assert rebuilt.agree == ("public/description.md",)


def test_a_rebuild_that_fails_leaves_nothing(example: Write, tmp_path: Path) -> None:
    task = example("binary")
    (task.raw / "measurements.csv").write_text("other\n1\n")
    before = set(tmp_path.iterdir())
    rebuilt = prepare_package(task.paths.root, task.raw, tmp_path / "out", LocalSandbox())
    assert "KeyError" in rebuilt.error
    assert not rebuilt.ok
    assert set(tmp_path.iterdir()) == before
    with pytest.raises(PackageError):
        prepare_package(task.raw, task.raw, tmp_path / "out", LocalSandbox())


class BrokenSandbox(LocalSandbox):
    """Cannot run anything."""

    def run(self, job: Job, out: Path | None = None) -> Result:
        return Result(status=Status.INFRA_ERROR, stderr="the daemon is gone")


def test_a_broken_sandbox_is_not_the_scripts_fault(example: Write, tmp_path: Path) -> None:
    task = example("binary")
    result = build(task.paths.prepare, task.raw, tmp_path / "out", BrokenSandbox())
    assert result.status is Status.INFRA_ERROR
    with pytest.raises(MachineError, match="daemon is gone"):
        prepare_package(task.paths.root, task.raw, tmp_path / "out", BrokenSandbox())
    assert not (tmp_path / "out").exists()
