from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from mle_smith.errors import PackageError, SourceError, UsageError
from tests.support.packages import Example, Kind
from tests.support.reports import assert_harmless

Write = Callable[[Kind], Example]


def check(*arguments: str | Path) -> Result:
    given = ["check", *map(str, arguments), "--sandbox", "process"]
    return CliRunner().invoke(app, given)


def test_a_sound_package_without_raw_data_says_what_was_not_asked(example: Write) -> None:
    root = example("binary").paths.root
    done = check(root, "--json")
    assert done.exit_code == 0, done.output
    (told,) = json.loads(done.stdout)
    assert told["package"] == str(root.resolve())
    assert told["sound"] is True
    reasons = {omitted["code"]: omitted["reason"] for omitted in told["not_run"]}
    assert reasons["P01"] == "the raw data were not given"
    assert all(
        set(f) == {"code", "severity", "blame", "message", "evidence"} for f in told["findings"]
    )


@pytest.mark.parametrize("named", ["", "measurements.csv"], ids=["folder", "file"])
def test_with_raw_data_the_package_is_rebuilt(example: Write, named: str) -> None:
    task = example("regression")
    raw = task.raw / named
    done = check(task.paths.root, "--raw", raw, "--json")
    assert done.exit_code == 0, done.output
    (told,) = json.loads(done.stdout)
    assert told["numbers"]["P01"] == {"builds": 2}
    assert not {"P01", "P02", "P03"} & {omitted["code"] for omitted in told["not_run"]}


@pytest.mark.parametrize("change", ["more rows", "another name"])
def test_other_raw_data_than_those_of_the_package_are_told(
    change: str, example: Write, tmp_path: Path
) -> None:
    task = example("regression")
    other = tmp_path / "other"
    shutil.copytree(task.raw, other)
    table = other / "measurements.csv"
    if change == "more rows":
        table.write_text(table.read_text() + table.read_text().split("\n", 1)[1])
    else:
        table.rename(other / "readings.csv")
    done = check(task.paths.root, "--raw", other, "--json")
    assert done.exit_code == 1, done.output
    (told,) = json.loads(done.stdout)
    codes = {"more rows": "P03", "another name": "P01"}
    (message,) = [f["message"] for f in told["findings"] if f["code"] == codes[change]]
    assert "not those that task.json names" in message


def test_a_package_from_elsewhere_is_checked_without_a_manifest(
    example: Write, tmp_path: Path
) -> None:
    root = tmp_path / "theirs"
    shutil.copytree(example("multiclass").paths.root, root)
    (root / "task.json").unlink(missing_ok=True)
    test, answers = root / "public" / "test.csv", root / "private" / "test_answer.csv"
    shutil.copy(answers, root / "public" / "notes.csv")
    done = check(root, "--html", tmp_path / "page.html")
    assert done.exit_code == 1, done.output
    assert test.exists()
    for part in ("✗ not sound", "L  Leakage", "L07", "not run", "the formulation is not known"):
        assert part in done.output, part
    page = assert_harmless((tmp_path / "page.html").read_text())
    for part in ("Not sound", "Why it is not sound", "The formulation: not measured.", "L07"):
        assert part in page.text, part


def test_the_page_of_a_check_holds_what_the_manifest_knows(
    example_package: Example, tmp_path: Path
) -> None:
    done = check(example_package.paths.root, "--html", tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    page = assert_harmless((tmp_path / "page.html").read_text())
    manifest = example_package.manifest
    for part in ("Sound", manifest.provenance.raw_sha256, manifest.metric.formula, "P01"):
        assert part in page.text, part
    assert "the raw data were not given" in page.text
    assert "Fuzz matrix: not measured" not in page.text


def test_two_packages_are_told_apart(example: Write, tmp_path: Path) -> None:
    root = example("binary").paths.root
    spoilt = tmp_path / "spoilt"
    shutil.copytree(root, spoilt)
    (spoilt / "metric.py").write_text("HIGHER_IS_BETTER = True\n")
    done = check(root, spoilt, "--json")
    assert done.exit_code == 1, done.output
    assert [told["sound"] for told in json.loads(done.stdout)] == [True, False]


@pytest.mark.parametrize("given", ["nothing", "a file", "an empty folder"])
def test_what_is_no_package_is_a_wrong_call(tmp_path: Path, given: str) -> None:
    place = tmp_path / "place"
    if given == "a file":
        place.write_text("x")
    if given == "an empty folder":
        place.mkdir()
    done = check(place)
    assert isinstance(done.exception, PackageError)
    assert done.exception.exit_status == 2


def test_raw_data_that_are_not_there_are_a_wrong_call(example: Write, tmp_path: Path) -> None:
    done = check(example("binary").paths.root, "--raw", tmp_path / "nowhere")
    assert isinstance(done.exception, SourceError)


def test_one_page_is_about_one_package(example: Write, tmp_path: Path) -> None:
    root = example("binary").paths.root
    done = check(root, root, "--html", tmp_path / "page.html")
    assert isinstance(done.exception, UsageError)
    assert not (tmp_path / "page.html").exists()
