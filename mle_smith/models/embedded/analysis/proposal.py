"""From chosen ideas to formulations: the metric that fits each, and the words for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mle_smith.models.embedded.analysis.ideas import Idea
from mle_smith.models.embedded.analysis.lexicon import plain
from mle_smith.models.embedded.analysis.selection import Tried
from mle_smith.models.embedded.analysis.subject import Subject
from mle_smith.values import Formulation, SplitKind, TaskType

NEARLY_RANKED = 0.95
"""ROC AUC from which ranking leaves no room: the probabilities themselves are scored."""
NEARLY_SOLVED = 0.95
"""Accuracy from which hard labels leave no room: probabilities are scored instead."""


def formulations(
    subject: Subject,
    ideas: Sequence[Idea],
    results: Mapping[str, Tried],
    metrics: Sequence[Mapping[str, Any]],
) -> list[Formulation]:
    """One formulation for each idea, with metrics as different as the tasks allow."""
    used: list[str] = []
    found = []
    for idea in ideas:
        result = results[idea.key]
        metric = choose_metric(idea, result, metrics, used)
        used.append(metric)
        found.append(
            Formulation(
                title=_title(subject, idea),
                task_type=idea.task_type,
                tables=subject.tables,
                targets=idea.targets,
                inputs=idea.inputs,
                excluded=idea.excluded,
                metric=metric,
                split=idea.split,
                derive=idea.derive,
                row_filter=idea.row_filter,
                justification=_justification(subject, idea, result),
                risks=_risks(subject, idea, result),
            )
        )
    return found


def choose_metric(
    idea: Idea, result: Tried, metrics: Sequence[Mapping[str, Any]], used: Iterable[str] = ()
) -> str:
    """The metric that fits the answers best, among those registered, one not used yet if equal.

    Raises:
        LookupError: no registered metric serves the task type.
    """
    fitting = [str(m["name"]) for m in metrics if idea.task_type in m["task_types"]]
    wanted = [m for m in preferences(idea, result) if m in fitting] or fitting
    if not wanted:
        raise LookupError(f"no metric for {idea.task_type}")
    fresh = [m for m in wanted[:3] if m not in set(used)]
    return (fresh or wanted)[0]


def preferences(idea: Idea, result: Tried) -> list[str]:
    """Names of metrics that suit the task, best first."""
    if idea.task_type is TaskType.BINARY:
        if (result.auc or 0.0) >= NEARLY_RANKED:
            return ["log_loss", "brier", "mcc"]
        if idea.rare_share < 0.15:
            return ["pr_auc", "roc_auc", "mcc", "log_loss"]
        return ["roc_auc", "log_loss", "mcc", "balanced_accuracy"]
    if idea.task_type is TaskType.MULTICLASS:
        if (result.accuracy or 0.0) >= NEARLY_SOLVED:
            return ["log_loss", "macro_f1"]
        if idea.ordered:
            return ["quadratic_kappa", "macro_f1", "log_loss"]
        return ["macro_f1", "log_loss", "balanced_accuracy"]
    if idea.task_type is TaskType.FORECASTING:
        return ["mae", "rmse", "smape"]
    if idea.skewed:
        return ["rmsle", "mae", "rmse"]
    return ["rmse", "mae"]


def _title(subject: Subject, idea: Idea) -> str:
    names = " and ".join(_short(t) for t in idea.targets)
    head = {
        "ahead": f"Forecast {names}",
        "elapsed": f"Predict {names}",
        "later": f"Predict {names} of later rows",
        "lean": f"Predict {names} without its strongest predictors",
        "level": f"Predict {names} as a number",
    }.get(idea.variant, f"Predict {names}")
    return f"{head} ({subject.name})"[:120]


def _short(name: str, limit: int = 60) -> str:
    return name if len(name) <= limit else name[: limit - 1].rstrip() + "…"


def _justification(subject: Subject, idea: Idea, result: Tried) -> str:
    sources = [t for t in idea.targets if t in subject.hints.goal] or (
        [idea.source] if idea.source in subject.hints.goal else []
    )
    words = [idea.why] if idea.why else []
    if sources:
        words.append(f"The documentation names {sources[0]!r} as what to predict.")
    elif any(plain(t) == plain(s.total) for s in subject.survey.sums for t in idea.targets):
        words.append("It is the total that the other amounts add up to, which decisions rest on.")
    elif idea.plausibility >= 1.5:
        words.append(f"{_short(idea.source)!r} is an outcome that comes after the inputs.")
    else:
        words.append(f"{_short(idea.source)!r} is worth filling in where it was not recorded.")
    words.append(
        f"A quick model on {len(idea.inputs)} inputs saves {max(0.0, result.skill):.0%} of the "
        f"constant's loss on rows divided as the task divides them ({_strength(result)})."
    )
    return " ".join(words)


def _strength(result: Tried) -> str:
    if result.auc is not None:
        return f"ROC AUC {result.auc:.3f}"
    if result.accuracy is not None:
        return f"accuracy {result.accuracy:.3f}"
    return f"{result.z:.1f} standard errors"


def _risks(subject: Subject, idea: Idea, result: Tried) -> str:
    found = []
    if subject.repeated_rows:
        rows = subject.repeated_rows
        found.append(f"Duplicate rows: {rows} repeat another one and are left out.")
    if result.skill < 0.1:
        found.append("The signal is weak; scores of good solutions will be near each other.")
    if (result.accuracy or 0.0) >= NEARLY_SOLVED or result.skill >= 0.97:
        found.append("It is nearly solved; the metric has to resolve small differences.")
    if result.usable_rows < 1000:
        found.append(f"Only {result.usable_rows} rows, so scores are noisy.")
    if idea.split.kind is SplitKind.GROUPED:
        found.append("Entities differ more than rows do; the test entities are new.")
    if idea.task_type is TaskType.BINARY and idea.rare_share < 0.15:
        found.append(f"Only {idea.rare_share:.1%} of rows are of the rarer class.")
    leaks = [c for c, r in idea.excluded.items() if "one value" not in r and "numbers" not in r]
    if leaks:
        shown = ", ".join(repr(_short(c, 40)) for c in leaks[:6])
        found.append(f"Columns that would give the answer away are left out: {shown}.")
    return " ".join(found)
