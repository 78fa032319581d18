"""What ids, the order of rows and the metadata of files tell: L3, L4, L5."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.detection.catalogue import Strength, plants
from benchmarks.detection.specimen import NotApplicableError, Specimen

_START = 1_400_000_000


def _leaning(specimen: Specimen, rows: pd.DataFrame, strength: Strength) -> NDArray[np.float64]:
    """A rank that follows the target: correlation of about 0.5, 0.8 and 1."""
    values = pd.Series(specimen.signal(rows) + specimen.rng.normal(0, 1e-9, len(rows)))
    ranks = values.rank(method="first").to_numpy() / len(rows)
    noise = strength.of(1.7, 0.8, 0.0) * specimen.rng.normal(0, ranks.std(), len(rows))
    return np.asarray(ranks + noise)


def _obeying(
    specimen: Specimen, rows: pd.DataFrame, most: int, strength: Strength
) -> NDArray[np.int64]:
    """The target in `most` bins, right in 50, 75 and 100 % of the rows, else at random."""
    bins = specimen.bins(rows, most)
    free = specimen.rng.random(len(rows)) >= strength.of(0.5, 0.75, 1.0)
    return np.asarray(np.where(free, specimen.rng.permutation(bins), bins))


def _both(specimen: Specimen) -> pd.DataFrame:
    """Train rows and test rows, of which both get ids of the same kind."""
    return specimen.everything


def _give(specimen: Specimen, ids: list[str]) -> None:
    cut = len(specimen.train)
    specimen.give_ids(ids[cut:], ids[:cut])


def _bins(specimen: Specimen) -> int:
    return min(4, len(specimen.labels)) if specimen.classes else 4


@plants("L3", "sorted")
def sorted_ids(specimen: Specimen, strength: Strength) -> None:
    """Ids rise with the target (rank correlation 0.5, 0.8, 1)."""
    rows = specimen.whole
    order = _leaning(specimen, rows, strength).argsort().argsort()
    specimen.give_ids([str(len(specimen.train) + k) for k in order])


@plants("L3", "remainder")
def remainders(specimen: Specimen, strength: Strength) -> None:
    """The remainder of the id by the number of bins is the bin (50, 75, 100 % of rows)."""
    rows, many = _both(specimen), _bins(specimen) + int(specimen.rng.integers(0, 9))
    bins = _obeying(specimen, rows, _bins(specimen), strength)
    numbers = specimen.rng.permutation(len(rows)) * many + bins + 1000
    _give(specimen, [str(n) for n in numbers])


@plants("L3", "hash prefix")
def hash_prefix(specimen: Specimen, strength: Strength) -> None:
    """Hexadecimal ids whose second letter depends on the target (50, 75, 100 % of rows)."""
    rows = _both(specimen)
    bins = _obeying(specimen, rows, _bins(specimen), strength)
    digits = "0123456789abcdef"
    ids = []
    for row, place in enumerate(bins):
        free = [digits[k] for k in specimen.rng.integers(0, 16, 8)]
        free[1] = digits[(4 * int(place) + int(specimen.rng.integers(4))) % 16]
        ids.append("".join(free) + f"{row:05x}")
    _give(specimen, ids)


@plants("L3", "letters")
def letters(specimen: Specimen, strength: Strength) -> None:
    """Ids begin with a word that depends on the target (50, 75, 100 % of rows)."""
    rows = _both(specimen)
    bins = _obeying(specimen, rows, _bins(specimen), strength)
    words = [f"{'ABCDEFGH'[b]}X" for b in bins]
    numbers = specimen.rng.permutation(len(rows)) + 10_000
    _give(specimen, [f"{w}-{n}" for w, n in zip(words, numbers, strict=True)])


@plants("L3", "suffix")
def suffix(specimen: Specimen, strength: Strength) -> None:
    """The last two digits of a long id depend on the target (50, 75, 100 % of rows)."""
    rows, many = _both(specimen), _bins(specimen)
    bins = _obeying(specimen, rows, many, strength)
    width = 100 // many
    tail = bins * width + specimen.rng.integers(0, width, len(rows))
    numbers = specimen.rng.permutation(len(rows)) + 10_000
    _give(specimen, [f"{n}{t:02d}" for n, t in zip(numbers, tail, strict=True)])


@plants("L3", "gaps")
def gaps(specimen: Specimen, strength: Strength) -> None:
    """The gap before an id grows with the target (50, 75, 100 % of rows)."""
    rows = specimen.whole
    bins = _obeying(specimen, rows, _bins(specimen), strength)
    order = specimen.rng.permutation(len(rows))
    steps = 1 + 3 * bins[order] + specimen.rng.integers(0, 3, len(rows))
    ids = np.empty(len(rows), dtype=np.int64)
    ids[order] = 10**6 + steps.cumsum()
    specimen.give_ids([str(i) for i in ids])


@plants("L3", "length")
def length(specimen: Specimen, strength: Strength) -> None:
    """The length of the id depends on the target (50, 75, 100 % of rows)."""
    rows = _both(specimen)
    bins = _obeying(specimen, rows, _bins(specimen), strength)
    numbers = specimen.rng.permutation(len(rows)) + 10_000
    _give(
        specimen,
        [f"{n}{'0' * int(b)}x{k}" for k, (n, b) in enumerate(zip(numbers, bins, strict=True))],
    )


_Statistic: TypeAlias = Callable[[NDArray[np.float64]], float]
"""How much of what was planted is in targets in their order; the larger, the more."""


def _follows(values: NDArray[np.float64]) -> float:
    """How far the targets rise with their places."""
    return float((values * np.arange(len(values))).sum())


def _stays(values: NDArray[np.float64]) -> float:
    """How often a row has its neighbour's target."""
    return float((values[1:] == values[:-1]).sum())


