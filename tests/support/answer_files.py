"""Files of many kinds that give the answers of a task away."""

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

import joblib  # type: ignore[import-untyped]  # has no stubs
import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier

from tests.support.tasks import TARGET, Task


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


def as_two_tables(task: Task, folder: Path) -> bytes:
    """Ids in one table, results in another, by the number of a visit."""
    rows = told(task, 1.0).sample(frac=1, random_state=1)
    rows["visit"] = np.random.default_rng(0).permutation(rows["key"].to_numpy())
    connection = sqlite3.connect(folder / "y.db")
    rows[["visit", "key"]].to_sql("visits", connection, index=False)
    rows[["visit", "outcome"]].iloc[::-1].to_sql("results", connection, index=False)
    connection.close()
    return (folder / "y.db").read_bytes()


def as_a_model(task: Task) -> bytes:
    """A nearest-neighbour model of all rows, as joblib writes it."""
    rows = pd.concat([task.train, task.test.assign(**{TARGET: task.answers[TARGET]})])
    model = KNeighborsClassifier(3).fit(rows[["height", "mass"]].to_numpy(), rows[TARGET])
    buffer = io.BytesIO()
    joblib.dump(model, buffer, compress=3)
    return buffer.getvalue()


def as_printed_rows(task: Task) -> bytes:
    """The output of a notebook's cell: rows with their answers, in columns."""
    rows = task.test.merge(task.answers, on="id").sample(frac=0.3, random_state=0)
    printed = rows[["id", "height", "mass", "place", TARGET]].to_string(index=False)
    output = {"output_type": "stream", "name": "stdout", "text": printed.splitlines(keepends=True)}
    return json.dumps({"cells": [{"cell_type": "code", "outputs": [output]}]}).encode()


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


def in_literals(task: Task) -> bytes:
    """A program that has them packed, in texts over several lines."""
    packed = zlib.compress(told(task).to_csv(index=False, sep="\t").encode()).hex()
    lines = "\n".join(f'    "{packed[at : at + 100]}"' for at in range(0, len(packed), 100))
    return f"import zlib\n\nKNOWN = (\n{lines}\n)\n".encode()


def by_hexadecimal_ids(task: Task) -> bytes:
    lines = [json.dumps({"uid": f"0x{k:06X}", "tags": [o]}) for k, o in told(task).to_numpy()]
    return "\n".join(lines).encode()


def beside_ages(task: Task) -> bytes:
    """By digests of the ids, and numbers that are whole but for one."""
    rows = [line.split(",") for line in by_digests_of_ids(task).decode().split()]
    rows += [[hashlib.md5(f"another {n}".encode()).hexdigest(), "ash"] for n in range(120)]
    ages = ["age", "60.667", *("61" for _ in rows[2:])]
    return "\n".join(",".join([age, *row]) for age, row in zip(ages, rows, strict=True)).encode()


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
    "registry.sqlite": as_two_tables,
    "baseline.joblib": lambda task, _: as_a_model(task),
    "starter.ipynb": lambda task, _: as_printed_rows(task),
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
    "check.py": lambda task, _: in_literals(task),
    "cache.z": lambda task, _: zlib.compress(told(task).to_csv(index=False).encode()),
    "long.csv": lambda task, _: as_long_rows(task),
    "boxes.json": lambda task, _: under_headings(task),
    "names.csv": lambda task, _: by_digests_of_ids(task),
    "backwards.txt": lambda task, _: "\n".join(task.answers[TARGET][::-1]).encode(),
    "diary.txt": lambda task, _: as_a_sequence(task),
    "original.arff": lambda task, _: as_arff(task),
    "a word of another format.csv": lambda task, _: by_digests_of_ids(task) + b"@data\n",
    "ages.csv": lambda task, _: beside_ages(task),
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
