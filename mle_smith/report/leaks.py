"""The leak table: for each way in which answers may leak, its numbers and the proof.

A check proves a leak by an exploit, and says so in its evidence: `exploit` in words, how well it
does as `exploit_score`, `exploit_skill`, `skill_alone` or `skill`, and how well honest work does
without it as `honest_score`, `honest_skill`, `skill_of_all_others` or `rest`. A *skill* is 0 for
a constant and 1 for perfect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mle_smith.report.standing import Layer, Standing
from mle_smith.report.text import evidence, number, words

_EXPLOIT = ("exploit_score", "exploit_skill", "skill_alone", "skill")
_HONEST = ("honest_score", "honest_skill", "skill_of_all_others", "rest")
_LISTED = 5
_PAIRS = 40


class Bar(NamedTuple):
    """A skill as a bar from 0 to 100."""

    label: str
    value: str
    width: float
    honest: bool = False


class Leak(NamedTuple):
    """One row of the table."""

    standing: Standing
    numbers: list[tuple[str, str]]
    bars: list[Bar]
    """Skills that were measured, beside what was found."""
    proofs: list[Proof]


class Proof(NamedTuple):
    """What one finding shows."""

    message: str
    exploit: str
    bars: list[Bar]
    more: list[tuple[str, str]]


def leak_table(layers: Sequence[Layer]) -> list[Leak]:
    """A row for every leak code, found or not."""
    return [
        _row(standing) for layer in layers if layer.letter == "L" for standing in layer.standings
    ]


def pairs(mapping: dict[str, Any]) -> list[tuple[str, str]]:
    """Evidence as names and short texts."""
    shown = [(words(key), evidence(value)) for key, value in list(mapping.items())[:_PAIRS]]
    left = len(mapping) - len(shown)
    return [*shown, *([("and", f"{left:,} more")] if left else [])]


def _row(standing: Standing) -> Leak:
    told = {key for finding in standing.findings for key in finding.evidence}
    measured = {key: value for key, value in standing.numbers.items() if key not in told}
    bars = [bar for key, value in measured.items() for bar in _skills(key, value)]
    plain = {key: value for key, value in measured.items() if not _skills(key, value)}
    return Leak(
        standing, pairs(plain), bars, [_proof(f.message, f.evidence) for f in standing.findings]
    )


def _skills(key: str, value: Any) -> list[Bar]:
    """Bars for `skill: {column: share}` and for `{column: {skill: share}}`; else none."""
    if not isinstance(value, dict) or not value:
        return []
    if "skill" in value and _is_number(value["skill"]):
        return [_bar(key, value["skill"])]
    if key == "skill" and all(_is_number(share) for share in value.values()):
        best = sorted(value.items(), key=lambda item: -item[1])[:_LISTED]
        return [_bar(column, share) for column, share in best]
    return []


def _proof(message: str, given: dict[str, Any]) -> Proof:
    bars = []
    for keys, label in ((_EXPLOIT, "the exploit"), (_HONEST, "honest work without it")):
        key = next((k for k in keys if _is_number(given.get(k))), None)
        if key is not None:
            bars.append(_bar(label, given[key], honest=keys is _HONEST))
    shown = {*_EXPLOIT, *_HONEST} if bars else set()
    rest = {k: v for k, v in given.items() if k != "exploit" and not (k in shown and _is_number(v))}
    exploit = given.get("exploit", "")
    return Proof(
        message, exploit if isinstance(exploit, str) else evidence(exploit), bars, pairs(rest)
    )


def _bar(label: str, value: float, *, honest: bool = False) -> Bar:
    return Bar(label, number(value), round(100 * min(max(value, 0.0), 1.0), 1), honest)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
