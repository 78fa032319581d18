"""Each leak is planted in a sound task and caught; the sound tasks pass."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mle_smith.checks import Layer, check_package
from mle_smith.values import Severity
from tests.support.tasks import SOUND, TARGET, Task, make_task


def codes(task: Task, folder: Path, *, least: Severity = Severity.ERROR) -> set[str]:
    checked = check_package(task.write(folder / "task"), layers={Layer.LEAKAGE})
    assert not [n for n in checked.not_run if "could not cope" in n.reason]
    wanted = {Severity.ERROR, least}
    return {f.code for f in checked.findings if f.severity in wanted}


@pytest.mark.parametrize("told", [True, False], ids=["planned", "unplanned"])
@pytest.mark.parametrize("kind", SOUND)
def test_sound_tasks_raise_no_alarm(kind: str, told: bool, tmp_path: Path) -> None:
    subject = make_task(kind).write(tmp_path / "task", told=told)
    checked = check_package(subject, layers={Layer.LEAKAGE, Layer.PREPARATION})
    assert [f.message for f in checked.findings if f.severity is Severity.ERROR] == []
    assert not [n for n in checked.not_run if "could not cope" in n.reason]


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_rows_in_the_order_of_the_answers_are_caught(kind: str, tmp_path: Path) -> None:
    task = make_task(kind)
    ids = task.test["id"].to_numpy()
    rows = task.whole.sort_values(TARGET)
    task.give_test(rows.assign(id=np.random.default_rng(0).permutation(ids)))
    assert codes(task, tmp_path) == {"L04"}


def test_ids_in_the_order_of_the_answers_are_caught(tmp_path: Path) -> None:
    task = make_task("regression")
    ids = task.whole[TARGET].rank(method="first").astype(int) + 5000
    task.give_test(task.whole.assign(id=ids))
    assert codes(task, tmp_path) == {"L03"}


def test_ids_whose_parity_is_the_answer_are_caught(tmp_path: Path) -> None:
    task = make_task("binary")
    odd = (task.answers[TARGET] == "yes").astype(int)
    ids = 2 * np.random.default_rng(0).permutation(len(odd)) + odd + 4000
    task.give_test(task.whole.assign(id=ids))
    assert codes(task, tmp_path) == {"L03"}


@pytest.mark.parametrize("leaks", [True, False])
def test_an_input_that_numbers_the_rows(leaks: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    noise = np.random.default_rng(0).normal(0, rows[TARGET].std(), len(rows))
    order = (rows[TARGET] + noise if leaks else pd.Series(noise)).rank().astype(int)
    task.train["case"] = (7000 + 3 * order)[: len(task.train)].to_numpy()
    task.test["case"] = (7000 + 3 * order)[len(task.train) :].to_numpy()
    assert codes(task, tmp_path) == ({"L03"} if leaks else set())


@pytest.mark.parametrize("leaks", [True, False])
def test_keys_of_two_ranges(leaks: bool, tmp_path: Path) -> None:
    task = make_task("binary")
    generator = np.random.default_rng(0)
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        there = whole[TARGET] == "yes" if leaks else generator.random(len(frame)) < 0.4
        lot = np.where(generator.random(len(frame)) < 0.7, there, ~there)
        numbers = generator.choice(90_000, len(frame), replace=False)
        frame["LetterNo"] = np.where(lot, 700_000, 200_000) + numbers
    assert codes(task, tmp_path) == ({"L03"} if leaks else set())


def test_a_file_sorted_by_a_strong_input_is_sound(tmp_path: Path) -> None:
    task = make_task("regression")
    task.give_test(task.whole.sort_values("height"))
    assert codes(task, tmp_path, least=Severity.WARNING) == set()


def digest(label: object) -> str:
    return hashlib.sha256(str(label).encode()).hexdigest()[:12]


PROXIES: dict[str, tuple[str, Callable[[pd.DataFrame], object]]] = {
    "recoded": ("multiclass", lambda d: d[TARGET].map({"ash": 7, "beech": 3, "cedar": 5})),
    "hashed": ("binary", lambda d: d[TARGET].map(digest)),
    "linear": ("regression", lambda d: 32 + 1.8 * d[TARGET]),
    "curved": ("regression", lambda d: np.exp(d[TARGET] / 20)),
    "with a unit": ("regression", lambda d: d[TARGET].astype(str) + " kg"),
    "in a remark": ("binary", lambda d: "was " + d[TARGET] + " at the end of season"),
    "noisy": ("regression", lambda d: d[TARGET] + np.random.default_rng(1).normal(0, 0.6, len(d))),
}


@pytest.mark.parametrize("name", PROXIES)
def test_a_column_that_stands_for_the_target_is_caught(name: str, tmp_path: Path) -> None:
    kind, change = PROXIES[name]
    task = make_task(kind)
    task.both(change, "follow_up")
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.LEAKAGE})
    found = [f for f in checked.findings if f.severity is Severity.ERROR]
    assert [f.code for f in found] == ["L06"]
    assert found[0].evidence["repair"] == {"drop_columns": ["follow_up"]}


@pytest.mark.parametrize("how", ["sum", "product"])
def test_columns_that_make_up_the_target_are_caught(how: str, tmp_path: Path) -> None:
    task = make_task("regression")
    generator = np.random.default_rng(0)
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        first = generator.uniform(1, 60, len(frame)).round(2)
        frame["first"] = first
        frame["second"] = whole[TARGET] - first if how == "sum" else whole[TARGET] / first
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.LEAKAGE})
    found = [f for f in checked.findings if f.code == "L06"]
    assert found[0].evidence["repair"] == {"drop_columns": ["first", "second"]}


def test_a_strong_honest_feature_among_others_is_no_proxy(tmp_path: Path) -> None:
    task = make_task("regression")
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        noise = np.random.default_rng(len(frame))
        for name in ("scan_1", "scan_2"):
            frame[name] = whole[TARGET] + noise.normal(0, 4, len(frame))
    assert codes(task, tmp_path, least=Severity.WARNING) == set()


def test_the_target_left_in_test_is_caught(tmp_path: Path) -> None:
    task = make_task("regression")
    task.test[TARGET] = task.answers[TARGET]
    assert "L15" in codes(task, tmp_path)


def test_missing_cells_that_give_the_class_away_are_caught(tmp_path: Path) -> None:
    task = make_task("binary")
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        frame["mass"] = frame["mass"].where(whole[TARGET] == "yes")
    assert "L15" in codes(task, tmp_path)


def side_file(task: Task, how: str) -> tuple[str, str]:
    pairs = task.answers.set_axis(["key", "outcome"], axis=1)
    match how:
        case "table by id":
            return "extra.csv", pairs.sample(frac=1, random_state=0).to_csv(index=False)
        case "a part by id":
            return "extra.csv", pairs.sample(frac=0.4, random_state=0).to_csv(index=False)
        case "row by row":
            return "extra.csv", pairs[["outcome"]].to_csv(index=False)
        case "json":
            return "meta.json", json.dumps(pairs.to_dict("records"))
        case "text":
            return "log.txt", "seen: " + " ".join(map(str, pairs["outcome"]))
        case _:
            rows = pd.concat([task.train, task.whole]).drop(columns="id")
            return "all.csv", rows.sample(frac=1, random_state=0).to_csv(index=False)


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
@pytest.mark.parametrize(
    "how", ["table by id", "a part by id", "row by row", "json", "text", "all rows"]
)
def test_answers_in_another_public_file_are_caught(how: str, kind: str, tmp_path: Path) -> None:
    task = make_task(kind)
    task.files = dict([side_file(task, how)])
    assert codes(task, tmp_path) == {"L07"}


def test_answers_in_an_archive_are_caught(tmp_path: Path) -> None:
    subject = (task := make_task("binary")).write(tmp_path / "task")
    with zipfile.ZipFile(subject.paths.public / "media.zip", "w") as archive:
        archive.writestr("inner/log.csv", task.answers.to_csv(index=False))
    checked = check_package(subject, layers={Layer.LEAKAGE})
    assert [f.code for f in checked.findings] == ["L07"]


def test_a_harmless_side_file_is_sound(tmp_path: Path) -> None:
    task = make_task("multiclass")
    places = pd.DataFrame({"place": ["north", "south", "west"], "rain": [700, 400, 900]})
    described = task.test[["id"]].assign(rain=np.random.default_rng(0).normal(size=len(task.test)))
    task.files = {"places.csv": places.to_csv(index=False), "rain.csv": described.to_csv()}
    assert codes(task, tmp_path, least=Severity.WARNING) == set()


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_sample_submission_made_of_answers_is_caught(
    kind: str, share: float, tmp_path: Path
) -> None:
    task = make_task(kind)
    kept = np.random.default_rng(0).random(len(task.sample)) < share
    task.sample[TARGET] = task.sample[TARGET].where(~kept, task.answers[TARGET])
    assert "L13" in codes(task, tmp_path)


def test_a_random_sample_submission_is_sound(tmp_path: Path) -> None:
    task = make_task("multiclass")
    labels = ["ash", "beech", "cedar"]
    task.sample[TARGET] = np.random.default_rng(0).choice(labels, len(task.sample))
    assert codes(task, tmp_path, least=Severity.WARNING) == set()


def as_it_is(task: Task) -> None:
    """The person under one name."""


def in_another_form(task: Task) -> None:
    """The same person under another form of the name in test."""
    task.train["person"] = [f"P-{int(name[1:]):05d}/a" for name in task.train["person"]]
    task.test["person"] = [name.upper() for name in task.test["person"]]


def by_two_columns(task: Task) -> None:
    """Two columns that name the person together, and one that names what tells a little."""
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        number = frame["person"].str[1:].astype(int)
        tells = np.random.default_rng(len(frame)).uniform(size=len(frame)) < 0.5
        code = whole[TARGET].map({"ash": 0, "beech": 1, "cedar": 2}).where(tells, 1)
        frame["desk"] = [f"d{3 * (n % 17) + c}" for n, c in zip(frame["id"], code, strict=True)]
        frame["born"], frame["initial"] = 1950 + number // 12, [f"{n % 12}x" for n in number]
        del frame["person"]


@pytest.mark.parametrize("how", [as_it_is, in_another_form, by_two_columns])
def test_entities_on_both_sides_are_pointed_out(
    how: Callable[[Task], None], tmp_path: Path
) -> None:
    task = make_task("grouped", rows=1200)
    rows = pd.concat([task.train, task.whole]).sample(frac=1, random_state=3)
    split = task.formulation.split.model_copy(update={"kind": "stratified", "group_columns": ()})
    task.formulation = task.formulation.model_copy(update={"split": split})
    known = rows["person"].map(lambda name: int(name[1:]) * 7 // 3 % 3)
    rows[TARGET] = np.array(["ash", "beech", "cedar"])[known]
    task.train = rows.iloc[:900].reset_index(drop=True)
    task.give_test(rows.iloc[900:])
    how(task)
    inputs = tuple(c for c in task.test.columns if c != "id")
    task.formulation = task.formulation.model_copy(update={"inputs": inputs})
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.LEAKAGE})
    found = [f.evidence["columns"] for f in checked.findings if f.code == "L09"]
    named = "person" if "person" in inputs else "born"
    assert any(column.startswith(named) for columns in found for column in columns)


def test_neighbours_in_time_across_a_random_split_are_caught(tmp_path: Path) -> None:
    task = make_task("temporal", rows=800)
    rows = pd.concat([task.train, task.whole]).sort_values("moment")
    steps = np.random.default_rng(0).normal(size=len(rows))
    rows[TARGET] = np.cumsum(steps).round(3)
    split = task.formulation.split.model_copy(update={"kind": "stratified", "time_columns": ()})
    task.formulation = task.formulation.model_copy(update={"split": split})
    rows = rows.sample(frac=1, random_state=1)
    task.train = rows.iloc[:600].reset_index(drop=True)
    task.give_test(rows.iloc[600:])
    assert "L10" in codes(task, tmp_path)


def test_forecasting_inside_the_span_of_train_is_caught(tmp_path: Path) -> None:
    task = make_task("forecasting")
    rows = pd.concat([task.train, task.whole]).sample(frac=1, random_state=1)
    task.train = rows.iloc[:450].reset_index(drop=True)
    task.give_test(rows.iloc[450:])
    assert "L10" in codes(task, tmp_path)


def in_order_of(values: pd.Series[float], task: Task) -> None:
    rows, ids = task.whole, task.test["id"].to_numpy()
    task.give_test(rows.iloc[np.argsort(values.to_numpy(), kind="stable")].assign(id=ids))


@pytest.mark.parametrize(("lean", "leaks"), [(2.0, True), (0.0, False)])
def test_sixty_rows_that_lean_to_an_order(lean: float, leaks: bool, tmp_path: Path) -> None:
    task = make_task("regression", rows=240)
    ranks = task.answers[TARGET].rank(pct=True)
    in_order_of(lean * ranks + np.random.default_rng(1).normal(0, 0.5, len(ranks)), task)
    found = codes(task, tmp_path)  # with the order of ids, which is the same
    assert "L04" in found if leaks else not found


@pytest.mark.parametrize("leaks", [True, False])
def test_every_third_of_few_rows_is_of_one_class(leaks: bool, tmp_path: Path) -> None:
    task = make_task("binary", rows=280)
    yes = (task.answers[TARGET] == "yes").to_numpy()
    pools = {True: np.flatnonzero(yes).tolist(), False: np.flatnonzero(~yes).tolist()}
    order = []
    for place in range(len(yes)):
        wanted = place % 3 == 0
        order.append((pools[wanted] or pools[not wanted]).pop())
    places = pd.Series(np.argsort(order) if leaks else np.arange(len(yes)), dtype=float)
    in_order_of(places, task)
    found = codes(task, tmp_path)  # with the order of ids, which is the same
    assert "L04" in found if leaks else not found


def unusual_rows_outside(task: Task) -> pd.Series[float]:
    far = task.answers[TARGET] - task.answers[TARGET].median()
    return -far.abs().where(far.index % 2 == 0, -far.abs())


def pairs_of_like_answers(task: Task) -> pd.Series[float]:
    """Each row has the place of the train row that has the same rank among the first."""
    place = np.argsort(task.train[TARGET].to_numpy()[: len(task.test)])
    ranks = task.answers[TARGET].rank(method="first").astype(int) - 1
    return pd.Series(place[ranks.to_numpy()].astype(float))


def a_rare_class_in_the_middle(task: Task) -> pd.Series[float]:
    for frame in (task.train, task.answers):
        frame[TARGET] = frame[TARGET].mask(
            frame.index % 8 > 0, frame[TARGET].replace("cedar", "ash")
        )
    places = pd.Series(np.random.default_rng(3).uniform(0, 1, len(task.test)))
    return places.where(task.answers[TARGET] != "cedar", 0.47 + 0.08 * places)


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        (unusual_rows_outside, "regression"),
        (pairs_of_like_answers, "regression"),
        (a_rare_class_in_the_middle, "multiclass"),
    ],
)
def test_an_order_that_says_something_other_than_more_or_less(
    order: Callable[[Task], pd.Series[float]], kind: str, tmp_path: Path
) -> None:
    task = make_task(kind, rows=2400)
    in_order_of(order(task), task)
    assert "L04" in codes(task, tmp_path)


@pytest.mark.parametrize(("noise", "leaks"), [(3.0, True), (9.0, False)])
def test_a_noisy_copy_of_the_target(noise: float, leaks: bool, tmp_path: Path) -> None:
    task = make_task("regression", rows=300)
    for name in ("height", "place"):  # what is left says little
        task.train, task.test = task.train.drop(columns=name), task.test.drop(columns=name)
    generator = np.random.default_rng(2)
    task.both(lambda f: (f[TARGET] + generator.normal(0, noise, len(f))).round(3), "reading")
    assert codes(task, tmp_path) == ({"L06"} if leaks else set())


@pytest.mark.parametrize(("name", "leaks"), [("follow_up_score", True), ("score", False)])
@pytest.mark.parametrize("noise", [6.0, 40.0])
def test_a_name_adds_suspicion(name: str, leaks: bool, noise: float, tmp_path: Path) -> None:
    """To what tells more than all else; of what tells little it says nothing."""
    task = make_task("regression", rows=600)
    for column in ("height", "place"):
        task.train, task.test = task.train.drop(columns=column), task.test.drop(columns=column)
    generator = np.random.default_rng(2)
    task.both(lambda f: (f[TARGET] + generator.normal(0, noise, len(f))).round(3), name)
    assert codes(task, tmp_path) == ({"L06"} if leaks and noise < 10 else set())


@pytest.mark.parametrize("kind", ["regression", "temporal"])
def test_two_numbers_whose_quotient_is_nearly_the_target(kind: str, tmp_path: Path) -> None:
    task = make_task(kind, rows=400)
    generator = np.random.default_rng(3)
    for frame, rows in ((task.train, task.train), (task.test, task.whole)):
        told = rows[TARGET] + generator.normal(0, 1, len(rows))
        frame["lines"] = generator.integers(1, 60, len(rows))
        frame["sum"] = (told * frame["lines"]).round(4)
    assert "L06" in codes(task, tmp_path)


@pytest.mark.parametrize(("of", "leaks"), [(TARGET, True), ("height", False)])
def test_grades_of_the_target_and_of_an_input(of: str, leaks: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    edges = np.quantile(task.whole[of], [0.3, 0.5, 0.6, 0.8])
    task.both(lambda f: [f"grade {'QXARB'[k]}" for k in edges.searchsorted(f[of])], "grade")
    assert codes(task, tmp_path) == ({"L06"} if leaks else set())


@pytest.mark.parametrize("away", [0.001, 1.0])
def test_four_rows_that_are_nearly_train_rows(away: float, tmp_path: Path) -> None:
    task = make_task("binary", rows=240)
    generator = np.random.default_rng(4)
    for name in ("width", "depth", "age"):
        task.both(lambda f: generator.normal(0, 1, len(f)), name)
    rows = task.whole
    source = task.train.sample(4, random_state=1)
    rows.iloc[:4, 1:] = source[rows.columns[1:]].to_numpy()
    for name in ("height", "mass", "width", "depth", "age"):
        moved = rows.loc[:3, name].astype(float) + away * rows[name].std() * generator.normal(
            size=4
        )
        rows[name] = [*moved, *rows[name].iloc[4:]]
    task.give_test(rows)
    assert codes(task, tmp_path) == ({"L02"} if away < 1 else set())
