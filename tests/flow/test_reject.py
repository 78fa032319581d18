from __future__ import annotations

import json
from pathlib import Path

import pytest
from langgraph.runtime import Runtime

from graph.state import ForgeState
from mle_smith.checks import Checked, Omitted
from mle_smith.data.tables import DatasetProfile
from mle_smith.settings import Settings
from mle_smith.task import Task
from mle_smith.values import Severity, Usage, Verdict
from nodes.collect import collect
from nodes.reject import reject
from tests.support.packages import write_package
from tests.support.reports import assert_harmless, finding


@pytest.fixture
def lost(tmp_path: Path) -> Task:
    """A task that a leak in the package ended."""
    manifest = write_package(tmp_path / "made", "binary").manifest
    profile = tmp_path / "profile.json"
    facts = DatasetProfile(name="herbs", raw_sha256="ab" * 32, licence="CC0", files=(), tables=())
    profile.write_text(facts.model_dump_json())
    leak = finding("'copy' foretells all", Severity.ERROR, exploit="a tree on 'copy'", skill=1.0)
    task = Task(
        task_id="herbs-outcome-1",
        formulation=manifest.formulation,
        desk=str(tmp_path / "desk"),
        run_folder=str(tmp_path / "run"),
        raw_folder=str(tmp_path),
        profile_file=str(profile),
        verdicts=[Verdict(stage="check_draft"), Verdict(stage="check_package", findings=(leak,))],
        attempts={"designer": 3},
        usage={"designer": Usage(calls=21)},
    )
    package = task.workspace.part("package").root
    package.mkdir(parents=True)
    (package / "prepare.py").write_text("# as it was\n")
    checked = Checked(
        findings=(leak,),
        not_run=(Omitted(code="L10", reason="no public column dates the rows"),),
        numbers={"P04": {"train_rows": 240, "test_rows": 80}},
    )
    task.workspace.checked.write_text(checked.model_dump_json())
    return task


def test_a_rejected_task_keeps_all_that_was_measured(lost: Task) -> None:
    run = Path(lost.run_folder)
    update = reject(lost, Runtime(context=Settings(seed=7)))
    folder = run / "rejected" / lost.task_id
    assert update["outcomes"][0]["path"] == f"rejected/{lost.task_id}"
    assert (folder / "files" / "package" / "prepare.py").read_text() == "# as it was\n"
    page = assert_harmless((folder / "report.html").read_text())
    for part in (
        "Rejected",
        "'copy' foretells all",
        "the exploit 1",
        "240 train rows",
        "no public column dates the rows",
        "ab" * 32,
        "--seed 7",
        "Score ladder: not measured. The task was rejected at check package",
    ):
        assert part in page.text, part
    told = json.loads((folder / "report.json").read_text())
    assert told["attempts"] == {"designer": 3}
    assert told["silent_checks"] == ["P04"]


def test_a_task_that_came_to_no_check_is_rejected_all_the_same(lost: Task) -> None:
    lost.workspace.checked.unlink()
    lost.verdicts = [Verdict(stage="check_draft", findings=(finding("none", Severity.ERROR),))]
    reject(lost, Runtime(context=Settings()))
    page = Path(lost.run_folder, "rejected", lost.task_id, "report.html").read_text()
    assert "The rows were not counted" in assert_harmless(page).text


def test_the_index_of_the_run_links_to_it(lost: Task) -> None:
    state = {
        "sources": ["herbs.csv"],
        "run": lost.run_folder,
        "name": "herbs",
        "raw_sha256": "ab" * 32,
        "profile_path": lost.profile_file,
        "proposals": [lost.formulation],
        **reject(lost, Runtime(context=Settings())),
    }
    collect(ForgeState.model_validate(state), Runtime(context=Settings()))  # type: ignore[arg-type]  # the graph passes its own state
    run = Path(lost.run_folder)
    page = assert_harmless((run / "index.html").read_text())
    assert page.links() == [f"rejected/{lost.task_id}/report.html"]
    assert (run / page.links()[0]).is_file()
    assert "Lost by finding: L06 (1)" in page.text
    assert (
        json.loads((run / "run.json").read_text())["rejected"][0]["usage"]["designer"]["calls"]
        == 21
    )
