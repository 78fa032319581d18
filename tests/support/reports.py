"""Reports to show, and pages as an HTML parser sees them."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from mle_smith.package.manifest import CheckRecord, Manifest
from mle_smith.report import Report, questions
from mle_smith.values import Blame, Finding, Interval, Ladder, Rung, Severity, Verdict

HOSTILE = (
    "<script>alert('x')</script> & {{ 7 * 7 }} <img src=http://x.example onerror=alert(1)>",
    '"><img src=x onerror="alert(1)">',
    "' onmouseover='alert(1)",
    "</style></svg></title><script>alert(1)</script>",
    "\u202eevil\u2066\u200f\u0000\x1b[31m",
    "javascript:alert(1)",
    "--><!--",
    "x" * 10_000,
    "name\ud800 half",
)
"""What a data set, or a package from elsewhere, may call its columns."""

MATRIX = [
    {"case": "with CRLF", "expected": "same", "outcome": "same_score", "as_expected": True},
    {"case": "without ids", "expected": "rejected", "outcome": "other_score", "as_expected": False},
    {"case": "full of 2.0", "expected": "no_crash", "outcome": "crashed", "as_expected": False},
]


def rung(name: str, value: float, spread: float) -> Rung:
    return Rung(name=name, score=Interval(value=value, low=value - spread, high=value + spread))


LADDER = Ladder(
    metric="rmse",
    higher_is_better=False,
    test_rows=80,
    rungs=(
        rung("constant", 11.5, 1.0),
        rung("simple", 7.0, 0.5),
        rung("strong", 5.25, 0.5),
        rung("cheat", 5.5, 0.5),
        rung("answers", 0, 0),
    ),
    gap=Interval(value=6.2, low=5.0, high=7.5),
)

CHECKS = (
    CheckRecord(code="L06", numbers={"skill": {"length": 0.75, "place": 0.1}}),
    CheckRecord(code="M07", numbers={"noise": [0.0, 0.5, 1.0], "score": [0.0, 6.0, 12.0]}),
    CheckRecord(code="M08", numbers={"cases": 3, "failed": 2, "matrix": MATRIX}),
    CheckRecord(code="P01", numbers={"builds": 2}),
)


def finding(
    message: str, severity: Severity = Severity.WARNING, code: str = "L06", **evidence: Any
) -> Finding:
    return Finding(
        code=code, severity=severity, blame=Blame.DESIGN, message=message, evidence=evidence
    )


def told(manifest: Manifest, *verdicts: Verdict, verified: bool = True) -> Report:
    """The report of a package that everything is known of."""
    known = manifest.model_copy(update={"checks": CHECKS, "ladder": LADDER})
    given = verdicts or tuple(
        Verdict(stage=stage) for stage in ("check_draft", "check_package", "review", "judge")
    )
    return Report.of(known, verified=verified, verdicts=given).model_copy(
        update={"questions": questions()}
    )


class Page(HTMLParser):
    """What a page holds; fails where elements are not closed in order."""

    VOID = frozenset({"meta", "br", "circle", "line", "rect", "path"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        """All that is to be read, blanks made one."""
        return " ".join(" ".join(self.words).split())

    def links(self) -> list[str]:
        """Every address that the page names."""
        named = {"src", "href", "action", "xlink:href", "data", "poster", "srcset", "formaction"}
        return [value for name, value in self.attributes if name in named]


OURS = frozenset(
    """
    html head meta title style body div nav ul li a main header span code h1 h2 h3 p dl dt dd small
    section bdi details summary table caption thead tbody tr th td figure figcaption b br ol pre
    footer svg rect text tspan line circle path
    """.split()  # noqa: SIM905 a list of sixty words reads worse
)
"""Elements that the templates are made of."""


def assert_harmless(text: str) -> Page:
    """No element, attribute or address that the templates do not have; nothing unseen."""
    page = Page(text)
    assert set(page.tags) <= OURS, set(page.tags) - OURS
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    for link in page.links():
        assert link.startswith(("#", "tasks/", "rejected/")), link
    assert "url(" not in text.split("</style>")[0]
    assert "@import" not in text.split("</style>")[0]
    assert not set(text) & set("\x00\x1b\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200f")
    text.encode("utf-8")
    return page
