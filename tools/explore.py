"""Looking at raw data: files, first rows, column statistics, and programs over them."""

from __future__ import annotations

import json

from langchain_core.tools import tool

from mle_smith.data.read import read_table
from mle_smith.errors import MachineError
from mle_smith.sandbox.job import Job, Mount, Role, Status
from tools.situation import Situation, answer, limits_of, raw_of, sandbox_of

_OUTPUT = 60_000
"""Characters of a program's output that an agent is shown."""
_EXPLORE_SECONDS = 120
_MAX_COLUMNS = 200


@tool
def list_files(runtime: Situation) -> str:
    """List the files of the data set: path, size, and what each was taken for (JSON)."""
    files = runtime.state.profile().files
    return json.dumps([file.model_dump(mode="json") for file in files], ensure_ascii=False)


@tool
def preview(table: str, runtime: Situation, rows: int = 5) -> str:
    """Show the first rows of a table as CSV.

    Args:
        table: its name in the data set's description.
        rows: how many, at most 50.
    """
    profile = runtime.state.profile()
    names = [known.spec.name for known in profile.tables]
    if table not in names:
        return answer(status="error", error=f"no table {table!r}; there are {names}")
    frame = read_table(profile.table(table).spec, raw_of(runtime))
    return frame.head(min(max(rows, 1), 50)).to_csv(index=False)[:_OUTPUT]


@tool
def profile_columns(table: str, columns: list[str], runtime: Situation) -> str:
    """Describe columns of a table: kind, missing share, distinct values, top values, range (JSON).

    Args:
        table: its name in the data set's description.
        columns: names of columns, at most 200; an empty list means the first 200.
    """
    profile = runtime.state.profile()
    if table not in [known.spec.name for known in profile.tables]:
        return answer(status="error", error=f"no table {table!r}")
    known = {column.name: column for column in profile.table(table).columns}
    wanted = columns or list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        return answer(status="error", error=f"no columns {unknown[:10]} in table {table!r}")
    shown = [known[name].model_dump(mode="json") for name in wanted[:_MAX_COLUMNS]]
    return json.dumps(shown, ensure_ascii=False)


@tool
def run_python(code: str, runtime: Situation) -> str:
    """Run a Python program that can read the raw data and nothing else.

    The raw data are in the folder `os.environ["MLE_IN"] + "/raw"`, read-only. numpy, pandas and
    scikit-learn are there; there is no network; at most 120 seconds. What it prints comes back.

    Args:
        code: the whole program.
    """
    limits = limits_of(runtime).model_copy(
        update={"wall_s": float(_EXPLORE_SECONDS), "stdout_bytes": 4 * _OUTPUT}
    )
    mounts = (Mount(source=raw_of(runtime), target="/in/raw"),)
    job = Job(role=Role.PREPARE, code=code, mounts=mounts, limits=limits)
    result = sandbox_of(runtime).run(job)
    if result.status is Status.INFRA_ERROR:
        raise MachineError(f"the sandbox failed: {result.stderr}", code="sandbox.failed")
    return answer(
        status=result.status, stdout=result.stdout[:_OUTPUT], stderr=result.stderr[-4000:]
    )
