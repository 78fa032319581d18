"""Running what the Designer and the Refactor wrote, and handing it in."""

from __future__ import annotations

from pathlib import Path

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.types import Command

from mle_smith.checks import Layer, Subject, check_package
from mle_smith.errors import PackageError
from mle_smith.package.grade import grade
from mle_smith.package.layout import PackagePaths
from mle_smith.package.tables import describe_folder
from mle_smith.package.workspace import Built, Part
from mle_smith.values import Formulation
from tools.situation import Situation, answer, limits_of, sandbox_of, task_of

_TOP_CLASSES = 200


def _build(runtime: Situation, part: Part) -> Built:
    task = task_of(runtime)
    source = task.workspace.part(part).prepare
    if not source.is_file():
        return Built(source.parent, ok=False, error=f"there is no {part}/prepare.py yet")
    return task.workspace.build(
        part, Path(task.raw_folder), sandbox_of(runtime), limits_of(runtime)
    )


def _assembled(runtime: Situation, part: Part) -> PackagePaths:
    """The part laid out as a package. Raises PackageError, in words for the agent."""
    built = _build(runtime, part)
    if not built.ok:
        raise PackageError(f"prepare.py does not run: {built.error}")
    workspace = task_of(runtime).workspace
    for path in (workspace.part(part).metric, workspace.part(part).description):
        if not path.is_file():
            raise PackageError(f"there is no {part}/{path.name} yet")
    return workspace.assemble(part, built)


def building_tools(part: Part) -> list[BaseTool]:
    """Tools that run the files of one part of the desk."""

    @tool
    def run_prepare(runtime: Situation) -> str:
        """Run prepare.py over the raw data in the sandbox; tells what files it made (JSON)."""
        built = _build(runtime, part)
        if not built.ok:
            return answer(status="error", error=built.error)
        files = {
            name: facts
            for folder in ("public", "private")
            for name, facts in (
                (f"{folder}/{inner}", facts)
                for inner, facts in describe_folder(built.folder / folder, top=_TOP_CLASSES).items()
            )
        }
        return answer(status="ok", files=files)

    @tool
    def try_metric(runtime: Situation) -> str:
        """Score the sample submission and the answers themselves with metric.py (JSON)."""
        try:
            package = _assembled(runtime, part)
        except PackageError as error:
            return answer(status="error", error=str(error))
        files = [package.sample_submission, package.answers]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            return answer(status="error", error=f"prepare.py did not write {missing}")
        sample, perfect = grade(package.metric, package.answers, files, sandbox_of(runtime))
        works = sample.valid and not perfect.crashed
        return answer(
            status="ok" if works else "error",
            sample_submission=sample.model_dump(mode="json", exclude={"resampled"}),
            answers=perfect.model_dump(mode="json", exclude={"resampled"}),
        )

    return [run_prepare, try_metric]


@tool
def submit_draft(runtime: Situation, formulation: Formulation | None = None) -> Command[str] | str:
    """Hand in the draft. This ends your work.

    Args:
        formulation: the task as you built it, when inputs, split or metric differ from what you
            were given; its targets must be the same.
    """
    task = task_of(runtime)
    built_as = formulation or task.formulation
    if built_as.targets != task.formulation.targets:
        return answer(status="error", error=f"targets must stay {task.formulation.targets}")
    try:
        _assembled(runtime, "draft")
    except PackageError as error:
        return answer(status="error", error=str(error))
    return _handed_in(runtime, formulation=built_as.model_dump(mode="json"))


@tool
def validate_package(runtime: Situation) -> str:
    """Check the package's structure and description; tells the findings (JSON)."""
    try:
        package = _assembled(runtime, "package")
    except PackageError as error:
        problem = {"code": "S01", "severity": "error", "message": str(error)}
        return answer(findings=[problem])
    subject = Subject(package=package.root, formulation=task_of(runtime).formulation)
    checked = check_package(subject, {Layer.STRUCTURE, Layer.DESCRIPTION})
    return answer(findings=[finding.model_dump(mode="json") for finding in checked.findings])


@tool
def submit_package(runtime: Situation) -> Command[str] | str:
    """Hand in the package. This ends your work."""
    try:
        _assembled(runtime, "package")
    except PackageError as error:
        return answer(status="error", error=str(error))
    return _handed_in(runtime)


def _handed_in(runtime: Situation, **update: object) -> Command[str]:
    message = ToolMessage(answer(status="submitted"), tool_call_id=runtime.tool_call_id or "")
    return Command(update={**update, "submitted": True, "messages": [message]})
