"""Answers in other files, in the sample submission, or rebuilt from public ones: L7, L13, L14."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import sqlite3
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.detection.catalogue import Strength, plants
from benchmarks.detection.specimen import NotApplicableError, Specimen


def _told(specimen: Specimen, strength: Strength) -> pd.DataFrame:
    """Id and answer of 10, 40, 100 % of the test rows, in random order."""
    rows = specimen.answers[["id", specimen.target]]
    count = max(6, round(strength.of(0.1, 0.4, 1.0) * len(rows)))
    chosen = specimen.rng.permutation(len(rows))[:count]
    return rows.iloc[chosen].set_axis(["key", "outcome"], axis=1).reset_index(drop=True)


def _csv(frame: pd.DataFrame, separator: str = ",") -> str:
    return frame.to_csv(index=False, sep=separator, lineterminator="\n")


@plants("L7", "csv")
def in_csv(specimen: Specimen, strength: Strength) -> None:
    """A table by id, of 10, 40, 100 % of the answers (as in all of this class)."""
    specimen.add_file("extra.csv", _csv(_told(specimen, strength)), "notes")


@plants("L7", "json by id")
def in_json(specimen: Specimen, strength: Strength) -> None:
    """An object with the ids for its keys."""
    told = _told(specimen, strength)
    pairs = dict(zip(told["key"], told["outcome"], strict=True))
    specimen.add_file("config.json", json.dumps({"version": 3, "cache": pairs}), "settings")


@plants("L7", "a json file each")
def json_each(specimen: Specimen, strength: Strength) -> None:
    """A file for each row in a folder, called after its id."""
    told = _told(specimen, strength)
    if len(told) > 1500:
        raise NotApplicableError("too many files")
    for key, outcome in zip(told["key"], told["outcome"], strict=True):
        path = specimen.paths.public / "annotations" / f"{key}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            json.dumps({"tool": "v2", "regions": [{"label": outcome, "box": [1, 4]}]}), "utf-8"
        )
    specimen.mention("annotations/", "annotations")


@plants("L7", "xml")
def in_xml(specimen: Specimen, strength: Strength) -> None:
    """Elements with attributes."""
    told = _told(specimen, strength)
    items = "".join(
        f'<item ref="{k}"><seen>yes</seen><value>{o}</value></item>\n' for k, o in told.to_numpy()
    )
    specimen.add_file("log.xml", f"<log>\n{items}</log>\n", "a log")


@plants("L7", "text in a sequence")
def in_sequence(specimen: Specimen, strength: Strength) -> None:
    """The answers alone, in the order of the test rows; the others are replaced by a dash."""
    rows = specimen.whole[specimen.target]
    kept = specimen.rng.random(len(rows)) < strength.of(0.3, 0.6, 1.0)
    specimen.add_file("trace.log", "\n".join(rows.where(kept, "-")), "a trace")


@plants("L7", "zip")
def in_zip(specimen: Specimen, strength: Strength) -> None:
    """A table in an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b/meta.tsv", _csv(_told(specimen, strength), "\t"))
    specimen.add_file("extra.zip", buffer.getvalue(), "further material")


@plants("L7", "archive in an archive")
def nested(specimen: Specimen, strength: Strength) -> None:
    """A compressed table in a tar archive in a zip archive."""
    inner = gzip.compress(_csv(_told(specimen, strength), ";").encode(), mtime=0)
    tar, outer = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        entry = tarfile.TarInfo("logs/run.csv.gz")
        entry.size = len(inner)
        archive.addfile(entry, io.BytesIO(inner))
    with zipfile.ZipFile(outer, "w") as archive2:
        archive2.writestr("bundle.tar", tar.getvalue())
    specimen.add_file("material.zip", outer.getvalue(), "further material")


@plants("L7", "npz")
def in_npz(specimen: Specimen, strength: Strength) -> None:
    """Two arrays of NumPy: ids, and the answers (of classes their number)."""
    told = _told(specimen, strength).rename(columns={"outcome": specimen.target})
    buffer = io.BytesIO()
    np.savez(buffer, index=told["key"].to_numpy(dtype=np.str_), y=specimen.signal(told))
    specimen.add_file("features.npz", buffer.getvalue(), "arrays")


@plants("L7", "npy row by row")
def in_npy(specimen: Specimen, strength: Strength) -> None:
    """One array in the order of the test rows, NaN where nothing is told."""
    values = specimen.signal(specimen.whole)
    away = specimen.rng.random(len(values)) >= strength.of(0.3, 0.6, 1.0)
    buffer = io.BytesIO()
    np.save(buffer, np.where(away, np.nan, values))
    specimen.add_file("weights.npy", buffer.getvalue(), "an array")


@plants("L7", "parquet")
def in_parquet(specimen: Specimen, strength: Strength) -> None:
    """A table in Parquet."""
    buffer = io.BytesIO()
    _told(specimen, strength).to_parquet(buffer)
    specimen.add_file("extra.parquet", buffer.getvalue(), "a table")


