"""What a mutator is, and the list of them all.

A mutator is one function: it plants one variant of one defect class in a specimen, at a strength.
`weak` is what a careful reader may overlook, `medium` the published cases, `strong` the whole hog;
each mutator says in its docstring what the strength measures.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, TypeAlias, TypeVar

from benchmarks.detection.specimen import Specimen

_T = TypeVar("_T")


class Strength(StrEnum):
    """How much of a defect is planted."""

    WEAK = "weak"
    MEDIUM = "medium"
    STRONG = "strong"

    def of(self, weak: _T, medium: _T, strong: _T) -> _T:
        """The one of three values that goes with the strength."""
        return {"weak": weak, "medium": medium, "strong": strong}[self.value]


Plant: TypeAlias = Callable[[Specimen, Strength], None]


class Mutator(NamedTuple):
    """One variant of a defect class."""

    defect: str
    variant: str
    plant: Plant
    needs_raw: bool


MUTATORS: list[Mutator] = []


def plants(defect: str, variant: str, *, needs_raw: bool = False) -> Callable[[Plant], Plant]:
    """Register the function as the mutator of a class."""

    def wrap(function: Plant) -> Plant:
        MUTATORS.append(Mutator(defect, variant, function, needs_raw))
        return function

    return wrap


RESPONSIBLE: dict[str, tuple[str, ...]] = {
    "L1": ("L01", "L02"),
    "L2": ("L01", "L02"),
    "L3": ("L03",),
    "L4": ("L04",),
    "L5": ("L05",),
    "L6": ("L06",),
    "L7": ("L07", "L14"),
    "L8": ("L08", "L06"),
    "L9": ("L09", "P08"),
    "L10": ("L10", "P09"),
    "L11": ("L11",),
    "L12": ("L12",),
    "L13": ("L13",),
    "L14": ("L14", "L07", "S03"),
    "L15": ("L15", "P10"),
    "L16": ("L16",),
    "M1": ("P07", "P15"),
    "M2": ("M02", "X03"),
    "M3": ("M03",),
    "M4": ("M04",),
    "M5": ("M05",),
    "M6": ("M06", "M16", "D03", "S12"),
    "M7": ("M07", "M16", "X05", "M02"),
    "M8": ("M08", "M16", "M04"),
    "M9": ("S09", "S10"),
    "M10": ("P10", "P16"),
    "M11": ("X04", "M11", "L06"),
    "M12": ("P02", "P13"),
    "M13": ("D02", "D03", "D04", "D05", "D07", "D08", "D09", "D10"),
    "M14": ("P04", "X03", "M14"),
}
"""By class the codes of findings that answer for it. L11 is a flag: any severity counts."""
