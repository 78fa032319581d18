"""The submissions that a metric's contract is tried with, and what has to become of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from mle_smith.checks.features import numbers_of
from mle_smith.checks.submissions import SubmissionForm

Expected: TypeAlias = Literal["same", "valid", "rejected", "no_crash"]
"""`same`: valid, with the score of the plain base. `valid`: whatever the score.
`rejected`: InvalidSubmissionError. `no_crash`: either, but no better than perfect."""


_CLASSES = 5
"""Classes that are handed in by themselves, at most."""


class Case(NamedTuple):
    """One submission of the fuzz."""

    name: str
    """What is odd about it, in words that complete "a submission ..."."""
    text: str
    """The file."""
    expected: Expected
    code: str
    """What to call it when it comes out otherwise."""
    answers_reordered: bool = False
    """It is scored against the answers in another order of their rows."""


def csv_text(frame: pd.DataFrame) -> str:
    """The frame as a CSV file."""
    return frame.to_csv(index=False, lineterminator="\n")


def contract_cases(
    form: SubmissionForm, base: pd.DataFrame, sample: pd.DataFrame
) -> Iterator[Case]:
    """Every case, made from one valid submission `base` and the sample's rows (text cells)."""
    for name, text in _harmless(form, base):
        code = "M04" if "order" in name else "M08"
        yield Case(name, text, "same", code)
    name = "against the answers in another order"
    yield Case(name, csv_text(base), "same", "M04", answers_reordered=True)
    for name, text in _plain(form, base, sample):
        yield Case(name, text, "valid", "M08")
    for name, text in _bad_values(form, base):
        yield Case(name, text, "rejected", "M03")
    for name, text in _bad_rows(form, base):
        yield Case(name, text, "rejected", "M05")
    for name, text in _odd(form, base):
        yield Case(name, text, "no_crash", "M08")


def _harmless(form: SubmissionForm, base: pd.DataFrame) -> Iterator[tuple[str, str]]:
    shuffled = base.iloc[np.random.default_rng(0).permutation(len(base))]
    yield "with its rows in another order", csv_text(shuffled)
    yield "with its rows in reverse order", csv_text(base.iloc[::-1])
    yield "with its columns in another order", csv_text(base[base.columns[::-1]])
    yield "with CRLF line ends", csv_text(base).replace("\n", "\r\n")
    yield "with a byte order mark", "\ufeff" + csv_text(base)
    yield (
        "with blanks around the names of columns",
        csv_text(base.rename(columns=lambda c: f" {c} ")),
    )
    yield "without a line end at its end", csv_text(base).rstrip("\n")
    yield "with every cell in quotes", base.to_csv(index=False, quoting=1, lineterminator="\n")
    ids = numbers_of(base[form.id_column])
    whole = ids is not None and bool((ids == np.round(ids)).all() and (np.abs(ids) < 2**53).all())
    if ids is not None and whole:  # NaN is not equal to itself, so none is left
        floated = base.assign(**{form.id_column: [f"{int(i)}.0" for i in ids]})
        yield "with ids written as 7.0", csv_text(floated)
    predicted = [c for c in base.columns if c != form.id_column]
    numbers = {c: numbers_of(base[c]) for c in predicted}
    if all(n is not None and not np.isnan(n).any() for n in numbers.values()):
        exact = {c: [repr(float(v)) for v in n] for c, n in numbers.items() if n is not None}
        yield "with numbers written as floats", csv_text(base.assign(**exact))


def _plain(
    form: SubmissionForm, base: pd.DataFrame, sample: pd.DataFrame
) -> Iterator[tuple[str, str]]:
    """What a beginner hands in first."""

    def filled(values: dict[str, str]) -> str:
        return csv_text(base.assign(**values))

    predicted = [c for c in base.columns if c != form.id_column]
    if len(sample) == len(base):
        yield "that is the sample submission", csv_text(sample)
    if form.kind == "value":
        yield "with its first row for every row", filled(dict(base[predicted].iloc[0]))
    elif form.kind == "label":
        for label in form.classes[:_CLASSES]:
            yield f"with {label!r} for every prediction", filled({predicted[0]: label})
    elif form.kind == "probability":
        for value in ("0.5", "0", "1"):
            yield f"with {value} for every prediction", filled({predicted[0]: value})
    else:
        even = repr(1 / len(predicted))
        yield "with the same probability for each class", filled(dict.fromkeys(predicted, even))
        drawn = np.random.default_rng(0).dirichlet(np.ones(len(predicted)), len(base))
        shares = {c: [f"{v:.6f}" for v in drawn[:, k]] for k, c in enumerate(predicted)}
        yield "with probabilities rounded to six digits", csv_text(base.assign(**shares))
        for column in predicted[:_CLASSES]:
            sure = {c: str(int(c == column)) for c in predicted}
            yield f"that is sure of {column!r} in every row", filled(sure)


