"""Do neighbours in time, on the other side of the split or in test itself, tell the answers?

Defect L10.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mle_smith.checks.association import Goal, group_prediction, joint_skill
from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.entities import words_of
from mle_smith.checks.features import Floats
from mle_smith.checks.future import series_order, timing
from mle_smith.checks.handed_on import answers_handed_on
from mle_smith.checks.next_rows import next_row_findings
from mle_smith.checks.running_means import running_means
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity, TaskType

_TOKEN = r"[a-z0-9_:.-]{8,64}"
_TIME_PARTS = ("year", "month", "day", "hour", "minute", "second")


def time_of_rows(subject: Subject) -> tuple[list[str], Floats] | None:
    """The columns that date the rows, and their dates as numbers; None where nothing does."""
    by_name = {f.name: f for f in subject.inputs}
    planned = list(subject.plan.split.time_columns) if subject.plan is not None else []
    if not planned or not set(planned) <= set(by_name):
        planned = [f.name for f in subject.inputs if f.time is not None][:1]
    if not planned:
        parts = {p: [n for n in by_name if words_of(n) == {p}] for p in _TIME_PARTS}
        planned = [parts[p][0] for p in _TIME_PARTS if len(parts[p]) == 1]
        if "year" not in (w for n in planned for w in words_of(n)) or len(planned) < 2:
            return None
    total = np.zeros(len(subject.inputs[0].codes))
    for name in planned:
        feature = by_name[name]
        values = feature.number if feature.number is not None else feature.time
        if values is None or np.isnan(values).any():
            return None
        ranks = np.unique(values, return_inverse=True)[1]
        total = total * (int(ranks.max()) + 1) + ranks
    return planned, total


@check(
    {"L10": "test rows lie among train rows in time, and their neighbours tell the answer"},
    title="Time across the split",
    asks="In a task of forecasting no test row lies in train's span of time. Elsewhere, where rows "
    "are dated: how well the target of the train rows next in time foretells a test row. In a "
    "split by time no input follows the target of its own time or later more closely, and none "
    "holds the answers of other test rows, some steps away. No column is a running mean of the "
    "answers. In any other split: whether a column's cell in the next row, or the step to it, "
    "foretells the target.",
    needs=(Need.PRIVATE,),
)
def time_overlap(subject: Subject) -> Iterator[Outcome]:
    """Neighbours in time on the other side of the split."""
    yield from next_row_findings(subject)
    for name, order in _tokens(subject):
        yield from _overlap(subject, [name], order)
    dated = time_of_rows(subject) if subject.inputs else None
    if dated is None:
        yield NotRun("L10", "no public column dates the rows")
        return
    yield from _of_neighbours(subject.in_full)
    yield from _futures(subject, *dated)
    for columns, times in _datings(subject, dated):
        yield from _overlap(subject, columns, times)


def _tokens(subject: Subject) -> Iterator[tuple[str, Floats]]:
    """Codes of which each row has its own, in their order: some begin with the time."""
    for feature in subject.inputs:
        named = feature.number is None and feature.time is None
        if named and feature.distinct >= 0.98 * len(feature.codes):
            text = feature.text.fillna("").str.casefold()
            if text.str.fullmatch(_TOKEN).mean() >= 0.98 and text.str.contains(r"\d").mean() > 0.9:
                yield feature.name, np.asarray(text.rank(method="dense"), dtype=np.float64)


def _datings(
    subject: Subject, first: tuple[list[str], Floats]
) -> Iterator[tuple[list[str], Floats]]:
    """All columns that date the rows, where no plan names those that matter."""
    yield first
    planned = subject.plan is not None and subject.plan.split.time_columns
    for feature in () if planned else subject.inputs:
        times = None if feature.name in first[0] else feature.time
        if times is not None and not np.isnan(times).any():
            yield [feature.name], times


def _overlap(subject: Subject, columns: list[str], times: Floats) -> Iterator[Outcome]:
    feature = subject.inputs[0]
    latest = float(feature.of_train(times).max())
    inside = float((feature.of_test(times) < latest).mean())
    forecasting = subject.plan is not None and subject.plan.task_type is TaskType.FORECASTING
    repair: dict[str, object] = {"split": "temporal", "by": columns}
    if inside and forecasting:
        yield Finding(
            code="L10",
            severity=Severity.ERROR,
            blame=Blame.DESIGN,
            message=f"{inside:.0%} of test rows are older than the latest train row by {columns}; "
            "in forecasting test must lie after train.",
            evidence={"share": round(inside, 4), "repair": repair},
        )
    elif inside > 0.1:
        yield from _neighbours(subject, columns, times, repair)
    else:
        yield Measured("L10", {"test_rows_within_train_time": round(inside, 4)})


def _of_neighbours(whole: Subject) -> Iterator[Finding]:
    """Answers in cells of other rows; of some rows only, the next one is another row's next."""
    dated = time_of_rows(whole)
    if dated is None:
        return
    series = series_order(dated[1], list(whole.inputs))
    if whole.temporal:
        series = series or [np.argsort(dated[1], kind="stable").astype(np.int64)]
        yield from answers_handed_on(whole, series)
    if series is not None:
        yield from running_means(whole, series)


