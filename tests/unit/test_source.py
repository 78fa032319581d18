"""Staging sources, and opening archives that come from outside."""

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mle_smith.data.archive import is_junk, members
from mle_smith.data.source import stage, walk
from mle_smith.data.unpack import ArchiveCaps, open_file, packing
from mle_smith.errors import SourceError, UsageError

TABLE = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(200))

NAMES_OUT = ["../up.csv", "/etc/passwd", "a/../../b.csv", "..\\up.csv", "C:\\x"]
NOT_FILES = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "bomb.csv.gz": gzip.compress,
    "bomb.csv.bz2": bz2.compress,
    "bomb.csv.xz": lzma.compress,
}


def read_all(root: Path, path: tuple[str, ...], caps: ArchiveCaps) -> None:
    with open_file(root, path, caps) as handle:
        while handle.read(1 << 20):
            pass


def tar_of(path: Path, *infos: tarfile.TarInfo, mode: str = "w:gz") -> None:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info in infos:
            archive.addfile(info, io.BytesIO(TABLE[: info.size]))


def regular(name: str, size: int = len(TABLE)) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def code_of(error: pytest.ExceptionInfo[UsageError]) -> str:
    assert error.value.exit_status == 2
    return error.value.code


def test_a_folder_is_used_where_it_is(tmp_path: Path) -> None:
    raw = tmp_path / "Some Data" / "raw"
    raw.mkdir(parents=True)
    (raw / "t.csv").write_bytes(TABLE)
    staged = stage([raw], tmp_path / "into")
    assert staged.raw == raw
    assert staged.name == "some_data"
    assert not (tmp_path / "into").exists()


def test_several_sources_are_brought_together(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_bytes(TABLE)
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "sub" / "deep" / "two.csv").write_bytes(TABLE)
    staged = stage([tmp_path / "one.csv", tmp_path / "sub"], tmp_path / "into")
    assert [p.relative_to(staged.raw).as_posix() for p in walk(staged.raw)] == [
        "one.csv",
        "sub/deep/two.csv",
    ]
    assert stage([tmp_path / "one.csv", tmp_path / "sub"], tmp_path / "into") == staged
    with pytest.raises(UsageError, match="holds sub already"):
        stage([tmp_path / "one.csv"], tmp_path / "into")


def test_the_digest_depends_on_names_and_contents_alone(tmp_path: Path) -> None:
    for folder in ("x", "y", "z"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "t.csv").write_bytes(TABLE)
    (tmp_path / "y" / ".DS_Store").write_bytes(b"junk")
    (tmp_path / "z" / "t.csv").rename(tmp_path / "z" / "u.csv")
    digests = [stage([tmp_path / f], tmp_path / "into").sha256 for f in ("x", "y", "z")]
    assert digests[0] == digests[1] != digests[2]


def test_a_link_inside_the_folder_is_fine_and_one_that_leaves_it_is_not(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "t.csv").write_bytes(TABLE)
    (raw / "again.csv").symlink_to("t.csv")
    stage([raw], tmp_path / "into")
    (tmp_path / "secret.csv").write_bytes(TABLE)
    (raw / "out.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(SourceError, match=r"out\.csv: is a link that leaves") as error:
        stage([raw], tmp_path / "into")
    assert code_of(error) == "source.link"


def test_a_link_to_nothing_and_a_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "gone.csv").symlink_to("nowhere.csv")
    with pytest.raises(SourceError, match=r"gone\.csv: is a link to nothing"):
        stage([tmp_path / "a"], tmp_path / "into")
    (tmp_path / "b").mkdir()
    os.mkfifo(tmp_path / "b" / "pipe.csv")
    with pytest.raises(SourceError, match=r"pipe\.csv: is neither"):
        stage([tmp_path / "b"], tmp_path / "into")
    with pytest.raises(SourceError, match=r"pipe\.csv: is neither"):
        stage([tmp_path / "b" / "pipe.csv"], tmp_path / "into")


def test_missing_empty_and_ambiguous_sources(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist; check the spelling") as missing:
        stage([tmp_path / "nope.csv"], tmp_path / "into")
    assert code_of(missing) == "source.missing"
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no files") as empty:
        stage([tmp_path / "empty"], tmp_path / "into")
    assert code_of(empty) == "source.empty"
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "t.csv").write_bytes(TABLE)
    with pytest.raises(UsageError, match=r"a/t\.csv and .*b/t\.csv have the same name") as same:
        stage([tmp_path / "a" / "t.csv", tmp_path / "b" / "t.csv"], tmp_path / "into")
    assert code_of(same) == "source.same_name"
    with pytest.raises(UsageError, match="name a file"):
        stage([], tmp_path / "into")


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Permissions mean nothing to the superuser, whom containers run tests as."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_unreadable_file_or_folder_is_named() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "t.csv").write_bytes(TABLE)
        (folder / "t.csv").chmod(0)
        (folder / "closed").mkdir(mode=0)
        with ordinary_user():
            with pytest.raises(SourceError, match=r"t\.csv: cannot be read; check its permissions"):
                stage([folder / "t.csv"], folder / "into")
            with pytest.raises(SourceError, match=r"(closed|t\.csv): cannot be") as error:
                stage([folder], folder / "into")
        assert code_of(error) == "source.unreadable"


