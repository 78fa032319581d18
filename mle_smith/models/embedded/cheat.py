"""The embedded cheat: tries what a task's makers may have left behind, one program for each."""

from __future__ import annotations

import json
from typing import Any

from mle_smith.metrics import METRICS, class_columns
from mle_smith.models.embedded.policy import Brief, Call, Policy
from mle_smith.models.embedded.tester import Task, understand
from mle_smith.models.embedded.writing import render

_IDEAS = {
    "sample": "Hands in the sample submission as it is.",
    "lookup": "Looks test rows up among the train rows that look the same.",
    "order": "Predicts from ids and the order of rows alone.",
    "form": "Predicts from the form of cells: what is missing, lengths, digits, letter case.",
    "leftovers": "Takes what is left in columns of test alone, and in other files.",
}
_USUAL_FILES = {"train.csv", "test.csv", "sample_submission.csv", "description.md"}


def cheat(brief: Brief) -> Policy:
    """Read the task, then try each idea that its files leave room for."""
    overview = json.loads((yield Call("request_info", {"info_type": "overview"})))
    structure = json.loads((yield Call("request_info", {"info_type": "data_structure"})))
    task = understand(overview["description"], structure)
    for idea in ideas(structure):
        yield Call("execute_code", {"code": exploit(task, idea, brief.seed)})
    history = json.loads((yield Call("get_history", {})))
    scores = [entry["score"] for entry in history if entry.get("score") is not None]
    return f"Tried {len(history)} ways around the task; scores {scores}."


def ideas(structure: dict[str, Any]) -> list[str]:
    """What is worth a try, given the public files and their columns."""
    train, test = (structure[name]["columns"] for name in ("train.csv", "test.csv"))
    found = ["sample", "lookup", "order"]
    numbers = {"integer", "float"}
    if any(c["missing"] or c["dtype"] not in numbers for c in (*train, *test) if c["name"] != "id"):
        found.append("form")  # numbers that are all there look alike
    of_test_alone = {c["name"] for c in test} - {c["name"] for c in train}
    if set(structure) - _USUAL_FILES or of_test_alone:
        found.append("leftovers")
    return found


def exploit(task: Task, idea: str, seed: int) -> str:
    """The program of an idea, to be run by `execute_code`. It fails where there is nothing."""
    return render(
        "exploit.py.j2",
        about=_IDEAS[idea],
        idea=idea,
        targets=task.targets,
        classification=task.classification,
        prediction=METRICS[task.metric].prediction_for(task.classes),
        positive=task.positive,
        class_columns=dict(
            zip(task.classes, class_columns(task.targets[0], task.classes), strict=True)
        ),
        seed=seed,
    )
