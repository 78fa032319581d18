"""A whole run on the bundled data: tasks, the summary, the same bytes twice, kills and resumes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from mle_smith.package.seal import load, verify_seal
from mle_smith.report import run_page
from mle_smith.sandbox.owner import is_dead, parse_owner
from tests.support.forged import PENGUINS, Forged
from tests.support.reports import assert_harmless

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
KILLED_IN = ("profile", "design", "check_package", "execute", "judge")


def checksums(run: Path) -> dict[str, str]:
    files = sorted(path for path in (run / "tasks").rglob("*") if path.is_file())
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_the_bundled_data_give_verified_tasks(forged: Forged) -> None:
    run, summary, _ = forged
    assert len(summary["tasks"]) == 2
    for task in summary["tasks"]:
        package = run / task["path"]
        assert verify_seal(package) == []
        manifest = load(package)
        assert manifest.ladder is not None
        assert manifest.ladder.gap is not None
        assert manifest.ladder.gap.low > 0
    assert summary["funnel"]["verified"] == len(summary["tasks"])


def test_no_package_names_a_path_of_this_machine(forged: Forged) -> None:
    run = forged.run
    for path in (run / "tasks").rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            assert str(run).encode() not in text
            assert str(ROOT).encode() not in text


def test_a_finished_run_leaves_no_workspace(forged: Forged) -> None:
    run, summary, _ = forged
    known = {"tasks", "transcripts", "run.json", "index.html"}
    known |= {"rejected"} if summary["rejected"] else set()
    assert {path.name for path in run.iterdir()} == known


def test_the_index_is_made_of_the_summary_and_links_to_every_report(
    forged: Forged,
) -> None:
    run, summary, _ = forged
    text = (run / "index.html").read_text()
    assert text == run_page(summary)
    for link in assert_harmless(text).links():
        assert (run / link).is_file()
    assert all(task["stages"]["execute"]["wall_s"] > 0 for task in summary["tasks"])


def test_every_report_shows_what_was_measured(forged: Forged) -> None:
    run, summary, _ = forged
    for task in summary["tasks"]:
        page = assert_harmless((run / task["path"] / "report.html").read_text())
        for part in ("Fuzz matrix", "Noise curve", "Score ladder", "Files", "Provenance"):
            assert f"{part}: not measured" not in page.text


def test_prepare_rebuilds_every_file(forged: Forged, tmp_path: Path) -> None:
    run, summary, _ = forged
    package = run / summary["tasks"][0]["path"]
    command = [sys.executable, "-m", "cli.main", "prepare", str(package), "--raw", PENGUINS]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "built"), "--json"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    sealed = [f.path for f in load(package).files if f.role in {"public", "private"}]
    assert sorted(answer["agree"]) == sorted(sealed)


def kill_in(stage: str, command: list[str]) -> int | None:
    """Start a run and kill it as soon as it says that it is in `stage`.

    The number of its process; None where it did not come there.
    """
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.rstrip().endswith(f": {stage}"):
                os.kill(process.pid, signal.SIGKILL)
                return process.pid
    return None


def test_a_run_killed_in_five_nodes_ends_with_the_same_packages(
    forged: Forged,
    tmp_path: Path,
    containers_of: Callable[[set[int]], list[str]],
) -> None:
    """Byte for byte: so would a run that nobody kills."""
    out = tmp_path / "killed"
    forge = [sys.executable, "-m", "cli.main", "forge"]
    command = [*forge, PENGUINS, "--out", str(out), "--max-formulations", "2"]
    killed = set()
    for stage in KILLED_IN:
        process = kill_in(stage, command)
        assert process is not None, f"the run ended before {stage}"
        killed.add(process)
        command = [*forge, "--resume", str(out)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert checksums(out) == checksums(forged.run)
    assert json.loads((out / "run.json").read_text())["funnel"] == forged.summary["funnel"]
    assert containers_of(killed) == []


@pytest.fixture
def containers_of() -> Callable[[set[int]], list[str]]:
    """Containers that dead processes, by their numbers, have left; none where there is no engine.

    Only theirs: other tests, and other copies of this project, use the same engine.
    """

    def listed(processes: set[int]) -> list[str]:
        try:
            client = docker.from_env()
        except docker.errors.DockerException:
            return []
        try:
            found = client.containers.list(  # of other tests too, which remove theirs meanwhile
                all=True, filters={"label": "mle.sandbox=1"}, ignore_removed=True
            )
            owners = {str(one.id): parse_owner(one.labels["mle.owner"]) for one in found}
            return [
                name
                for name, owner in owners.items()
                if owner is not None and owner.pid in processes and is_dead(owner)
            ]
        finally:
            client.close()

    return listed
