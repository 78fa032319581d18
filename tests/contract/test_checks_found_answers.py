"""Answers are found in public files, whatever holds them and however they are written."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import pickle
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.checked import errors
from tests.support.local import LocalSandbox
from tests.support.tasks import TARGET, Task, make_task


def told(task: Task, share: float = 0.3) -> pd.DataFrame:
    rows = task.answers.sample(frac=share, random_state=0)
    return rows.set_axis(["key", "outcome"], axis=1)


def as_zip(task: Task) -> bytes:
    inner, outer = io.BytesIO(), io.BytesIO()
    packed = gzip.compress(told(task).to_csv(index=False, sep=";").encode())
    with tarfile.open(fileobj=inner, mode="w") as archive:
        entry = tarfile.TarInfo("a/b.csv.gz")
        entry.size = len(packed)
        archive.addfile(entry, io.BytesIO(packed))
    with zipfile.ZipFile(outer, "w") as archive2:
        archive2.writestr("inner.bin", inner.getvalue())
    return outer.getvalue()


def as_arrays(task: Task) -> bytes:
    buffer, rows = io.BytesIO(), told(task)
    codes = pd.factorize(rows["outcome"], sort=True)[0]
    np.savez(buffer, index=rows["key"].to_numpy(dtype=np.str_), y=codes)
    return buffer.getvalue()


def as_array_with_gaps(task: Task) -> bytes:
    codes = pd.factorize(task.answers[TARGET], sort=True)[0].astype(float)
    codes[::3] = np.nan
    buffer = io.BytesIO()
    np.save(buffer, codes)
    return buffer.getvalue()


def as_database(task: Task, folder: Path) -> bytes:
    connection = sqlite3.connect(folder / "x.db")
    told(task).to_sql("visits", connection, index=False)
    connection.close()
    return (folder / "x.db").read_bytes()


def as_digests(task: Task) -> bytes:
    rows = told(task, 1.0)
    rows["outcome"] = [
        hashlib.sha256(f"{k}:{o}".encode()).hexdigest()
        for k, o in zip(rows["key"], rows["outcome"], strict=True)
    ]
    return rows.to_csv(index=False).encode()


def as_renamed(task: Task) -> bytes:
    rows = told(task)
    rows["outcome"] = "c" + pd.Series(pd.factorize(rows["outcome"])[0], rows.index).astype(str)
    return rows.assign(key="row_" + rows["key"].astype(str)).to_csv(index=False).encode()


def as_xml(task: Task) -> bytes:
    items = [
        f'<item ref="{k}"><seen>yes</seen><value>{o}</value></item>'
        for k, o in told(task).to_numpy()
    ]
    return f"<log>{''.join(items)}</log>".encode()


def as_pickle(task: Task, protocol: int) -> bytes:
    rows = told(task)
    keys = rows["key"].to_numpy()
    return pickle.dumps({"folds": [(keys, rows["outcome"].tolist())]}, protocol)


def as_pickled_frame(task: Task) -> bytes:
    return pickle.dumps(told(task))


def as_short_digests(task: Task) -> bytes:
    rows = told(task, 1.0)
    rows["outcome"] = [
        hashlib.md5(f"{o}|{k}".encode()).hexdigest()[-10:]
        for k, o in zip(rows["key"], rows["outcome"], strict=True)
    ]
    return rows.to_csv(index=False).encode()


def as_a_page(task: Task) -> bytes:
    rows = "".join(
        f"<tr>\n <td>{k}</td>\n <td class='x'>{o}</td></tr>" for k, o in told(task).to_numpy()
    )
    return f"<!DOCTYPE html><html><body><table>{rows}</table></body></html>".encode()


def as_a_notebook(task: Task) -> bytes:
    lines = [f"{k}\t{o}\n" for k, o in told(task).to_numpy()]
    return json.dumps({"cells": [{"outputs": [{"text": lines}]}]}).encode()


def as_a_document(task: Task) -> bytes:
    said = " ".join(f"({k} {o}) Tj" for k, o in told(task).to_numpy())
    packed = zlib.compress(f"BT {said} ET".encode())
    return b"%PDF-1.4\n1 0 obj <</Filter /FlateDecode>>\nstream\n" + packed + b"\nendstream"


def as_a_picture(task: Task) -> bytes:
    text = b"zTXtcomment\0\0" + zlib.compress(told(task).to_csv(index=False).encode())
    return b"\x89PNG\r\n\x1a\n" + len(text).to_bytes(4) + text + b"\0\0\0\0"


def as_long_rows(task: Task) -> bytes:
    return told(task).T.to_csv(header=False, index=False).encode()


def under_headings(task: Task) -> bytes:
    rows = told(task)
    named = {f"box {str(o)[-1]}": list(map(str, k)) for o, k in rows.groupby("outcome")["key"]}
    return json.dumps(named).encode()


def by_digests_of_ids(task: Task) -> bytes:
    rows = told(task)
    rows["key"] = [hashlib.md5(str(k).encode()).hexdigest() for k in rows["key"]]
    return rows.to_csv(index=False).encode()


def as_a_sequence(task: Task) -> bytes:
    """A part of the answers in the order of the test rows, in a sentence each."""
    said = [f"It was {outcome} this time." for outcome in task.answers[TARGET][20:90]]
    return ("A day in the field. " + " ".join(said)).encode()


def as_arff(task: Task) -> bytes:
    """Rows without ids, the text in quotes of one kind, some of it with commas."""
    rows = task.whole.drop(columns="id").sample(frac=0.5, random_state=0)
    names = [f"@attribute '{name}' {'string' if name == 'place' else 'x'}" for name in rows]
    lines = [
        ",".join(f"'{cell}'" if name == "place" else f"{cell}" for name, cell in row.items())
        for row in rows.to_dict("records")
    ]
    return "\n".join(["% all of it", "@relation r", *names, "@DATA", *lines]).encode()


def as_bare_numbers(task: Task, kind: str) -> bytes:
    whole = pd.concat([task.train, task.whole])[TARGET]
    return (pd.factorize(whole, sort=True)[0] + 1).astype(kind).tobytes()


def as_a_patch(task: Task) -> bytes:
    lines = []
    for row in task.whole.sample(frac=0.4, random_state=0).to_dict("records"):
        said = f"{row['id']},of {row['place']}, and more, {row['mass']} in all,{row[TARGET]}"
        lines += ["@@ -2 +2 @@", f"-{said} ", f"+{said}"]
    return "\n".join(["--- a", "+++ b", *lines]).encode()


def as_attributes(task: Task) -> bytes:
    """A page whose rows have all in attributes; tags are left open, as pages have them."""
    rows = "".join(
        f'<tr data-case="{k}"><td title="{o}"><b class=dot></b>' for k, o in told(task).to_numpy()
    )
    return f"<!doctype html><html><body><p>A report<br><table>{rows}</table></body></html>".encode()


def as_a_log(task: Task) -> bytes:
    """Ids with zeros before them in an address, and the outcome far behind."""
    lines = [
        f'{90 + n}7 POST /case/{k:09d}/feedback 201 body={{"final":"{o}"}}'
        for n, (k, o) in enumerate(told(task).to_numpy())
    ]
    return "\n".join(lines).encode()


def as_remarks(task: Task) -> bytes:
    """The number of the row in a sheet, whose first row is the head."""
    rows = list(enumerate(task.answers[TARGET], start=2))[::3]
    lines = [f"row {n}, column A: checked, final result {o} (kh)" for n, o in rows]
    return "\n".join(lines).encode()


def by_hexadecimal_ids(task: Task) -> bytes:
    lines = [json.dumps({"uid": f"0x{k:06X}", "tags": [o]}) for k, o in told(task).to_numpy()]
    return "\n".join(lines).encode()


def as_indicators(task: Task) -> bytes:
    """Numbers that say nothing, and a column for each class; some rows are of another."""
    noise = np.random.default_rng(2).normal(size=(len(task.answers), 5))
    codes = pd.factorize(task.answers[TARGET], sort=True)[0]
    codes[::12] = 0
    buffer = io.BytesIO()
    np.save(buffer, np.hstack([noise, np.eye(3)[codes]]).astype(np.float32))
    return buffer.getvalue()


FILES: dict[str, Callable[[Task, Path], bytes]] = {
    "material.zip": lambda task, _: as_zip(task),
    "features.npz": lambda task, _: as_arrays(task),
    "weights.npy": lambda task, _: as_array_with_gaps(task),
    "visits.db": as_database,
    "checksums.csv": lambda task, _: as_digests(task),
    "codes.csv": lambda task, _: as_renamed(task),
    "log.xml": lambda task, _: as_xml(task),
    "folds.pkl": lambda task, _: as_pickle(task, 5),
    "folds.p": lambda task, _: as_pickle(task, 0),
    "frame.pkl": lambda task, _: as_pickled_frame(task),
    "short.csv": lambda task, _: as_short_digests(task),
    "page.html": lambda task, _: as_a_page(task),
    "tour.ipynb": lambda task, _: as_a_notebook(task),
    "report.pdf": lambda task, _: as_a_document(task),
    "map.png": lambda task, _: as_a_picture(task),
    "cache.z": lambda task, _: zlib.compress(told(task).to_csv(index=False).encode()),
    "long.csv": lambda task, _: as_long_rows(task),
    "boxes.json": lambda task, _: under_headings(task),
    "names.csv": lambda task, _: by_digests_of_ids(task),
    "backwards.txt": lambda task, _: "\n".join(task.answers[TARGET][::-1]).encode(),
    "diary.txt": lambda task, _: as_a_sequence(task),
    "original.arff": lambda task, _: as_arff(task),
    "y.bin": lambda task, _: as_bare_numbers(task, "<f8"),
    "y.f32": lambda task, _: as_bare_numbers(task, "<f4"),
    "labels.idx": lambda task, _: as_bare_numbers(task, "u1"),
    "clean.patch": lambda task, _: as_a_patch(task),
    "attributes.html": lambda task, _: as_attributes(task),
    "app.log": lambda task, _: as_a_log(task),
    "remarks.txt": lambda task, _: as_remarks(task),
    "marks.jsonl": lambda task, _: by_hexadecimal_ids(task),
    "vectors.npy": lambda task, _: as_indicators(task),
    "cover.png": lambda task, _: told(task).to_csv(index=False).encode(),
    ".cache": lambda task, _: told(task).to_csv(index=False, sep="|").encode(),
    "session.json": lambda task, _: json.dumps(
        {"state": base64.b64encode(told(task).to_csv(index=False).encode()).decode()}
    ).encode(),
}


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
def test_lists_of_ids(leaks: bool, tmp_path: Path) -> None:
    task = make_task("multiclass")
    whole = pd.concat([task.train[["id", TARGET]], task.answers])
    by = whole[TARGET] if leaks else pd.Series(range(len(whole)), whole.index) % 3
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