@plants("L7", "sqlite")
def in_sqlite(specimen: Specimen, strength: Strength) -> None:
    """A table in a data base."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.db"
        connection = sqlite3.connect(path)
        connection.execute("create table visits (ref text, state text)")
        pairs = _told(specimen, strength).to_numpy().tolist()
        connection.executemany("insert into visits values (?, ?)", pairs)
        connection.commit()
        connection.close()
        specimen.add_file("visits.db", path.read_bytes(), "a data base")


@plants("L7", "excel")
def in_excel(specimen: Specimen, strength: Strength) -> None:
    """The second sheet of a workbook."""
    told = _told(specimen, strength)
    if len(told) > 4000:
        raise NotApplicableError("too long a sheet")
    buffer = io.BytesIO()
    with pd.ExcelWriter(buffer) as book:
        pd.DataFrame({"about": ["codes"]}).to_excel(book, sheet_name="read me", index=False)
        told.to_excel(book, sheet_name="data", index=False)
    specimen.add_file("codes.xlsx", buffer.getvalue(), "a workbook")


@plants("L7", "hidden file")
def hidden(specimen: Specimen, strength: Strength) -> None:
    """A file without a suffix whose name begins with a dot."""
    path = specimen.paths.public / ".cache"
    path.write_text(_csv(_told(specimen, strength), "|"), "utf-8")


@plants("L7", "wrong suffix")
def wrong_suffix(specimen: Specimen, strength: Strength) -> None:
    """A table whose name says that it is a picture."""
    specimen.add_file("cover.png", _csv(_told(specimen, strength)), "the cover")


@plants("L7", "base64")
def in_base64(specimen: Specimen, strength: Strength) -> None:
    """A table in base64, within JSON."""
    blob = base64.b64encode(_csv(_told(specimen, strength)).encode()).decode()
    specimen.add_file("session.json", json.dumps({"state": blob}), "a session")


@plants("L7", "hash of the answers")
def hashed(specimen: Specimen, strength: Strength) -> None:
    """A digest of id and answer for each row."""
    told = _told(specimen, strength)
    told["outcome"] = [hashlib.sha256(f"{k}:{o}".encode()).hexdigest() for k, o in told.to_numpy()]
    specimen.add_file("checksums.csv", _csv(told), "check sums")


@plants("L7", "hash of the label")
def hashed_label(specimen: Specimen, strength: Strength) -> None:
    """A digest of the answer for each row."""
    told = _told(specimen, strength)
    told["outcome"] = [hashlib.md5(o.encode()).hexdigest() for o in told["outcome"]]
    specimen.add_file("tokens.csv", _csv(told), "tokens")


@plants("L7", "disguised columns")
def disguised(specimen: Specimen, strength: Strength) -> None:
    """Ids with a prefix, the answer (halved, or a class by a number) among others."""
    told = _told(specimen, strength)
    named = told.rename(columns={"outcome": specimen.target})
    frame = pd.DataFrame(
        {
            "q": specimen.rng.normal(size=len(told)).round(3),
            "code": (0.5 * specimen.signal(named) + 3).round(8),
            "row": [f"row_{k}" for k in told["key"]],
            "w": specimen.rng.integers(0, 9, len(told)),
        }
    )
    specimen.add_file("history.csv", _csv(frame), "history")


@plants("L7", "whole rows")
def whole_rows(specimen: Specimen, strength: Strength) -> None:
    """Test rows with their answers among train rows, without ids."""
    count = max(8, round(strength.of(0.1, 0.4, 1.0) * len(specimen.test)))
    rows = pd.concat([specimen.train, specimen.whole.iloc[:count]])[list(specimen.train.columns)]
    rows = rows.drop(columns="id").sample(frac=1, random_state=3)
    specimen.add_file("archive.csv", _csv(rows), "older rows")


def _sample_column(specimen: Specimen) -> str:
    return next(c for c in specimen.sample.columns if c != "id")


def _submission(specimen: Specimen) -> pd.DataFrame:
    """The answers as a submission of the sample's form."""
    made = specimen.sample[["id"]].copy()
    answers = specimen.answers.set_index("id").loc[made["id"]]
    kind, classes = specimen.manifest["submission"]["prediction"], specimen.manifest["classes"]
    columns = [c for c in specimen.sample.columns if c != "id"]
    for place, column in enumerate(columns):
        if kind in ("label", "value"):
            made[column] = answers[column].to_numpy()
            continue
        label = (
            specimen.manifest["submission"]["positive"] if kind == "probability" else classes[place]
        )
        made[column] = np.where(answers[specimen.target].to_numpy() == str(label), "1.0", "0.0")
    return made


