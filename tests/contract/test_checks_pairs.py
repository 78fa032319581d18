"""Pairs of names that tell answers are caught; pairs drawn by lot, and numbers, pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.checked import errors
from tests.support.tasks import TARGET, Task, make_task

PAIRS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "the same": ("multiclass", lambda y: y),
    "the other one": ("binary", lambda y: y.map({"yes": "no", "no": "yes"})),
    "the opposite": ("regression", lambda y: 100 - y + np.sin(np.arange(len(y)))),
    "one that has little to do with it": ("regression", lambda y: y.sample(frac=1, random_state=0)),
}


@pytest.mark.parametrize("back", PAIRS)
def test_pairs_the_other_way_round(back: str, tmp_path: Path) -> None:
    kind, change = PAIRS[back]
    task = make_task(kind)
    generator = np.random.default_rng(1)
    pairs = [(a, b) for a in range(60) for b in range(a)]
    chosen = generator.permutation(pairs)[: len(task.train) + len(task.test)]
    for place, column in enumerate(("one", "other")):
        task.train[column] = [f"n{p[place]}" for p in chosen[: len(task.train)]]
        task.test[column] = [f"n{p[place]}" for p in chosen[len(task.train) :]]
    task.train.loc[:39, ["one", "other"]] = task.test.loc[:39, ["other", "one"]].to_numpy()
    task.train.loc[:39, TARGET] = change(task.answers.loc[:39, TARGET]).to_numpy()
    task.train = task.train.sample(frac=1, random_state=2)
    sound = back == "one that has little to do with it"
    assert errors(task.write(tmp_path / "task")) == (set() if sound else {"L16"})


def test_pairs_within_one_cell(tmp_path: Path) -> None:
    task = make_task("multiclass")
    pairs = [(a, b) for a in range(60) for b in range(a)]
    chosen = np.random.default_rng(1).permutation(pairs)[: len(task.train) + len(task.test)]
    cells = [f"n{a}-n{b}" for a, b in chosen]
    task.train["pair"], task.test["pair"] = cells[: len(task.train)], cells[len(task.train) :]
    turned = ["-".join(reversed(cell.split("-"))) for cell in task.test["pair"][:40]]
    task.train.loc[:39, "pair"] = turned
    task.train.loc[:39, TARGET] = task.answers.loc[:39, TARGET].to_numpy()
    task.train = task.train.sample(frac=1, random_state=2)
    assert errors(task.write(tmp_path / "task")) == {"L16"}


def test_names_of_which_only_the_turned_pairs_come_back(tmp_path: Path) -> None:
    task = make_task("multiclass")
    for frame, first in ((task.train, 0), (task.test, 5_000)):
        frame["one"] = [f"n{first + n}" for n in range(len(frame))]
        frame["other"] = [f"n{first + 1_000 + n}" for n in range(len(frame))]
    turned = task.test.loc[:9, ["other", "one"]].to_numpy()
    task.train.loc[:9, ["one", "other"]] = turned
    task.train.loc[:9, TARGET] = task.answers.loc[:9, TARGET].to_numpy()
    order = np.random.default_rng(0)
    task.train = task.train.sample(frac=1, random_state=order)
    assert errors(task.write(tmp_path / "task")) == {"L16"}


def test_grades_of_one_scale_meet_in_every_order(tmp_path: Path) -> None:
    """Rows (3, 1) and (1, 3) are no pair of two names, though they are of one class."""
    task = make_task("binary", rows=900)
    generator = np.random.default_rng(2)
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        bad = (whole[TARGET] == "yes").to_numpy()
        for name in ("shape", "size", "growth"):
            low, high = generator.geometric(0.6, len(bad)), generator.integers(4, 11, len(bad))
            frame[name] = np.where(bad, high, low.clip(1, 10))
    assert "L16" not in errors(task.write(tmp_path / "task"))


def test_numbers_of_which_one_is_frequent_are_no_names(tmp_path: Path) -> None:
    task = make_task("binary", rows=900)
    task.weaken()
    generator = np.random.default_rng(2)
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        at_once = (whole[TARGET] == "yes") & (generator.random(len(whole)) < 0.9)
        frame["wait"] = np.where(at_once, 0, generator.integers(1, 90, len(whole)))
        frame["cost"] = generator.integers(0, 90, len(whole))
    assert "L16" not in errors(task.write(tmp_path / "task"))


def paired(task: Task, how: str, generator: np.random.Generator) -> None:
    """Give each row two names, chosen as `how` says."""
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        yes = (whole[TARGET] == "yes").to_numpy()
        one, other = generator.integers(0, 400, (2, len(frame)))
        if how == "hubs":
            one = np.where(yes, generator.integers(0, 12, len(frame)), one)
        elif how == "clusters":
            cluster = generator.integers(0, 40, len(frame))
            away = (cluster + generator.integers(1, 40, len(frame))) % 40
            one = cluster * 5 + generator.integers(0, 5, len(frame))
            other = np.where(yes, cluster, away) * 5 + generator.integers(0, 5, len(frame))
        frame["one"], frame["other"] = [[f"n{k}" for k in side] for side in (one, other)]


@pytest.mark.parametrize("how", ["hubs", "clusters", "at random"])
def test_pairs_that_tell_by_how_they_were_chosen(how: str, tmp_path: Path) -> None:
    task = make_task("binary")
    task.weaken()
    paired(task, how, np.random.default_rng(1))
    assert ("L16" in errors(task.write(tmp_path / "task"))) == (how != "at random")


@pytest.mark.parametrize("told", [True, False])
def test_a_list_of_links_that_has_the_turned_pair(told: bool, tmp_path: Path) -> None:
    task = make_task("binary", rows=900)
    generator = np.random.default_rng(4)
    links = []
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        names = [f"n{n:03d}" for n in generator.permutation(2 * len(frame)) % 400]
        frame["source"], frame["sink"] = names[: len(frame)], names[len(frame) :]
        kept = (whole[TARGET] == "yes") if told else (whole["id"] % 3 == 0)
        links += list(zip(frame["sink"][kept], frame["source"][kept], strict=True))
    lines = [f"{a},{b}" for a, b in links] + [f"n{n:03d},n{n * 7 % 400:03d}" for n in range(400)]
    task.files["links.csv"] = "\n".join(["from,to", *generator.permutation(lines)])
    assert ("L16" in errors(task.write(tmp_path / "task"))) is told