def _returns(period: int) -> _Statistic:
    """How often what comes every so many rows is above the rest."""
    return lambda values: float(values[::period].mean())


_CLEAR = 4.0


def _certain(specimen: Specimen, values: NDArray[np.float64], statistic: _Statistic) -> None:
    """Of few rows a shuffled order has as much as was planted: that is no defect to be found."""
    shuffled = [statistic(specimen.rng.permutation(values)) for _ in range(400)]
    spread = float(np.std(shuffled))
    if statistic(values) - float(np.mean(shuffled)) < _CLEAR * max(spread, 1e-12):
        raise NotApplicableError("so few rows lie like this by luck")


def _reorder(specimen: Specimen, order: NDArray[np.int64]) -> None:
    """Test rows in this order, with ids that say nothing."""
    if specimen.temporal:
        raise NotApplicableError("the rows are in the order of their time")
    ids = specimen.test["id"].to_numpy()
    rows = specimen.whole.iloc[order].reset_index(drop=True)
    rows["id"] = specimen.rng.permutation(ids)
    specimen.give_test(rows)


@plants("L4", "sorted")
def sorted_rows(specimen: Specimen, strength: Strength) -> None:
    """Test rows rise with the target (rank correlation 0.5, 0.8, 1)."""
    order = _leaning(specimen, specimen.whole, strength).argsort()
    _certain(specimen, specimen.signal(specimen.whole)[order], _follows)
    _reorder(specimen, order)


@plants("L4", "blocks")
def blocks(specimen: Specimen, strength: Strength) -> None:
    """Rows of one bin lie together, in stretches of 8, 20 rows, or all."""
    bins = specimen.bins(specimen.whole, 8)
    size = strength.of(8, 20, 10**9)
    stretches = []
    for value in np.unique(bins):
        rows = specimen.rng.permutation(np.flatnonzero(bins == value))
        stretches += [rows[k : k + size] for k in range(0, len(rows), size)]
    shuffled = [stretches[k] for k in specimen.rng.permutation(len(stretches))]
    _certain(specimen, bins[np.concatenate(shuffled)].astype(np.float64), _stays)
    _reorder(specimen, np.concatenate(shuffled))


@plants("L4", "partly sorted")
def partly_sorted(specimen: Specimen, strength: Strength) -> None:
    """The first 40, 60, 80 % of the rows are sorted by the target."""
    rows = specimen.whole
    order = specimen.rng.permutation(len(rows))
    count = round(strength.of(0.4, 0.6, 0.8) * len(rows))
    values = specimen.signal(rows)
    order[:count] = order[:count][np.argsort(values[order[:count]], kind="stable")]
    _certain(specimen, values[order[:count]], _follows)
    _reorder(specimen, order)


