"""`mle-smith sandbox run`: what programs are told, and what wrong calls are."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from mle_smith.sandbox.job import Limits

KEYS = [
    *("status", "exit_code", "oom_seen", "truncated", "wall_s", "stdout", "stderr"),
    *("artefacts", "rejected", "backend", "isolation"),
]
PROGRAM = """
import os, sys
print(open(os.environ["MLE_IN"] + "/data.csv").read().strip())
with open(os.environ["MLE_OUT"] + "/result.csv", "w") as file:
    file.write("id\\n1\\n")
os.symlink("/etc/passwd", os.environ["MLE_OUT"] + "/link")
sys.exit(3)
"""

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the command line; its exit status and what it printed."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        command = ["mle-smith", "sandbox", "run", *map(str, words), "--sandbox", "process"]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, printed.out, printed.err

    return run


@pytest.fixture
def program(tmp_path: Path) -> list[str | Path]:
    """A program with one input that writes a file and a link, and ends with 3."""
    (tmp_path / "main.py").write_text(PROGRAM)
    (tmp_path / "data.csv").write_text("a,b\n")
    return [tmp_path / "main.py", "--input", tmp_path / "data.csv"]


def test_programs_get_one_document_whose_paths_hold(
    call: Call, program: list[str | Path], tmp_path: Path
) -> None:
    status, out, _ = call(*program, "--out", tmp_path / "new" / "out", "--json")
    document: dict[str, Any] = json.loads(out)
    assert status == 1
    assert list(document)[: len(KEYS)] == KEYS
    assert (document["status"], document["exit_code"]) == ("nonzero", 3)
    assert (document["stdout"], document["backend"]) == ("a,b\n", "process")
    artefact = document["artefacts"]["result.csv"]
    assert Path(artefact["path"]).read_text() == "id\n1\n"
    assert Path(artefact["path"]) == tmp_path / "new" / "out" / "result.csv"
    assert list(document["rejected"]) == ["link"]


def test_without_a_folder_files_are_told_of_and_not_kept(
    call: Call, program: list[str | Path]
) -> None:
    _, out, _ = call(*program, "--json")
    artefact = json.loads(out)["artefacts"]["result.csv"]
    assert (artefact["path"], artefact["size"]) == (None, 5)
    _, out, err = call(*program)
    assert out == "a,b\n"
    assert "result.csv (not kept: no --out), 5 bytes" in err
    assert "left behind link" in err


def test_limits_take_effect(call: Call, tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text("print('x' * 100); import time; time.sleep(60)")
    limits = ["--limits", "wall_s=30,memory_mb=100", "--limits", " stdout_bytes = 10, wall_s=1"]
    status, out, _ = call(script, *limits, "--json")
    document = json.loads(out)
    assert (status, document["status"], document["stdout"]) == (1, "output_limit", "x" * 10)
    status, out, _ = call(script, "--limits", "wall_s=1", "--json")
    assert (status, json.loads(out)["status"]) == (1, "timeout")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ("ram=3", "no limit 'ram'"),
        ("memory_mb", "'memory_mb' is not NAME=NUMBER"),
        ("memory_mb=much", "memory_mb=much"),
        ("memory_mb=63", "greater than or equal to 64"),
        ("wall_s=nan", "wall_s=nan"),
        ("wall_s=inf", "wall_s=inf"),
        ("out_mb=99999999999999999999", "out_mb=9"),
        ("pids=", "pids="),
    ],
)
def test_wrong_limits_are_said_with_all_names(
    call: Call, program: list[str | Path], limits: str, said: str
) -> None:
    status, out, _ = call(*program, "--limits", limits, "--json")
    message = json.loads(out)["error"]["message"]
    assert status == 2
    assert said in message
    assert all(name in message for name in Limits.model_fields)


def latin(folder: Path) -> Path:
    (folder / "latin.py").write_bytes("# é\n".encode("latin-1"))
    return folder / "latin.py"


def empty(folder: Path) -> Path:
    (folder / "empty.py").write_text(" \n")
    return folder / "empty.py"


def huge(folder: Path) -> Path:
    with (folder / "huge.py").open("wb") as file:
        file.truncate(1 << 40)
    return folder / "huge.py"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (latin, "not UTF-8 text (byte 0xe9 at 2)"),
        (empty, "is empty"),
        (huge, "1048576 MiB; that is no program"),
        (lambda folder: folder, "is a folder"),
        (lambda folder: folder / "none.py", "is no file"),
    ],
)
def test_what_is_no_program_is_said(
    call: Call, tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    status, out, _ = call(make(tmp_path), "--out", tmp_path / "out", "--json")
    assert (status, said in json.loads(out)["error"]["message"]) == (2, True), out
    assert not (tmp_path / "out").exists()


def test_wrong_folders_are_said_and_nothing_is_left(
    call: Call, program: list[str | Path], tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    status, _, err = call(*program, "--out", tmp_path / "there")
    assert (status, "name a new folder" in err) == (2, True)
    (tmp_path / "two words").mkdir()
    status, _, err = call(*program, "--input", tmp_path / "two words")
    assert (status, "rename it" in err) == (2, True)
    out = tmp_path / "out"
    status, _, err = call(*program, "--input", tmp_path / "none", "--out", out)
    assert (status, "does not exist" in err, out.exists()) == (2, True, False)
