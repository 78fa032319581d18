"""What several columns of a table say about the answers together, though none does alone.

A log of a model's work on the test rows gives its output and its error, and so the answer.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mle_smith.checks.features import Floats, numbers_of, plain
from mle_smith.checks.telling import NOTHING, Told, told

_FEWEST = 20
_MOST_COLUMNS = 30
_MOST_ROWS = 5_000
_LEFT = 1e-3
"""Part of the answers' variance that rounded numbers may leave."""
_OFF = 2e-3
"""By which a probability may differ from that which a loss stands for."""


def combined(table: pd.DataFrame, answers: pd.Series[str], classes: bool, total: int) -> Told:
    """What the columns of numbers say together.

    Args:
        table: row for row with `answers`.
        answers: those that the rows are asked for.
        classes: whether answers are classes.
        total: answers that there are.
    """
    if len(table) < _FEWEST:
        return NOTHING
    columns = [numbers_of(table[c].astype("str")) for c in table.columns[:_MOST_COLUMNS]]
    numbers = [c for c in columns if c is not None and np.isfinite(c).all() and np.ptp(c) > 0]
    if len(numbers) < 2:
        return NOTHING
    if classes:
        return _losses(numbers, answers, total)
    return _sums(np.stack(numbers, axis=1), numbers_of(answers), total)


def _sums(table: Floats, answers: Floats | None, total: int) -> Told:
    """Answers that are the same weighted sum of the columns in each row."""
    if answers is None or len(table) < 4 * table.shape[1]:
        return NOTHING
    some = np.unique(np.linspace(0, len(table) - 1, _MOST_ROWS).astype(int))
    table = (table[some] - table[some].mean(axis=0)) / table[some].std(axis=0).clip(1e-12)
    rows = np.column_stack([table, np.ones(len(table))])
    wanted = answers[some]
    if not np.isfinite(wanted).all():
        return NOTHING
    fitted = np.linalg.lstsq(rows[::2], wanted[::2], rcond=None)[0]
    spread, left = wanted[1::2].var(), ((rows[1::2] @ fitted - wanted[1::2]) ** 2).mean()
    if spread <= 0 or left > _LEFT * spread:
        return NOTHING
    return Told(len(answers) / total, "several columns, summed", len(answers))


def _losses(numbers: list[Floats], answers: pd.Series[str], total: int) -> Told:
    """Logarithmic losses beside the probabilities: whose loss it is, is the class."""
    shares = [c for c in numbers if c.min() >= 0 and c.max() <= 1]
    if len(shares) == 1:
        shares.append(1 - shares[0])
    if len(shares) < 2:
        return NOTHING
    table = np.stack(shares, axis=1)
    for column in numbers:
        if column.min() < 0:
            continue
        off = np.abs(table - np.exp(-column)[:, None])
        if np.median(off.min(axis=1)) > _OFF or np.median(off.max(axis=1)) < 10 * _OFF:
            continue
        which = pd.Series(off.argmin(axis=1)).astype("str")
        said = told(which, plain(answers), True, total)
        if said.share:
            return said._replace(how="a loss, and the probability that has it")
    return NOTHING
