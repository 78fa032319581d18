"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

SandboxKind = Literal["auto", "docker", "process"]

SandboxOption = Annotated[SandboxKind, typer.Option("--sandbox", help="Where generated code runs.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Of splits and samples.")]
