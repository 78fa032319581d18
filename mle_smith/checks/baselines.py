"""Plain solutions of any task, made from the public files alone, to measure a package by.

A forest on all columns, and a linear model on words and values. They are no good solutions, but
honest ones: what they reach is there to be learned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, hstack  # type: ignore[import-untyped]  # has no stubs
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from mle_smith.checks.association import Goal, encoded
from mle_smith.checks.features import Feature, Floats, Ints
from mle_smith.checks.subject import Subject
from mle_smith.checks.submissions import SubmissionForm

_MAX_FIT_ROWS = 6_000
_WIDTH = 2**15


class Guess(NamedTuple):
    """What a model says of the test rows that are looked at."""

    name: str
    values: list[Floats]
    """By target: quantities, or probabilities (rows by class codes)."""


def guesses(subject: Subject) -> Iterator[Guess]:
    """Predictions of each model that has something to fit."""
    goal = subject.goals[0]
    known = np.flatnonzero(goal.train_known)
    rows = known[np.unique(np.linspace(0, len(known) - 1, _MAX_FIT_ROWS).astype(int))]
    if len(rows) < 10 or not subject.inputs:
        return
    columns = [encoded(f) for f in subject.inputs if f.distinct > 1]
    if columns:
        table = np.stack(columns, axis=1)
        yield Guess("forest", [_forest(table, g, rows, subject.seed) for g in subject.goals])
    sparse = _words(subject.inputs)
    yield Guess("linear", [_linear(sparse, g, rows) for g in subject.goals])


def _forest(table: Floats, goal: Goal, rows: Ints, seed: int) -> Floats:
    cut = goal.feature.train_rows
    if goal.classes:
        trees = ExtraTreesClassifier(60, min_samples_leaf=2, max_features=0.5, random_state=seed)
        trees.fit(table[rows], goal.codes[rows])
        return _spread(trees.predict_proba(table[cut:]), trees.classes_, goal)
    model = ExtraTreesRegressor(60, min_samples_leaf=2, max_features=0.5, random_state=seed)
    model.fit(table[rows], goal.values[rows])
    return np.asarray(model.predict(table[cut:]), dtype=np.float64)


def _words(features: Sequence[Feature]) -> csr_matrix:
    """Words of texts and values of columns by their hash, and numbers in standard units."""
    numbers: list[Floats] = []
    words: list[pd.Series[str]] = []
    for feature in features:
        if feature.quantity is not None and feature.distinct > 10:
            values = np.nan_to_num(feature.quantity, nan=float(np.nanmedian(feature.quantity)))
            numbers.append(np.clip((values - values.mean()) / (values.std() or 1.0), -5, 5))
            continue
        texts = feature.plain_text.fillna("")
        long = texts.str.count(r"\S+").mean() > 2
        mark = f"c{len(words)}_"
        words.append(texts if long else mark + texts.str.replace(" ", "_"))
    blocks = [csr_matrix(np.stack(numbers, axis=1))] if numbers else []
    if words:
        joined = reduce(lambda row, word: row + " " + word, words)
        hashing = HashingVectorizer(n_features=_WIDTH, ngram_range=(1, 2), alternate_sign=False)
        blocks.append(hashing.transform(joined))
    return csr_matrix(hstack(blocks))


def _linear(table: csr_matrix, goal: Goal, rows: Ints) -> Floats:
    cut = goal.feature.train_rows
    if goal.classes:
        model = LogisticRegression(C=10.0, max_iter=60, tol=1e-2)
        model.fit(table[rows], goal.codes[rows])
        return _spread(model.predict_proba(table[cut:]), model.classes_, goal)
    line = Ridge(alpha=1.0, solver="lsqr", max_iter=100)
    line.fit(table[rows], goal.values[rows])
    low, high = np.nanmin(goal.values[:cut]), np.nanmax(goal.values[:cut])
    return np.asarray(np.clip(line.predict(table[cut:]), low, high), dtype=np.float64)


def _spread(given: Floats, classes: Ints, goal: Goal) -> Floats:
    whole = np.zeros((len(given), goal.feature.distinct))
    whole[:, classes] = given
    return whole


def submissions(
    subject: Subject, form: SubmissionForm, answers: pd.DataFrame, guess: Guess
) -> Iterator[pd.DataFrame]:
    """The guess as submissions for the rows of `answers`; of labels also with classes balanced."""
    goal = subject.goals[0]
    if form.kind == "value":
        made = {
            t: [repr(float(v)) for v in vs]
            for t, vs in zip(form.targets, guess.values, strict=True)
        }
        yield form.of(answers.assign(**made))
        return
    shares = guess.values[0]
    label_of = goal.feature.text.groupby(goal.codes).first()
    if form.kind == "label":
        prior = np.bincount(
            goal.codes[: goal.feature.train_rows].clip(0), minlength=shares.shape[1]
        )
        for balance in (0.0, 0.5, 1.0):  # what accuracy, F1 of all classes, and recall ask for
            best = (shares / np.maximum(prior, 1) ** balance).argmax(axis=1)
            yield form.of(answers.assign(**{form.targets[0]: [label_of[k] for k in best]}))
        return
    plain = form.of(answers)
    labels = goal.feature.text.to_numpy(dtype=object)
    firsts = np.unique(goal.codes, return_index=True)
    code_of = {str(labels[row]): int(code) for code, row in zip(*firsts, strict=True)}
    columns = (
        {form.targets[0]: form.positive} if form.kind == "probability" else form.class_of_column
    )
    for column, label in columns.items():
        values = shares[:, code_of[str(label)]] if str(label) in code_of else np.zeros(len(shares))
        plain[column] = [repr(float(v)) for v in values]
    yield plain
    if form.kind == "probability":
        # A foreign metric may mean the other class; which one, its scores tell.
        (column,) = columns
        yield plain.assign(**{column: [repr(1 - float(v)) for v in plain[column]]})


def errors_left(subject: Subject, guess: Guess) -> float:
    """Share of wrong classes, or of variance that is not explained, in the first target."""
    goal = subject.goals[0]
    known = goal.feature.of_test(goal.known)
    if goal.classes:
        truth = goal.feature.of_test(goal.codes)
        return float((guess.values[0].argmax(axis=1) != truth)[known].mean())
    truth = goal.feature.of_test(goal.values)[known]
    spread = float(truth.var())
    return float(((guess.values[0][known] - truth) ** 2).mean() / spread) if spread > 0 else 1.0
