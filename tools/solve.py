"""A participant's actions: what MLE-Dojo's environment offers, over our sandbox.

Programs run where only public files are; submissions are graded in another sandbox, which gives
back a number. Nothing here shows an answer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langgraph.types import Command

from mle_smith.errors import MachineError
from mle_smith.package.grade import grade
from mle_smith.package.tables import describe_folder
from mle_smith.sandbox.job import Job, Mount, Result, Role, Status
from mle_smith.sandbox.untrusted import read_head, read_text
from mle_smith.syntax import compile_python
from mle_smith.task import Solution
from tools.situation import Situation, answer, limits_of, sandbox_of, task_of, workspace_of

SUBMISSION = "submission.csv"
_FEEDBACK = 3000
_TOP_CLASSES = 200


@tool
def request_info(
    info_type: Literal["overview", "data_structure", "sample_submission", "paths"],
    runtime: Situation,
) -> str:
    """Ask about the task (JSON).

    Args:
        info_type: `overview` (the description), `data_structure` (files, columns, first rows),
            `sample_submission` (its first rows), `paths` (where a program finds and puts files).
    """
    public = workspace_of(runtime).assembled("package").public
    if info_type == "overview":
        return answer(description=read_text(public / "description.md"))
    if info_type == "data_structure":
        return answer(**describe_folder(public, top=_TOP_CLASSES))
    if info_type == "sample_submission":
        return answer(head=read_head(public / "sample_submission.csv", 4))
    return answer(
        inputs='os.environ["MLE_IN"] + "/public"',
        submission='os.environ["MLE_OUT"] + "/submission.csv"',
    )


@tool
def validate_code(code: str, runtime: Situation) -> str:
    """Check that a program compiles, without running it (JSON). It costs a step, not a run.

    Args:
        code: the whole program.
    """
    try:
        compile_python(code, "solution.py")
    except (SyntaxError, ValueError) as error:
        return answer(status="error", feedback=str(error))
    return answer(status="ok", feedback="it compiles")


@tool
def execute_code(code: str, runtime: Situation) -> Command[str]:
    """Run a program over the public files and score the submission.csv that it writes (JSON).

    It reads `os.environ["MLE_IN"] + "/public"` and writes `os.environ["MLE_OUT"] +
    "/submission.csv"`. numpy, pandas and scikit-learn are there; no network, no GPU.

    Args:
        code: the whole program.
    """
    task = task_of(runtime)
    number = len(task.solutions) + 1
    folder = task.workspace.solution(number)
    result = _run(code, folder, runtime)
    solution = _score(number, folder, result, runtime)
    feedback = answer(
        **solution.model_dump(mode="json"),
        feedback="" if result.ok else result.stderr[-_FEEDBACK:],
    )
    return Command(
        update={
            "solutions": [s.model_dump(mode="json") for s in [*task.solutions, solution]],
            "messages": [ToolMessage(feedback, tool_call_id=runtime.tool_call_id or "")],
        }
    )


def _run(code: str, folder: Path, runtime: Situation) -> Result:
    out = folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    for stale in out.iterdir():
        stale.unlink()
    (folder / "solution.py").write_text(code)
    public = workspace_of(runtime).assembled("package").public
    job = Job(
        role=Role.SOLVE,
        code=code,
        mounts=(Mount(source=public, target="/in/public"),),
        outputs=(SUBMISSION,),
        limits=limits_of(runtime),
    )
    result = sandbox_of(runtime).run(job, out)
    if result.status is Status.INFRA_ERROR:
        raise MachineError(f"the sandbox failed: {result.stderr}", code="sandbox.failed")
    return result


def _score(number: int, folder: Path, result: Result, runtime: Situation) -> Solution:
    if not result.ok:
        return Solution(number=number, status=result.status, error="the program did not end well")
    if SUBMISSION not in result.artefacts:
        reason = result.rejected.get(SUBMISSION, "the program wrote none")
        return Solution(number=number, status="ok", error=f"no submission.csv: {reason}")
    package = workspace_of(runtime).assembled("package")
    submission = folder / "out" / SUBMISSION
    (graded,) = grade(package.metric, package.answers, [submission], sandbox_of(runtime))
    return Solution(
        number=number, status="ok", valid=graded.valid, score=graded.score, error=graded.error
    )


@tool
def get_history(runtime: Situation) -> str:
    """List your runs so far: status, validity, score (JSON)."""
    solutions = task_of(runtime).solutions
    return json.dumps([solution.model_dump(mode="json") for solution in solutions])