def _bad_values(form: SubmissionForm, base: pd.DataFrame) -> Iterator[tuple[str, str]]:
    column = next(c for c in base.columns if c != form.id_column)
    rows = len(base)

    def put(value: str, where: slice) -> str:
        values = base[column].to_numpy(dtype=object).copy()
        values[where] = value
        return csv_text(base.assign(**{column: values}))

    yield "with one empty prediction", put("", slice(0, 1))
    yield "with a fifth of the predictions empty", put("", slice(0, max(1, rows // 5)))
    yield "with all predictions empty", put("", slice(None))
    yield "with a prediction that reads NaN", put("NaN", slice(0, 1))
    yield "with a prediction that reads None", put("None", slice(0, 1))
    yield "with NaN for every prediction", put("nan", slice(None))
    if form.kind != "label":
        yield "with a prediction that reads inf", put("inf", slice(0, 1))
        yield "with a prediction that reads -inf", put("-inf", slice(rows - 1, None))
        yield "with inf for every prediction", put("inf", slice(None))
        yield "with a word for a number", put("word", slice(0, 1))
        yield "with a date for a number", put("2020-01-01", slice(0, 1))
        yield "with a number too large for any", put("1e999", slice(0, 1))


def _bad_rows(form: SubmissionForm, base: pd.DataFrame) -> Iterator[tuple[str, str]]:
    key = form.id_column
    stranger = base.iloc[[0]].assign(**{key: _unused_id(base[key])})
    yield "without its last row", csv_text(base.iloc[:-1])
    yield "without its second half", csv_text(base.iloc[: len(base) // 2])
    yield "without any row", csv_text(base.iloc[:0])
    yield "with an id too many", csv_text(pd.concat([base, stranger]))
    yield (
        "with an id that is none of the test rows'",
        csv_text(pd.concat([base.iloc[1:], stranger])),
    )
    yield "with one row twice", csv_text(pd.concat([base, base.iloc[[0]]]))
    yield "with one id twice and one missing", csv_text(pd.concat([base.iloc[:-1], base.iloc[[0]]]))
    yield "with every id the same", csv_text(base.assign(**{key: base[key].iloc[0]}))
    yield "with every row twice", csv_text(pd.concat([base, base]))
    yield "with ten times the rows", csv_text(pd.concat([base] * 10))
    yield "with an empty id", csv_text(base.assign(**{key: ["", *base[key].iloc[1:]]}))
    yield "without ids", csv_text(base.drop(columns=key))
    yield "without predictions", csv_text(base[[key]])
    renamed = {c: f"{c}_x" for c in base.columns if c != key}
    yield "with another header", csv_text(base.rename(columns=renamed))
    yield "with semicolons", base.to_csv(index=False, sep=";", lineterminator="\n")
    yield "with tabs", base.to_csv(index=False, sep="\t", lineterminator="\n")
    last = next(c for c in reversed(base.columns) if c != key)
    yield "without its last column", csv_text(base.drop(columns=last))
    words = [f"row-{i}" for i in base[key]]
    yield "with other words for ids", csv_text(base.assign(**{key: words}))
    yield "without a header", base.to_csv(index=False, header=False)


def _unused_id(ids: pd.Series[str]) -> str:
    numbers = numbers_of(ids)
    if numbers is not None and not np.isnan(numbers).any():
        return str(int(numbers.max()) + 1)
    return f"{ids.max()}0x"


def _odd(form: SubmissionForm, base: pd.DataFrame) -> Iterator[tuple[str, str]]:
    column = next(c for c in base.columns if c != form.id_column)

    def fill(value: str) -> Callable[[], str]:
        return lambda: csv_text(base.assign(**{column: value}))

    values = {"label": ["-1", "1e308", "no such class"], "value": ["1e308", "-1e308", "1e-320"]}
    for value in values.get(form.kind, ["2.0", "-1.0", "1e308"]):
        yield f"with {value!r} for every prediction", fill(value)()
    yield "with a further column", csv_text(base.assign(note="x"))
