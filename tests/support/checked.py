"""What the checks say of a package."""

from __future__ import annotations

from mle_smith.checks import Layer, Subject, check_package
from mle_smith.values import Severity


def errors(subject: Subject, *layers: Layer) -> set[str]:
    """The codes of its errors; every check of the layers (without any, of leaks) has coped."""
    checked = check_package(subject, layers=set(layers) or {Layer.LEAKAGE})
    assert not [n for n in checked.not_run if "could not cope" in n.reason]
    return {f.code for f in checked.findings if f.severity is Severity.ERROR}
