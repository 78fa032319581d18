"""Leaks that hide in names, encodings and pairs are caught; their honest likes pass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mle_smith.checks import Layer, check_package
from mle_smith.values import Severity, TaskType
from tests.support.checked import errors
from tests.support.tasks import TARGET, Task, make_task


def named_after(task: Task, how: str) -> pd.Series[str]:
    rank = task.answers[TARGET].rank(pct=True)
    generator = np.random.default_rng(0)
    free = generator.permutation(len(rank)) + 10_000
    match how:
        case "second letter of a hash":
            letters = [f"a{'0123456789abcdef'[min(15, int(16 * r))]}" for r in rank]
            return pd.Series(letters) + pd.Series(free).astype(str)
        case "last two digits":
            return pd.Series(free).astype(str) + (99 * rank).astype(int).astype(str).str.zfill(2)
        case "an even last digit of a hash":
            low = [
                "02468ace"[k % 8] if r > 0.5 else "13579bdf"[k % 8]
                for k, r in zip(free, rank, strict=True)
            ]
            return pd.Series([hashlib.md5(str(n).encode()).hexdigest()[:9] for n in free]) + low
        case "gaps":
            order = generator.permutation(len(rank))
            steps = 1 + (9 * rank.to_numpy()[order]).astype(int)
            return pd.Series(10**6 + steps.cumsum(), index=order).sort_index().astype(str)
        case _:
            return pd.Series([f"{n}{'0' * int(4 * r)}x" for n, r in zip(free, rank, strict=True)])


@pytest.mark.parametrize(
    "how",
    [
        "second letter of a hash",
        "an even last digit of a hash",
        "last two digits",
        "gaps",
        "length",
    ],
)
def test_ids_that_tell_by_their_form_are_caught(how: str, tmp_path: Path) -> None:
    task = make_task("regression")
    task.give_test(task.whole.assign(id=named_after(task, how).to_numpy()))
    assert "L03" in errors(task.write(tmp_path / "task"))


HIDDEN: dict[str, tuple[str, Callable[[pd.DataFrame], dict[str, Any]]]] = {
    "in the middle of a reference": (
        "regression",
        lambda d: {
            "ref": [f"R{i % 97}/{y:.3f}/{i % 89}" for i, y in zip(d["id"], d[TARGET], strict=True)]
        },
    ),
    "in a sentence": (
        "regression",
        lambda d: {
            "note": [
                f"Seen; result {y:.3f}, {i % 7} pages"
                for i, y in zip(d["id"], d[TARGET], strict=True)
            ]
        },
    ),
    "difference of two columns": (
        "regression",
        lambda d: {
            "total": d[TARGET] + 70 * np.sin(d["id"]) + np.cos(d["id"] * 7),
            "less": 70 * np.sin(d["id"]),
        },
    ),
    "time between": (
        "regression",
        lambda d: {
            "opened": (
                pd.Timestamp("2020-01-01") + pd.to_timedelta(d["id"] * 7919 % 900, "D")
            ).astype(str),
            "closed": (
                pd.Timestamp("2020-01-01")
                + pd.to_timedelta(d["id"] * 7919 % 900, "D")
                + pd.to_timedelta((d[TARGET] * 60).round(), "min")
            ).astype(str),
        },
    ),
    "two codes": (
        "multiclass",
        lambda d: {
            "a": [f"a{i % 3}" for i in d["id"]],
            "b": [
                f"b{(['ash', 'beech', 'cedar'].index(y) - i) % 3}"
                for i, y in zip(d["id"], d[TARGET], strict=True)
            ],
        },
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_targets_hidden_in_parts_and_pairs_are_caught(name: str, tmp_path: Path) -> None:
    kind, change = HIDDEN[name]
    task = make_task(kind, rows=900)
    made = change(task.whole), change(task.train)
    task.test = task.test.assign(**made[0])
    task.train = task.train.assign(**made[1])
    assert errors(task.write(tmp_path / "task")) == {"L06"}


@pytest.mark.parametrize("together", [True, False])
def test_two_codes_that_tell_only_together_where_other_inputs_tell_too(
    together: bool, tmp_path: Path
) -> None:
    task = make_task("binary")
    generator = np.random.default_rng(0)
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        yes = (whole[TARGET] == "yes").to_numpy().astype(int)
        frame["guess"] = yes + generator.normal(0, 0.35, len(frame)).round(3)
        first = generator.integers(0, 2, len(frame))
        said = np.where(generator.random(len(frame)) < 0.05, 1 - yes, yes)
        second = generator.integers(0, 2, len(frame))
        frame["part_a"], frame["part_b"] = first, first ^ said if together else second
    found = check_package(task.write(tmp_path / "task"), layers={Layer.LEAKAGE}).findings
    assert any("part_a" in f.message for f in found if f.code == "L06") == together


@pytest.mark.parametrize("lag", [-1, 1])
def test_values_of_the_future(lag: int, tmp_path: Path) -> None:
    """The past may be told, where the test rows are so far apart that none tells another's."""
    task = make_task("forecasting", rows=800)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    values = rows[TARGET].shift(lag).bfill().ffill().round(2)
    task.train["reading"] = values[: len(task.train)].to_numpy()
    task.test["reading"] = values[len(task.train) :].to_numpy()
    if lag > 0:
        task.give_test(task.whole.iloc[::2])
    assert errors(task.write(tmp_path / "task")) == ({"L10"} if lag < 0 else set())


