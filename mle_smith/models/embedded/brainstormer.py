"""The embedded Brainstormer: surveys a table, tries candidate targets, proposes up to three."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from mle_smith.models.embedded.analysis import hints
from mle_smith.models.embedded.analysis.choice import LEAST_ROWS, choices
from mle_smith.models.embedded.analysis.ideas import Idea, Layout, idea, layout
from mle_smith.models.embedded.analysis.proposal import formulations
from mle_smith.models.embedded.analysis.script import SURVEY, TRIAL, answer_of, render
from mle_smith.models.embedded.analysis.selection import (
    Tried,
    giveaways,
    select,
    strongest,
    tried,
    without,
)
from mle_smith.models.embedded.analysis.subject import Subject, Survey
from mle_smith.models.embedded.analysis.targets import plausibilities
from mle_smith.models.embedded.analysis.variants import lean, variants
from mle_smith.models.embedded.policy import Brief, Call, Policy
from mle_smith.values import Formulation

_ROWS = 4000
"""Rows that pairs of columns and trials are measured on."""
_COLUMNS = 120
"""Columns that are surveyed; the first and the last of wider tables."""
_TABLES = 2
"""Sets of tables that are looked into when the first gives too little."""
_CANDIDATES = 9
"""Plain targets that are tried."""
_ENOUGH = 2
"""Proposals from which no further table is looked into."""

_Table = Mapping[str, Any]
_Asking = Generator[Call, str, dict[str, Any] | None]
_Proposing = Generator[Call, str, list[Formulation]]


def brainstormer(brief: Brief) -> Policy:
    """Measure the data in the sandbox, reason over the numbers, and propose what holds."""
    dataset = brief.block("dataset")
    most = int(dataset["max_formulations"])
    found: list[Formulation] = []
    for tables in choices(dataset)[:_TABLES]:
        found += yield from _look_into(dataset, tables, brief.seed, most - len(found))
        if len(found) >= min(_ENOUGH, most):
            break
    if not found:
        return _why_nothing(dataset)
    return (yield from _propose(found[:most]))


def _why_nothing(dataset: _Table) -> str:
    rows = max((int(table["rows"]) for table in dataset["tables"]), default=0)
    if rows < LEAST_ROWS:
        return (
            f"No table has the {LEAST_ROWS} rows that a train and a test side need in earnest; the "
            f"longest has {rows}. Add more and try again."
        )
    return (
        "No column of these data can be predicted from the others in earnest: what was tried did "
        "no better than chance, or only by what gives it away."
    )


def _look_into(dataset: _Table, tables: Sequence[_Table], seed: int, most: int) -> _Proposing:
    """Proposals from one table, or from several of the same columns."""
    subject = yield from _survey(dataset, tables, seed)
    if subject is None:
        return []
    plan = layout(subject)
    ideas = _ideas(subject, plan)
    results = yield from _try(subject, tables, ideas, seed)
    close = subject.survey.close()
    second = _second_thoughts(ideas, results, most, close)
    more = yield from _try(subject, tables, second, seed)
    by_key = {i.key: i for i in (*ideas, *second)}
    results = {**results, **more}
    chosen = select(list(by_key.values()), results, most, close)
    return formulations(subject, chosen, results, dataset["metrics"])


def _survey(
    dataset: _Table, tables: Sequence[_Table], seed: int
) -> Generator[Call, str, Subject | None]:
    """Ask the sandbox how the columns hang together; once more on less when that fails."""
    profiles = {c["name"]: c for c in tables[0]["columns"]}
    names = list(profiles)
    for width, rows in ((_COLUMNS, _ROWS), (_COLUMNS // 4, _ROWS // 4)):
        kept = names if len(names) <= width else [*names[: width // 2], *names[-width // 2 :]]
        params = {"columns": kept, "times": _times(profiles), "max_rows": rows, "seed": seed}
        answer = yield from _ask(SURVEY, tables, params)
        if answer is not None:
            said = hints.read(
                dataset["name"], [t["name"] for t in tables], dataset["documents"], profiles
            )
            return Subject(
                name=dataset["name"],
                tables=tuple(t["name"] for t in tables),
                profiles=profiles,
                survey=Survey.model_validate(answer),
                hints=said,
                repeated_rows=sum(t["duplicate_rows"] for t in tables),
            )
    return None


def _ideas(subject: Subject, plan: Layout) -> list[Idea]:
    """The plain ideas for the most plausible targets, and variants of the best of them."""
    scores = plausibilities(subject, plan)
    plain = [idea(subject, plan, c, s) for c, s in list(scores.items())[:_CANDIDATES]]
    kept = [i for i in plain if i is not None]
    return [*kept, *variants(subject, plan, kept[:3])]


def _second_thoughts(
    ideas: Sequence[Idea],
    results: Mapping[str, Tried],
    most: int,
    close: frozenset[frozenset[str]],
) -> list[Idea]:
    """Ideas without the inputs that proved to give the answer away; leaner ones if few hold."""
    found = []
    for candidate in ideas:
        result = results.get(candidate.key)
        told = giveaways(candidate, result) if result else {}
        revised = without(candidate, told) if told else None
        if revised is not None:
            found.append(revised)
    chosen = select(ideas, results, most, close)
    if len(chosen) < min(_ENOUGH, most):
        leaner = [lean(i, strongest(i, results[i.key])) for i in chosen if i.variant == "plain"]
        found += [i for i in leaner if i is not None]
    return found


def _try(
    subject: Subject, tables: Sequence[_Table], ideas: Sequence[Idea], seed: int
) -> Generator[Call, str, dict[str, Tried]]:
    """How well each idea's target can be predicted, by key."""
    if not ideas:
        return {}
    params = {
        "plans": [i.plan() for i in ideas],
        "times": _times(subject.profiles),
        "max_rows": _ROWS,
        "seed": seed,
    }
    answer = yield from _ask(TRIAL, tables, params)
    return tried(answer) if answer is not None else {}


def _ask(scripts: Sequence[str], tables: Sequence[_Table], params: Any) -> _Asking:
    reply = yield Call("run_python", {"code": render(scripts, tables, params)})
    return answer_of(reply)


def _times(profiles: Mapping[str, _Table]) -> list[str]:
    return [name for name, profile in profiles.items() if profile["kind"] == "datetime"]


def _propose(found: Sequence[Formulation]) -> Policy:
    """Propose; where that is refused, leave out the last until what is left is accepted."""
    answer = ""
    for count in range(len(found), 0, -1):
        kept = [f.model_dump(mode="json") for f in found[:count]]
        answer = yield Call("propose", {"formulations": kept})
        if "accepted" in answer[:24]:
            return f"{count} formulations are proposed: " + "; ".join(
                f.title for f in found[:count]
            )
    return f"No proposal was accepted: {json.dumps(answer)[:500]}"
