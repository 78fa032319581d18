"""How text and numbers from outside become harmless, short and readable on a page.

Escaping is Jinja's (autoescape); what it leaves are characters that change how a page reads
without being markup: controls, overrides of the reading direction, halves of surrogate pairs.
They are shown by name, so that a reader sees them and they do nothing.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from markupsafe import Markup

LONGEST = 2_000
"""Characters of one text that a page shows."""
_NAME = 80

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)


def visible(text: str) -> str:
    """The text with every character that is not to be seen replaced by its code point."""
    return _UNSEEN.sub(lambda found: f"⟦U+{ord(found.group()):04X}⟧", text)


def clipped(text: object, most: int = LONGEST) -> str:
    """The text made visible, its middle left out where it is longer than `most`."""
    whole = str(text)
    if len(whole) <= most:
        return visible(whole)
    head, tail = whole[: most * 2 // 3], whole[-most // 6 :]
    return f"{visible(head)} … ({len(whole):,} characters) … {visible(tail)}"


def name(text: object) -> str:
    """A name of a column, class, file or rung: short enough for a table's cell."""
    return clipped(text, _NAME)


def finalized(value: Any) -> Any:
    """What Jinja does to every value before it is escaped."""
    return clipped(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def words(text: object) -> str:
    """An identifier in plain words."""
    return str(text).replace("_", " ")


def number(value: object) -> str:
    """A number with four digits that count, and none that do not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return clipped(value, 200)
    if not math.isfinite(value):
        return "not finite"
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    if abs(value) >= 10_000:
        return f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.3e}"
    return f"{value:.4g}"


def size(count: int) -> str:
    """Bytes in a unit that a person would choose."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} B"


def dollars(value: float | None) -> str:
    """An amount of money; small ones to the cent's hundredth."""
    if value is None:
        return "unknown"
    return f"${value:,.2f}" if value == 0 or value >= 1 else f"${value:.4f}"


def seconds(value: float) -> str:
    """A duration."""
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {int(value % 60):02d} s"


def evidence(value: Any) -> str:
    """One value of a check's evidence, as short text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, str):
        return clipped(value, 300)
    if isinstance(value, list) and all(isinstance(v, str | int | float) for v in value):
        shown = ", ".join(evidence(v) for v in value[:12])
        return shown + (f", … ({len(value)} in all)" if len(value) > 12 else "") or "none"
    if isinstance(value, dict) and not any(isinstance(v, dict) for v in value.values()):
        return clipped("; ".join(f"{words(k)}: {evidence(v)}" for k, v in value.items()), 300)
    return clipped(json.dumps(value, ensure_ascii=False, default=str), 300)
