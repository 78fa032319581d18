"""What several reviews of one task come to, and where they disagree with the checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mle_smith.checks import Checked
from mle_smith.task import Objection, Review
from mle_smith.values import Blame, Finding, Severity

CODES = {
    "clarity": "R01",
    "metric_fit": "R02",
    "prerequisites": "R03",
    "leakage": "R04",
    "realism": "R05",
    "difficulty": "R06",
    "licence": "R07",
}
DISAGREEMENT = "R08"
_LAYERS = {"leakage": "L", "metric_fit": "M", "clarity": "D"}
"""Aspects that checks have a layer for, by the letter of its codes."""


def findings_of(reviews: Sequence[Review], checked: Checked) -> tuple[Finding, ...]:
    """The findings of a panel: all objections, the serious ones as errors if a majority has some.

    A majority is more than half of the panel. Where it has no serious objection, those of the
    minority are warnings: they are read, and send nothing back.
    """
    against = sum(any(o.serious for o in review.objections) for review in reviews)
    carried = 2 * against > len(reviews)
    objections = [o for review in reviews for o in review.objections]
    unlike = dict.fromkeys(_finding(o, carried).model_dump_json() for o in objections)
    found = [Finding.model_validate_json(text) for text in unlike]
    return (*found, *disagreements(objections, checked))


def disagreements(objections: Sequence[Objection], checked: Checked) -> Iterator[Finding]:
    """Where reviewers object and checks are silent, or the other way round; noted, no more."""
    warned = {finding.code[0]: finding.code for finding in checked.findings}
    for aspect, layer in _LAYERS.items():
        mine = [o for o in objections if o.aspect == aspect]
        if any(o.serious for o in mine) and layer not in warned:
            message = f"reviewers object to the {aspect}, where the checks ({layer}) found nothing"
        elif layer in warned and not mine:
            message = f"the checks found {warned[layer]}, and no reviewer objects to the {aspect}"
        else:
            continue
        yield Finding(
            code=DISAGREEMENT,
            severity=Severity.INFO,
            blame=Blame.DESIGN,
            message=message,
            evidence={"aspect": aspect, "objections": [o.message for o in mine]},
        )


def _finding(objection: Objection, carried: bool) -> Finding:
    return Finding(
        code=CODES[objection.aspect],
        severity=Severity.ERROR if objection.serious and carried else Severity.WARNING,
        blame=Blame(objection.blame),
        message=objection.message,
        evidence=dict(objection.evidence),
    )