def _futures(subject: Subject, columns: list[str], times: Floats) -> Iterator[Outcome]:
    """Inputs that follow the target's later values more closely than its earlier ones."""
    if not subject.temporal:
        return
    limits = subject.thresholds
    series = series_order(times, list(subject.inputs))
    for feature in subject.inputs if series is not None else ():
        for goal in subject.goals:
            found = timing(feature, goal, series or [])
            if feature.name in columns or found is None or found.now >= found.later:
                continue  # of its own time: `proxies` says so
            best = found.later
            if best >= limits.future_fit and 1 - best <= limits.future_ratio * (1 - found.before):
                yield Finding(
                    code="L10",
                    severity=Severity.ERROR,
                    blame=Blame.DESIGN,
                    message=f"{feature.name!r} follows {goal.feature.name!r} of the time after (R² "
                    f"{best:.3f}) more closely than with any time before ({found.before:.3f}): it "
                    "was not known beforehand. Drop it, or give the value of the time before.",
                    evidence={
                        "columns": [feature.name],
                        "fit": round(best, 4),
                        "fit_before": round(found.before, 4),
                        "exploit": f"{feature.name!r} of the neighbouring row",
                        "repair": {"drop_columns": [feature.name]},
                    },
                )


def _neighbours(
    subject: Subject, columns: list[str], times: Floats, repair: dict[str, object]
) -> Iterator[Outcome]:
    limits = subject.thresholds
    for goal in subject.goals:
        skill = goal.skill(_nearest_in_time(goal, times))
        yield Measured("L10", {"skill_of_neighbours_in_time": round(skill, 4)})
        if skill < limits.time_neighbour_warning:
            continue
        others = [f for f in subject.inputs if f.name not in columns]
        rest = joint_skill(others, goal, subject.seed)
        if skill < rest + 0.15:
            continue  # whatever makes neighbours alike is among the inputs
        yield Finding(
            code="L10",
            severity=Severity.ERROR if skill >= limits.time_neighbour_skill else Severity.WARNING,
            blame=Blame.DESIGN,
            message=f"the train rows next in time foretell {goal.feature.name!r} with skill "
            f"{skill:.2f}, the other inputs with {rest:.2f}: the split tests interpolation; cut by "
            f"{columns} instead.",
            evidence={"skill": round(skill, 4), "rest": round(rest, 4), "repair": repair},
        )


def _nearest_in_time(goal: Goal, times: Floats) -> Floats:
    """For each test row what train rows of its time have, or of the nearest time there is."""
    feature = goal.feature
    known = np.unique(feature.of_train(times)[goal.train_known])
    place = np.searchsorted(known, times).clip(1, len(known) - 1)
    before, after = known[place - 1], known[place]
    nearest = np.where(times - before <= after - times, place - 1, place)
    return np.asarray(group_prediction(nearest.astype(np.int64), goal))


CHECKS = (time_overlap,)
