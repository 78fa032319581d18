"""`mle-smith grade`: score a submission with a package's own metric."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, SandboxOption
from cli.output import print_json, results
from mle_smith.errors import MachineError, PackageError, UsageError


def grade(
    package: Annotated[Path, typer.Argument(help="The task package.")],
    submission: Annotated[Path, typer.Argument(metavar="SUBMISSION.csv")],
    sandbox: SandboxOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Grade a submission. Exit status 0 when it is valid, 1 when it is not."""
    from mle_smith.package.grade import grade as grade_files
    from mle_smith.package.grade import predicted_columns
    from mle_smith.package.layout import PackagePaths
    from mle_smith.sandbox.choose import open_sandbox

    paths = PackagePaths(package.resolve())
    for needed in (paths.metric, paths.answers):
        if not needed.is_file():
            raise PackageError(
                f"{needed} is missing, so {package} cannot grade; name a complete task package",
                code="package.incomplete",
            )
    if not submission.is_file():
        raise UsageError(f"{submission} is no file; name a CSV file", code="submission.missing")
    columns = predicted_columns(paths)
    box = open_sandbox(sandbox)
    try:
        (graded,) = grade_files(
            paths.metric, paths.answers, [submission.absolute()], box, columns=columns
        )
    finally:
        box.close()
    if graded.crashed:
        raise MachineError(f"metric.py failed: {graded.error}", code="metric.crashed")
    if as_json:
        print_json(
            {
                "valid": graded.valid,
                "score": graded.score,
                "higher_is_better": graded.higher_is_better,
                "error": graded.error,
            }
        )
    elif graded.valid:
        direction = "higher" if graded.higher_is_better else "lower"
        results().print(f"{graded.score} ({direction} is better)")
    else:
        results().print(f"not valid: {graded.error}", markup=False)
    raise typer.Exit(0 if graded.valid else 1)
