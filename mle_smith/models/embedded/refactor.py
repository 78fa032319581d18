"""The embedded Refactor: from a draft that runs to the package format, with measured facts."""

from __future__ import annotations

import json
import re

from mle_smith.models.embedded.describe import describe
from mle_smith.models.embedded.policy import Brief, Call, Policy
from mle_smith.values import Formulation


def refactor(brief: Brief) -> Policy:
    """Bring the draft into the package, build it, state its facts, validate, submit."""
    formulation = Formulation.model_validate(brief.block("formulation"))
    tables = {table["name"]: table for table in brief.block("tables")}
    for name in ("prepare.py", "metric.py"):
        text = yield Call("read_file", {"path": f"draft/{name}"})
        yield Call("write_file", {"path": f"package/{name}", "text": tidy(text)})
    answer = yield Call("run_prepare", {})
    built = json.loads(answer)
    if built.get("status") != "ok":
        return f"prepare.py does not run in the package: {built.get('error', '')[-600:]}"
    text = describe(formulation, tables, built, brief.block("dataset"), full=True)
    yield Call("write_file", {"path": "package/description.md", "text": text})
    checked = yield Call("validate_package", {})
    problems = [f for f in json.loads(checked)["findings"] if f["severity"] == "error"]
    if problems:
        return "The package has problems that the Refactor cannot repair: " + json.dumps(problems)
    yield Call("submit_package", {})
    return "The package is submitted."


def tidy(text: str) -> str:
    """The file with no trailing blanks, no runs of blank lines, and one newline at the end."""
    text = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{4,}", "\n\n\n", text).strip() + "\n"