@pytest.mark.parametrize("name", NAMES_OUT)
def test_names_that_leave_the_archive_are_refused(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, TABLE)
    tar_of(tmp_path / "a.tgz", regular(name))
    for packed in ("a.zip", "a.tgz"):
        with pytest.raises(SourceError, match="leaves the archive") as error:
            members(tmp_path, (packed,))
        assert code_of(error) == "source.unsafe"


@pytest.mark.parametrize("kind", NOT_FILES)
def test_links_and_devices_in_a_tar_are_refused(kind: bytes, tmp_path: Path) -> None:
    info = tarfile.TarInfo("x.csv")
    info.type, info.linkname = kind, "/etc/passwd"
    tar_of(tmp_path / "a.tar", info, mode="w")
    with pytest.raises(SourceError, match=r"a\.tar!x\.csv: is a link or a device"):
        members(tmp_path, ("a.tar",))


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("x.csv")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(SourceError, match=r"a\.zip!x\.csv: is a link"):
        members(tmp_path, ("a.zip",))


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x.csv", TABLE)
    data = bytearray((tmp_path / "a.zip").read_bytes())
    at = data.index(b"PK\x01\x02") + 8
    data[at : at + 2] = struct.pack("<H", 1)
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(SourceError, match="is encrypted") as error:
        members(tmp_path, ("a.zip",))
    assert code_of(error) == "source.encrypted"


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_is_stopped_while_it_unpacks(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(PACKERS[name](b"0" * 20_000_000))
    caps = ArchiveCaps(ratio_from=1_000_000)
    with pytest.raises(SourceError) as error:
        read_all(tmp_path, (name,), caps)
    assert code_of(error) == "source.bomb"
    assert name in str(error.value)


def test_a_zip_bomb_that_lies_about_its_size_is_stopped(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", b"0" * 20_000_000)
    caps = ArchiveCaps(ratio_from=1_000_000)
    with pytest.raises(SourceError, match="zip bomb") as declared:
        members(tmp_path, ("a.zip",), caps)
    assert code_of(declared) == "source.bomb"
    with pytest.raises(SourceError, match=r"a\.zip!x\.csv: unpacks to more"):
        read_all(tmp_path, ("a.zip", "x.csv"), caps)


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(20):
            archive.writestr(f"{i}.csv", "x")
    with pytest.raises(SourceError, match="more than 10 files") as error:
        members(tmp_path, ("a.zip",), ArchiveCaps(members=10))
    assert code_of(error) == "source.members"


def test_an_archive_cut_short_is_named_with_its_member(tmp_path: Path) -> None:
    whole = gzip.compress(os.urandom(200_000))
    (tmp_path / "t.csv.gz").write_bytes(whole[: len(whole) // 2])
    with open_file(tmp_path, ("t.csv.gz",)) as handle, pytest.raises(SourceError) as error:
        handle.read()
    assert code_of(error) == "source.damaged"
    assert str(error.value).startswith("t.csv.gz: is damaged or cut short")
    tar_of(tmp_path / "a.tgz", regular("x.csv"), regular("y.csv"))
    data = (tmp_path / "a.tgz").read_bytes()
    (tmp_path / "a.tgz").write_bytes(data[: len(data) // 3])
    with pytest.raises(SourceError, match=r"a\.tgz: is damaged"):
        members(tmp_path, ("a.tgz",))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x.csv", TABLE)
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"10,100", b"10,101"))
    with (
        open_file(tmp_path, ("a.zip", "x.csv")) as handle,
        pytest.raises(SourceError, match=r"a\.zip!x\.csv: is damaged"),
    ):
        handle.read()


def test_archives_nest_two_deep_and_no_deeper(tmp_path: Path) -> None:
    data, names = TABLE, ["x.csv"]
    for name in ("c.zip", "b.zip", "a.zip"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(names[0], data)
        data, names = buffer.getvalue(), [name, *names]
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(SourceError, match=r"a\.zip!b\.zip!c\.zip: archives nested") as error:
        members(tmp_path, ("a.zip",))
    assert code_of(error) == "source.nested"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (tmp_path / "b.zip").write_bytes(archive.read("b.zip"))
    assert [m.path for m in members(tmp_path, ("b.zip",))] == [("b.zip", "c.zip", "x.csv")]
    with open_file(tmp_path, ("b.zip", "c.zip", "x.csv")) as handle:
        assert handle.read() == TABLE


@pytest.mark.parametrize(
    ("name", "junk"),
    [("__MACOSX/._t.csv", True), ("a/.DS_Store", True), ("Thumbs.db", True), ("a/t.csv", False)],
)
def test_junk_is_known_by_its_name(name: str, junk: bool) -> None:
    assert is_junk(name) is junk


@pytest.mark.parametrize(
    ("name", "kind"), [("a.tar.gz", "tar"), ("a.csv.GZ", "gzip"), ("a.zip", "zip"), ("a.csv", None)]
)
def test_packing_follows_the_name(name: str, kind: str | None) -> None:
    assert packing(name) == kind