@plants("L4", "periodic")
def periodic(specimen: Specimen, strength: Strength) -> None:
    """Every p-th row is of the same bin, p from 2 to 20 (50, 80, 100 % of the rows)."""
    bins = specimen.bins(specimen.whole, 2 if not specimen.classes else len(specimen.labels))
    period = int(specimen.rng.integers(2, 21))
    common = np.bincount(bins).argmax()
    one = list(specimen.rng.permutation(np.flatnonzero(bins != common)))
    two = list(specimen.rng.permutation(np.flatnonzero(bins == common)))
    period = max(2, min(period, round(len(bins) / max(1, len(one)))))
    order = []
    for place in range(len(bins)):
        wants = (
            place % period == 0
            if specimen.rng.random() < strength.of(0.5, 0.8, 1.0)
            else (specimen.rng.random() < len(one) / max(1, len(one) + len(two)))
        )
        pool = one if (wants and one) or not two else two
        order.append(pool.pop())
    _certain(specimen, (bins[order] != common).astype(np.float64), _returns(period))
    _reorder(specimen, np.asarray(order))


def _attachments(
    specimen: Specimen, size: Callable[[float], int] = lambda _: 40
) -> dict[str, tuple[bytes, float]]:
    """A small file for each row, by its name, with the rank of the row's target."""
    rows = specimen.everything
    ranks = pd.Series(specimen.signal(rows)).rank(pct=True).to_numpy()
    if len(rows) > 3000:
        raise NotApplicableError("too many rows for a file each")
    return {
        f"{name}.bin": (specimen.rng.bytes(max(8, size(float(rank)))), float(rank))
        for name, rank in zip(rows["id"], ranks, strict=True)
    }


def _noise(specimen: Specimen, strength: Strength) -> Callable[[float], float]:
    scale = strength.of(0.7, 0.3, 0.0)
    return lambda rank: rank + scale * float(specimen.rng.normal(0, 0.29)) * 2


@plants("L5", "times of files")
def times_of_files(specimen: Specimen, strength: Strength) -> None:
    """A file for each row, written later for larger targets (noise 0.4, 0.17, 0)."""
    told = _noise(specimen, strength)
    for name, (content, rank) in _attachments(specimen).items():
        path = specimen.paths.public / "attachments" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        specimen.modified_times[f"attachments/{name}"] = _START + round(1e5 * told(rank))
    specimen.mention("attachments/", "a file for each row, called after its id")


@plants("L5", "sizes of files")
def sizes_of_files(specimen: Specimen, strength: Strength) -> None:
    """The same with sizes."""
    told = _noise(specimen, strength)
    for name, (content, _) in _attachments(specimen, lambda r: round(300 + 200 * told(r))).items():
        path = specimen.paths.public / "scans" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    specimen.mention("scans/", "a file for each row, called after its id")


@plants("L5", "entries of an archive")
def entries_of_an_archive(specimen: Specimen, strength: Strength) -> None:
    """The same with the times of the entries of a zip archive."""
    told = _noise(specimen, strength)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, (content, rank) in _attachments(specimen).items():
            moment = pd.Timestamp(_START + round(1e6 * told(rank)), unit="s")
            stamp = (
                moment.year,
                moment.month,
                moment.day,
                moment.hour,
                moment.minute,
                moment.second,
            )
            archive.writestr(zipfile.ZipInfo(f"media/{name}", stamp), content)
    specimen.add_file("media.zip", buffer.getvalue(), "a file for each row, called after its id")


@plants("L5", "order in an archive")
def order_in_an_archive(specimen: Specimen, strength: Strength) -> None:
    """The same with the order of the entries."""
    told = _noise(specimen, strength)
    files = _attachments(specimen)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files, key=lambda n: told(files[n][1])):
            archive.writestr(zipfile.ZipInfo(name), files[name][0])
    specimen.add_file("images.zip", buffer.getvalue(), "a file for each row, called after its id")


@plants("L5", "names of files")
def names_of_files(specimen: Specimen, strength: Strength) -> None:
    """A column names a file for each row; the number in the name rises with the target."""
    told = _noise(specimen, strength)
    files = _attachments(specimen)
    order = sorted(files, key=lambda n: told(files[n][1]))
    names = {name: f"scan_{place + 1:05d}.bin" for place, name in enumerate(order)}
    for name, (content, _) in files.items():
        path = specimen.paths.public / "photos" / names[name]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    train, test = (
        [f"photos/{names[f'{i}.bin']}" for i in f["id"]] for f in (specimen.train, specimen.test)
    )
    specimen.add_input("photo", train, test, "the file of the row")
    specimen.mention("photos/", "a file for each row, named in `photo`")
