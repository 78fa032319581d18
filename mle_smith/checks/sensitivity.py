"""Pairs of submissions of different quality, which a metric has to tell apart.

Defect M7: a metric in coarse steps, within a tolerance, or deaf to a part of what is predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from mle_smith.checks.features import Floats, Mask
from mle_smith.checks.submissions import SubmissionForm

_GRADES = 20
"""Parts of equal size that a quantity is rounded to. Quarters, tenths and halves are whole ones."""
_NUDGE = 0.01
"""Standard deviations by which a quantity is moved."""
_FAINT = 1e-4
"""Part by which errors grow that only a metric in steps, or by ranks, does not notice."""
_SURE = (0.955, 0.995)
"""Probabilities of the predicted class. Rounded to a digit they are one, as they are when cut."""
_WRONG = 0.2
_MOST_PARTS = 12
"""Classes, or targets, that a metric is asked about one by one."""


class Probe(NamedTuple):
    """Two submissions, one of which is worse."""

    name: str
    """What a metric does that scores both the same; completes "it "."""
    one: pd.DataFrame
    other: pd.DataFrame
    unless: tuple[pd.DataFrame, pd.DataFrame] | None = None
    """Two more: a metric that scores these the same as well heeds few rows, or ranks, and may."""
    faint: bool = False
    """A score that is rounded need not show it."""


def probes(form: SubmissionForm, truth: pd.DataFrame, seed: int) -> Iterator[Probe]:
    """The pairs for submissions of this form; `truth` has ids and targets as text."""
    generator = np.random.default_rng(seed)
    if form.kind == "value":
        yield from _of_quantities(form, truth, generator)
        return
    if len(form.classes) < 2:
        return
    right, target = form.of(truth), form.targets[0]
    yield Probe("does not notice a wrong answer", right, form.of(_one_wrong(form, truth)))
    turn = dict(zip(form.classes, (*form.classes[1:], form.classes[0]), strict=True))
    turned = truth.assign(**{target: truth[target].map(turn)})
    yield Probe("takes one class for another throughout", right, form.of(turned))
    if len(form.classes) > 2:
        for label, taken in list(turn.items())[:_MOST_PARTS]:
            mistaken = truth.assign(**{target: truth[target].replace(label, taken)})
            if not mistaken.equals(truth):
                name = f"does not notice {label!r} taken for {taken!r} throughout"
                yield Probe(name, right, form.of(mistaken))
    if form.kind != "label":
        guessed = _guessed(form, truth, generator)
        sure = np.sort(generator.uniform(*_SURE, size=len(truth)))
        place = (guessed[target] == truth[target]).to_numpy().argsort(kind="stable").argsort()
        name = "does not heed how sure a prediction is (it rounds, cuts or thresholds)"
        modest, brazen = sure[place], sure[::-1][place]
        yield Probe(name, _soft(form, guessed, modest), _soft(form, guessed, brazen))


def _of_quantities(
    form: SubmissionForm, truth: pd.DataFrame, generator: np.random.Generator
) -> Iterator[Probe]:
    right = form.of(truth)

    def moved(how: Callable[[Floats], Floats]) -> pd.DataFrame:
        """Within the range of the answers: a metric need not take other values."""
        columns = {t: np.asarray(truth[t], dtype=np.float64) for t in form.targets}
        changed = {t: how(v).clip(v.min(), v.max()) for t, v in columns.items()}
        return form.of(truth.assign(**{t: _written(v) for t, v in changed.items()}))

    def part(low: float, high: float) -> pd.DataFrame:
        """Nearer to the middle by half a standard deviation, in a stretch of the ranks."""

        def nearer(values: Floats) -> Floats:
            ranks = np.asarray(pd.Series(values).rank(method="first", pct=True), dtype=np.float64)
            sides = np.where(ranks > 0.5, -0.5, 0.5) * values.std()
            chosen = (ranks <= low) | (ranks > high) if low < 0.5 < high else _near(ranks, low)
            return np.asarray(np.where(chosen, values + sides, values))

        return moved(nearer)

    nudge = np.asarray(generator.normal(0, _NUDGE, size=len(truth)), dtype=np.float64)
    nudged = moved(lambda values: values + nudge * values.std())
    faintly = moved(lambda values: values + (1 + _FAINT) * nudge * values.std())
    bent = moved(lambda v: v.min() + (v - v.min()) ** 2 / max(v.max() - v.min(), 1e-300))
    yield Probe("does not notice small errors in all rows", right, nudged)
    if len(form.targets) > 1:
        for target in form.targets[:_MOST_PARTS]:
            alone = right.assign(**{target: nudged[target]})
            yield Probe(f"does not notice errors in {target!r}", right, alone)
    upside_down = moved(lambda values: values.min() + values.max() - values)
    yield Probe("takes predictions turned upside down for right ones", right, upside_down)
    yield Probe("scores in steps", nudged, faintly, unless=(right, bent), faint=True)
    yield Probe("scores grades of a twentieth like the values", right, moved(_graded))
    yield Probe(
        "does not notice errors where the answers are high or low",
        right,
        part(0.1, 0.9),
        unless=(right, part(0.5, 0.5)),
    )


def _near(ranks: Floats, middle: float) -> Mask:
    return np.asarray(np.abs(ranks - middle) <= 0.1)


def _graded(values: Floats) -> Floats:
    """Each value becomes the middle one of its twentieth of the rows."""
    ranks = pd.Series(values).rank(pct=True).to_numpy()
    grades = np.ceil(ranks * _GRADES)
    return pd.Series(values).groupby(grades).transform("median").to_numpy()


def _one_wrong(form: SubmissionForm, truth: pd.DataFrame) -> pd.DataFrame:
    target = form.targets[0]
    label = truth[target].iloc[0]
    other = next(c for c in form.classes if c != label)
    return truth.assign(**{target: [other, *truth[target].iloc[1:]]})


def _guessed(
    form: SubmissionForm, truth: pd.DataFrame, generator: np.random.Generator
) -> pd.DataFrame:
    """The answers, a fifth of them replaced by other classes."""
    target = form.targets[0]
    labels = truth[target].to_numpy(dtype=object).copy()
    for row in generator.permutation(len(labels))[: max(2, round(_WRONG * len(labels)))]:
        labels[row] = generator.choice([c for c in form.classes if c != labels[row]])
    return truth.assign(**{target: labels})


def _soft(form: SubmissionForm, guessed: pd.DataFrame, sure: Floats) -> pd.DataFrame:
    """Probabilities: so sure of the guessed class, the rest in equal parts for the others."""
    made = form.of(guessed)
    columns = [c for c in made.columns if c != form.id_column]
    marks = made[columns].astype(float).to_numpy()
    rest = (1 - sure)[:, None] / max(1, len(form.classes) - 1)
    values = np.where(marks > 0.5, sure[:, None], rest)
    return made.assign(**{c: _written(values[:, k]) for k, c in enumerate(columns)})


def _written(values: Floats) -> list[str]:
    """Cells, to the last digit."""
    return list(map(repr, values.tolist()))
