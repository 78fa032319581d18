"""How long prompts are: the first call and the 30th, by role, for a small and a large data set.

    python -m benchmarks.prompt_size

Tokens are bytes divided by four, which is near what tokenizers make of English, code and numbers;
the trimming itself guesses higher. A step is a call with 1,500 characters of code and a result of
6,000. Conversations are trimmed as for a model that reads 32,768 tokens.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from mle_smith.data.profile import profile
from mle_smith.data.source import fingerprint
from mle_smith.data.tables import DatasetProfile
from mle_smith.models.context import fit, guess_tokens
from mle_smith.models.roles import AgentRole
from mle_smith.values import Formulation, SplitKind, SplitPolicy, TaskType
from nodes import brainstorm, design, execute, refactor
from nodes.agent import steps_left
from nodes.prompting import dataset_facts, render_prompt, tables_of

PENGUINS = Path(__file__).resolve().parents[2] / "examples" / "penguins" / "raw"
CONTEXT = 32_768
STEPS = 30
_TOOLS: dict[AgentRole, Sequence[BaseTool]] = {
    AgentRole.BRAINSTORMER: brainstorm.TOOLS,
    AgentRole.DESIGNER: design.TOOLS,
    AgentRole.REFACTOR: refactor.TOOLS,
    AgentRole.TESTER: execute.TOOLS,
}


def large(folder: Path) -> DatasetProfile:
    """200 columns of numbers, words and texts, and a long readme."""
    rng = np.random.default_rng(0)
    columns: dict[str, object] = {}
    for number in range(200):
        kind = number % 3
        values = [
            rng.normal(0, 1, 400).round(3),
            rng.choice([f"category {n}" for n in range(30)], 400),
            [f"a longer text with the number {n} in it" for n in rng.integers(0, 99, 400)],
        ][kind]
        columns[f"measurement {number} of the device"] = values
    pd.DataFrame(columns).to_csv(folder / "devices.csv", index=False)
    (folder / "README.md").write_text("What the columns mean is told here. " * 400)
    return profile(folder, "devices", fingerprint(folder))


def first_messages(role: AgentRole, data: DatasetProfile) -> list[AnyMessage]:
    """What a role is told at first."""
    if role is AgentRole.BRAINSTORMER:
        return render_prompt(role, steps=STEPS, max_formulations=3, dataset=dataset_facts(data, 3))
    if role is AgentRole.TESTER:
        return render_prompt(role, steps=10, seconds=600)
    table = data.tables[0]
    names = [column.name for column in table.columns]
    idea = Formulation(
        title="Predict the last column",
        task_type=TaskType.REGRESSION,
        tables=(table.spec.name,),
        targets=(names[-1],),
        inputs=tuple(names[:-1]),
        metric="rmse",
        split=SplitPolicy(kind=SplitKind.STRATIFIED),
    )
    return render_prompt(
        role,
        steps=STEPS,
        formulation=idea.model_dump(mode="json"),
        tables=tables_of(data, idea),
        dataset={"name": data.name, "licence": data.licence},
        findings=[],
    )


def grown(messages: list[AnyMessage], steps: int) -> list[AnyMessage]:
    """The conversation when that many steps are done."""
    said = [*messages]
    for number in range(steps):
        call = {"name": "run_python", "args": {"code": f"# {number}\n" + "x = 1\n" * 250}}
        said.append(AIMessage("", tool_calls=[{**call, "id": f"c{number}"}]))
        said.append(ToolMessage(f"{number} " + "0.123, " * 850, tool_call_id=f"c{number}"))
    return [*said, steps_left(steps, STEPS)]


def tokens(messages: Sequence[BaseMessage], tools: Sequence[object]) -> int:
    """Of a request, at four bytes each."""
    return int(guess_tokens(messages, tools) * 3 / 4)


def rows() -> Iterator[str]:
    """The table, a line a role and data set."""
    with tempfile.TemporaryDirectory() as folder:
        sets = {
            "small": profile(PENGUINS, "penguins", fingerprint(PENGUINS)),
            "large": large(Path(folder)),
        }
    for name, data in sets.items():
        for role, its_tools in _TOOLS.items():
            tools = [convert_to_openai_tool(tool) for tool in its_tools]
            last = 9 if role is AgentRole.TESTER else STEPS - 1
            begin = grown(first_messages(role, data), 0)
            end = grown(first_messages(role, data), last)
            sizes: list[Sequence[BaseMessage]] = [
                begin,
                fit(begin, CONTEXT, tools),
                end,
                fit(end, CONTEXT, tools),
            ]
            cells = " | ".join(f"{tokens(size, tools):,}" for size in sizes)
            yield f"| {name} | {role} | {tokens([], tools):,} | {cells} |"


if __name__ == "__main__":
    print("| data | role | tools | first call | trimmed to 32k | last call | trimmed to 32k |")
    print("|---|---|---|---|---|---|---|")
    for row in rows():
        print(row)
