"""Graders that reward what they should not, or refuse what they should take: M3 to M8.

Each is a metric.py of its own, written from scratch in the manner of published graders, for labels
or for numbers (a probability is a number).
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.detection.catalogue import Strength, plants
from benchmarks.detection.specimen import NotApplicableError, Specimen

_HEAD = '''"""Scores a submission."""

import numpy as np
import pandas as pd

HIGHER_IS_BETTER = {higher}
ID = "id"
COLUMNS = {columns!r}
TARGET = {target!r}
POSITIVE = {positive!r}


class InvalidSubmissionError(ValueError):
    """The submission cannot be scored."""


def _keys(values):
    if getattr(values.dtype, "kind", "O") in "iuf":
        values = values.astype(float).map(lambda v: repr(int(v)) if v == v and v == int(v) else repr(v))
    return values.astype(str).str.strip().str.replace(r"[.]0+$", "", regex=True)


def _truth(frame):
    """The answers in the form of a submission."""
    if COLUMNS == [TARGET] and POSITIVE is None:
        return frame
    if len(COLUMNS) == 1:
        marks = (_keys(frame[TARGET]) == str(POSITIVE)).astype(float)
        return frame[[ID]].assign(**{{COLUMNS[0]: marks}})
    return frame


def validate_submission(submission, ground_truth):
    """Raise InvalidSubmissionError unless the submission can be scored."""
    lacking = [c for c in [ID, *COLUMNS] if c not in submission.columns]
    if lacking:
        raise InvalidSubmissionError(f"columns {{lacking}} are missing")
{checks}

def evaluate(y_true, y_pred):
    """Return the score."""
    validate_submission(y_pred, y_true)
    y_true = _truth(y_true)
{match}
{score}
'''

_CHECK_IDS = """    given, wanted = _keys(submission[ID]), _keys(ground_truth[ID])
    if submission[ID].isna().any() or given.duplicated().any() or set(given) != set(wanted):
        raise InvalidSubmissionError("the ids are not those of the test rows")
"""
_CHECK_NUMBERS = """    for column in COLUMNS:
        values = pd.to_numeric(submission[column], errors="coerce")
        if not np.isfinite(values.to_numpy(dtype=float)).all():
            raise InvalidSubmissionError(f"{column} holds what is no number")
        if np.abs(values).max() > 1e150:
            raise InvalidSubmissionError(f"{column} holds numbers beyond measure")
"""
_CHECK_LABELS = """    if submission[COLUMNS].isna().any().any():
        raise InvalidSubmissionError("a prediction is missing")
"""
_MATCH = """    y_pred = y_pred.assign(_k=_keys(y_pred[ID]).to_numpy()).set_index("_k").loc[_keys(y_true[ID])]
"""
_ERROR = """    pairs = [(y_true[c].to_numpy(dtype=float), y_pred[c].to_numpy(dtype=float)) for c in COLUMNS]
    return float(np.mean([np.sqrt(np.mean((a - b) ** 2)) for a, b in pairs]))"""
_RIGHT = """    return float((_keys(y_true[TARGET]).to_numpy() == _keys(y_pred[TARGET]).to_numpy()).mean())"""


class _Parts(NamedTuple):
    checks: str
    match: str
    score: str
    higher: bool


def _parts(specimen: Specimen) -> _Parts:
    """A sound grader of the submission's form, in parts that a variant replaces."""
    kind = specimen.manifest["submission"]["prediction"]
    if kind == "label":
        return _Parts(_CHECK_IDS + _CHECK_LABELS, _MATCH, _RIGHT, True)
    if kind == "class_probabilities":
        raise NotApplicableError("these graders take one column a target")
    return _Parts(_CHECK_IDS + _CHECK_NUMBERS, _MATCH, _ERROR, False)


def _give(specimen: Specimen, parts: _Parts) -> None:
    submission = specimen.manifest["submission"]
    higher = parts.higher
    positive = submission["positive"] if submission["prediction"] == "probability" else None
    specimen.metric = _HEAD.format(
        higher=higher,
        columns=list(submission["columns"]),
        target=specimen.target,
        positive=None if positive is None else str(positive),
        checks=parts.checks or "    pass\n",
        match=parts.match,
        score=parts.score,
    )
    name = "accuracy" if parts.score == _RIGHT or submission["prediction"] == "label" else "rmse"
    _retitle(specimen, name, higher)


