"""The fuzz matrix: every odd submission that the metric was tried with, and what became of it."""

from __future__ import annotations

from typing import Any, NamedTuple

OUTCOMES = ("same score", "other score", "rejected", "crashed")

_GROUPS = {
    "same": ("Proper files in another form", "to be scored as the plain file", ("same score",)),
    "valid": ("Plain files", "to be scored, whatever the score", ("same score", "other score")),
    "rejected": ("Broken files", "to be rejected with a reason", ("rejected",)),
    "no_crash": (
        "Odd files",
        "may be scored or rejected, never crash, never beat the answers",
        ("same score", "other score", "rejected"),
    ),
}


class Row(NamedTuple):
    """One submission."""

    case: str
    outcome: str
    right: bool


class Group(NamedTuple):
    """Submissions of which the same is expected."""

    title: str
    wanted: str
    allowed: tuple[str, ...]
    rows: list[Row]


def fuzz_matrix(numbers: dict[str, Any]) -> list[Group]:
    """The cases by what was expected of them; empty when the check kept none."""
    cases = numbers.get("matrix", [])
    made = []
    for key, (title, wanted, allowed) in _GROUPS.items():
        rows = [
            Row(case["case"], case["outcome"].replace("_", " "), case["as_expected"])
            for case in cases
            if case["expected"] == key
        ]
        if rows:
            made.append(Group(title, wanted, allowed, rows))
    return made
