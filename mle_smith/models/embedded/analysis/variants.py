"""Other tasks on the same outcome: ahead in time, above a threshold, two at once, with less known.

Each is a task of its own only when what is asked, or what is known, really differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mle_smith.models.embedded.analysis.ideas import Idea, Layout
from mle_smith.models.embedded.analysis.lexicon import (
    MONEY_WORDS,
    ORDERED_WORDS,
    has,
    kin,
    words,
)
from mle_smith.models.embedded.analysis.roles import Role
from mle_smith.models.embedded.analysis.subject import Subject
from mle_smith.values import SplitKind, SplitPolicy, TaskType

PENALTY: Mapping[str, float] = {
    "plain": 0.0, "elapsed": 0.0, "both": 0.2, "since": 0.3, "ahead": 0.5, "any": 2.0, "later": 2.2,
    "above": 2.3, "level": 2.2, "lean": 2.6,
}  # fmt: skip
"""What a variant loses against the plain task on the same column: plain outcomes come first."""

_NONE_WORDS = words("none no normal negative healthy false nothing absent never 0")
_LEAST_AHEAD_ROWS = 60
_MOSTLY_ZERO = 0.4
"""Share of zeros from which the first question is whether a number is above zero at all."""


def variants(subject: Subject, plan: Layout, plain: Sequence[Idea]) -> list[Idea]:
    """All variants of the plain ideas that make sense for the table."""
    found: list[Idea] = []
    for idea in plain:
        found += [v for v in (ahead(subject, plan, idea), any_of(subject, idea)) if v]
        found += [v for v in (above(subject, idea), level(subject, idea)) if v]
        found += [v for v in (later(subject, plan, idea), since(subject, plan, idea)) if v]
    both_ = both(subject, plain)
    elapsed_ = elapsed(subject, plan)
    return [*found, *([both_] if both_ else []), *([elapsed_] if elapsed_ else [])]


def ahead(subject: Subject, plan: Layout, idea: Idea) -> Idea | None:
    """A forecast: the value some steps ahead, from everything up to now."""
    when, m = plan.clock, subject.measured(idea.source)
    if idea.task_type is not TaskType.REGRESSION or when is None or not when.series:
        return None
    if idea.split.kind is not SplitKind.TEMPORAL or m.lag1 < 0.5:
        return None
    hourly = when.per_day >= 12
    horizon, lags = (max(1, when.per_day // 4), (1, 2, 5)) if hourly else (1, (1, 2))
    shown = horizon / (2 * horizon + max(lags))  # test rows that give no other's answer away
    if subject.survey.rows * idea.split.test_fraction * shown < _LEAST_AHEAD_ROWS:
        return None
    name = f"{idea.source}_{horizon}_{'steps' if horizon > 1 else 'step'}_ahead"
    derive = {f"{idea.source}_lag_{k}": f"df[{idea.source!r}].shift({k})" for k in lags}
    target = {name: f"df[{idea.source!r}].shift({-horizon})"}
    needed = f"df[{name!r}].notna() & df[{idea.source!r}].notna()"
    return idea.model_copy(
        update={
            "variant": "ahead",
            "targets": (name,),
            "task_type": TaskType.FORECASTING,
            "inputs": (*idea.inputs, idea.source, *derive),
            "derive": {**derive, **target},
            "row_filter": needed,
            "why": f"Planning needs {idea.source!r} {horizon} step(s) before it is measured.",
        }
    )


def since(subject: Subject, plan: Layout, idea: Idea) -> Idea | None:
    """How a measured value has gone on, from the first one of the same entity and the rest."""
    group = plan.group
    if group is None or idea.split.group_columns != (group.column,) or group.rows_per_group < 5:
        return None
    if idea.task_type is not TaskType.REGRESSION or idea.source in group.constant:
        return None
    times = [c for c in subject.columns if plan.roles[c] is Role.TIME and c not in group.constant]
    times = [c for c in times if subject.measured(c).distinct >= 4]
    if not times:
        return None
    when = max(times, key=lambda c: (c in group.keys, subject.measured(c).distinct))
    name = f"{idea.source}_at_start"
    ordered = f"df.sort_values({when!r}, kind='stable').groupby({group.column!r})"
    first = f"df.groupby({group.column!r})[{when!r}].transform('min')"
    return idea.model_copy(
        update={
            "variant": "since",
            "inputs": (*idea.inputs, name),
            "derive": {name: f"{ordered}[{idea.source!r}].transform('first')"},
            "row_filter": f"(df[{when!r}] > {first})",
            "why": f"Once {idea.source!r} was measured at the start, later values can be followed "
            "without measuring it again.",
        }
    )


def any_of(subject: Subject, idea: Idea) -> Idea | None:
    """Whether anything happened at all, where one of several classes says that nothing did."""
    m = subject.measured(idea.source)
    if idea.task_type is not TaskType.MULTICLASS or subject.is_number(idea.source):
        return None
    quiet = [(v, n) for v, n in m.classes if v.strip().casefold() in _NONE_WORDS]
    total = sum(n for _, n in m.classes)
    if len(quiet) != 1 or not 0.05 <= quiet[0][1] / total <= 0.95:
        return None
    name = f"{idea.source}_any"
    share = 1 - quiet[0][1] / total
    return idea.model_copy(
        update={
            "variant": "any",
            "targets": (name,),
            "task_type": TaskType.BINARY,
            "derive": {name: f"(df[{idea.source!r}] != {quiet[0][0]!r}).astype(int)"},
            "row_filter": f"df[{idea.source!r}].notna()",
            "excluded": {**idea.excluded, idea.source: "the target is made of it"},
            "rare_share": min(share, 1 - share),
            "ordered": False,
            "why": f"Whether {idea.source!r} is anything but {quiet[0][0]!r} decides first.",
        }
    )


def above(subject: Subject, idea: Idea) -> Idea | None:
    """Whether a number is high: above a round number near its upper quartile."""
    m = subject.measured(idea.source)
    if not subject.is_number(idea.source) or m.distinct < 5:
        return None
    if idea.task_type is TaskType.REGRESSION or idea.ordered:
        threshold = _round(m.quantiles[3], m.quantiles[4] - m.quantiles[0], m.whole)
        if m.zeros >= _MOSTLY_ZERO:
            threshold = 0.0
    else:
        return None
    shown = f"{threshold:g}".replace(".", "_").replace("-", "minus_")
    name = f"{idea.source}_above_{shown}"
    conditions = [c for c in idea.row_filter.split(" & ") if c and ".isin(" not in c]
    present = f"df[{idea.source!r}].notna()"
    if m.missing > 0 and present not in conditions:
        conditions.insert(0, present)
    return idea.model_copy(
        update={
            "variant": "above",
            "targets": (name,),
            "task_type": TaskType.BINARY,
            "derive": {name: f"(df[{idea.source!r}] > {threshold!r}).astype(int)"},
            "row_filter": " & ".join(conditions),
            "excluded": {**idea.excluded, idea.source: "the target is made of it"},
            "rare_share": min(1 - m.zeros, m.zeros) if m.zeros >= _MOSTLY_ZERO else 0.25,
            "skewed": False,
            "ordered": False,
            "why": f"An alarm, or a decision, hangs on whether {idea.source!r} is above "
            f"{threshold:g}.",
        }
    )


def _round(value: float, spread: float, whole: bool) -> float:
    """The value, rounded to a fraction of the spread that reads well."""
    if whole and abs(value) < 50:
        return float(round(value))
    digits = 0
    while digits < 6 and spread and 10.0**-digits > spread / 20:
        digits += 1
    return float(round(value, digits))


def level(subject: Subject, idea: Idea) -> Idea | None:
    """An ordered score as a number rather than as classes."""
    m = subject.measured(idea.source)
    if not idea.ordered or m.distinct < 5 or not has(idea.source, ORDERED_WORDS):
        return None
    conditions = f"df[{idea.source!r}].notna()" if m.missing > 0 else ""
    return idea.model_copy(
        update={
            "variant": "level",
            "task_type": TaskType.REGRESSION,
            "row_filter": conditions,
            "ordered": False,
            "why": f"{idea.source!r} is a scale: a near miss is better than a far one.",
        }
    )


def later(subject: Subject, plan: Layout, idea: Idea) -> Idea | None:
    """The same question put to later rows, where time orders the file and rows are independent."""
    when = plan.clock
    if when is None or not when.sorted or idea.split.kind is not SplitKind.STRATIFIED:
        return None
    policy = SplitPolicy(
        kind=SplitKind.TEMPORAL,
        time_columns=when.columns,
        test_fraction=idea.split.test_fraction,
        reason="the rows are in the order of time: a model is used on what comes later",
    )
    return idea.model_copy(
        update={"variant": "later", "split": policy, "why": "Models are used on later cases."}
    )


def both(subject: Subject, plain: Sequence[Idea]) -> Idea | None:
    """Two outcomes of the same cases at once."""
    numbers = [i for i in plain if i.task_type is TaskType.REGRESSION and i.plausibility >= 2.5]
    for place, first in enumerate(numbers):
        for second in numbers[place + 1 :]:
            parts = next((s for s in subject.survey.sums if first.source in s.parts), None)
            together = parts is not None and second.source in parts.parts
            goals = {first.source, second.source} <= set(subject.hints.goal)
            if not (kin(first.source, second.source) or together or goals):
                continue
            if first.row_filter != second.row_filter:
                continue
            order = sorted((first, second), key=lambda i: subject.columns.index(i.source))
            names = tuple(i.source for i in order)
            out = {**second.excluded, **first.excluded}
            out = {c: r for c, r in out.items() if c not in names}
            return first.model_copy(
                update={
                    "source": " and ".join(names),
                    "variant": "both",
                    "targets": names,
                    "task_type": TaskType.MULTI_OUTPUT,
                    "inputs": tuple(c for c in first.inputs if c not in out and c not in names),
                    "excluded": out,
                    "skewed": False,
                    "plausibility": (first.plausibility + second.plausibility) / 2,
                    "why": "Both are outcomes of the same case, and wanted together.",
                }
            )
    return None


def elapsed(subject: Subject, plan: Layout) -> Idea | None:
    """How long something takes, from the time it begins to the time it ends."""
    follows = [f for f in subject.survey.follows if f[2] < 400 * 86400]
    if not follows:
        return None
    end, start, seconds = follows[0]
    unit, size = next((u, s) for u, s in _UNITS if seconds >= 2 * s or s == 1)
    name = f"duration_{start}_to_{end}_{unit}".replace(" ", "_")
    gap = f"(pd.to_datetime(df[{end!r}]) - pd.to_datetime(df[{start!r}])).dt.total_seconds()"
    out = {end: "the target is made of it"}
    for column in subject.columns:
        summed = any(column in (s.total, *s.parts) for s in subject.survey.sums)
        if summed or (has(column, MONEY_WORDS) and subject.is_number(column)):
            out[column] = "known only at the end"
        elif plan.roles[column] not in {Role.USABLE, Role.TIME}:
            out[column] = "it says nothing of what the row stands for"
    return Idea(
        source=name,
        variant="elapsed",
        targets=(name,),
        task_type=TaskType.REGRESSION,
        inputs=tuple(c for c in subject.columns if c not in out),
        excluded=out,
        split=SplitPolicy(
            kind=SplitKind.STRATIFIED, test_fraction=0.25, reason="each row is an event of its own"
        ),
        derive={name: f"{gap} / {size}"},
        row_filter=f"df[{name!r}] > 0",
        skewed=True,
        plausibility=3.0,
        why=f"How long it takes from {start!r} to {end!r} has to be known at the start.",
    )


_UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


def lean(idea: Idea, strongest: Sequence[str]) -> Idea | None:
    """The same question when the strongest predictors are not at hand."""
    dropped = [c for c in strongest if c in idea.inputs][:2]
    inputs = tuple(c for c in idea.inputs if c not in dropped)
    if not dropped or len(inputs) < 4:
        return None
    reasons = {c: "the strongest predictor; here the others have to do" for c in dropped}
    names = " and ".join(repr(c) for c in dropped)
    return idea.model_copy(
        update={
            "variant": "lean",
            "inputs": inputs,
            "excluded": {**idea.excluded, **reasons},
            "why": f"Where {names} cannot be had, the answer has to come from the rest.",
        }
    )
