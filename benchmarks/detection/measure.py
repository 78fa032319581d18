"""Checks a package before and after a defect was planted, and says whether it was found."""

from __future__ import annotations

import shutil
import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.detection import claims, columns, files, grader, order, proxies, rows, split
from benchmarks.detection.catalogue import MUTATORS, RESPONSIBLE, Mutator, Strength
from benchmarks.detection.specimen import NotApplicableError, Specimen
from mle_smith.checks import Checked, Subject, check_package
from mle_smith.data.source import fingerprint
from mle_smith.package.seal import load
from mle_smith.sandbox.job import Sandbox
from mle_smith.values import Severity

MODULES = (rows, order, proxies, columns, files, split, grader, claims)
"""Imported for their mutators, which register themselves."""


class Untouched(NamedTuple):
    """What the checks say of a package as it is."""

    package: str
    errors: tuple[str, ...]
    """Codes of its errors: false alarms, if the package is sound."""
    messages: tuple[str, ...]
    flags: tuple[str, ...]
    """Codes of all its findings."""
    seconds: float


class Planted(NamedTuple):
    """One defect, planted in one package."""

    package: str
    defect: str
    variant: str
    strength: str
    applicable: bool
    found: bool
    codes: tuple[str, ...]
    """Codes of errors that were not there before."""
    note: str
    seconds: float


class Bench(NamedTuple):
    """What packages are checked with."""

    sandbox: Sandbox | None
    seed: int
    raw: Path | None = None
    """Raw data by the name of the package's data set: DIR/SOURCE or DIR/SOURCE/raw."""


def check(package: Path, bench: Bench, raw: Path | None = None) -> tuple[Checked, float]:
    """All checks of one package, and the seconds they took."""
    begun = time.perf_counter()
    checked = check_package(Subject(package, raw=raw, sandbox=bench.sandbox, seed=bench.seed))
    return checked, time.perf_counter() - begun


def untouched(package: Path, bench: Bench) -> Untouched:
    """Findings on a package as it is."""
    checked, seconds = check(package, bench, raw_of(package, bench))
    errors = [f for f in checked.findings if f.severity is Severity.ERROR]
    return Untouched(
        package.name,
        tuple(f.code for f in errors),
        tuple(f"{f.code} {f.message[:200]}" for f in errors),
        tuple(f.code for f in checked.findings),
        seconds,
    )


def raw_of(package: Path, bench: Bench) -> Path | None:
    """The raw data that a package was made from, if the folder of raw data has them."""
    if bench.raw is None:
        return None
    provenance = load(package).provenance
    for folder in (bench.raw / provenance.source, bench.raw / provenance.source / "raw"):
        if folder.is_dir() and fingerprint(folder) == provenance.raw_sha256:
            return folder
    return None


def planted(
    package: Path, before: Untouched, mutator: Mutator, strength: Strength, bench: Bench
) -> Planted:
    """Plant one defect in a copy of a package, and check that."""
    name = f"{package.name}/{mutator.defect}/{mutator.variant}/{strength}/{bench.seed}"
    record = (package.name, mutator.defect, mutator.variant, strength.value)
    raw = raw_of(package, bench) if mutator.needs_raw else None
    if mutator.needs_raw and raw is None:
        return Planted(*record, False, False, (), "the raw data are not here", 0.0)
    folder = Path(tempfile.mkdtemp(prefix="mle-detection-"))
    try:
        specimen = Specimen(package, folder / package.name, zlib.crc32(name.encode()))
        try:
            mutator.plant(specimen, strength)
            if mutator.defect != "M13":
                specimen.correct_description()
            specimen.write()
        except NotApplicableError as reason:
            return Planted(*record, False, False, (), str(reason), 0.0)
        checked, seconds = check(specimen.paths.root, bench, raw)
    finally:
        shutil.rmtree(folder)
    flagged = mutator.defect == "L11"
    new = sorted(
        {f.code for f in checked.findings if flagged or f.severity is Severity.ERROR}
        - set(before.flags if flagged else before.errors)
    )
    found = bool(set(new) & set(RESPONSIBLE[mutator.defect]))
    return Planted(*record, True, found, tuple(new), "", seconds)


def planted_in_each_class(
    package: Path, before: Untouched, mutators: Sequence[Mutator], each: int | None, bench: Bench
) -> list[Planted]:
    """Plant variants of every class at every strength in a package, one at a time.

    Args:
        package: what they are planted in.
        before: what the checks say of it.
        mutators: which may be planted.
        each: of every class at every strength, as many that apply as this, drawn at random by the
            package and the seed; None: all.
        bench: what is checked with.
    """
    tries: list[Planted] = []
    for defect in dict.fromkeys(mutator.defect for mutator in mutators):
        variants = [mutator for mutator in mutators if mutator.defect == defect]
        for strength in Strength:
            name = f"{package.name}/{defect}/{strength}/{bench.seed}"
            turns = np.random.default_rng(zlib.crc32(name.encode())).permutation(len(variants))
            left = len(variants) if each is None else each
            for turn in turns:
                if left == 0:
                    break
                tries.append(planted(package, before, variants[turn], strength, bench))
                left -= tries[-1].applicable
    return tries


def chosen(wanted: Sequence[str]) -> list[Mutator]:
    """The mutators of the named classes (`L6`) or variants (`L6/affine`); all for none."""
    return [
        mutator
        for mutator in MUTATORS
        if not wanted or {mutator.defect, f"{mutator.defect}/{mutator.variant}"} & set(wanted)
    ]
