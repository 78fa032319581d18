"""`mle-smith transcript`: what the agents of a task said and did, for a person to read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mle_smith.errors import UsageError


def transcript(
    task: Annotated[
        Path, typer.Argument(help="A task's folder in a run (RUN/tasks/ID), or the run itself.")
    ],
    role: Annotated[str, typer.Option(help="Only this role, such as designer.")] = "",
    whole: Annotated[
        bool, typer.Option("--whole", help="Leave nothing out: prompts and results in full.")
    ] = False,
) -> None:
    """Print the conversations behind a task as Markdown, in the order in which they ended.

    Of a run, the Brainstormer's conversation is shown.
    """
    from mle_smith.models.transcript import read, readable

    files = [file for file in _files(task) if file.stem.startswith(role)]
    if not files:
        raise UsageError(
            f"{task}: no transcripts{f' of {role}' * bool(role)}; name a folder RUN/tasks/ID or "
            "RUN/rejected/ID of a run that is finished",
            code="transcript.none",
        )
    for file in files:
        name, _, attempt = file.stem.partition("-")
        title = f"{name.capitalize()}{f', attempt {attempt}' * bool(attempt)}"
        sys.stdout.write(readable(title, read(file.read_text()), whole=whole) + "\n")


def _files(task: Path) -> list[Path]:
    """The transcripts of a task or of a run, of a finished or an unfinished one."""
    task = task.resolve()
    run = task.parent.parent
    folders = [
        task / "transcripts",
        task / ".work" / "transcripts",
        run / "transcripts" / task.name,
        run / ".work" / "tasks" / task.name / "transcripts",
    ]
    found = [file for folder in folders for file in folder.glob("*.json")]
    return sorted(found, key=lambda file: (file.stat().st_mtime_ns, file.name))
