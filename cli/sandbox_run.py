"""`mle-smith sandbox run`: one program in the sandbox, to try things."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.limits import parse_limits
from cli.options import JsonOption, SandboxOption
from cli.output import messages, print_json
from mle_smith.errors import UsageError
from mle_smith.sandbox.job import Job, Mount, Result, Role, Status

_LARGEST_SCRIPT = 16 * 2**20


def run(
    script: Annotated[Path, typer.Argument(help="A Python program, in UTF-8.")],
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", help="A folder or file it may read, below $MLE_IN. Repeatable."),
    ] = None,
    limits: Annotated[
        list[str] | None,
        typer.Option(
            "--limits",
            metavar="NAME=NUMBER,…",
            help="What it may use: wall_s, cpus, memory_mb, pids, tmp_mb, out_mb, out_files, "
            "stdout_bytes, stderr_bytes. Repeatable.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A new folder for the files that it writes to $MLE_OUT. Without it they are "
            "listed with size and checksum and not kept: their path in --json is null."
        ),
    ] = None,
    sandbox: SandboxOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Run a program in the sandbox. Exit status 0 when it ended well, 1 when it did not."""
    from mle_smith.sandbox.choose import open_sandbox

    job = Job(
        role=Role.PREPARE,
        code=_read_script(script),
        mounts=tuple(_mount(path) for path in inputs or []),
        outputs=("**",),
        limits=parse_limits(limits or []),
    )
    console = messages()
    with _folder(out) as folder:
        box = open_sandbox(sandbox, progress=lambda step: console.print(step, markup=False))
        with closing(box):
            result = box.run(job, folder)
    if as_json:
        print_json(_document(result, kept=out is not None))
    else:
        _tell(result, out)
    if result.status is Status.INFRA_ERROR:
        raise typer.Exit(3)
    raise typer.Exit(0 if result.ok else 1)


def _read_script(script: Path) -> str:
    if script.is_dir():
        raise UsageError(f"{script} is a folder; name a Python program in it", code="run.script")
    if not script.is_file():
        raise UsageError(f"{script} is no file; name a Python program", code="run.script")
    try:
        if script.stat().st_size > _LARGEST_SCRIPT:
            size = script.stat().st_size // 2**20
            raise UsageError(f"{script} has {size} MiB; that is no program", code="run.script")
        text = script.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{script} cannot be read ({error.strerror}); give yourself the right to, or name "
            "another file",
            code="run.script",
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{script} is not UTF-8 text (byte {error.object[error.start]:#04x} at {error.start}); "
            "save it in UTF-8",
            code="run.script",
        ) from error
    if not text.strip():
        raise UsageError(f"{script} is empty; there is nothing to run", code="run.script")
    return text


def _mount(path: Path) -> Mount:
    name = path.name if path.name not in {"", ".."} else path.resolve().name
    try:
        return Mount(source=path.absolute(), target=f"/in/{name}")
    except ValueError as error:
        raise UsageError(
            f"--input {path}: a sandbox shows names of letters, digits, dots, dashes and "
            "underscores only; rename it, or name the folder that it is in",
            code="run.input",
        ) from error


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    """Where files are collected: the new folder `out`, gone again where nothing ran, or nowhere."""
    from mle_smith.sandbox.scratch import work_folder

    if out is None:
        with work_folder() as folder:
            yield folder
        return
    try:
        out.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageError(f"{out} exists; name a new folder", code="run.out") from error
    except OSError as error:
        raise UsageError(
            f"{out} cannot be made ({error.strerror}); name another folder", code="run.out"
        ) from error
    try:
        yield out.resolve()
    except BaseException:
        if not any(out.iterdir()):
            out.rmdir()
        raise


def _document(result: Result, *, kept: bool) -> dict[str, Any]:
    document = result.model_dump(mode="json")
    if not kept:
        for artefact in document["artefacts"].values():
            artefact["path"] = None
    return document


def _tell(result: Result, out: Path | None) -> None:
    """What the program printed, on its own streams, and after that what became of it."""
    sys.stdout.write(_printable(result.stdout, sys.stdout.isatty()))
    sys.stdout.flush()
    sys.stderr.write(_printable(result.stderr, sys.stderr.isatty()))
    console = messages()
    if result.truncated:
        console.print("It printed more than its limits allow; the rest is not shown.")
    for path, artefact in result.artefacts.items():
        place = f"{out / path}" if out is not None else f"{path} (not kept: no --out)"
        console.print(f"wrote {place}, {artefact.size} bytes", markup=False)
    for path, reason in result.rejected.items():
        console.print(f"left behind {path}: {reason}", markup=False)
    code = "" if result.exit_code is None else f", exit code {result.exit_code}"
    memory = ", a process was ended for memory" if result.oom_seen else ""
    console.print(
        f"{result.status}{code}{memory} in {result.wall_s:.2f} s ({result.isolation})", markup=False
    )


def _printable(text: str, terminal: bool) -> str:
    """Untrusted text as it is, but on a terminal without what steers one."""
    if not terminal:
        return text
    return "".join(
        letter if letter in "\n\t" or letter.isprintable() else repr(letter)[1:-1]
        for letter in text
    )
