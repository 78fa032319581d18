"""What the checking nodes examine: a part of the desk, as a package."""

from __future__ import annotations

from pathlib import Path

from mle_smith.checks import Subject
from mle_smith.isolation import sandbox_for
from mle_smith.package.workspace import Part
from mle_smith.settings import Settings
from mle_smith.task import Task


def subject_of(state: Task, part: Part, settings: Settings) -> Subject:
    """The part that an agent handed in last, with all that checks may ask for."""
    return Subject(
        package=state.workspace.assembled(part).root,
        formulation=state.formulation,
        raw=Path(state.raw_folder),
        sandbox=sandbox_for(settings),
        seed=settings.seed,
    )