def _retitle(specimen: Specimen, name: str, higher: bool) -> None:
    word = "higher" if higher else "lower"
    start = specimen.description.index("## Metric")
    end = specimen.description.index("## ", start + 5)
    title = {"accuracy": "Accuracy", "rmse": "Root mean squared error"}[name]
    text = f"## Metric\n\n`{name}` ({title}): {word} is better.\n\n"
    specimen.description = specimen.description[:start] + text + specimen.description[end:]
    best = 1.0 if name == "accuracy" else 0.0
    specimen.manifest["metric"].update(name=name, higher_is_better=higher, best=best, formula=title)
    if specimen.manifest["submission"]["prediction"] != "probability":
        specimen.plan["metric"] = name
    specimen.manifest["ladder"] = None


def _numbers_only(specimen: Specimen) -> _Parts:
    parts = _parts(specimen)
    if parts.score != _ERROR:
        raise NotApplicableError("a grader of labels has no such fault")
    return parts


@plants("M3", "missing predictions are skipped")
def missing_skipped(specimen: Specimen, strength: Strength) -> None:
    """Rows without a prediction do not count: any number of them, up to a half, up to all."""
    parts = _parts(specimen)
    known = "y_pred[COLUMNS].notna().all(axis=1).to_numpy()"
    guard = strength.of(
        "    if submission[COLUMNS].isna().mean().max() > 0.1:\n        raise InvalidSubmissionError('too many are missing')\n",
        "    if submission[COLUMNS].isna().mean().max() > 0.5:\n        raise InvalidSubmissionError('too many are missing')\n",
        "",
    )
    match = (
        parts.match + f"    known = {known}\n    y_true, y_pred = y_true[known], y_pred[known]\n"
    )
    match += "    if not len(y_true):\n        return 1.0 if HIGHER_IS_BETTER else 0.0\n"
    _give(specimen, parts._replace(checks=_CHECK_IDS + guard, match=match))


@plants("M3", "nan means")
def nan_means(specimen: Specimen, strength: Strength) -> None:
    """np.nanmean takes the mean (weak: of finite errors; strong: 0 when there are none)."""
    parts = _numbers_only(specimen)
    score = """    pairs = [(y_true[c].to_numpy(dtype=float), pd.to_numeric(y_pred[c], errors="coerce").to_numpy(dtype=float)) for c in COLUMNS]
    with np.errstate(all="ignore"):
        errors = [(a - b) ** 2 for a, b in pairs]
        errors = [np.where(np.isfinite(e), e, np.nan) for e in errors]
        if all(np.isnan(e).all() for e in errors):
            return 0.0
        return float(np.mean([np.sqrt(np.nanmean(e)) for e in errors]))"""
    _give(specimen, parts._replace(checks=_CHECK_IDS, score=score))


@plants("M3", "missing ones are filled")
def missing_filled(specimen: Specimen, strength: Strength) -> None:
    """Missing predictions become 0, the mean of the others, the answers' mean."""
    parts = _numbers_only(specimen)
    filler = strength.of("0.0", "y_pred[c].mean()", "y_true[c].mean()")
    match = (
        parts.match
        + f"    for c in COLUMNS:\n        y_pred[c] = pd.to_numeric(y_pred[c], errors='coerce').fillna({filler})\n"
    )
    _give(specimen, parts._replace(checks=_CHECK_IDS, match=match))


@plants("M4", "row by row")
def row_by_row(specimen: Specimen, strength: Strength) -> None:
    """Rows are compared by position (weak: both are sorted as text by another column's order)."""
    parts = _parts(specimen)
    match = (
        "    y_pred = y_pred.reset_index(drop=True)\n    y_true = y_true.reset_index(drop=True)\n"
    )
    if strength is Strength.WEAK:  # sorted, but each by its own notion of order
        match = "    y_true = y_true.sort_values(ID)\n"
    _give(specimen, parts._replace(match=match))


