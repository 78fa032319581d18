"""What users hand in by mistake: the exit status, a message that helps, nothing left behind."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import main

pytestmark = pytest.mark.live

Make = Callable[[Path], Path]
ROWS = "\n".join(f"{n},{n * 7 % 13},{'ab'[n % 2]}" for n in range(60))
GOOD = f"a,b,c\n{ROWS}\n"


def missing(folder: Path) -> Path:
    return folder / "nowhere.csv"


def empty_folder(folder: Path) -> Path:
    (folder / "hollow").mkdir()
    return folder / "hollow"


def rubbish(folder: Path) -> Path:
    (folder / "rubbish.csv").write_bytes(random.Random(1).randbytes(50_000))
    return folder / "rubbish.csv"


def truncated_gzip(folder: Path) -> Path:
    packed = gzip.compress((GOOD * 200).encode(), mtime=0)
    (folder / "cut.csv.gz").write_bytes(packed[: len(packed) // 2])
    return folder / "cut.csv.gz"


def zip_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def zip_bomb(folder: Path) -> Path:
    return zip_of(folder / "bomb.zip", {"big.csv": b"0" * (300 << 20)})


def zip_climbing_out(folder: Path) -> Path:
    return zip_of(folder / "climb.zip", {"../../evil.csv": GOOD.encode()})


def table(name: str, text: str) -> Make:
    def write(folder: Path) -> Path:
        (folder / name).write_text(text)
        return folder / name

    return write


def wide(folder: Path) -> Path:
    header = ",".join(f"c{n}" for n in range(100_000))
    row = ",".join("1" for _ in range(100_000))
    (folder / "wide.csv").write_text(f"{header}\n" + f"{row}\n" * 30)
    return folder / "wide.csv"


def an_output_in_use(folder: Path) -> Path:
    (folder / "out").mkdir()
    (folder / "out" / "mine.txt").write_text("keep me")
    return table("good.csv", GOOD)(folder)


UNIQUE = "\n".join(f"id{n}x{n * 3},{n}.5,t{n}" for n in range(60))


def measurements(rows: int, *, signal: bool) -> Make:
    """Inputs of several kinds, and a label that follows from them or is drawn."""
    rng = random.Random(3)
    text = "heat,load,site,label\n"
    for _ in range(rows):
        heat, load, site = rng.gauss(20, 5), rng.expovariate(1), rng.choice("abcde")
        yes = heat + load > 21 if signal else rng.random() < 0.5
        text += f"{heat:.2f},{load:.3f},{site},{'yes' if yes else 'no'}\n"
    return table("measured.csv", text)


def noise(folder: Path) -> Path:
    rng = random.Random(4)
    rows = [",".join(f"{rng.gauss(0, 1):.4f}" for _ in range(6)) for _ in range(1_200)]
    return table("noise.csv", "u,v,w,x,y,z\n" + "\n".join(rows))(folder)


CASES: list[tuple[str, Make, int, str]] = [
    ("missing path", missing, 2, "nowhere.csv"),
    ("empty folder", empty_folder, 2, "hollow"),
    ("binary rubbish", rubbish, 2, "rubbish.csv"),
    ("truncated gzip", truncated_gzip, 2, "cut.csv.gz"),
    ("zip bomb", zip_bomb, 2, "bomb.zip"),
    ("zip with ../", zip_climbing_out, 2, "climb.zip"),
    ("one column", table("one.csv", "a\n" + "1\n2\n" * 40), 1, "one.csv"),
    ("one row", table("row.csv", "a,b\n1,2\n"), 1, "row.csv"),
    ("all constant", table("same.csv", "a,b\n" + "1,x\n" * 50), 1, "same.csv"),
    ("all unique", table("unique.csv", f"key,n,t\n{UNIQUE}\n"), 1, ""),
    ("twenty rows", measurements(20, signal=True), 1, "the longest has 20"),
    ("labels at random", measurements(1_200, signal=False), 1, "no better than chance"),
    ("nothing but noise", noise, 1, "no better than chance"),
    ("100k columns", wide, 1, "wide.csv"),
    ("output in use", an_output_in_use, 2, "out"),
]


@pytest.mark.parametrize(
    ("make", "status", "named"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_bad_input_is_told_and_leaves_nothing(
    make: Make,
    status: int,
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    ended = forge(monkeypatch, source, tmp_path / "out")
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    told = document.get("refused") or document["error"]
    assert ended == status, told
    assert named in told["message"]
    assert "Traceback" not in printed.err
    left = set(tmp_path.rglob("*")) - set(before)
    if status == 2:
        assert not left
    else:
        assert {path.relative_to(tmp_path).parts[:2] for path in left} <= {
            ("out",),
            ("out", "index.html"),
            ("out", "run.json"),
            ("out", "transcripts"),
        }


def test_an_unreadable_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root reads everything, so the file is one that nobody can read: a link to nothing."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gone.csv").symlink_to(tmp_path / "data" / "elsewhere.csv")
    assert forge(monkeypatch, tmp_path / "data", tmp_path / "out") == 2
    assert "gone.csv" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_duplicate_headers_are_made_unique_and_forged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(5)
    text = io.StringIO()
    text.write("size,size,weight,price\n")
    for _ in range(300):
        a, b, c = rng.random(), rng.random(), rng.gauss(0, 1)
        text.write(f"{a:.3f},{b:.3f},{c:.3f},{3 * a + 2 * b * b + 0.3 * rng.gauss(0, 1):.3f}\n")
    (tmp_path / "sizes.csv").write_text(text.getvalue())
    one = "--max-formulations=1"
    assert forge(monkeypatch, tmp_path / "sizes.csv", tmp_path / "out", one) == 0
    document = json.loads(capsys.readouterr().out)
    manifest = json.loads((Path(document["tasks"][0]["path"]) / "task.json").read_text())
    assert {"size", "size_2"} <= {*manifest["formulation"]["inputs"], *manifest["targets"]}


def forge(monkeypatch: pytest.MonkeyPatch, source: Path, out: Path, *options: str) -> int:
    """The exit status of `mle-smith forge`, with `--json`."""
    words = ["mle-smith", "forge", str(source), "--out", str(out), "--json", *options]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)
