"""`mle-smith doctor`: what is here, and how to get what is not."""

from __future__ import annotations

import os
import sys

import typer

from cli.options import JsonOption
from cli.output import print_json, results
from mle_smith.models.load import KEYS, provider_available


def doctor(
    as_json: JsonOption = False,
) -> None:
    """Tell the state of sandboxes and models. Exit status 0 when tasks can be forged here."""
    from mle_smith.sandbox.choose import doctor as sandbox_facts

    sandboxes = [fact.model_dump(mode="json") for fact in sandbox_facts()]
    facts = [*sandboxes, *_model_facts()]
    able = any(fact["ok"] for fact in sandboxes[1:])
    if as_json:
        print_json({"able": able, "python": sys.version.split()[0], "facts": facts})
    else:
        for fact in facts:
            mark = "[green]ok[/] " if fact["ok"] else "[yellow]no[/] "
            results().print(mark, end=" ")
            results().print(f"{fact['name']}: {fact['state']}", markup=False)
            if fact["next_step"]:
                results().print(f"     next: {fact['next_step']}", markup=False)
    raise typer.Exit(0 if able else 3)


def _model_facts() -> list[dict[str, object]]:
    facts: list[dict[str, object]] = [
        {"name": "model embedded", "ok": True, "state": "needs nothing", "next_step": ""}
    ]
    for provider, key in KEYS.items():
        package, has_key = provider_available(provider), bool(os.environ.get(key))
        steps = [] if package else [f"pip install langchain-{provider}"]
        steps += [] if has_key else [f"set {key}"]
        step = f"{' and '.join(steps)}, to use --model {provider}:NAME" if steps else ""
        state = (
            f"package {'is' if package else 'not'} installed, key {'is' if has_key else 'not'} set"
        )
        facts.append(
            {
                "name": f"model {provider}",
                "ok": package and has_key,
                "state": state,
                "next_step": step,
            }
        )
    return facts
