"""Is the split one that a participant can learn from and be ranked by?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mle_smith.checks.check import Measured, Need, NotRun, Outcome, check
from mle_smith.checks.features import Feature, Floats, evenly_spaced, numbers_of, plain
from mle_smith.checks.references import reference_findings
from mle_smith.checks.row_files import row_file_findings
from mle_smith.checks.subject import Subject
from mle_smith.checks.submissions import declared_classes
from mle_smith.values import Blame, Finding, Severity, SplitKind


def _finding(
    code: str, severity: Severity, blame: Blame, message: str, **evidence: object
) -> Finding:
    return Finding(code=code, severity=severity, blame=blame, message=message, evidence=evidence)


@check(
    {"P04": "too few test or train rows, or a lopsided split (defect M14)"},
    title="Sizes",
    asks="Train and test have enough rows, and test is a sensible share of both.",
)
def sizes(subject: Subject) -> Iterator[Outcome]:
    """Rows of train and test."""
    limits = subject.thresholds
    train, test = subject.train_count, len(subject.test)
    share = test / max(1, train + test)
    yield Measured("P04", {"train_rows": train, "test_rows": test, "test_share": round(share, 4)})
    numbers: dict[str, object] = {"train_rows": train, "test_rows": test}
    if test < limits.min_test_rows or train < limits.min_train_rows:
        yield _finding(
            "P04",
            Severity.ERROR,
            Blame.FORMULATION,
            f"{train} train and {test} test rows are too few (at least {limits.min_train_rows} and "
            f"{limits.min_test_rows}); choose a target that more rows have.",
            **numbers,
        )
    elif not limits.min_test_share <= share <= limits.max_test_share:
        yield _finding(
            "P04",
            Severity.ERROR,
            Blame.DESIGN,
            f"test is {share:.1%} of all rows; choose a share between {limits.min_test_share:.0%} "
            f"and {limits.max_test_share:.0%}.",
            repair={"test_fraction": 0.25},
            **numbers,
        )
    elif (differ := _different_rows(subject)) < limits.min_test_rows:
        yield _finding(
            "P04",
            Severity.ERROR,
            Blame.DESIGN,
            f"only {differ} of {test} test rows differ in their inputs, far fewer than among as "
            "many train rows; leave out what repeats.",
            **numbers,
            different_rows=differ,
            repair={"dedupe": True},
        )
    elif test < limits.small_test_rows:
        yield _finding(
            "P04",
            Severity.WARNING,
            Blame.DESIGN,
            f"{test} test rows rank solutions only roughly; more are better.",
            **numbers,
        )


def _different_rows(subject: Subject) -> float:
    """Test rows that differ in their inputs; infinity where train rows repeat as often."""
    columns = list(subject.input_columns)
    size = min(len(subject.test), len(subject.train))
    if not columns or set(columns) - set(subject.test.columns):
        return np.inf
    test = subject.test[columns].iloc[evenly_spaced(len(subject.test), size)]
    train = subject.train[columns].iloc[evenly_spaced(len(subject.train), size)]
    here, there = (len(rows.drop_duplicates()) for rows in (test, train))
    return here if here < subject.thresholds.repeated_rows * there else np.inf


@check(
    {"P05": "ids are missing, not unique, or shared by train and test"},
    title="Ids",
    asks="Every test row and answer has its own id, and no train row has it too.",
    needs=(Need.PRIVATE,),
)
def ids(subject: Subject) -> Iterator[Outcome]:
    """Uniqueness and disjointness of ids."""
    key = subject.id_column
    for name, frame in (("test", subject.test), ("answers", subject.answers)):
        if key not in frame.columns:
            continue
        bad = int(frame[key].isna().sum() + frame[key].dropna().duplicated().sum())
        if bad:
            yield _finding(
                "P05",
                Severity.ERROR,
                Blame.DESIGN,
                f"{bad} rows of {name} have no {key!r} or one that occurs twice; number the rows.",
                table=name,
                rows=bad,
            )
    if key in subject.train.columns and key in subject.test.columns:
        both = set(subject.train[key].dropna()) & set(subject.test[key].dropna())
        if both:
            yield _finding(
                "P05",
                Severity.ERROR,
                Blame.DESIGN,
                f"{len(both)} ids are in train and in test, such as {sorted(both)[:3]}; number all "
                "rows once, before they are split.",
                ids=sorted(both)[:20],
            )


@check(
    {
        "P07": "a class is on one side only or on none (defect M1), or has too few rows",
        "P11": "the target is constant, or empty in places",
    },
    title="Targets on both sides",
    asks="The target is filled and varies in train and in the answers; every class of the answers "
    "occurs in train and the other way round; none is asked for that no row has.",
    needs=(Need.PRIVATE,),
)
def targets(subject: Subject) -> Iterator[Outcome]:
    """Filled, varying targets; the same classes on both sides."""
    for goal in subject.goals:
        feature = goal.feature
        name = feature.name
        for side, frame in (("train", subject.train), ("the answers", subject.aligned)):
            values = frame[name]
            empty, distinct = int(values.isna().sum()), int(values.nunique())
            if empty or distinct < 2:
                what = f"{empty} empty cells" if empty else "one value only"
                yield _finding(
                    "P11",
                    Severity.ERROR,
                    Blame.DESIGN if empty else Blame.FORMULATION,
                    f"{name!r} has {what} in {side}; "
                    + ("leave these rows out." if empty else "there is nothing to predict."),
                    column=name,
                    side=side,
                    repair={"drop_rows_without": [name]} if empty else {},
                )
        if goal.classes:
            yield from _classes(subject, feature)


def _classes(subject: Subject, feature: Feature) -> Iterator[Outcome]:
    name = feature.name
    train = plain(subject.train[name]).value_counts()
    test = plain(subject.aligned[name]).value_counts()
    # Whole numbers of an unplanned task may be counts, of which any may be new.
    certain = subject.plan is not None or feature.number is None or len(train) <= 2
    bad = Severity.ERROR if certain else Severity.WARNING
    smallest = int(test.min()) if len(test) else 0
    yield Measured("P07", {"classes": len(train), "fewest_test_rows": smallest})
    unlearnable = sorted(map(str, set(test.index) - set(train.index)))
    if unlearnable:
        yield _finding(
            "P07",
            bad,
            Blame.DESIGN,
            f"classes {unlearnable[:5]} of {name!r} are in the answers but not in train; split "
            "within each class, or leave rare classes out.",
            classes=unlearnable[:50],
            repair={"stratify": name},
        )
    untested = sorted(map(str, set(train.index) - set(test.index)))
    if untested:
        share = float(train[untested].sum() / max(1, train.sum()))
        expected = share * len(subject.test)
        yield _finding(
            "P07",
            bad if share > 0.01 or expected > 6 else Severity.WARNING,
            Blame.DESIGN,
            f"classes {untested[:5]} of {name!r} ({share:.1%} of train) are not in the answers; "
            "split within each class, or leave rare classes out.",
            classes=untested[:50],
            repair={"stratify": name},
        )
    known = set(train.index) | set(test.index)
    yield from _phantoms(subject, name, known)
    limits = subject.thresholds
    lone = len(test) == 2 and smallest < limits.min_rows_of_two
    if not untested and (lone or 0 < smallest < limits.min_class_rows):
        yield _finding(
            "P07",
            bad if lone else Severity.WARNING,
            Blame.DESIGN,
            f"class {test.idxmin()!r} of {name!r} has {smallest} test rows; leave such classes out "
            "or join them, or put more rows into test.",
            counts={str(k): int(v) for k, v in test.items()},
        )


def _phantoms(subject: Subject, name: str, known: set[str]) -> Iterator[Finding]:
    """Classes that metric.py or the sample submission names, and no row has."""
    named = {str(c) for c in plain(pd.Series(declared_classes(subject), dtype=str))} - known
    predicted = [c for c in subject.sample.columns if c != subject.id_column]
    spare = len(predicted) - len(known) if len(predicted) > max(2, len(subject.targets)) else 0
    if named or spare > 0:
        what = f"{sorted(named)[:5]}" if named else f"{spare} more than rows have"
        yield _finding(
            "P07",
            Severity.ERROR,
            Blame.DESIGN,
            f"the submission is to name classes of {name!r} that no row has ({what}); leave them "
            "out of metric.py, the sample submission and the description.",
            classes=sorted(named)[:50],
        )


@check(
    {
        "P08": "a group that must not be divided has rows on both sides",
        "P09": "a test row is older than a train row of a split by time",
    },
    title="The split policy is kept",
    asks="With a grouped split no group has rows in train and in test. With a split by time no "
    "test row is older than any train row. Decided on the public columns.",
    needs=(Need.FORMULATION,),
)
def policy(subject: Subject) -> Iterator[Outcome]:
    """The promised split is the one in the files."""
    assert subject.plan is not None  # the runner has seen to it (Need.FORMULATION)
    split = subject.plan.split
    shared = set(subject.train.columns) & set(subject.test.columns)
    if split.kind is SplitKind.GROUPED:
        if set(split.group_columns) <= shared:
            yield from _groups(subject, list(split.group_columns))
        else:
            yield NotRun("P08", "the group columns are not public; the rebuild has no say in it")
    if split.kind is SplitKind.TEMPORAL:
        if split.time_columns and set(split.time_columns) <= shared:
            yield from _times(subject, list(split.time_columns))
        else:
            yield NotRun("P09", "the columns of time are not public")


def _groups(subject: Subject, columns: list[str]) -> Iterator[Outcome]:
    train = set(map(tuple, subject.train[columns].dropna().to_numpy().tolist()))
    rows = subject.test[columns].dropna().to_numpy().tolist()
    torn = {tuple(row) for row in rows} & train
    yield Measured("P08", {"train_groups": len(train), "torn_groups": len(torn)})
    if torn:
        names = [", ".join(map(str, group)) for group in sorted(torn, key=str)[:3]]
        yield _finding(
            "P08",
            Severity.ERROR,
            Blame.DESIGN,
            f"{len(torn)} groups of {columns} have rows on both sides, such as {names}; give all "
            "rows of a group to one side.",
            groups=names,
            repair={"split": "grouped", "by": columns},
        )


def order_key(frame: pd.DataFrame, columns: list[str]) -> list[Floats] | None:
    """The columns as numbers to order by, from coarse to fine; None where one has no order."""
    keys = []
    for column in columns:
        feature = Feature(column, frame[column].reset_index(drop=True), len(frame))
        values = numbers_of(frame[column])
        values = feature.time if values is None else values
        if values is None or np.isnan(values).any():
            return None
        keys.append(values)
    return keys


def _times(subject: Subject, columns: list[str]) -> Iterator[Outcome]:
    train, test = order_key(subject.train, columns), order_key(subject.test, columns)
    if train is None or test is None:
        yield NotRun("P09", f"{columns} cannot be read as times or numbers throughout")
        return
    latest = max(zip(*train, strict=True), default=())
    older = sum(row < latest for row in zip(*test, strict=True))
    yield Measured("P09", {"test_rows_older_than_the_latest_train_row": older})
    if older:
        yield _finding(
            "P09",
            Severity.ERROR,
            Blame.DESIGN,
            f"{older} test rows are older than the latest train row by {columns}; sort by time and "
            "cut once.",
            rows=older,
            repair={"split": "temporal", "by": columns},
        )


@check(
    {
        "P10": "train and test do not have the same inputs, or test rows lack them (defect M10)",
        "P12": "the planned inputs and excluded columns are not what participants get",
    },
    title="Inputs",
    asks="Test has the columns of train without the targets; no test row is empty, no column empty "
    "in test but filled in train, or far emptier; the files and the rows of other tables that test "
    "rows name are there, where train's are, and the files whole and not all the same; excluded "
    "columns are not given.",
    needs=(Need.PRIVATE,),
)
def inputs(subject: Subject) -> Iterator[Outcome]:
    """The same inputs on both sides, filled."""
    answers = {subject.id_column, *subject.targets}
    train, test = set(subject.train.columns) - answers, set(subject.test.columns) - answers
    if train != test or not train:
        yield _finding(
            "P10",
            Severity.ERROR,
            Blame.DESIGN,
            f"only train has {sorted(train - test)[:5]}, only test has {sorted(test - train)[:5]}; "
            "give both the same inputs.",
            only_train=sorted(train - test),
            only_test=sorted(test - train),
        )
    yield from _emptiness(subject)
    yield from reference_findings(subject)
    yield from row_file_findings(subject)
    if subject.plan is not None:
        leaked = sorted(set(subject.plan.excluded) & (train | test))
        if leaked:
            yield _finding(
                "P12",
                Severity.ERROR,
                Blame.DESIGN,
                f"{leaked} are excluded by the formulation but public; drop them.",
                repair={"drop_columns": leaked},
            )


_USUALLY_FILLED = 0.05
"""Columns with fewer gaps in train are those that a row has."""
_MOSTLY_EMPTY = 0.7
"""A row that lacks so many of them was not measured, or its join found nothing."""


def _emptiness(subject: Subject) -> Iterator[Finding]:
    columns = list(subject.input_columns)
    if not columns:
        return
    bare = subject.test[columns].isna().all(axis=1)
    if bare.any() and not (bare.mean() <= 2 * subject.train[columns].isna().all(axis=1).mean()):
        yield _finding(
            "P10",
            Severity.ERROR,
            Blame.DESIGN,
            f"{int(bare.sum())} test rows have no input at all; leave them out.",
            rows=int(bare.sum()),
        )
    limits = subject.thresholds
    usual = [c for c in columns if subject.train[c].isna().mean() < _USUALLY_FILLED]
    mostly = [
        float((frame[usual].isna().mean(axis=1) >= _MOSTLY_EMPTY).mean()) if len(usual) > 3 else 0.0
        for frame in (subject.train, subject.test)
    ]
    if not bare.any() and mostly[1] > max(limits.mostly_empty, 5 * mostly[0]):
        yield _finding(
            "P10",
            Severity.ERROR,
            Blame.DESIGN,
            f"{mostly[1]:.0%} of the test rows lack most of what nearly all rows of train have "
            f"(of train {mostly[0]:.1%}); leave them out, or join their inputs rightly.",
            share=mostly[1],
        )
    lost = limits.emptier_later if subject.temporal else limits.emptier
    less = subject.test[columns].isna().mean() - subject.train[columns].isna().mean()
    bare_columns = subject.test[columns].isna().all() & (less > 0.05)
    hollow = [c for c in columns if bare_columns[c] or less[c] >= lost]
    if hollow:
        shown = ", ".join(f"{c!r} ({less[c]:.0%} fewer)" for c in hollow[:5])
        yield _finding(
            "P10",
            Severity.ERROR,
            Blame.DESIGN,
            f"cells that are filled in train are empty in test: {shown}; drop these columns.",
            columns=hollow,
            repair={"drop_columns": hollow},
        )


CHECKS = (sizes, ids, targets, policy, inputs)
