"""Defects of raw data: each spoils a table in one way and says how a good task deals with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mle_smith.values import Formulation, SplitKind

NEW = "vk_7"
"""Name of a planted column: it says nothing."""


class Defect(NamedTuple):
    """One way to spoil raw data."""

    name: str
    plant: Callable[[pd.DataFrame, str, np.random.Generator], pd.DataFrame]
    """Table, target column, generator; returns the spoiled table."""
    settled: Callable[[Formulation, dict[str, Any], pd.DataFrame], bool]
    """Whether a task (formulation, report) of the spoiled table has dealt with it and says so."""


def duplicated_rows(
    table: pd.DataFrame, target: str, generator: np.random.Generator
) -> pd.DataFrame:
    """A quarter of the rows again, anywhere."""
    again = table.sample(frac=0.25, random_state=int(generator.integers(2**31)))
    return pd.concat([table, again]).sample(frac=1, random_state=int(generator.integers(2**31)))


def copied_target(table: pd.DataFrame, target: str, generator: np.random.Generator) -> pd.DataFrame:
    """The target once more: other numbers, or codes of its classes."""
    values = table[target]
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > 20:
        return table.assign(**{NEW: values * 2.54 + 11})
    codes = generator.permutation(values.nunique() + 1)
    return table.assign(**{NEW: codes[pd.factorize(values, use_na_sentinel=False)[0]] + 100})


def id_sorted_by_target(
    table: pd.DataFrame, target: str, generator: np.random.Generator
) -> pd.DataFrame:
    """Ids that rise with the target, in a file that is in another order."""
    ranked = table.assign(_key=_rank(table[target])).sort_values("_key", kind="stable")
    ranked = ranked.drop(columns="_key").assign(**{NEW: np.arange(len(table)) + 1000})
    return ranked.sample(frac=1, random_state=int(generator.integers(2**31)))


def grouped_rows(table: pd.DataFrame, target: str, generator: np.random.Generator) -> pd.DataFrame:
    """Each row becomes four of one thing, measured anew with a little noise."""
    few = table.head(3000)
    times = few.loc[few.index.repeat(4)].reset_index(drop=True)
    for name in times.columns.drop(target):
        if pd.api.types.is_float_dtype(times[name]):
            spread = float(times[name].std() or 0.0)
            times[name] = times[name] + generator.normal(0, 0.02 * spread, len(times))
    things = np.repeat(generator.permutation(len(few)), 4)
    return times.assign(**{NEW: [f"u{thing:05d}" for thing in things]})


def post_outcome(table: pd.DataFrame, target: str, generator: np.random.Generator) -> pd.DataFrame:
    """A column that is filled in when the outcome is known: nearly the target, coarser."""
    values = table[target]
    wrong = generator.random(len(table)) < 0.005
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > 20:
        noise = generator.normal(0, 0.005 * float(values.std()), len(table))
        return table.assign(**{NEW: (values + noise).where(~wrong)})
    codes = pd.Series(pd.factorize(values)[0], index=table.index)
    return table.assign(**{NEW: codes.mask(wrong, 0).map("stage {}".format)})


def _rank(values: pd.Series) -> pd.Series:
    return values.rank() if pd.api.types.is_numeric_dtype(values) else values.astype(str)


def _left_out(formulation: Formulation, report: dict[str, Any], table: pd.DataFrame) -> bool:
    """The planted column is no input, and the reason is given."""
    return NEW not in formulation.inputs and bool(formulation.excluded.get(NEW))


def _deduplicated(formulation: Formulation, report: dict[str, Any], table: pd.DataFrame) -> bool:
    return "uplicate" in str(report)


def _divided_by_thing(
    formulation: Formulation, report: dict[str, Any], table: pd.DataFrame
) -> bool:
    """All rows of a thing are on one side: groups are things, or hold whole things."""
    split = formulation.split
    columns = [c for c in split.group_columns if c in table]
    if split.kind is not SplitKind.GROUPED or not columns:
        return False
    return bool((table.groupby(NEW)[columns].nunique(dropna=False) == 1).all().all())


DEFECTS = (
    Defect("duplicated rows", duplicated_rows, _deduplicated),
    Defect("copied target", copied_target, _left_out),
    Defect("id sorted by target", id_sorted_by_target, _left_out),
    Defect("grouped rows", grouped_rows, _divided_by_thing),
    Defect("post-outcome column", post_outcome, _left_out),
)
