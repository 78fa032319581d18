"""Any file gets a typed rejection or one finite score that no order changes, whatever metric.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mle_smith.package.grade import Grade, grade, predicted_columns
from tests.support.local import LocalSandbox
from tests.support.packages import Example, Kind, write_package

_CARELESS = '''
import pandas as pd

HIGHER_IS_BETTER = {higher}


class InvalidSubmissionError(ValueError):
    """Never raised."""


def validate_submission(submission, ground_truth):
    """Take everything."""


def evaluate(y_true, y_pred):
    """Compare row by row, and skip what is missing."""
    column = y_pred.columns[1]
    truth = y_true.iloc[:, 1]
    if truth.dtype.kind in "if" and y_pred[column].dtype.kind in "if":
        error = float((truth - y_pred[column]).abs().mean())
        return error if error == error else 0.0
    return float((truth.astype(str) == y_pred[column].astype(str)).mean())
'''

_CELLS = st.sampled_from(
    ["", "nan", "None", "inf", "-inf", "1e308", "1e999", "-0", "word", "2020-01-01", "0x10", "yes"]
)
_EDITS = st.sampled_from(
    ["cells", "fewer", "more", "twice", "order", "columns", "ids", "header", "separator", "nothing"]
)


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Example:
    kind: Kind = request.param
    return write_package(tmp_path_factory.mktemp(kind), kind, rows=120)


def graded(
    example: Example, texts: Sequence[str], folder: Path, metric: Path | None = None
) -> list[Grade]:
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{number}.csv")
        paths[-1].write_bytes(text.encode())
    columns = predicted_columns(example.paths)
    assert columns is not None
    metric = metric or example.paths.metric
    return grade(metric, example.paths.answers, paths, LocalSandbox(), columns=columns)


def spoilt(  # noqa: C901 - a table of edits
    frame: pd.DataFrame, edits: list[tuple[str, int, str]]
) -> str:
    """The sample submission after some edits, as a file."""
    separator = ","
    for edit, place, cell in edits:
        row = place % max(1, len(frame))
        if edit == "cells" and len(frame):
            frame.iloc[row, -1] = cell
        elif edit == "ids" and len(frame):
            frame.iloc[row, 0] = cell
        elif edit == "fewer":
            frame = frame.iloc[: len(frame) - row]
        elif edit == "more":
            frame = pd.concat([frame, frame.iloc[:1].assign(id=str(10**6 + place))])
        elif edit == "twice":
            frame = pd.concat([frame, frame.iloc[row : row + 1]])
        elif edit == "order":
            frame = frame.sample(frac=1, random_state=place)
        elif edit == "columns":
            frame = frame[frame.columns[::-1]]
        elif edit == "header":
            frame = frame.rename(columns={frame.columns[-1]: cell or "x"})
        elif edit == "separator":
            separator = ";"
    return frame.to_csv(index=False, sep=separator)


@pytest.mark.parametrize("careless", [False, True])
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    edits=st.lists(
        st.lists(st.tuples(_EDITS, st.integers(0, 200), _CELLS), max_size=4),
        min_size=12,
        max_size=12,
    )
)
def test_every_file_is_rejected_or_scored_finitely(
    example: Example,
    careless: bool,
    edits: list[list[tuple[str, int, str]]],
    tmp_path: Path,
) -> None:
    sample = pd.read_csv(example.paths.sample_submission, dtype=str)
    texts = [spoilt(sample.copy(), edit) for edit in edits]
    metric = None
    if careless:
        metric = tmp_path / "metric.py"
        metric.write_text(_CARELESS.format(higher=example.manifest.metric.higher_is_better))
    for text, given_ in zip(texts, graded(example, texts, tmp_path, metric), strict=True):
        assert not given_.crashed, text[:200]
        assert given_.valid == (given_.score is not None)
        assert given_.score is None or math.isfinite(given_.score)


def test_a_careless_metric_rewards_nothing_that_is_left_out(tmp_path: Path) -> None:
    example = write_package(tmp_path / "package", "regression", rows=120)
    metric = tmp_path / "metric.py"
    metric.write_text(_CARELESS.format(higher=False))
    answers = pd.read_csv(example.paths.answers, dtype=str)
    wrong = answers.assign(**{"yield": answers["yield"].iloc[::-1].to_numpy()})
    texts = [
        answers.to_csv(index=False),
        answers.sample(frac=1, random_state=1).to_csv(index=False),
        answers[answers.columns[::-1]].to_csv(index=False),
        wrong.to_csv(index=False),
        wrong.assign(**{"yield": ""}).to_csv(index=False),
        wrong.iloc[:1].to_csv(index=False),
        pd.concat([answers.iloc[:1]] * len(answers)).to_csv(index=False),
    ]
    found = graded(example, texts, tmp_path, metric)
    assert [g.score for g in found[:3]] == [0.0, 0.0, 0.0]
    assert found[3].score is not None
    assert found[3].score > 0
    assert [g.valid for g in found[4:]] == [False, False, False]
