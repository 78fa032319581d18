"""Programs for `run_python`: the scripts of this folder, joined with code that reads the tables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mle_smith.sandbox.untrusted import UntrustedError, parse_json

_HERE = Path(__file__).parent
_FUTURE = "from __future__ import annotations"
_OWN_IMPORT = re.compile(r"^from mle_smith[\w.]* import (\([^)]*\)|[^\n(]*)\n", re.MULTILINE)

SURVEY = ("columns_script.py", "sums_script.py", "survey_script.py")
TRIAL = ("columns_script.py", "trial_script.py")


def render(scripts: Sequence[str], tables: Sequence[Mapping[str, Any]], params: Any) -> str:
    """One self-contained program: `scripts`, the readers of `tables`, and the call of `main`.

    Args:
        scripts: files of this folder, in the order of their needs; the last has `main`.
        tables: entries of the brief's data set: `read_code` and `read_function`.
        params: what `main` is given after the readers; JSON values.
    """
    sources = [(_HERE / name).read_text(encoding="utf-8") for name in scripts]
    sources += [str(table["read_code"]) for table in tables]
    body = "\n\n".join(_OWN_IMPORT.sub("", s).replace(_FUTURE, "") for s in sources)
    readers = ", ".join(str(table["read_function"]) for table in tables)
    text = json.dumps(params, sort_keys=True)
    return f"{_FUTURE}\n\n{body}\n\nmain([{readers}], json.loads({text!r}))\n"


def answer_of(reply: str) -> dict[str, Any] | None:
    """The JSON that a rendered program printed last, or None when it did not get that far."""
    try:
        result = parse_json(reply)
        lines = str(result["stdout"]).strip().splitlines()
        answer = parse_json(lines[-1])
    except (UntrustedError, KeyError, IndexError, TypeError):
        return None
    return answer if isinstance(answer, dict) else None
