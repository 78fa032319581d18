"""Verification of task packages by deterministic checks.

`check_package(Subject(package, formulation=..., raw=..., sandbox=...))` asks every question that
can be asked of what is given, and `build_ladder` grades solutions against constants and answers.
"""

from mle_smith.checks.check import Cause, Layer
from mle_smith.checks.ladder import Climb, Solution, build_ladder
from mle_smith.checks.run import Checked, Omitted, check_package
from mle_smith.checks.subject import FileDefectError, Subject
from mle_smith.checks.thresholds import Thresholds

__all__ = [
    "Cause",
    "Checked",
    "Climb",
    "FileDefectError",
    "Layer",
    "Omitted",
    "Solution",
    "Subject",
    "Thresholds",
    "build_ladder",
    "check_package",
]
