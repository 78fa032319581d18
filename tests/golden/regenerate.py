"""Files whose every byte is reviewed; `python -m tests.golden.regenerate` writes them.

Drawings of the graphs, and each role's prompt for one small case.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cli.drawing import draw
from mle_smith.data.profile import profile
from mle_smith.data.source import fingerprint
from mle_smith.models.document import faults_table
from mle_smith.models.roles import AgentRole
from mle_smith.values import Formulation, SplitKind, SplitPolicy, TaskType
from nodes.prompting import dataset_facts, render_prompt, tables_of

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
FAULTS = "<!-- faults: begin -->", "<!-- faults: end -->"
BEGIN, END = "<!-- drawing of {name}: begin -->", "<!-- drawing of {name}: end -->"

_ROWS = [f"{'red' if n % 3 else 'blue'},{n}.5,{n * n % 37}" for n in range(24)]
FRUIT = "\n".join(["colour,weight,price", *_ROWS]) + "\n"


def goldens(scratch: Path) -> dict[Path, str]:
    """The text of every golden file, by path. `scratch` is an empty folder to write a table to."""
    texts = {HERE / f"{name}.mmd": draw(name, xray=True) + "\n" for name in ("forge", "task")}
    texts |= {HERE / f"prompt-{role}.md": text for role, text in prompts(scratch).items()}
    texts[ROOT / "README.md"] = with_drawings((ROOT / "README.md").read_text())
    models = ROOT / "docs" / "models.md"
    texts[models] = between(models.read_text(), *FAULTS, faults_table())
    return texts


def prompts(scratch: Path) -> dict[AgentRole, str]:
    """Each role's first messages about a small table."""
    (scratch / "fruit.csv").write_text(FRUIT)
    described = profile(scratch, "fruit", fingerprint(scratch))
    idea = Formulation(
        title="Predict the price",
        task_type=TaskType.REGRESSION,
        tables=("fruit",),
        targets=("price",),
        inputs=("colour", "weight"),
        metric="rmse",
        split=SplitPolicy(kind=SplitKind.STRATIFIED),
    )
    making = {
        "steps": 30,
        "formulation": idea.model_dump(mode="json"),
        "tables": tables_of(described, idea),
        "dataset": {"name": "fruit", "licence": "unknown"},
        "findings": [],
    }
    cases: dict[AgentRole, Callable[[AgentRole], list[str]]] = {
        AgentRole.BRAINSTORMER: lambda role: _texts(
            role, steps=30, max_formulations=3, dataset=dataset_facts(described, 3)
        ),
        AgentRole.DESIGNER: lambda role: _texts(role, **making),
        AgentRole.REFACTOR: lambda role: _texts(role, **making),
        AgentRole.REVIEWER: lambda role: _texts(
            role,
            formulation=idea.model_dump(mode="json"),
            facts={"test_rows": 2},
            description="# Predict the price",
            prepare="...",
            metric="...",
        ),
        AgentRole.TESTER: lambda role: _texts(role, steps=10, seconds=600),
        AgentRole.CHEAT: lambda role: _texts(role, steps=10, seconds=600),
    }
    return {role: "\n---\n".join(case(role)) + "\n" for role, case in cases.items()}


def _texts(role: AgentRole, **values: object) -> list[str]:
    return [message.text for message in render_prompt(role, **values)]


def with_drawings(text: str) -> str:
    """A page with the drawings between its markers made anew."""
    for name in ("forge", "task"):
        drawing = f"```mermaid\n{draw(name, xray=False)}\n```"
        text = between(text, BEGIN.format(name=name), END.format(name=name), drawing)
    return text


def between(text: str, begin: str, end: str, part: str) -> str:
    """A page with the part between two markers made anew."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{part}\n\n{end}{after}"


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for path, text in goldens(Path(folder)).items():
            path.write_text(text)
