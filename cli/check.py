"""`mle-smith check`: every deterministic check on a package, wherever it came from."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import JsonOption, SandboxKind, SandboxOption, SeedOption
from cli.output import messages, print_json
from mle_smith.errors import PackageError, SandboxUnavailableError, SourceError, UsageError

if TYPE_CHECKING:
    from mle_smith.checks import Checked, Subject
    from mle_smith.sandbox.job import Sandbox

_SIGNS = ("task.json", "metric.py", "prepare.py", "description.md", "public", "private")
"""A folder without any of these is no package."""
_JOBS = 2
"""That the checks of one package hand to a sandbox: the metric's contract, the ladder."""


def check(
    packages: Annotated[list[Path], typer.Argument(metavar="PACKAGE...", help="Task packages.")],
    raw: Annotated[
        Path | None,
        typer.Option(help="The raw data (folder, file, archive), to rebuild the package from."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page about the one PACKAGE.")
    ] = None,
    sandbox: SandboxOption = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Check packages, made by MLE-Smith or not.

    What cannot be asked (without raw data, say) is listed with the reason.

    Exit status: 0 when all are sound, 1 when one is not, 2 when one is no package, 3 when this
    machine could not ask everything and found nothing wrong.
    """
    _refuse(packages, raw, html)
    box = _open(sandbox, jobs=_JOBS * len(packages))
    try:
        # Not before the containers have begun to start. What is imported is no garbage, ever.
        gc.disable()
        from mle_smith.checks import Cause

        gc.freeze()
        gc.enable()
        with _staged(raw) as folder:
            judged = [_judged(package.resolve(), folder, box, seed) for package in packages]
    finally:
        if box is not None:
            box.close()
    if html is not None:
        _write_page(html, *judged[0])
    if as_json:
        print_json([_document(subject.package, checked) for subject, checked in judged])
    else:
        from cli.check_table import show

        for subject, checked in judged:
            show(subject.package, checked)
    sound = all(checked.sound for _, checked in judged)
    faulty = box is None or any(
        omitted.cause is Cause.MACHINE for _, checked in judged for omitted in checked.not_run
    )
    raise typer.Exit(1 if not sound else 3 if faulty else 0)


def _judged(
    package: Path, raw: Path | None, box: Sandbox | None, seed: int
) -> tuple[Subject, Checked]:
    """What the checks say; the subject that comes back holds no tables, however many follow."""
    from mle_smith.checks import Subject, check_package

    subject = Subject(package=package, raw=raw, sandbox=box, seed=seed)
    checked = check_package(subject)
    return Subject(package=package, formulation=subject.plan), checked


@contextmanager
def _staged(raw: Path | None) -> Iterator[Path | None]:
    """The raw data as the folder that prepare.py is given."""
    from mle_smith.data.source import stage
    from mle_smith.sandbox.scratch import work_folder

    if raw is None:
        yield None
        return
    with work_folder() as folder:
        yield stage([str(raw)], folder / "raw").raw


def _refuse(packages: list[Path], raw: Path | None, html: Path | None) -> None:
    """Raise where the call cannot be carried out."""
    for package in packages:
        if not package.is_dir() or not any((package / sign).exists() for sign in _SIGNS):
            what = "has none of the files of one" if package.is_dir() else "is no folder"
            raise PackageError(
                f"{package} {what}; name a task package, such as a folder in tasks/ of a run",
                code="package.path",
            )
    if raw is not None and not raw.exists():
        raise SourceError(f"{raw} does not exist; name the raw data", code="source.missing")
    if html is not None and len(packages) > 1:
        raise UsageError("--html writes a page about one package; name one", code="check.call")
    if html is not None and not html.absolute().parent.is_dir():
        raise UsageError(f"{html.absolute().parent} does not exist", code="check.html")


def _open(kind: SandboxKind, jobs: int) -> Sandbox | None:
    """A sandbox; None, with a word on it, where the machine has none: code is then not run."""
    from mle_smith.sandbox.choose import open_sandbox

    try:
        return open_sandbox(kind, warm=True, jobs=jobs)
    except SandboxUnavailableError as error:
        if kind != "auto":
            raise
        messages().print(f"no code of the packages is run: {error}", markup=False)
        return None


def _document(package: Path, checked: Checked) -> dict[str, Any]:
    return {
        "package": str(package),
        "sound": checked.sound,
        "findings": [finding.model_dump(mode="json") for finding in checked.findings],
        "not_run": [{"code": o.code, "reason": o.reason} for o in checked.not_run],
        "numbers": checked.numbers,
    }


def _write_page(file: Path, subject: Subject, checked: Checked) -> None:
    from mle_smith.package.seal import files_of, write_atomically
    from mle_smith.report import report_of_check, report_page

    try:
        files = files_of(subject.package)
    except PackageError:
        files = ()  # not only files of a package: the findings say what is amiss
    page = report_page(report_of_check(subject.package, checked, subject.plan), files)
    write_atomically(file.absolute(), page)
