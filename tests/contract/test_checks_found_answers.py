"""Answers are found in public files, whatever holds them and however they are written."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.answer_files import FILES, as_bare_numbers, told
from tests.support.checked import errors
from tests.support.local import LocalSandbox
from tests.support.tasks import TARGET, Task, make_task


@pytest.mark.parametrize("name", FILES)
def test_answers_are_found_whatever_holds_them(name: str, tmp_path: Path) -> None:
    task = make_task("multiclass")
    subject = task.write(tmp_path / "task", LocalSandbox())
    (subject.paths.public / name).write_bytes(FILES[name](task, tmp_path))
    assert errors(subject) == {"L07"}


def test_a_file_for_each_row_that_holds_its_answer_is_found(tmp_path: Path) -> None:
    task = make_task("multiclass")
    subject = task.write(tmp_path / "task", LocalSandbox())
    (subject.paths.public / "notes").mkdir()
    for key, outcome in told(task).to_numpy():
        path = subject.paths.public / "notes" / f"{key}.json"
        path.write_text(json.dumps({"regions": [{"label": outcome, "box": [1, 4]}]}))
    assert errors(subject) == {"L07"}


def test_the_program_under_another_name_is_found(tmp_path: Path) -> None:
    subject = make_task("binary").write(tmp_path / "task", LocalSandbox())
    code = "\n".join(f"value_{k} = make_something_of({k}, 'raw')" for k in range(9))
    subject.paths.prepare.write_text(f"def prepare(raw, public, private):\n{code}\n")
    (subject.paths.public / "notebook.txt").write_text("# ours\n" + code.replace("\n", "\n    "))
    assert errors(subject) == {"L14"}


@pytest.mark.parametrize("rows", ["the first", "the last", "all rows of the raw data"])
def test_answers_of_a_part_and_of_more_than_the_test_rows(rows: str, tmp_path: Path) -> None:
    task = make_task("multiclass")
    whole = pd.concat([task.train[["id", TARGET]], task.answers]).sort_values("id")
    shown = {"the first": task.answers[TARGET][:50], "the last": task.answers[TARGET][-50:]}
    subject = task.write(tmp_path / "task", LocalSandbox())
    column = shown.get(rows, whole[TARGET])
    column.to_csv(subject.paths.public / "column.csv", index=False)
    assert errors(subject) == {"L07"}


def test_rows_are_found_by_the_inputs_they_share_with_test_rows(tmp_path: Path) -> None:
    task = make_task("regression")
    subject = task.write(tmp_path / "task", LocalSandbox())
    rows = task.whole.sample(40, random_state=1)[["height", "mass", "place", TARGET]]
    rows.set_axis(["height", "mass", "place", "weight"], axis=1).to_csv(
        subject.paths.public / "survey.csv", index=False
    )
    assert errors(subject) == {"L07"}


def test_words_of_the_classes_in_another_order_are_sound(tmp_path: Path) -> None:
    task = make_task("multiclass")
    subject = task.write(tmp_path / "task", LocalSandbox())
    others = task.train[TARGET].sample(frac=1, random_state=3)
    (subject.paths.public / "diary.txt").write_text(" ".join(f"Seen: {o}." for o in others))
    assert errors(subject) == set()


@pytest.mark.parametrize("leaks", [True, False])
def test_a_drawing_whose_points_are_the_answers(leaks: bool, tmp_path: Path) -> None:
    task = make_task("regression")
    drawn = task.answers[TARGET].to_numpy(copy=True)
    mixed = np.random.default_rng(1).uniform(size=len(drawn)) < (0.2 if leaks else 1)
    drawn[mixed] = np.random.default_rng(2).permutation(drawn[mixed])
    points = "".join(f'<circle cx="{n}" cy="{290 - 2.5 * y:.2f}"/>' for n, y in enumerate(drawn))
    subject = task.write(tmp_path / "task", LocalSandbox())
    (subject.paths.public / "plot.svg").write_text(f"<svg>{points}</svg>")
    assert errors(subject) == ({"L07"} if leaks else set())


@pytest.mark.parametrize("leaks", [True, False])
@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_lists_of_ids(kind: str, leaks: bool, tmp_path: Path) -> None:
    task = make_task(kind)
    whole = pd.concat([task.train[["id", TARGET]], task.answers])
    classes = whole[TARGET] if kind == "multiclass" else pd.qcut(whole[TARGET], 8, labels=False)
    by = classes if leaks else pd.Series(range(len(whole)), whole.index) % 3
    subject = task.write(tmp_path / "task", LocalSandbox())
    for number, (_, ids) in enumerate(whole["id"].groupby(by.to_numpy())):
        lines = "\n".join(map(str, ids))
        (subject.paths.public / f"set_{number}.txt").write_text(lines)
    assert errors(subject) == ({"L07"} if leaks else set())


@pytest.mark.parametrize("leaks", [True, False])
def test_a_table_by_another_key_that_has_the_answers(leaks: bool, tmp_path: Path) -> None:
    task = make_task("binary")
    keys = iter(np.random.default_rng(1).permutation(9000))
    rows = []
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        frame["unit"] = [int(next(keys)) for _ in range(len(frame))]
        rows.append(pd.DataFrame({"unit": frame["unit"], "m1": whole[TARGET].to_numpy()}))
    panel = pd.concat(rows).sample(frac=1, random_state=0)
    if not leaks:
        panel["m1"] = panel["m1"].sample(frac=1, random_state=1).to_numpy()
    subject = task.write(tmp_path / "task", LocalSandbox())
    panel.to_csv(subject.paths.public / "panel.csv", index=False)
    assert errors(subject) == ({"L07"} if leaks else set())


def test_bare_numbers_in_another_order_are_sound(tmp_path: Path) -> None:
    task = make_task("multiclass")
    subject = task.write(tmp_path / "task", LocalSandbox())
    for kind in ("<f8", "u1"):
        numbers = np.frombuffer(as_bare_numbers(task, kind), kind)
        mixed = np.random.default_rng(1).permutation(numbers)
        (subject.paths.public / f"mixed.{kind[1:]}").write_bytes(mixed.tobytes())
    assert errors(subject) == set()


def test_a_pickle_that_would_run_code_runs_none(tmp_path: Path) -> None:
    task = make_task("multiclass")
    subject = task.write(tmp_path / "task", LocalSandbox())
    mark = tmp_path / "ran"

    class Harm:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (mark,)

    (subject.paths.public / "model.pkl").write_bytes(pickle.dumps([Harm(), told(task)]))
    assert errors(subject) == {"L07"}
    assert not mark.exists()


DIGESTS: dict[str, Callable[[str, str], str]] = {
    "whole, of the answer after the id": lambda key, answer: hashlib.sha1(
        f"{key}-{answer}".encode()
    ).hexdigest(),
    "cut": lambda key, answer: hashlib.sha256(f"{key}{answer}".encode()).hexdigest()[:8],
    "of the answer alone": lambda _, answer: hashlib.blake2b(answer.encode()).hexdigest(),
    "a checksum": lambda key, answer: f"{zlib.crc32(f'{key}:{answer}'.encode()):08x}",
}


@pytest.mark.parametrize("how", DIGESTS)
def test_digests_of_the_answers_beside_the_rows_are_found(how: str, tmp_path: Path) -> None:
    task = make_task("regression")
    for frame, whole in ((task.train, task.train), (task.test, task.whole)):
        frame["version"] = [
            DIGESTS[how](str(k), str(y)) for k, y in zip(whole["id"], whole[TARGET], strict=True)
        ]
    assert "L07" in errors(task.write(tmp_path / "task", LocalSandbox()))


@pytest.mark.parametrize("public", [True, False])
def test_digests_with_a_salt_are_found_if_it_is_public(public: bool, tmp_path: Path) -> None:
    task = make_task("binary")
    rows = [
        f"{key},{hashlib.sha256(f'zq-2023-77ae|{key}|{answer}'.encode()).hexdigest()}"
        for key, answer in task.answers.to_numpy()
    ]
    task.files["commitments.csv"] = "\n".join(["id,sha256", *rows])
    task.files["notes.md"] = f"The salt is `{'zq-2023-77ae' if public else 'not given'}`."
    found = errors(task.write(tmp_path / "task", LocalSandbox()))
    assert found == ({"L07"} if public else set())


def test_digests_of_something_else_are_sound(tmp_path: Path) -> None:
    task = make_task("regression")
    for frame in (task.train, task.test):
        frame["version"] = [hashlib.sha1(f"row {k}".encode()).hexdigest()[:8] for k in frame["id"]]
    assert errors(task.write(tmp_path / "task", LocalSandbox())) == set()


def test_columns_in_the_order_of_other_rows_are_sound(tmp_path: Path) -> None:
    task = make_task("regression")
    subject = task.write(tmp_path / "task", LocalSandbox())
    drawn = np.random.default_rng(0).choice(task.train[TARGET], 60)
    pd.Series(drawn).to_csv(subject.paths.public / "column.csv", index=False)
    assert errors(subject) == set()


@pytest.mark.parametrize("told_by_table", [True, False])
def test_links_of_pairs_the_other_way_round_under_other_names(
    told_by_table: bool, tmp_path: Path
) -> None:
    task = make_task("binary")
    generator = np.random.default_rng(0)
    for frame in (task.train, task.test):
        for side in ("giver", "taker"):
            frame[side] = [f"p{n}" for n in generator.integers(0, 200, len(frame))]
    values = task.answers[TARGET].map({"yes": 1, "no": 0})
    if not told_by_table:
        values = values.sample(frac=1, random_state=0, ignore_index=True)
    links = pd.DataFrame({"from": task.test["taker"], "to": task.test["giver"], "weight": values})
    subject = task.write(tmp_path / "task", LocalSandbox())
    links.sample(frac=0.6, random_state=1).to_csv(
        subject.package / "public" / "edges.csv", index=False
    )
    assert errors(subject) == ({"L07"} if told_by_table else set())


@pytest.mark.parametrize("told_by_files", [True, False])
def test_a_file_for_each_row_with_its_answer(told_by_files: bool, tmp_path: Path) -> None:
    """No single file says much; all of them together do."""
    task = make_task("binary")
    subject = task.write(tmp_path / "task", LocalSandbox())
    folder = subject.package / "public" / "records"
    folder.mkdir()
    answers = dict(zip(task.answers["id"], task.answers[TARGET], strict=True))
    for place, row in enumerate(task.answers["id"]):
        state = answers[row] if told_by_files else ("yes", "no")[place % 2]
        (folder / f"{row}.json").write_text(json.dumps({"scale": 3.5, "state": state, "n": place}))
    assert ("L07" in errors(subject)) == told_by_files


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_a_log_with_ids_and_answers(kind: str, tmp_path: Path) -> None:
    """Classes of several words, and quantities that are ids of other rows as well."""
    task = make_task(kind)
    if kind == "multiclass":
        names = {name: f"{name} tree (genus {name})" for name in task.train[TARGET].unique()}
        for frame in (task.train, task.answers):
            frame[TARGET] = frame[TARGET].map(names)
    else:
        for frame in (task.train, task.answers):
            frame[TARGET] = (frame[TARGET].rank(pct=True) * 400).round() + frame["id"].min()
    subject = task.write(tmp_path / "task", LocalSandbox())
    lines = [f"12:00 INFO sample={i} truth={y}" for i, y in told(task).to_numpy().tolist()]
    (subject.package / "public" / "run.log").write_text("\n".join(lines))
    assert "L07" in errors(subject)


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_one_of_many_alike_files_that_holds_answers(share: float, tmp_path: Path) -> None:
    """The others have no ids. It is none of the few that are looked into by themselves."""
    task = make_task("binary")
    subject = task.write(tmp_path / "task", LocalSandbox())
    folder = subject.package / "public" / "parts"
    folder.mkdir()
    answers = told(task, share).astype("str")
    for number in range(60):
        part = answers if number == 7 else answers.assign(key="unknown")
        part.to_parquet(folder / f"part{number:02}.parquet")
    assert "L07" in errors(subject)


def residuals(task: Task) -> str:
    """A log of what a model gave for test rows, in any order, and how far off it was."""
    generator = np.random.default_rng(1)
    wanted = task.answers[TARGET].to_numpy()
    given = wanted + generator.normal(0, 8, len(wanted))
    off = (given - wanted) / wanted.std()
    frame = pd.DataFrame({"step": range(1, len(wanted) + 1), "gave": given, "off": off})
    return frame.sample(frac=1, random_state=3).round(4).to_csv(index=False)


def losses(task: Task) -> str:
    """The same of probabilities, with the logarithmic loss of each row."""
    generator = np.random.default_rng(1)
    labels = sorted(task.train[TARGET].unique())
    shares = generator.dirichlet(np.ones(len(labels)), len(task.answers)).clip(0.01).round(4)
    codes = task.answers[TARGET].map(labels.index).to_numpy()
    frame = pd.DataFrame(shares, columns=[f"share {k}" for k in range(len(labels))])
    frame["loss"] = -np.log(shares[np.arange(len(codes)), codes]).round(4)
    return frame.sample(frac=1, random_state=3).reset_index(names="row").to_csv(index=False)


def drawing(task: Task) -> str:
    """A mark for each test row, as high as its class, with jitter."""
    levels = task.answers[TARGET].map({"ash": 40, "beech": 120, "cedar": 200})
    heights = levels + np.random.default_rng(1).uniform(-25, 25, len(levels))
    marks = "".join(f'<use x="{place}" y="{y:.3f}"/>' for place, y in enumerate(heights))
    return f'<svg xmlns="http://www.w3.org/2000/svg">{marks}</svg>'


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize(
    ("kind", "name", "of"),
    [
        ("regression", "log.csv", residuals),
        ("multiclass", "log.csv", losses),
        ("multiclass", "rows.svg", drawing),
    ],
)
def test_answers_that_follow_from_several_columns_or_from_a_drawing(
    kind: str, name: str, of: Callable[[Task], str], shuffled: bool, tmp_path: Path
) -> None:
    task = make_task(kind)
    other = make_task(kind)
    if shuffled:
        moved = other.answers[TARGET].sample(frac=1, random_state=8)
        other.answers[TARGET] = moved.to_numpy()
    task.files[name] = of(other)
    assert errors(task.write(tmp_path / "task", LocalSandbox())) == (set() if shuffled else {"L07"})


@pytest.mark.parametrize("with_target", [True, False])
def test_a_checksum_of_the_whole_record(with_target: bool, tmp_path: Path) -> None:
    task = make_task("multiclass")
    for frame, rows in ((task.train, task.train), (task.test, task.whole)):
        kept = rows if with_target else rows.drop(columns=TARGET)
        texts = kept.astype(str).agg(";".join, axis=1)
        frame["checksum"] = [hashlib.sha1(text.encode()).hexdigest()[:16] for text in texts]
    assert errors(task.write(tmp_path / "task")) == ({"L14"} if with_target else set())


@pytest.mark.parametrize("packed", [True, False])
def test_answers_packed_in_the_program(packed: bool, tmp_path: Path) -> None:
    task = make_task("multiclass")
    subject = task.write(tmp_path / "task")
    held = base64.b85encode(zlib.compress(task.answers[TARGET].str.cat().encode())).decode()
    pattern = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})T(?P<hour>\d{2}):(?P<minute>\d{2})Z"
    subject.paths.prepare.write_text(f"KNOWN = {(held if packed else pattern)!r}\n")
    assert errors(subject) == ({"L14"} if packed else set())
