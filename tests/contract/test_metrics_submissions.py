"""What every emitted metric.py accepts, what it refuses, and what it says then."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mle_smith.metrics import METRICS, Answers, answers_of, constant_prediction, metric_source
from mle_smith.values import TaskType
from tests.support.metrics import MetricModule, load_source

LABELS: dict[int, tuple[str, ...]] = {2: ("no", "yes"), 3: ("low", "mid/high", "top")}


class Case(NamedTuple):
    """A metric, emitted, with answers, the perfect submission and a poor one."""

    name: str
    module: MetricModule
    answers: Answers
    truth: pd.DataFrame
    perfect: pd.DataFrame
    poor: pd.DataFrame


def case(name: str, size: int) -> Case:
    rng = np.random.default_rng(5)
    classes = LABELS.get(size, ())
    targets = ["y"] if size < 10 else ["y", "z"]
    answers = answers_of(METRICS[name], targets=targets, classes=classes)
    truth = pd.DataFrame({"id": rng.permutation(np.arange(100, 140))})
    for target in targets:
        values = np.resize(classes, 40) if classes else rng.gamma(2, 3, 40).round(3)
        truth[target] = rng.permutation(values)
    perfect = truth.copy()
    if answers.kind == "probability":
        perfect["y"] = (truth["y"] == answers.positive).astype(float)
    elif answers.kind == "class_probabilities":
        shares = {
            column: (truth["y"] == label).astype(float)
            for column, label in zip(answers.columns, classes, strict=True)
        }
        perfect = pd.DataFrame({"id": truth["id"], **shares})
    constants = constant_prediction(name, targets=targets, classes=classes, train=truth)
    poor = pd.DataFrame({"id": truth["id"], **constants})
    module = load_source(metric_source(name, targets=targets, classes=classes))
    return Case(name, module, answers, truth, perfect, poor)


def sizes(name: str) -> list[int]:
    types = METRICS[name].task_types
    found = [2] * (TaskType.BINARY in types) + [3] * (TaskType.MULTICLASS in types)
    return found or [1] + [10] * (TaskType.MULTI_OUTPUT in types)


ALL = [(name, size) for name in METRICS for size in sizes(name)]


@pytest.fixture(params=ALL, ids=[f"{name}-{size}" for name, size in ALL])
def each(request: pytest.FixtureRequest) -> Case:
    return case(*request.param)


def test_answers_score_best_and_a_constant_worse(each: Case) -> None:
    spec = METRICS[each.name]
    best = each.module.evaluate(each.truth, each.perfect)
    poor = each.module.evaluate(each.truth, each.poor)
    assert best == pytest.approx(spec.best, abs=1e-12)
    assert each.module.HIGHER_IS_BETTER is spec.higher_is_better
    assert (poor < best) is spec.higher_is_better
    if spec.worst is not None:
        assert min(best, spec.worst) <= poor <= max(best, spec.worst)


@pytest.mark.parametrize("dtype", [str, float, object, "Int64", "category"])
def test_ids_match_whatever_their_type(each: Case, dtype: Any) -> None:
    wanted = each.module.evaluate(each.truth, each.perfect)
    mixed = each.perfect.assign(id=each.perfect["id"].astype(dtype)).sample(frac=1, random_state=3)
    assert each.module.evaluate(each.truth, mixed) == wanted
    text_answers = each.truth.assign(id=each.truth["id"].astype(dtype))
    assert each.module.evaluate(text_answers, each.perfect) == wanted


def test_order_and_further_columns_do_not_matter(each: Case) -> None:
    shuffled = each.perfect.sample(frac=1, random_state=1)[list(each.perfect.columns)[::-1]]
    more = shuffled.assign(**{"Unnamed: 0": "1", "note": "x"}).rename(columns={"id": " id"})
    each.module.validate_submission(more, each.truth)
    assert each.module.evaluate(each.truth, more) == each.module.evaluate(each.truth, each.perfect)


def test_texts_are_read_as_numbers_and_labels(each: Case) -> None:
    texts = each.perfect.astype(str)
    assert each.module.evaluate(each.truth, texts) == each.module.evaluate(each.truth, each.perfect)


def test_nothing_that_is_given_is_changed(each: Case) -> None:
    truth, submission = each.truth.copy(), each.perfect.sample(frac=1, random_state=2)
    before = submission.copy()
    each.module.validate_submission(submission, truth)
    each.module.evaluate(truth, submission)
    pd.testing.assert_frame_equal(truth, each.truth)
    pd.testing.assert_frame_equal(submission, before)


def test_rows_that_are_not_the_test_rows_are_refused(each: Case) -> None:
    good = each.perfect
    spoiled = {
        "1 ids are absent": good.iloc[1:],
        "occurs twice": pd.concat([good, good.iloc[:1]]),
        "is not one of the test rows": pd.concat([good, good.iloc[:1].assign(id=9999)]),
        "40 ids are absent": good.iloc[:0],
        "an id is missing": good.assign(id=good["id"].where(good["id"] != 100)),
        "column 'id' must be there once": good.drop(columns="id"),
        "column 'y": good.drop(columns=good.columns[1]),
        "must be there once": pd.concat([good, good.iloc[:, 1:2]], axis=1),
    }
    for message, submission in spoiled.items():
        refuses(each, submission, message)
    with pytest.raises(each.module.InvalidSubmissionError):
        each.module.validate_submission(None, each.truth)  # type: ignore[arg-type] # on purpose


def refuses(each: Case, submission: pd.DataFrame, message: str) -> None:
    """Both functions refuse, and say so in the same words."""
    with pytest.raises(each.module.InvalidSubmissionError, match=message):
        each.module.validate_submission(submission, each.truth)
    with pytest.raises(each.module.InvalidSubmissionError, match=message):
        each.module.evaluate(each.truth, submission)


BAD = [np.nan, None, np.inf, -np.inf, "many", "", "1,5", 1e301, -1e301, 1 + 2j, pd.Timestamp(0)]


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_a_cell_that_is_no_prediction_is_refused_by_column_and_id(each: Case, bad: object) -> None:
    column = each.answers.columns[-1]
    cells = each.perfect[column].astype(object)
    cells.iloc[7] = bad
    submission = each.perfect.assign(**{column: cells})
    refuses(each, submission, f"column '{column}', id '{each.perfect['id'].iloc[7]}'")


@pytest.mark.parametrize("bad", [-0.01, 1.01, 55, "2"])
def test_a_probability_out_of_range_is_refused(bad: object) -> None:
    for name in ("log_loss", "roc_auc", "pr_auc", "brier"):
        for size in (2, 3):
            each = case(name, size)
            column = each.answers.columns[0]
            cells = each.perfect[column].astype(object)
            cells.iloc[0] = bad
            refuses(each, each.perfect.assign(**{column: cells}), "is not a number from 0 to 1")


def test_class_probabilities_are_divided_by_their_sum() -> None:
    each = case("log_loss", 3)
    columns = list(each.answers.columns)
    half = each.perfect.assign(**{column: each.perfect[column] * 0.5 for column in columns})
    assert each.module.evaluate(each.truth, half) == pytest.approx(0, abs=1e-12)
    none = each.perfect.assign(**dict.fromkeys(columns, 0.0))
    refuses(each, none, "add up to 0")


def test_an_unknown_class_is_refused_and_the_classes_named() -> None:
    each = case("accuracy", 3)
    strange = each.perfect.replace({"y": {"low": "Low"}})
    refuses(each, strange, r"'Low' is not a class; classes are \['low', 'mid/high', 'top'\]")


def test_a_message_repeats_no_answer() -> None:
    each = case("accuracy", 2)
    truth = each.truth.assign(y="yes")
    bad = truth.assign(y="perhaps")
    with pytest.raises(each.module.InvalidSubmissionError) as caught:
        each.module.evaluate(truth, bad)
    assert "yes" not in str(caught.value).replace("['no', 'yes']", "")


@pytest.mark.parametrize(
    ("classes", "forms"),
    [
        ((0, 1), ["1", "1.0", 1.0, True, "True", "true", " 1 ", np.int8(1), np.float32(1)]),
        ((False, True), [1, "1", "True", True, np.True_]),
        (("0", "1"), [1, 1.0, "1", True]),
        ((0.5, 1.5), ["1.5", 1.5, "1.50"]),
        (("010", "20"), [20, "20", 20.0, "020"]),
    ],
)
def test_labels_match_whatever_their_type(classes: tuple[Any, ...], forms: list[object]) -> None:
    module = load_source(metric_source("accuracy", targets=["y"], classes=classes))
    truth = pd.DataFrame({"id": [1, 2], "y": [classes[0], classes[1]]})
    for form in forms:
        given = pd.DataFrame({"id": [1, 2], "y": pd.Series([classes[0], form], dtype=object)})
        assert module.evaluate(truth, given) == 1


def test_answers_that_are_broken_are_no_fault_of_the_submission() -> None:
    for name, size, bad in (("accuracy", 2, "other"), ("rmse", 1, np.nan), ("rmsle", 1, -1.0)):
        each = case(name, size)
        truth = each.truth.copy()
        truth.loc[3, "y"] = bad
        with pytest.raises(ValueError, match=r"answer|number") as caught:
            each.module.evaluate(truth, each.poor)
        assert not isinstance(caught.value, each.module.InvalidSubmissionError)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_score_is_finite_or_the_submission_is_refused(data: st.DataObject) -> None:
    each = data.draw(st.sampled_from(CASES))
    cell = st.one_of(
        st.floats(), st.integers(-(10**30), 10**30), st.text(max_size=5), st.booleans(), st.none()
    )
    submission = each.perfect.copy()
    for column in each.answers.columns:
        cells = submission[column].astype(object)
        for row in data.draw(st.lists(st.integers(0, len(cells) - 1), max_size=4)):
            cells.iloc[row] = data.draw(cell)
        submission[column] = cells
    try:
        score = each.module.evaluate(each.truth, submission)
    except each.module.InvalidSubmissionError:
        return
    assert np.isfinite(score)


CASES = [case(name, size) for name, size in ALL]


@pytest.mark.parametrize("name", ["rmse", "mae", "smape", "wape", "mape_safe", "rmsle", "r2"])
def test_huge_numbers_give_a_finite_score(name: str) -> None:
    each = case(name, 1)
    assert np.isfinite(each.module.evaluate(each.truth, each.perfect.assign(y=1e100)))


@settings(max_examples=50, deadline=None)
@given(
    ids=st.lists(
        st.one_of(st.integers(-(2**62), 2**62), st.text(st.characters(codec="ascii"), min_size=1)),
        min_size=1,
        max_size=20,
    ),
    order=st.randoms(use_true_random=False),
)
def test_any_ids_match_in_any_order(ids: list[object], order: Any) -> None:
    module = load_source(metric_source("mae", targets=["y"]))
    keys = {str(one).strip().lstrip("+").lstrip("0") for one in ids}
    truth = pd.DataFrame({"id": pd.Series(ids, dtype=object), "y": np.arange(len(ids))})
    assume(len(keys) == len(ids))
    assume(not any(str(one).strip().lower() in ("", "true", "false") for one in ids))
    rows = list(range(len(ids)))
    order.shuffle(rows)
    assert module.evaluate(truth, truth.iloc[rows].astype({"id": str})) == 0
