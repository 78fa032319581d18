"""The command `mle-smith`: its verbs, and what becomes of errors."""

from __future__ import annotations

import os
import sys

# Types outside the graphs' own states are not revived from a checkpoint. Read at import.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

import typer

from cli import check, doctor, drawing, experiment, forge, grade, prepare, sandbox, transcript
from cli.output import fail
from mle_smith.errors import MLESmithError

app = typer.Typer(
    name="mle-smith",
    help="Turn raw data sets into verified, competition-style machine-learning tasks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("forge")(forge.forge)
app.command("check")(check.check)
app.command("grade")(grade.grade)
app.command("prepare")(prepare.prepare)
app.add_typer(sandbox.app, name="sandbox")
app.command("doctor")(doctor.doctor)
app.command("graph")(drawing.graph)
app.command("experiment")(experiment.experiment)
app.command("transcript")(transcript.transcript)


def main() -> None:
    """Run the command line; errors become one message and an exit status, no traceback."""
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    as_json = "--json" in sys.argv
    try:
        app()
    except MLESmithError as error:
        if debug:
            raise
        fail(str(error), code=error.code, status=error.exit_status, as_json=as_json)
    except KeyboardInterrupt:
        fail(
            "interrupted; `mle-smith forge --resume RUN` goes on with a run",
            "interrupted",
            130,
            as_json,
        )
    except Exception as error:
        if debug:
            raise
        message = f"unexpected {type(error).__name__}: {error} (--debug shows where)"
        fail(message, code="internal", status=3, as_json=as_json)


if __name__ == "__main__":
    main()
