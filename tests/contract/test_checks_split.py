"""Are both sides of a split alike where they should be: defects are caught, honest splits pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mle_smith.checks import Checked, Layer, check_package
from mle_smith.values import Severity
from tests.support.tasks import TARGET, Task, make_task


def errors(checked: Checked) -> set[str]:
    return {f.code for f in checked.findings if f.severity is Severity.ERROR}


def shared_ids(task: Task) -> None:
    task.train["id"] = task.test["id"].iloc[0]


def lost_class(task: Task) -> None:
    task.train = task.train[task.train[TARGET] != "ash"]


def hollow(task: Task) -> None:
    task.test["mass"] = float("nan")


def torn(task: Task) -> None:
    task.test.loc[0, "person"] = task.train["person"].iloc[0]


def early(task: Task) -> None:
    task.test.loc[3, "moment"] = "2020-01-01 05:00"


def phantom(task: Task) -> None:
    task.formulation = task.formulation.model_copy(update={"metric": "log_loss"})
    classes = [*sorted(task.train[TARGET].unique()), "yew"]
    task.sample = task.answers[["id"]].assign(**{f"{TARGET}_{c}": 0.25 for c in classes})


def unlike(task: Task) -> None:
    task.test = task.test.drop(columns="place")


def constant(task: Task) -> None:
    task.answers[TARGET] = 7.0


def few(task: Task) -> None:
    task.give_test(task.whole.head(12))


def repeated(task: Task) -> None:
    task.give_test(task.whole.iloc[[row % 9 for row in range(90)]].assign(id=range(5000, 5090)))


def few_of_two(task: Task) -> None:
    rows = task.whole.tail(90)
    rare = sorted(rows[TARGET].unique())[-1]
    task.give_test(rows[(rows[TARGET] != rare) | ((rows[TARGET] == rare).cumsum() <= 3)])


SPLIT: dict[str, tuple[str, str, Callable[[Task], None]]] = {
    "few test rows": ("P04", "regression", few),
    "repeated test rows": ("P04", "regression", repeated),
    "shared ids": ("P05", "binary", shared_ids),
    "a class of test alone": ("P07", "multiclass", lost_class),
    "three rows of one of two classes": ("P07", "binary", few_of_two),
    "a torn group": ("P08", "grouped", torn),
    "an early test row": ("P09", "temporal", early),
    "a column that test lacks": ("P10", "regression", hollow),
    "a constant target": ("P11", "regression", constant),
}


@pytest.mark.parametrize("name", SPLIT)
def test_defects_of_the_split_are_caught(name: str, tmp_path: Path) -> None:
    code, kind, spoil = SPLIT[name]
    task = make_task(kind)
    spoil(task)
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    # What is so different is told apart as well.
    assert errors(checked) - {"P14", "P15", "P16"} == {code}


def test_classes_that_no_row_has_are_caught(tmp_path: Path) -> None:
    task = make_task("multiclass")
    phantom(task)
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == {"P07"}


def test_inputs_that_only_train_has_are_caught(tmp_path: Path) -> None:
    task = make_task("regression")
    unlike(task)
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == {"P10"}


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_rows_of_a_batch_that_was_not_measured(share: float, tmp_path: Path) -> None:
    task = make_task("regression")
    chance = np.random.default_rng(0)
    for frame in (task.train, task.test):
        frame[[f"r{n}" for n in range(9)]] = chance.normal(size=(len(frame), 9)).round(3)
    first = round(len(task.test) * (1 - share))
    task.test.loc[first:, [f"r{n}" for n in range(9)]] = None
    task.test.loc[first:, list(task.formulation.inputs[1:])] = None
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == ({"P10"} if share else set())


@pytest.mark.parametrize(("lost", "found"), [(0, set()), (12, {"P10"}), (None, set())])
def test_rows_of_a_table_beside_the_rows(lost: int | None, found: set[str], tmp_path: Path) -> None:
    """Some rows of test lack theirs; where all do, the table is about train alone."""
    task = make_task("regression")
    rows = pd.concat([task.train["id"], task.test["id"].iloc[lost:] if lost is not None else None])
    task.files["details.csv"] = rows.to_frame().assign(depth=1.5).to_csv(index=False)
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == found


@pytest.mark.parametrize("kind", ["more rows", "a table of places"])
def test_a_table_of_more_rows_need_not_have_the_values_of_test_rows(
    kind: str, tmp_path: Path
) -> None:
    task = make_task("regression")
    more = task.train.drop(columns=["id", TARGET])
    if kind == "a table of places":
        for frame in (task.train, task.test):
            frame["site"] = [f"s{n % 40}" for n in frame["id"]]
        more = task.train[["site"]].drop_duplicates().assign(rain=1.5)
        task.test.loc[:9, "site"] = "elsewhere"
    task.files["more.csv"] = more.to_csv(index=False)
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == (set() if kind == "more rows" else {"P10", "P16"})


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("moved", [0.0, 2.0])
def test_rows_that_chance_has_not_divided(moved: float, told: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    number = task.train.drop(columns=["id", TARGET]).select_dtypes("number").columns[0]
    task.test[number] += moved * task.train[number].std()
    subject = task.write(tmp_path / "task", told=told)
    checked = check_package(subject, layers={Layer.PREPARATION})
    found = [f.severity for f in checked.findings if f.code == "P14"]
    assert found == ([Severity.ERROR if told else Severity.WARNING] if moved else [])


@pytest.mark.parametrize("scheme", ["rows/{:05d}.png", "{}-b"])
def test_numbered_names_tell_nothing_apart(scheme: str, tmp_path: Path) -> None:
    task = make_task("regression")
    for frame in (task.train, task.test):
        frame["picture"] = [scheme.format(number) for number in frame["id"]]
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert "P14" not in {f.code for f in checked.findings}


def record(task: Task, row: int, how: str) -> str:
    """The text of the file of a row; of test rows, which come later, some may be broken."""
    whole = json.dumps({"n": row, "readings": [row % 7, row % 11]})
    if row < len(task.train) or row % 8:
        return whole
    return {"cut": whole[:-9], "placeholder": "{}", "whole": whole}[how]


@pytest.mark.parametrize("how", ["cut", "placeholder", "whole"])
def test_files_of_test_rows_that_broke_off_or_hold_nothing(how: str, tmp_path: Path) -> None:
    task = make_task("regression")
    task.files = {f"rows/{n}.json": record(task, n, how) for n in range(600)}
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    found = [f.message for f in checked.findings if f.code == "P10"]
    told = {"cut": "broke off", "placeholder": "placeholder"}.get(how)
    assert [told in message for message in found if told] == ([True] if told else [])


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_answers_in_another_unit_or_code(kind: str, told: bool, tmp_path: Path) -> None:
    task = make_task(kind)
    if kind == "regression":
        task.answers[TARGET] *= 1000
    else:
        for frame in (task.train, task.answers):
            frame.loc[frame.index % 2 == 0, TARGET] = "no"
        task.answers[TARGET] = task.answers[TARGET].map({"yes": "no", "no": "yes"})
    checked = check_package(task.write(tmp_path / "task", told=told), layers={Layer.PREPARATION})
    found = [f.severity for f in checked.findings if f.code == "P15"]
    certain = told or kind == "regression"
    assert found == [Severity.ERROR if certain else Severity.WARNING]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(
    "how", ["recoded", "spelt otherwise", "shifted", "rare", "other things", "sound"]
)
def test_values_that_train_does_not_know(how: str, told: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    if how == "recoded":
        task.test["place"] = task.test["place"].map({"north": "N1", "south": "S1", "west": "west"})
    elif how in ("other things", "spelt otherwise"):
        task.train["place"] = (task.train["id"] % 30).map("C{:02}".format)
        other = how == "other things"
        task.test["place"] = (task.test["id"] % 30 + 40 * other).map(
            "C{:02}".format if other else "c-{:02}".format
        )
    elif how == "shifted":
        some = task.test["id"] % 5 == 0
        task.test["grade"] = task.test["grade"].astype(float).mask(some, task.test["mass"])
    elif how == "rare":  # most places have one row or two, by nature
        for frame in (task.train, task.test):
            frame["place"] = (frame["id"] * 7919 % 907).map("spot {}".format)
    checked = check_package(task.write(tmp_path / "task", told=told), layers={Layer.PREPARATION})
    found = [f.severity for f in checked.findings if f.code == "P16"]
    wrong = [Severity.ERROR if told else Severity.WARNING]
    assert found == (wrong if how in ("recoded", "spelt otherwise", "shifted") else [])


@pytest.mark.parametrize("as_text", [True, False])
def test_dates_that_were_compared_as_texts(as_text: bool, tmp_path: Path) -> None:
    """Test has the ends of all months."""
    task = make_task("regression")
    generator = np.random.default_rng(0)
    for frame, low, high in ((task.train, 1, 22), (task.test, 22, 29)):
        days = generator.integers(low if as_text else 1, high if as_text else 29, len(frame))
        months = generator.integers(1, 13, len(frame))
        frame["day"] = [f"{d:02}/{m:02}/2019" for d, m in zip(days, months, strict=True)]
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.PREPARATION})
    assert errors(checked) == ({"P14"} if as_text else set())


def test_groups_and_times_may_tell_rows_apart(tmp_path: Path) -> None:
    for kind in ("grouped", "temporal"):
        checked = check_package(make_task(kind).write(tmp_path / kind), {Layer.PREPARATION})
        assert "P14" not in {f.code for f in checked.findings}
        assert "P14" in {n.code for n in checked.not_run}
