"""Does prepare.py make these very files from the raw data, whatever the conditions?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mle_smith.checks.check import Measured, Need, Outcome, check
from mle_smith.checks.subject import Subject
from mle_smith.data.source import fingerprint
from mle_smith.errors import MachineError, PackageError
from mle_smith.package.build import Conditions, build
from mle_smith.package.layout import DESCRIPTION, PRIVATE, PUBLIC
from mle_smith.package.seal import load
from mle_smith.sandbox.job import Result, Status
from mle_smith.sandbox.scratch import work_folder
from mle_smith.values import Blame, Finding, Severity

_CONDITIONS = (
    Conditions(hash_seed=1, tz="AAA-13:45", reverse_listing=True),
    Conditions(hash_seed=271, tz="BBB+11", reverse_listing=False),
)
"""Another order of sets, another day, another order of files."""
_WRITTEN_LATER = f"{PUBLIC}/{DESCRIPTION}"
"""Copied into public/ after prepare.py has run, unless it writes it itself."""


def _error(code: str, message: str, **evidence: object) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        blame=Blame.REFACTOR,
        message=message,
        evidence=evidence,
    )


@check(
    {
        "P01": "prepare.py does not run to its end",
        "P02": "prepare.py gives other bytes under other conditions (defect M12)",
        "P03": "the files in the package are not those that prepare.py makes",
    },
    title="Rebuilt twice",
    asks="prepare.py is run twice on the raw data, under two hash seeds, time zones and orders of "
    "directory listings; public/ and private/ come out the same, byte for byte, as each other "
    "and as in the package.",
    needs=(Need.RAW, Need.SANDBOX),
)
def rebuilt(subject: Subject) -> Iterator[Outcome]:
    """Two builds at a time, compared with each other and with the package."""
    with work_folder() as folder:
        outs = [folder / str(number) for number in range(len(_CONDITIONS))]
        for out in outs:
            out.mkdir()
        with ThreadPoolExecutor(len(_CONDITIONS)) as pool:
            results = list(
                pool.map(lambda pair: _build(subject, *pair), zip(outs, _CONDITIONS, strict=True))
            )
        yield Measured("P01", {"builds": len(results)})
        failed = [result for result in results if not result.ok]
        if failed:
            said = (failed[0].stderr or failed[0].stdout).strip()[-1500:]
            yield _error(
                "P01",
                f"prepare.py ended with {failed[0].status.value}{_other_raw(subject)}: "
                f"{said[-300:]}",
                status=failed[0].status.value,
                stderr=said,
            )
            return
        first, second = (_digests(out) for out in outs)
        yield from _differences(subject, first, second)


def _build(subject: Subject, out: Path, conditions: Conditions) -> Result:
    assert subject.raw is not None  # the runner has seen to both
    assert subject.sandbox is not None
    result = build(subject.paths.prepare, subject.raw, out, subject.sandbox, conditions=conditions)
    if result.status is Status.INFRA_ERROR:
        raise MachineError(result.stderr.strip()[-300:], code="sandbox.failed")
    return result


def _digests(root: Path) -> dict[str, str]:
    files = [p for top in (PUBLIC, PRIVATE) for p in (root / top).rglob("*") if p.is_file()]
    digests = {}
    for path in sorted(files):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        digests[path.relative_to(root).as_posix()] = digest
    return digests


def _other_raw(subject: Subject) -> str:
    """A hint for whoever gave other raw data than the package was made from."""
    try:
        stated = load(subject.package).provenance.raw_sha256
    except PackageError:
        return ""
    if subject.raw is None or fingerprint(subject.raw) == stated:
        return ""
    return " (the raw data given are not those that task.json names: their SHA-256 differs)"


def _differences(
    subject: Subject, first: dict[str, str], second: dict[str, str]
) -> Iterator[Outcome]:
    packaged = _digests(subject.package)
    unstable = _differing(first, second)
    if unstable:
        yield _error(
            "P02",
            f"prepare.py gives other bytes under another hash seed, time zone or order of listing: "
            f"{unstable[:5]}; sort what is listed or made of sets, seed what is drawn, and read no "
            "clock.",
            files=unstable,
        )
    if _WRITTEN_LATER not in first:
        packaged = {name: d for name, d in packaged.items() if name != _WRITTEN_LATER}
    stale = sorted(set(_differing(first, packaged)) - set(unstable))
    if stale:
        yield _error(
            "P03",
            f"prepare.py makes other files than the package holds{_other_raw(subject)}: "
            f"{stale[:5]}; run it and take its output as it is.",
            files=stale,
        )


def _differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


CHECKS = (rebuilt,)
