"""Public files are decoded in the sandbox: what harms a decoder harms nothing else."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.io import savemat  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks import Layer, check_package
from mle_smith.checks.side_files import read_side_files
from mle_smith.sandbox.job import Sandbox
from mle_smith.values import Severity
from tests.support.local import LocalSandbox
from tests.support.tasks import make_task

FEW = pd.DataFrame({"key": [f"k{n}" for n in range(20)], "value": range(20)})


def _zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("deep/few.csv", FEW.to_csv(index=False))


def _tarred(path: Path) -> None:
    data = FEW.to_csv(index=False).encode()
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("few.csv")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))


def _database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        FEW.to_sql("few", connection, index=False)


FORMATS: dict[str, Callable[[Path], None]] = {
    "few.parquet": lambda path: FEW.to_parquet(path),
    "few.feather": lambda path: FEW.to_feather(path),
    "few.xlsx": lambda path: FEW.to_excel(path, index=False),
    "few.db": _database,
    "few.npy": lambda path: np.save(path, FEW.to_records(index=False).astype("U8,i8")),
    "few.mat": lambda path: savemat(path, {"value": FEW["value"].to_numpy()}),
    "few.zip": _zipped,
    "few.tar.gz": _tarred,
    "few.json": lambda path: FEW.to_json(path, orient="records"),
    "few.csv": lambda path: FEW.to_csv(path, index=False),
}


def _rows_of_zeros(path: Path) -> None:
    """150 million rows in a file of less than a megabyte."""
    column = pa.array(np.zeros(5_000_000, dtype=np.int64))
    table = pa.table({"value": column})
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(30):
            writer.write_table(table, row_group_size=5_000_000)


def _claims_a_terabyte(path: Path) -> None:
    with path.open("wb") as file:
        shape = {"descr": "<f8", "fortran_order": False, "shape": (2**37,)}
        np.lib.format.write_array_header_1_0(file, shape)


def _more_than_is_read(path: Path) -> None:
    path.touch()
    os.truncate(path, 65 * 2**20)


BOMBS: dict[str, Callable[[Path], None]] = {
    "zeros.parquet": _rows_of_zeros,
    "claim.npy": _claims_a_terabyte,
    "large.bin": _more_than_is_read,
}


@pytest.fixture(
    params=[pytest.param("warm_sandbox", marks=pytest.mark.docker), "namespaces_sandbox"]
)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    opened: Sandbox = request.getfixturevalue(request.param)
    return opened


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bombs")
    for name, write in BOMBS.items():
        write(folder / name)
    return folder


def test_every_format_is_read_in_a_sandbox_as_it_is_here(sandbox: Sandbox, tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.mkdir()
    for name, write in FORMATS.items():
        write(public / name)
    there = read_side_files(public, sandbox, 2_000)
    assert there.unread == {}
    values = [str(n) for n in range(20)]
    holding = {
        table.name.split("!")[0]
        for table in there.tables
        if any(table.frame[column].tolist() == values for column in table.frame.columns)
    }
    assert holding == {f"public/{name}" for name in FORMATS}
    here = read_side_files(public, LocalSandbox(), 2_000)
    for one, other in zip(there.tables, here.tables, strict=True):
        assert one.name == other.name
        pd.testing.assert_frame_equal(one.frame, other.frame)
    assert there.texts == here.texts
    members = {name: listed["path"].tolist() for name, listed in there.listings.items()}
    assert members["public/few.zip"] == ["deep/few.csv"]
    assert members["public/few.tar.gz"] == ["few.csv"]


def test_a_bomb_is_told_and_hides_nothing(sandbox: Sandbox, bombs: Path, tmp_path: Path) -> None:
    task = make_task("multiclass")
    subject = task.write(tmp_path / "task", sandbox)
    shutil.copytree(bombs, subject.paths.public, dirs_exist_ok=True)
    task.answers.to_parquet(subject.paths.public / "zz.parquet")
    checked = check_package(subject, layers={Layer.LEAKAGE})
    found = [f for f in checked.findings if f.code == "L07"]
    assert [f.evidence["file"] for f in found if f.severity is Severity.ERROR] == [
        "public/zz.parquet"
    ]
    told = [f.evidence["files"] for f in found if f.severity is Severity.WARNING]
    assert [set(files) for files in told] == [{f"public/{name}" for name in BOMBS}]


def test_more_small_files_than_one_process_reads_are_all_read(tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.mkdir()
    for number in range(75):
        (public / f"{number:02}.txt").write_text("one line of " * 80_000)
    FEW.to_csv(public / "zz.csv", index=False)
    found = read_side_files(public, LocalSandbox(), 2_000)
    assert found.unread == {}
    assert len(found.texts) == 76
    assert "public/zz.csv" in {table.name for table in found.tables}


def test_without_a_sandbox_nothing_is_decoded_and_that_is_told(tmp_path: Path) -> None:
    task = make_task("multiclass")
    subject = task.write(tmp_path / "task")
    task.answers.to_parquet(subject.paths.public / "answers.parquet")
    checked = check_package(subject, layers={Layer.LEAKAGE})
    found = [f for f in checked.findings if f.code == "L07"]
    assert [(f.severity, f.evidence["files"]) for f in found] == [
        (Severity.WARNING, {"public/answers.parquet": "no sandbox was given"})
    ]
