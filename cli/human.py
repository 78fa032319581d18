"""Asking a person on the terminal about tasks that wait for a word."""

from __future__ import annotations

from typing import Any

import typer

from cli.output import messages

_QUESTION = "accept, reject: WHY, redo: WHAT TO CHANGE, or Enter to decide later"


def ask(waiting: dict[str, dict[str, Any]]) -> dict[str, str]:
    """A person's words, by task; tasks that are to be decided later are left out."""
    said = {}
    for task, shown in waiting.items():
        _show(task, shown)
        if word := typer.prompt(
            _QUESTION, default="", show_default=False, err=True, value_proc=_decision
        ):
            said[task] = word
    return said


def _decision(word: str) -> str:
    """The word, or nothing; the prompt is repeated when it is no decision."""
    from nodes.sign_off import Decision

    if word := word.strip():
        try:
            Decision.read(word)
        except ValueError as error:
            raise typer.BadParameter(f"{word!r} is no decision") from error
    return word


def _show(task: str, shown: dict[str, Any]) -> None:
    console = messages()
    console.print(f"\n{task}: {shown['title']}", style="bold", markup=False)
    for rung in (shown["ladder"] or {}).get("rungs", []):
        console.print(f"  {rung['name']}: {rung['score']['value']:.4g}", markup=False)
    for finding in shown["warnings"]:
        line = f"  {finding['severity']} {finding['code']}: {finding['message']}"
        console.print(line, markup=False)
    if shown["review"]:
        console.print(f"  reviewer: {shown['review']['summary']}", markup=False)
    console.print(f"  files: {shown['files']}", markup=False)