@plants("L13", "answers left in")
def answers_left_in(specimen: Specimen, strength: Strength) -> None:
    """5, 25, 100 % of the sample's rows hold their answer."""
    made = _submission(specimen)
    kept = specimen.rng.permutation(len(made))[
        : max(4, round(strength.of(0.05, 0.25, 1.0) * len(made)))
    ]
    place = np.isin(np.arange(len(made)), kept)
    for column in made.columns.drop("id"):
        specimen.sample[column] = np.where(place, made[column], specimen.sample[column])


@plants("L13", "answers with noise")
def answers_with_noise(specimen: Specimen, strength: Strength) -> None:
    """The sample leans towards the answers (correlation about 0.45, 0.7, 0.95)."""
    made = _submission(specimen)
    noise = strength.of(2.0, 1.0, 0.3)
    if specimen.manifest["submission"]["prediction"] == "label":
        wrong = specimen.rng.random(len(made)) < strength.of(0.6, 0.4, 0.1)
        column = _sample_column(specimen)
        shuffled = specimen.rng.permutation(made[column].to_numpy(dtype=object))
        specimen.sample[column] = np.where(wrong, shuffled, made[column])
        return
    for column in made.columns.drop("id"):
        values = pd.to_numeric(made[column]).to_numpy(dtype=float)
        moved = values + noise * specimen.rng.normal(0, values.std() + 1e-9, len(values))
        if specimen.manifest["submission"]["prediction"] != "value":
            moved = 1 / (1 + np.exp(-moved))
        specimen.sample[column] = [repr(round(float(v), 6)) for v in moved]


@plants("L13", "order of the answers")
def order_of_the_answers(specimen: Specimen, strength: Strength) -> None:
    """The sample's rows are sorted by the answers (rank correlation 0.4, 0.7, 1)."""
    rows = specimen.answers.set_index("id").loc[specimen.sample["id"]].reset_index()
    ranks = pd.Series(specimen.signal(rows)).rank(method="first", pct=True).to_numpy()
    noisy = ranks + strength.of(2.3, 1.0, 0.0) * specimen.rng.normal(0, ranks.std(), len(ranks))
    specimen.sample = specimen.sample.iloc[np.argsort(noisy, kind="stable")].reset_index(drop=True)


@plants("L13", "mean of the answers")
def mean_of_the_answers(specimen: Specimen, strength: Strength) -> None:
    """The constant is the mean of the answers."""
    if strength is not Strength.STRONG or specimen.classes:
        raise NotApplicableError("of a quantity, and planted as it is")
    for target in specimen.targets:
        mean = pd.to_numeric(specimen.answers[target]).mean()
        specimen.sample[target] = repr(float(mean))


@plants("L13", "shuffled answers")
def shuffled_answers(specimen: Specimen, strength: Strength) -> None:
    """The sample holds the very answers, in another order."""
    if strength is not Strength.STRONG or specimen.classes:
        raise NotApplicableError("of a quantity, and planted as it is")
    for target in specimen.targets:
        specimen.sample[target] = specimen.rng.permutation(
            specimen.answers[target].to_numpy(dtype=object)
        )


@plants("L14", "copy of the answers")
def copy_of_the_answers(specimen: Specimen, strength: Strength) -> None:
    """The private file under another name; weak and medium: a part, or compressed."""
    text = _csv(specimen.answers)
    if strength is Strength.STRONG:
        specimen.add_file("readme.dat", text, "notes")
    elif strength is Strength.MEDIUM:
        specimen.add_file("backup.gz", gzip.compress(text.encode(), mtime=0), "a backup")
    else:
        part = specimen.answers.iloc[: max(8, len(specimen.answers) // 8)]
        specimen.add_file("tmp/part-0001", _csv(part), "a part")


@plants("L14", "the program")
def the_program(specimen: Specimen, strength: Strength) -> None:
    """prepare.py lies in public/: as it is, under another name, or in an archive with changes."""
    if strength is Strength.STRONG:
        specimen.add_file("prepare.py", specimen.prepare, "how the data were prepared")
    elif strength is Strength.MEDIUM:
        specimen.add_file("notebook.txt", specimen.prepare, "how the data were prepared")
    else:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(
                "src/build.txt", "# our build\n" + specimen.prepare.replace("    ", "  ")
            )
        specimen.add_file("src.zip", buffer.getvalue(), "sources")


@plants("L14", "the raw table")
def the_raw_table(specimen: Specimen, strength: Strength) -> None:
    """All rows with the target (weak: a half of them, shuffled columns; strong: as they were)."""
    rows = specimen.everything.drop(columns="id")
    rows = rows.sample(frac=strength.of(0.5, 1.0, 1.0), random_state=4)
    if strength is Strength.WEAK:
        rows = rows[list(specimen.rng.permutation(rows.columns.to_numpy(dtype=object)))]
    specimen.add_file("full.csv", _csv(rows, strength.of(";", "\t", ",")), "the data as they came")