def given_to(task: Task, column: str, each: int, decided: float, rare: float) -> None:
    """Things, some rows each, whose usual class decides a part of the rows."""
    generator = np.random.default_rng(0)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    things = generator.integers(0, len(rows) // each, len(rows))
    usual = generator.random(len(rows)) < rare
    own = generator.random(len(rows)) < rare
    says = np.where(generator.random(len(rows)) < decided, usual[things], own)
    rows[TARGET] = np.where(says, "yes", "no")
    rows[column] = generator.permutation(10_000)[things]
    cut = len(task.train)
    task.train = rows.iloc[:cut].copy()
    task.give_test(rows.iloc[cut:].reset_index(drop=True))


@pytest.mark.parametrize("decided", [0.9, 0.0])
def test_few_things_under_a_name_that_says_nothing(decided: float, tmp_path: Path) -> None:
    task = make_task("binary", rows=900)
    given_to(task, "k7", each=26, decided=decided, rare=0.5)
    assert ("L09" in errors(task.write(tmp_path / "task"))) is (decided > 0)


@pytest.mark.parametrize("decided", [0.6, 0.0])
def test_persons_of_whom_few_have_the_rare_class(decided: float, tmp_path: Path) -> None:
    task = make_task("binary", rows=3000)
    given_to(task, "participant", each=8, decided=decided, rare=0.12)
    assert ("L09" in errors(task.write(tmp_path / "task"))) is (decided > 0)


def test_a_person_on_both_sides_is_an_error(tmp_path: Path) -> None:
    task = make_task("regression", rows=900)
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        noisy = whole[TARGET] + np.random.default_rng(len(frame)).normal(0, 3, len(frame))
        frame["participant"] = [f"p{round(v)}" for v in noisy]
    assert "L09" in errors(task.write(tmp_path / "task"))


@pytest.mark.parametrize("past", [True, False])
def test_the_class_of_the_time_and_of_the_time_before(past: bool, tmp_path: Path) -> None:
    task = make_task("temporal", rows=1200)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    slow = pd.Series(np.random.default_rng(2).normal(0, 1, len(rows))).rolling(40, 1).mean()
    rows[TARGET] = np.where(slow > 0, "up", "down")
    noisy = np.random.default_rng(3).random(len(rows)) < 0.01
    seen = rows[TARGET].shift(1 if past else 0).bfill()
    rows["state"] = np.where(noisy, "down", seen)
    kind = {"task_type": TaskType.BINARY, "metric": "accuracy"}
    task.formulation = task.formulation.model_copy(update=kind)
    task.train = rows[: len(task.train)]
    task.sample[TARGET] = "up"
    task.give_test(rows[len(task.train) :])
    assert errors(task.write(tmp_path / "task")) == (set() if past else {"L06"})


@pytest.mark.parametrize("split", ["at random", "by both columns"])
def test_things_that_only_two_columns_together_name(split: str, tmp_path: Path) -> None:
    task = make_task("regression", rows=1200)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    generator = np.random.default_rng(4)
    things = generator.integers(0, 200, len(rows))
    made = pd.DataFrame({"year": things // 14 + 1950, "town": things % 14})
    rows["year"], rows["town"] = made["year"], [f"t{k}" for k in made["town"]]
    rows[TARGET] = (rows[TARGET] + generator.normal(0, 25, 200)[things]).round(2)
    late = np.arange(len(rows)) >= 900 if split == "at random" else things >= 150
    task.train = rows[~late].reset_index(drop=True)
    task.give_test(rows[late])
    assert errors(task.write(tmp_path / "task")) == ({"L09"} if split == "at random" else set())


@pytest.mark.parametrize("where", ["three columns", "another table", "on one side"])
def test_things_that_no_column_names(where: str, tmp_path: Path) -> None:
    """District, month and team together, or a table of the cases by the ids of the rows."""
    task = make_task("regression", rows=1200)
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    generator = np.random.default_rng(4)
    things = generator.integers(0, 200, len(rows))
    rows[TARGET] = (rows[TARGET] + generator.normal(0, 25, 200)[things]).round(2)
    late = things >= 150 if where == "on one side" else np.arange(len(rows)) >= 900
    task.files["register.csv"] = (
        pd.DataFrame({"row": rows["id"], "desk": things % 7, "case": [f"C{k}" for k in things]})
        .sample(frac=0.9, random_state=0)
        .to_csv(index=False)
    )
    if where == "three columns":
        task.files.clear()
        for column, many in (("district", 24), ("month", 12), ("team", 31)):
            rows[column] = generator.integers(0, many, 200)[things]
    task.train = rows[~late].reset_index(drop=True)
    task.give_test(rows[late])
    assert errors(task.write(tmp_path / "task")) == (set() if where == "on one side" else {"L09"})


@pytest.mark.parametrize("of_time", [True, False])
def test_tokens_that_begin_with_the_time(of_time: bool, tmp_path: Path) -> None:
    """The series drifts, and the split at random leaves its rows between each other."""
    task = make_task("regression")
    rows = pd.concat([task.train, task.whole], ignore_index=True)
    generator = np.random.default_rng(0)
    times = generator.permutation(len(rows))
    rows[TARGET] = (rows[TARGET] + 60 * np.sin(times / 40)).round(2)
    stamps = (times if of_time else generator.permutation(times)) * 10**8 + 10**12
    rows["token"] = [f"{t:012x}-{generator.integers(2**32):08x}" for t in stamps]
    task.train = rows.iloc[: len(task.train)].copy()
    task.give_test(rows.iloc[len(task.train) :].reset_index(drop=True))
    assert errors(task.write(tmp_path / "task")) == ({"L10"} if of_time else set())


def test_a_public_source_is_flagged_and_no_error(tmp_path: Path) -> None:
    subject = make_task("binary").write(tmp_path / "task")
    subject.paths.description.write_text("The data: https://www.kaggle.com/datasets/a/b.")
    checked = check_package(subject, layers={Layer.LEAKAGE})
    assert {f.code: f.severity for f in checked.findings} == {"L11": Severity.WARNING}


PUBLIC = {
    "load.py": "from sklearn.datasets import fetch_openml\n\nfull = fetch_openml(name='x').frame\n",
    "rows.csv": "id,place\n1,https://www.kaggle.com/datasets/a/b\n2,https://www.kaggle.com/x\n",
    "notes.txt": "Nothing of this is anywhere else.\n",
    "marks.svg": '<svg xmlns="http://www.w3.org/2000/svg"><path d="M 0 1"/></svg>',
}


@pytest.mark.parametrize("name", PUBLIC)
def test_files_that_name_a_public_source_are_flagged(name: str, tmp_path: Path) -> None:
    task = make_task("binary")
    task.files[name] = PUBLIC[name]
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.LEAKAGE})
    found = {f.code: f.severity for f in checked.findings}
    assert found == ({} if name in ("notes.txt", "marks.svg") else {"L11": Severity.WARNING})


@pytest.mark.parametrize("obeyed", [0.0, 0.6])
def test_ids_whose_use_train_rows_teach(obeyed: float, tmp_path: Path) -> None:
    """Too few test rows to see it in them alone, of a hundred things that ids might say."""
    task = make_task("binary", rows=320)
    generator = np.random.default_rng(2)

    def ids(rows: pd.DataFrame) -> list[str]:
        codes = pd.factorize(rows[TARGET], sort=True)[0]
        follows = generator.random(len(rows)) < obeyed
        last = np.where(follows, 5 * codes, 5 * generator.integers(0, 2, len(rows)))
        last += generator.integers(0, 5, len(rows))
        return [f"{n}{d}" for n, d in zip(generator.permutation(90_000), last, strict=False)]

    task.train["id"] = [f"1{name}" for name in ids(task.train)]
    task.give_test(task.whole.assign(id=[f"2{name}" for name in ids(task.whole)]))
    assert errors(task.write(tmp_path / "task")) == ({"L03"} if obeyed else set())


@pytest.mark.parametrize("together", [True, False])
def test_two_codes_among_many_that_only_together_name_the_class(
    together: bool, tmp_path: Path
) -> None:
    task = make_task("binary", rows=900)
    generator = np.random.default_rng(4)
    for frame, answers in ((task.train, task.train[TARGET]), (task.test, task.answers[TARGET])):
        size = len(frame)
        for number in range(40):
            frame[f"site {number}"] = generator.choice(list("acgt"), size)
        first = generator.integers(0, 4, size)
        half = 2 * pd.factorize(answers, sort=True)[0] if together else 0
        frame["first"] = [f"k{k}" for k in first]
        frame["second"] = [f"m{k}" for k in (first + half + generator.integers(0, 2, size)) % 4]
    assert errors(task.write(tmp_path / "task")) == ({"L06"} if together else set())


@pytest.mark.parametrize("told", [True, False])
def test_things_of_which_train_knows_a_few(told: bool, tmp_path: Path) -> None:
    """Most test rows are of other things: the split was made by them, and leaks."""
    task = make_task("regression", rows=900)
    generator = np.random.default_rng(4)
    rows = pd.concat([task.train[TARGET], task.whole[TARGET]], ignore_index=True)
    order = rows.argsort().to_numpy() if told else generator.permutation(len(rows))
    things = np.empty(len(rows), dtype=int)
    things[order] = np.arange(len(rows)) // 5
    cut = len(task.train)
    of_test = np.where(generator.random(len(rows) - cut) < 0.2, things[cut:], things[cut:] + 10_000)
    task.train["device"] = [f"d{n}" for n in things[:cut]]
    task.test["device"] = [f"d{n}" for n in of_test]
    checked = check_package(task.write(tmp_path / "task"), layers={Layer.LEAKAGE})
    assert [f.code for f in checked.findings if f.severity is Severity.ERROR] == ["L09"] * told


@pytest.mark.parametrize("of_all", [True, False])
@pytest.mark.parametrize("what", ["sum", "mean"])
def test_a_table_of_groups(what: str, of_all: bool, tmp_path: Path) -> None:
    """Of all rows, or of train alone."""
    task = make_task("regression", rows=900)
    generator = np.random.default_rng(4)
    for frame in (task.train, task.test):
        frame["site"] = [f"s{n:03d}" for n in generator.integers(0, 120, len(frame))]
    known = pd.concat([task.train, task.whole]) if of_all else task.train
    stats = known.groupby("site")[TARGET].agg(["size", what]).round(6)
    stats["closed"] = pd.Series([np.nan] * len(stats), stats.index)
    stats.loc["none of them"] = [1, 2.0, 3.0]
    task.files["sites.csv"] = stats.reset_index().to_csv(index=False)
    assert ("L08" in errors(task.write(tmp_path / "task"))) is of_all