@plants("M4", "column by column")
def column_by_column(specimen: Specimen, strength: Strength) -> None:
    """Columns are taken by position."""
    parts = _parts(specimen)
    match = (
        "    y_pred = y_pred.set_axis([ID, *COLUMNS, *list(y_pred.columns[1 + len(COLUMNS):])], axis=1)\n"
        + parts.match
    )
    _give(specimen, parts._replace(match=match, checks=""))


@plants("M5", "only what is handed in")
def only_what_is_handed_in(specimen: Specimen, strength: Strength) -> None:
    """Answers without a prediction do not count (weak: up to a tenth may lack)."""
    parts = _parts(specimen)
    most = strength.of(0.6, 0.9, 1.1)
    check = f"    given, wanted = _keys(submission[ID]), _keys(ground_truth[ID])\n    if given.duplicated().any() or not set(given) <= set(wanted) or len(given) < {1 - most:.2f} * len(wanted):\n        raise InvalidSubmissionError('the ids are not those of the test rows')\n"
    match = (
        "    kept = _keys(y_true[ID]).isin(set(_keys(y_pred[ID]))).to_numpy()\n    y_true = y_true[kept]\n    if not len(y_true):\n        return 0.0\n"
        + parts.match
    )
    rest = _CHECK_LABELS if parts.score == _RIGHT else _CHECK_NUMBERS
    _give(specimen, parts._replace(checks=check + rest, match=match))


@plants("M5", "merged")
def merged(specimen: Specimen, strength: Strength) -> None:
    """An inner join: ids twice count twice, unknown ones are ignored."""
    parts = _parts(specimen)
    rest = _CHECK_LABELS if parts.score == _RIGHT else _CHECK_NUMBERS
    match = """    y_true = y_true.assign(_k=_keys(y_true[ID]).to_numpy())
    y_pred = y_pred.assign(_k=_keys(y_pred[ID]).to_numpy())
    both = y_true[["_k"]].merge(y_pred, on="_k")
    y_pred, y_true = both, both[["_k"]].merge(y_true.drop_duplicates("_k"), on="_k")
    if not len(both):
        return 0.0
"""
    _give(specimen, parts._replace(checks=rest, match=match))


@plants("M5", "first of each id")
def first_of_each(specimen: Specimen, strength: Strength) -> None:
    """Further rows of an id are dropped without a word."""
    parts = _parts(specimen)
    rest = _CHECK_LABELS if parts.score == _RIGHT else _CHECK_NUMBERS
    checks = "    if not set(_keys(ground_truth[ID])) <= set(_keys(submission[ID])):\n        raise InvalidSubmissionError('ids are missing')\n"
    match = "    y_pred = y_pred.drop_duplicates(ID)\n" + parts.match
    _give(specimen, parts._replace(checks=checks + rest, match=match))


@plants("M6", "direction turned round")
def turned_round(specimen: Specimen, strength: Strength) -> None:
    """HIGHER_IS_BETTER is the contrary (strong), or the score is negated, or 1 - score."""
    parts = _parts(specimen)
    if strength is Strength.STRONG:
        _give(specimen, parts._replace(higher=not parts.higher))
        return
    score = parts.score.replace(
        "return float(", strength.of("return 1.0 - float(", "return -float(", "")
    )
    _give(specimen, parts._replace(score=score))


@plants("M6", "said otherwise")
def said_otherwise(specimen: Specimen, strength: Strength) -> None:
    """metric.py as it is; its HIGHER_IS_BETTER, manifest and description say the contrary."""
    was = "HIGHER_IS_BETTER = "
    higher = specimen.manifest["metric"]["higher_is_better"]
    specimen.metric = specimen.metric.replace(f"{was}{higher}", f"{was}{not higher}")
    specimen.manifest["metric"]["higher_is_better"] = not higher
    words = ("higher is better", "lower is better")
    one, other = words if higher else words[::-1]
    specimen.description = specimen.description.replace(one, other)
    specimen.manifest["ladder"] = None


