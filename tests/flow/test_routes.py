"""Where verdicts send a task."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.runtime import Runtime

from graph.context import ForgeContext
from graph.routes import after_model, after_reading, after_tools, after_verdict
from mle_smith.settings import Budgets, Settings
from mle_smith.task import Conversation, Dataset, Task
from mle_smith.values import (
    Blame,
    Finding,
    Formulation,
    Severity,
    SplitKind,
    SplitPolicy,
    TaskType,
    Verdict,
)

FORMULATION = Formulation(
    title="Predict y",
    task_type=TaskType.REGRESSION,
    tables=("t",),
    targets=("y",),
    inputs=("x",),
    metric="rmse",
    split=SplitPolicy(kind=SplitKind.STRATIFIED),
)


def runtime(attempts: int = 3) -> Runtime[Settings]:
    return Runtime(context=ForgeContext(budgets=Budgets(attempts=attempts, design_steps=4)))


def task(*findings: Finding, **attempts: int) -> Task:
    return Task(
        task_id="t-y-1",
        formulation=FORMULATION,
        desk="desk",
        run_folder="run",
        raw_folder="raw",
        profile_file="profile.json",
        attempts=attempts,
        verdicts=[Verdict(stage="check_package", findings=findings)],
    )


def finding(blame: Blame, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(code="L06", severity=severity, blame=blame, message="a leak")


def test_a_verdict_without_errors_passes() -> None:
    warned = task(finding(Blame.FORMULATION, Severity.WARNING), designer=3, refactor=3)
    assert after_verdict(warned, runtime()) == "passed"


@pytest.mark.parametrize(
    ("blames", "way"),
    [
        ([Blame.DESIGN], "redesign"),
        ([Blame.REFACTOR], "repackage"),
        ([Blame.REFACTOR, Blame.DESIGN], "redesign"),
        ([Blame.DESIGN, Blame.FORMULATION], "reject"),
    ],
)
def test_errors_go_to_whom_they_blame(blames: list[Blame], way: str) -> None:
    assert after_verdict(task(*map(finding, blames), designer=1, refactor=1), runtime()) == way


@pytest.mark.parametrize("role", ["designer", "refactor"])
def test_attempts_are_bounded(role: str) -> None:
    blame = Blame.DESIGN if role == "designer" else Blame.REFACTOR
    begun = {"designer": 1, "refactor": 1}
    assert after_verdict(task(finding(blame), **(begun | {role: 2})), runtime(3)) != "reject"
    assert after_verdict(task(finding(blame), **(begun | {role: 3})), runtime(3)) == "reject"


def test_a_refused_data_set_goes_no_further() -> None:
    assert after_reading(Dataset(sources=["a"])) == "data"
    refused = Dataset(sources=["a"], refusal={"code": "x", "message": "y"})
    assert after_reading(refused) == "refused"


def test_an_agent_acts_as_long_as_its_model_calls_tools() -> None:
    call = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}])
    assert after_the_model(call) == "act"
    assert after_the_model(AIMessage("done")) == "stop"


def test_a_corrected_model_is_asked_again_within_its_budget() -> None:
    corrected: list[AnyMessage] = [AIMessage("done"), HumanMessage("you are not")]
    assert after_the_model(*corrected, steps=3) == "correct"
    assert after_the_model(*corrected, steps=4) == "stop"


def after_the_model(*said: AnyMessage, steps: int = 1) -> str:
    route = after_model(lambda settings: settings.budgets.design_steps)
    return route(Conversation(messages=list(said), steps=steps), runtime())


def test_an_agent_stops_at_its_budget_or_when_it_has_handed_in() -> None:
    said = [ToolMessage("ok", tool_call_id="1")]
    route = after_tools(
        lambda state: state.steps == 2, lambda settings: settings.budgets.design_steps
    )
    assert route(Conversation(messages=said, steps=1), runtime()) == "go on"
    assert route(Conversation(messages=said, steps=2), runtime()) == "stop"
    assert route(Conversation(messages=said, steps=3), runtime()) == "go on"
    assert route(Conversation(messages=said, steps=4), runtime()) == "stop"
