"""The embedded Brainstormer against real data and a real sandbox, and against refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mle_smith.data.profile import profile
from mle_smith.data.source import stage
from mle_smith.metrics import METRICS
from mle_smith.models.embedded.brainstormer import brainstormer
from mle_smith.models.embedded.policy import Brief, Call
from mle_smith.sandbox.job import Job, Mount, Role, Sandbox
from mle_smith.sandbox.process import ProcessSandbox
from mle_smith.values import Formulation, SplitKind, TaskType
from nodes.prompting import dataset_facts

MOST_STEPS = 30


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    opened = ProcessSandbox()
    yield opened
    opened.close()


class Play:
    """One conversation of the policy: its calls, and the end."""

    def __init__(self, brief: Brief, run: Callable[[str], str], refuse: int = 0) -> None:
        self.calls: list[Call] = []
        self.end = ""
        policy = brainstormer(brief)
        answer: str | None = None
        while len(self.calls) < MOST_STEPS:
            try:
                call = policy.send(answer) if answer is not None else next(policy)
            except StopIteration as stop:
                self.end = str(stop.value)
                return
            self.calls.append(call)
            if call.name == "run_python":
                answer = run(call.args["code"])
            elif len(self.proposals) <= refuse:
                answer = json.dumps({"status": "error", "error": ["formulation 9: no"]})
            else:
                answer = json.dumps({"status": "accepted"})

    @property
    def proposals(self) -> list[list[Formulation]]:
        """What was proposed, call by call."""
        calls = [c.args["formulations"] for c in self.calls if c.name == "propose"]
        return [[Formulation.model_validate(f) for f in found] for found in calls]


def _in(sandbox: Sandbox, raw: Path) -> Callable[[str], str]:
    """`run_python` over the raw data in a sandbox."""

    def run(code: str) -> str:
        mounts = (Mount(source=raw, target="/in/raw"),)
        result = sandbox.run(Job(role=Role.PREPARE, code=code, mounts=mounts))
        return json.dumps({"status": result.status, "stdout": result.stdout, "stderr": ""})

    return run


def _brief(source: Path, home: Path) -> tuple[Brief, Path]:
    staged = stage([source], home / "raw")
    facts: dict[str, Any] = dataset_facts(profile(staged.raw, "made", staged.sha256), 3)
    text = f"Look.\n```json dataset\n{json.dumps(facts)}\n```\nNow propose."
    return Brief(text=text, tools=("run_python", "propose"), seed=0), staged.raw


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with an identifier, a sum, a copy, a late column, and a real outcome."""
    rng = np.random.default_rng(3)
    rows = 700
    area = rng.gamma(4, 20, rows).round(1)
    district = rng.choice(["north", "south", "east"], rows)
    price = (area * 30 + (district == "north") * 700 + rng.normal(0, 150, rows)).round(0)
    frame = pd.DataFrame(
        {
            "listing_id": rng.permutation(rows) + 5000,
            "area": area,
            "district": district,
            "rooms": (area // 25 + rng.integers(1, 3, rows)).astype(int),
            "price_in_cents": price * 100,
            "country": "here",
            "price": price,
        }
    )
    folder = tmp_path_factory.mktemp("sales")
    frame.to_csv(folder / "sales.csv", index=False)
    return folder


def test_the_outcome_is_proposed_without_ids_constants_and_copies(
    sales: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    brief, raw = _brief(sales, tmp_path)
    first = Play(brief, _in(sandbox, raw)).proposals[0][0]
    assert first.targets in {("price",), ("price_in_cents",)}
    assert set(first.inputs) == {"area", "district", "rooms"}
    assert first.task_type is TaskType.REGRESSION
    assert first.metric in METRICS


def test_a_column_with_the_name_of_a_package_s_ids_is_no_input(
    sales: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    frame = pd.read_csv(sales / "sales.csv").rename(columns={"district": "id"})
    (tmp_path / "named").mkdir()
    frame.to_csv(tmp_path / "named" / "sales.csv", index=False)
    brief, raw = _brief(tmp_path / "named", tmp_path)
    for proposal in Play(brief, _in(sandbox, raw)).proposals[0]:
        assert "id" not in {*proposal.inputs, *proposal.targets}


def test_the_same_conversation_gives_the_same_proposals(
    sales: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    brief, raw = _brief(sales, tmp_path)
    plays = [Play(brief, _in(sandbox, raw)) for _ in range(2)]
    assert plays[0].calls == plays[1].calls
    assert plays[0].end == plays[1].end


def test_a_refusal_is_answered_with_fewer_proposals(
    sales: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    brief, raw = _brief(sales, tmp_path)
    play = Play(brief, _in(sandbox, raw), refuse=1)
    counts = [len(found) for found in play.proposals]
    assert counts == [counts[0], counts[0] - 1]
    assert "proposed" in play.end


def test_every_proposal_differs_and_names_columns_that_exist(
    sales: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    brief, raw = _brief(sales, tmp_path)
    found = Play(brief, _in(sandbox, raw)).proposals[0]
    assert len({(f.targets, f.inputs, f.split.kind) for f in found}) == len(found)
    columns = {c["name"] for c in brief.block("dataset")["tables"][0]["columns"]}
    for formulation in found:
        assert set(formulation.inputs) <= columns | set(formulation.derive)
        assert formulation.task_type in METRICS[formulation.metric].task_types
        assert formulation.justification


def test_noise_gives_no_proposal(sandbox: Sandbox, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(300, 4)).round(3), columns=list("abcd"))
    (tmp_path / "noise").mkdir()
    frame.to_csv(tmp_path / "noise" / "noise.csv", index=False)
    brief, raw = _brief(tmp_path / "noise", tmp_path)
    play = Play(brief, _in(sandbox, raw))
    assert play.proposals == []
    assert play.end


def test_code_that_fails_is_survived(sales: Path, tmp_path: Path) -> None:
    brief = _brief(sales, tmp_path)[0]
    play = Play(brief, lambda code: json.dumps({"status": "oom", "stdout": "", "stderr": ""}))
    assert {c.name for c in play.calls} == {"run_python"}
    assert play.end


def test_the_same_people_are_never_on_both_sides(sandbox: Sandbox, tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    who = np.repeat(np.arange(40), 15)
    level = np.repeat(rng.normal(30, 6, 40), 15)
    dose = rng.uniform(0, 5, 600)
    frame = pd.DataFrame(
        {
            "patient": who,
            "age": np.repeat(rng.integers(30, 80, 40), 15),
            "dose": dose.round(3),
            "score": (level / 3 + 6 * dose + rng.normal(0, 1, 600)).round(2),
        }
    )
    (tmp_path / "clinic").mkdir()
    frame.to_csv(tmp_path / "clinic" / "clinic.csv", index=False)
    brief, raw = _brief(tmp_path / "clinic", tmp_path)
    for formulation in Play(brief, _in(sandbox, raw)).proposals[0]:
        assert formulation.split.kind is SplitKind.GROUPED
        assert formulation.split.group_columns == ("patient",)
        assert "patient" not in formulation.inputs
