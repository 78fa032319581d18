"""The outcome as a table: recall by class and strength, false alarms, seconds."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from benchmarks.detection.catalogue import MUTATORS, RESPONSIBLE, Strength
from benchmarks.detection.measure import Planted, Untouched


def as_markdown(clean: Sequence[Untouched], tries: Sequence[Planted]) -> str:
    """Recall of every class at every strength; the last column has what else was raised."""
    lines = [
        "| class | variants | weak | medium | strong | not applicable |",
        "|---|---|---|---|---|---|",
    ]
    for defect in RESPONSIBLE:
        mine = [t for t in tries if t.defect == defect]
        if not mine:
            continue
        variants = len({m.variant for m in MUTATORS if m.defect == defect})
        cells = [_recall([t for t in mine if t.strength == s.value]) for s in Strength]
        away = sum(not t.applicable for t in mine)
        lines.append(f"| {defect} | {variants} | {' | '.join(cells)} | {away} |")
    cells = [_recall([t for t in tries if t.strength == s.value]) for s in Strength]
    lines.append(f"| all | {len(MUTATORS)} | {' | '.join(cells)} | |")
    alarms = [c for c in clean if c.errors]
    lines.append("")
    lines.append(
        f"False alarms: {len(alarms)} of {len(clean)} untouched packages. Seconds a package: "
        f"median {statistics.median(c.seconds for c in clean):.1f}, "
        f"most {max(c.seconds for c in clean):.1f}."
    )
    lines += [f"- {c.package}: {m}" for c in alarms for m in c.messages]
    return "\n".join(lines) + "\n"


def _recall(tries: Sequence[Planted]) -> str:
    asked = [t for t in tries if t.applicable]
    found = sum(t.found for t in asked)
    return f"{found / len(asked):.0%} ({found}/{len(asked)})" if asked else "-"


def misses(tries: Sequence[Planted]) -> str:
    """What was not found, by variant and strength, with the packages."""
    asked = Counter((t.defect, t.variant, t.strength) for t in tries if t.applicable)
    missed = [t for t in tries if t.applicable and not t.found]
    lines = []
    for key in asked:
        here = [t.package for t in missed if (t.defect, t.variant, t.strength) == key]
        if here:
            lines.append(
                f"missed {' / '.join(key)}: {len(here)}/{asked[key]}: {' '.join(here[:6])}"
            )
    return "\n".join(lines)