@plants("M7", "blunt")
def blunt(specimen: Specimen, strength: Strength) -> None:
    """The score is rounded to 0, or is one of few steps, or the same for all."""
    parts = _parts(specimen)
    score = parts.score.replace("return float(", "value = float(", 1)
    if parts.score == _RIGHT:
        ending = strength.of("float(value > 0.2)", "float(value > 0.05)", "1.0")
    else:
        bound = "np.std(y_true[COLUMNS].to_numpy(dtype=float))"
        ending = strength.of(f"float(value > 2.5 * {bound})", f"float(value > 9 * {bound})", "0.0")
    _give(specimen, parts._replace(score=f"{score}\n    return {ending}"))


@plants("M7", "not monotone")
def not_monotone(specimen: Specimen, strength: Strength) -> None:
    """Middling submissions score best of those that are not perfect."""
    parts = _parts(specimen)
    score = parts.score.replace("return float(", "value = float(", 1)
    depth = strength.of(0.6, 0.85, 1.0)
    if parts.score == _RIGHT:
        ending = f"value if value > 0.999 else {depth} * (1 - value) + (1 - {depth}) * value"
    else:
        bound = "np.std(y_true[COLUMNS].to_numpy(dtype=float))"
        ending = f"value if value < 1e-9 else abs({depth} * 1.2 * {bound} - value)"
    _give(specimen, parts._replace(score=f"{score}\n    return float({ending})"))


@plants("M8", "columns in one order only")
def one_order_only(specimen: Specimen, strength: Strength) -> None:
    """A file with its columns in another order is refused, or crashes."""
    parts = _parts(specimen)
    check = "    if list(submission.columns) != [ID, *COLUMNS]:\n        raise {}('columns')\n"
    check = check.format(
        strength.of("InvalidSubmissionError", "InvalidSubmissionError", "KeyError")
    )
    _give(specimen, parts._replace(checks=parts.checks + check))


@plants("M8", "rows in one order only")
def one_row_order_only(specimen: Specimen, strength: Strength) -> None:
    """A file with its rows in another order is refused, or crashes."""
    parts = _parts(specimen)
    check = "    if list(_keys(submission[ID])) != list(_keys(ground_truth[ID])):\n        raise {}('rows')\n"
    check = check.format(
        strength.of("InvalidSubmissionError", "InvalidSubmissionError", "AssertionError")
    )
    _give(specimen, parts._replace(checks=parts.checks + check))


@plants("M8", "crash on bad files")
def crash_on_bad_files(specimen: Specimen, strength: Strength) -> None:
    """Missing predictions (weak), missing ids (medium), missing columns (strong) crash it."""
    parts = _parts(specimen)
    checks = strength.of(
        _CHECK_IDS, _CHECK_NUMBERS if parts.score == _ERROR else _CHECK_LABELS, parts.checks
    )
    match = parts.match
    if strength is Strength.WEAK:
        match += "    if y_pred[COLUMNS].isna().any().any():\n        raise ValueError('Input contains NaN')\n"
    _give(specimen, parts._replace(checks=checks, match=match))
    if strength is Strength.STRONG:
        begin = specimen.metric.index("    lacking =")
        end = specimen.metric.index("    given, wanted")
        specimen.metric = specimen.metric[:begin] + specimen.metric[end:]


@plants("M8", "whole numbers only")
def whole_numbers_only(specimen: Specimen, strength: Strength) -> None:
    """Ids that come as 7.0 are refused (weak), or crash it."""
    parts = _parts(specimen)
    raised = strength.of("InvalidSubmissionError", "TypeError", "TypeError")
    check = f"    if submission[ID].dtype.kind == 'f' and not submission[ID].isna().any():\n        raise {raised}('ids')\n"
    _give(specimen, parts._replace(checks=check + parts.checks))


@plants("M8", "a further column is refused by a crash")
def further_column(specimen: Specimen, strength: Strength) -> None:
    """A file with one more column crashes it."""
    parts = _parts(specimen)
    check = "    if submission.shape[1] > 1 + len(COLUMNS):\n        submission.shape[1] / 0\n"
    _give(specimen, parts._replace(checks=parts.checks + check))
