"""Can the answers be looked up where the data come from?

Defect L11. Nobody can tell from a package, so this only flags what points to a public source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from mle_smith.checks.check import Measured, Outcome, check
from mle_smith.checks.subject import Subject
from mle_smith.package.layout import DESCRIPTION
from mle_smith.values import Blame, Finding, Severity

_SCHEME = re.compile(
    r"^\s*(?:openml|kaggle|uci|hf|huggingface|zenodo|figshare|doi|https?)\s*:", re.I
)
_PLACES = re.compile(
    r"https?://(?!www\.w3\.org/)\S+|doi\.org/\S+|\b10\.\d{4,}/\S+|"
    r"\b(?:kaggle|openml|huggingface|zenodo|figshare|github|archive\.ics\.uci)\.(?:com|org|co|edu)\S*|"
    r"\b(?:openml|kaggle|hf|uci):\s?[\w/-]+",
    re.I,
)
_FETCHES = re.compile(
    r"\b(?:fetch_openml|fetch_ucirepo|load_dataset|hf_hub_download|snapshot_download|urlretrieve|"
    r"dataset_download\w*|requests\.get|urlopen)\b"
)
_CELLS = 50
"""Of a column of another table: addresses stand in all of its cells."""
_LETTERS = 200_000
"""Of a text."""


@check(
    {"L11": "the data come from where everybody can look the answers up"},
    title="Public source",
    asks="The manifest's source, the description and the other public files name no public place "
    "and fetch nothing from one. A flag for whoever uses the task, never an error: that data are "
    "public does not make a task wrong.",
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
    found += _in_files(subject)
    yield Measured("L11", {"places_named": len(found)})
    if found:
        yield Finding(
            code="L11",
            severity=Severity.WARNING,
            blame=Blame.FORMULATION,
            message=f"the data are public ({found[0]}), so the answers can be looked up by whoever "
            "has the network; run solvers without it, and trust no score of those who had it.",
            evidence={"places": sorted(set(found))[:5]},
        )


def _in_files(subject: Subject) -> Iterator[str]:
    """Places that other public files name, and functions that fetch."""
    side = subject.side_files
    texts = [text[:_LETTERS] for name, text in side.texts if not name.endswith(DESCRIPTION)]
    for table in side.tables:
        head = table.frame.iloc[:_CELLS]
        texts += ["\n".join(head[column].dropna().astype(str)) for column in head.columns]
    for text in texts:
        for pattern in (_PLACES, _FETCHES):
            if match := pattern.search(text):
                yield match.group()[:80]


CHECKS = (public_source,)
