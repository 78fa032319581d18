"""Which ideas become proposals: those that are plausible, can be predicted, and differ."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mle_smith.models.embedded.analysis.ideas import Idea
from mle_smith.models.embedded.analysis.lexicon import kin, tokens
from mle_smith.models.embedded.analysis.variants import PENALTY
from mle_smith.values import TaskType

DECLARED = 2.95
"""Plausibility from which a column is an outcome by declaration, not merely a guess."""
CLEAR = 2.3
"""Plausibility of a further target beside a declared one."""
BESIDE_DOCUMENTED = 2.8
"""Plausibility of a further target beside one that a document names."""
ATTRIBUTE = -1.35
"""Least plausibility of a target where nothing is declared (a survey, a catalogue)."""
GAP = 3.6
"""How far below the best a further target may be where nothing is declared."""
NEW_TYPE = 0.5
"""What a task type that was not chosen yet is worth."""
CLOSE = 1.0
"""What it costs to nearly repeat the target of a chosen idea."""
SIGNAL = 2.5
"""Standard errors by which a quick model has to beat the constant on a test part of the task."""
RANKS = 0.6
"""ROC AUC that counts as skill whatever the log loss."""
SOLVED = 0.9995
"""Skill from which nothing is left to do."""
GIVES_AWAY = 0.97
"""Skill of a single column from which it gives the target away."""
RELATED = 0.5
"""The same for a column whose name shares a stem with the target."""


class Tried(BaseModel):
    """What a trial measured; see `trial_script.trial`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    skill: float
    """Share of the constant's loss that a quick model saves."""
    z: float
    """The saving over its standard error, on the rows that were scored."""
    rows: int
    """Rows that were scored."""
    usable_rows: int = 0
    """Rows that the trial had, test and train."""
    accuracy: float | None = None
    auc: float | None = None
    macro_f1: float | None = None
    singles: list[tuple[str, float]] = Field(default_factory=list)

    def expected_z(self, rows: int, test_fraction: float) -> float:
        """The standard errors to expect on the task's own test part."""
        return self.z * float((rows * test_fraction / max(1, self.rows)) ** 0.5)


def tried(answer: Mapping[str, Any]) -> dict[str, Tried]:
    """The answer of `trial_script` by key of the idea."""
    return {key: Tried.model_validate(value) for key, value in answer.items()}


def giveaways(idea: Idea, result: Tried) -> dict[str, str]:
    """Inputs that tell too much by themselves, each with the reason to take it away."""
    found = {}
    for feature, skill in result.singles:
        column = _column(idea, feature)
        if column is None:
            continue
        classes = idea.task_type.is_classification
        if skill >= GIVES_AWAY + (0.0 if classes else 0.02):
            found[column] = f"it alone gives the target away (skill {skill:.3f})"
        elif skill >= (RELATED if classes else GIVES_AWAY) and kin(column, idea.source):
            found[column] = f"it tells the same as the target under another name ({skill:.2f})"
    return found


def without(idea: Idea, columns: Mapping[str, str]) -> Idea | None:
    """The idea with some inputs taken away; None when none are left."""
    inputs = tuple(c for c in idea.inputs if c not in columns)
    if not inputs:
        return None
    return idea.model_copy(
        update={"inputs": inputs, "excluded": {**idea.excluded, **dict(columns)}}
    )


def strongest(idea: Idea, result: Tried) -> list[str]:
    """The inputs that tell most by themselves, most first."""
    columns = [_column(idea, feature) for feature, _ in result.singles]
    return list(dict.fromkeys(c for c in columns if c is not None))


def _column(idea: Idea, feature: str) -> str | None:
    """The input that a feature of the trial was made of."""
    if feature in idea.inputs:
        return feature
    made_of = [c for c in idea.inputs if feature.startswith(f"{c} ")]
    return max(made_of, key=len) if made_of else None


def holds(idea: Idea, result: Tried) -> bool:
    """Whether the task can be told from noise and leaves something to do."""
    rows = max(result.usable_rows, 1)
    ranks = (result.auc or 0.0) >= RANKS  # a drifting base rate spoils the log loss alone
    return (
        (result.skill > 0.0 or ranks)
        and result.expected_z(rows, idea.split.test_fraction) >= SIGNAL
        and result.skill < SOLVED
        and (result.accuracy or 0.0) < SOLVED
    )


def worth(idea: Idea, result: Tried) -> float:
    """How much an idea is wanted: plausibility, less what its variant loses, and some skill."""
    return idea.plausibility - PENALTY[idea.variant] + min(1.0, 2 * max(0.0, result.skill))


def select(
    ideas: Sequence[Idea],
    results: Mapping[str, Tried],
    most: int,
    close: Collection[frozenset[str]] = (),
) -> list[Idea]:
    """At most `most` ideas, best first, no two of which ask the same of the same.

    Args:
        ideas: the candidates.
        results: what their trials measured, by key; an idea without one is not chosen.
        most: how many are wanted.
        close: pairs of columns that measure nearly the same.
    """
    sound = [i for i in ideas if i.key in results and holds(i, results[i.key])]
    sound.sort(key=lambda i: (-worth(i, results[i.key]), i.key))
    if not sound:
        return []
    best = max(i.plausibility for i in ideas if i.variant == "plain" or i in sound)
    floor = CLEAR if best >= DECLARED else max(ATTRIBUTE, best - GAP)
    if best > max(i.plausibility for i in sound):
        floor = max(floor, 0.0)  # the outcome cannot be predicted: no excuse for attributes
    if any(i.documented for i in sound):
        floor = BESIDE_DOCUMENTED
    sound = [i for i in sound if i.plausibility >= floor or i.documented]
    chosen: list[Idea] = []
    while len(chosen) < most:
        left = [i for i in sound if not any(_alike(i, other, close) for other in chosen)]
        if not left:
            break
        values = [worth(i, results[i.key]) + _novelty(i, chosen, close) for i in left]
        chosen.append(left[values.index(max(values))])
        sound.remove(chosen[-1])
    return chosen


def _novelty(idea: Idea, chosen: Sequence[Idea], close: Collection[frozenset[str]]) -> float:
    """A bonus for a kind of task not chosen yet; a malus for nearly the same target."""
    types = {other.task_type for other in chosen}
    repeated = any(
        frozenset({idea.source, other.source}) in close or _worded_alike(idea.source, other.source)
        for other in chosen
    )
    return (NEW_TYPE if idea.task_type not in types else 0.0) - (CLOSE if repeated else 0.0)


def _worded_alike(first: str, second: str) -> bool:
    """Whether two long names (questions, say) differ in few words."""
    a, b = set(tokens(first)), set(tokens(second))
    return min(len(a), len(b)) >= 5 and len(a & b) >= 0.6 * len(a | b)


def _alike(first: Idea, second: Idea, close: Collection[frozenset[str]]) -> bool:
    """Whether two ideas are too much the same task."""
    if first.source == second.source:
        crude = {"above", "any", "level"}
        return first.variant == second.variant or {first.variant, second.variant} <= crude
    if frozenset({first.source, second.source}) in close and first.task_type == second.task_type:
        return True
    return first.variant == second.variant and first.variant in {"above", "lean", "later", "level"}


def numeric(idea: Idea) -> bool:
    """Whether what is predicted is a number."""
    return idea.task_type in {TaskType.REGRESSION, TaskType.MULTI_OUTPUT, TaskType.FORECASTING}
