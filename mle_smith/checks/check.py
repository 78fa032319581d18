"""What a check is: one small function over a package, and what it may say about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from mle_smith.checks.subject import Subject
from mle_smith.values import Finding


class Layer(StrEnum):
    """What kind of question a check asks; the first letter of its codes."""

    STRUCTURE = "S"
    PREPARATION = "P"
    LEAKAGE = "L"
    METRIC = "M"
    DESCRIPTION = "D"
    EXECUTION = "X"


class Need(StrEnum):
    """What a check cannot do without, beyond the files of the package."""

    RAW = "raw"
    """The raw data that prepare.py starts from."""
    SANDBOX = "sandbox"
    """A sandbox, because code of the package is run."""
    PRIVATE = "private"
    """The answers."""
    FORMULATION = "formulation"
    """The formulation that the task was made from (given, or in the manifest)."""


class Measured(NamedTuple):
    """Numbers that a check took, whether or not they are a finding."""

    code: str
    numbers: dict[str, Any]


class Cause(StrEnum):
    """Why a question was not asked."""

    LACKING = "lacking"
    """Something that it needs was not given, or the question does not concern this package."""
    MACHINE = "machine"
    """The sandbox failed; asking again may help."""
    UNFIT = "unfit"
    """The check's own arithmetic stopped on data that it does not understand."""


class NotRun(NamedTuple):
    """A question that could not be asked of this package, and why."""

    code: str
    reason: str
    cause: Cause = Cause.LACKING


Outcome: TypeAlias = Finding | Measured | NotRun
CheckFunction: TypeAlias = Callable[[Subject], Iterable[Outcome]]


@dataclass(frozen=True)
class Check:
    """A registered check: what it is called, what it asks, and the function that asks it."""

    codes: dict[str, str]
    """Every code that the function may give, each with the defect it stands for."""
    layer: Layer
    title: str
    asks: str
    """What is asked and how it is decided, for the documentation."""
    needs: tuple[Need, ...]
    ask: CheckFunction

    @property
    def name(self) -> str:
        """The function's name, for programs."""
        return self.ask.__name__

    def __call__(self, subject: Subject) -> Iterator[Outcome]:
        """Ask the question of one package."""
        return iter(self.ask(subject))


def check(
    codes: dict[str, str], *, title: str, asks: str, needs: tuple[Need, ...] = ()
) -> Callable[[CheckFunction], Check]:
    """Make a check of a function. The module lists its checks in a tuple `CHECKS`.

    Args:
        codes: every code the function may give, with the defect it stands for; all of one layer.
        title: a few words, for people.
        asks: what is asked and how it is decided.
        needs: what the check cannot do without.
    """
    layers = {Layer(code[0]) for code in codes}
    if len(layers) != 1:
        raise ValueError(f"codes of one layer, not {sorted(codes)}")

    def wrap(function: CheckFunction) -> Check:
        return Check(dict(codes), layers.pop(), title, asks, needs, function)

    return wrap
