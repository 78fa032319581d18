"""Can the answers be looked up where the data come from?

Defect L11. Nobody can tell from a package, so this only flags what points to a public source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from mle_smith.checks.check import Outcome, check
from mle_smith.checks.subject import Subject
from mle_smith.values import Blame, Finding, Severity

_SCHEME = re.compile(
    r"^\s*(?:openml|kaggle|uci|hf|huggingface|zenodo|figshare|doi|https?)\s*:", re.I
)
_PLACES = re.compile(
    r"https?://\S+|doi\.org/\S+|\b10\.\d{4,}/\S+|"
    r"\b(?:kaggle|openml|huggingface|zenodo|figshare|github|archive\.ics\.uci)\.(?:com|org|co|edu)\S*|"
    r"\b(?:openml|kaggle|hf|uci):\s?[\w/-]+",
    re.I,
)


@check(
    {"L11": "the data come from where everybody can look the answers up"},
    title="Public source",
    asks="The manifest's source and the description name no public place. A flag for whoever uses "
    "the task, never an error: that data are public does not make a task wrong.",
)
def public_source(subject: Subject) -> Iterator[Outcome]:
    """Addresses in the manifest and the description."""
    source = ""
    if subject.paths.manifest.is_file():
        try:
            manifest = json.loads(subject.paths.manifest.read_text("utf-8"))
            source = str(manifest["provenance"]["source"])
        except (ValueError, KeyError, TypeError):
            source = ""
    text = ""
    if subject.paths.description.is_file():
        text = subject.paths.description.read_text("utf-8", errors="replace")
    found = [source] if _SCHEME.match(source) or _PLACES.search(source) else []
    found += [m.group()[:80] for m in _PLACES.finditer(text)]
    if found:
        yield Finding(
            code="L11",
            severity=Severity.WARNING,
            blame=Blame.FORMULATION,
            message=f"the data are public ({found[0]}), so the answers can be looked up by whoever "
            "has the network; run solvers without it, and trust no score of those who had it.",
            evidence={"places": sorted(set(found))[:5]},
        )


CHECKS = (public_source,)
