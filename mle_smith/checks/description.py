"""Does the description say what a participant needs, and nothing that is not so?"""

from __future__ import annotations

import filecmp
import re
from collections.abc import Iterator

from mle_smith.checks.check import Measured, NotRun, Outcome, check
from mle_smith.checks.source_code import declared_direction
from mle_smith.checks.structure import ABSOLUTE_PATH
from mle_smith.checks.subject import FileDefectError, Subject
from mle_smith.metrics.registry import METRICS
from mle_smith.package.layout import ANSWERS, DESCRIPTION, PREPARE
from mle_smith.values import Blame, Finding, Severity

_HIGHER = re.compile(
    r"(?:higher|larger|greater|bigger)\b[^.\n]{0,40}\bbetter|maximi[sz]e|the higher,? the better",
    re.I,
)
_LOWER = re.compile(
    r"(?:lower|smaller|less)\b[^.\n]{0,40}\bbetter|minimi[sz]e|the lower,? the better", re.I
)
_COUNT = re.compile(
    r"(?<![\w.,-])(\d{1,3}(?:[, \u202f]\d{3})+|\d+)\s+(?:[a-z]+\s+)?(rows|columns|examples|samples|"
    r"records|observations|instances)\b",
    re.I,
)
_FILE = re.compile(r"(?<![\w/.])((?:[\w-]+/)*[\w-]+\.(?:csv|tsv|parquet|json|zip|txt|md|py))\b")


def _finding(code: str, message: str, **evidence: object) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        blame=Blame.DESIGN,
        message=message,
        evidence=evidence,
    )


def description_of(subject: Subject) -> str:
    """The text of description.md. Raises FileDefectError."""
    path = subject.paths.description
    if not path.is_file() or path.stat().st_size > 4 * 2**20:
        raise FileDefectError(DESCRIPTION, "is missing, or far too long")
    return path.read_text("utf-8", errors="replace")


def mentions(text: str, name: str) -> bool:
    """Whether the text has the name as a word of its own."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


@check(
    {
        "D01": "the description is empty, or public/ has another one",
        "D02": "a public file, target or submission column is not named",
        "D03": "the metric or its direction is not stated, or stated wrongly",
    },
    title="What a participant needs",
    asks="description.md and its copy in public/ are the same and name every public table, each "
    "target, the id, the columns of a submission, the metric, and whether more or less is better.",
)
def needed(subject: Subject) -> Iterator[Outcome]:
    """Completeness of the description."""
    text = description_of(subject)
    public = subject.paths.public_description
    if len(text.split()) < 30:
        yield _finding(
            "D01", f"description.md has {len(text.split())} words; say what the task is."
        )
    if public.is_file() and not filecmp.cmp(public, subject.paths.description, shallow=False):
        yield _finding("D01", "public/description.md is not description.md; copy it.")
    names = [p.name for p in sorted(subject.paths.public.glob("*.csv"))]
    names += [subject.id_column, *subject.targets] if subject.paths.answers.is_file() else []
    columns = [str(c) for c in subject.sample.columns]
    names += columns if len(columns) <= 12 else columns[:2]
    absent = sorted({name for name in names if not mentions(text, name)})
    if absent:
        yield _finding(
            "D02", f"description.md does not name {absent[:8]}; say what each is.", names=absent
        )
    yield from _metric(subject, text)


def _metric(subject: Subject, text: str) -> Iterator[Outcome]:
    spec = METRICS.get(subject.plan.metric) if subject.plan is not None else None
    if spec is not None:
        words = {spec.name, spec.name.replace("_", " "), spec.name.replace("_", "-"), spec.title}
        if not any(word.lower() in text.lower() for word in words):
            yield _finding("D03", f"description.md does not name the metric, {spec.title}.")
    higher = declared_direction(subject)
    if higher is None:
        yield NotRun("D03", "metric.py does not state its direction")
        return
    said_higher, said_lower = bool(_HIGHER.search(text)), bool(_LOWER.search(text))
    right, wrong = (said_higher, said_lower) if higher else (said_lower, said_higher)
    word = "higher" if higher else "lower"
    if not right:
        yield _finding(
            "D03",
            f"description.md does not say that {word} is better"
            + (", but the contrary." if wrong else "; say it."),
            higher_is_better=higher,
        )


@check(
    {
        "D04": "a number of rows or columns in the description is wrong (defect M13)",
        "D05": "the description names a file that participants do not get",
        "D06": "the description names a path of a machine, or private files",
    },
    title="What is claimed",
    asks="Every `N rows` and `N columns` of the description is a count of the data (of the file "
    "that the line names); every file it names is public; nothing private and no path is named.",
)
def claims(subject: Subject) -> Iterator[Outcome]:
    """Truth of the description's numbers and names."""
    text = description_of(subject)
    wrong = [w for line in text.splitlines() for w in _wrong_counts(subject, line)]
    yield Measured("D04", {"counts_claimed": len(_COUNT.findall(text)), "wrong": len(wrong)})
    if wrong:
        yield _finding("D04", f"not true: {'; '.join(wrong[:4])}. Correct it.", claims=wrong)
    public = {p.name for p in subject.paths.public.rglob("*") if p.is_file()}
    named = {match.split("/")[-1] for match in _FILE.findall(text)}
    allowed = public | {"submission.csv", "metric.py", "requirements.txt", "solution.py"}
    unknown = sorted(named - allowed - {ANSWERS, PREPARE})
    if unknown:
        severity = Severity.ERROR if any(n.endswith(".csv") for n in unknown) else Severity.WARNING
        yield _finding(
            "D05",
            f"{unknown} are named but not public; give them or do not name them.",
            files=unknown,
        ).model_copy(update={"severity": severity})
    private = [name for name in (ANSWERS, f"private/{ANSWERS}", PREPARE) if mentions(text, name)]
    paths = ABSOLUTE_PATH.findall(text)
    if private or paths:
        yield _finding(
            "D06",
            f"description.md names {(private + paths)[:4]}; leave it out.",
            names=sorted({*private, *paths}),
        )


def _wrong_counts(subject: Subject, line: str) -> Iterator[str]:
    """Claims of one line that no table it may be about bears out."""
    tables = {
        "train.csv": subject.train,
        "test.csv": subject.test,
        "sample_submission.csv": subject.sample,
    }
    here = [name for name in tables if name in line]
    if not here:
        words = {name: rf"\b{name.split('.')[0].split('_')[0]}\w*\b" for name in tables}
        here = [name for name, word in words.items() if re.search(word, line, re.I)]
    chosen = [tables[name] for name in here or tables]
    rows = {len(frame) for frame in chosen}
    columns = {len(frame.columns) - less for frame in chosen for less in (0, 1, 2)}
    columns |= {len(subject.input_columns)}
    rows |= {sum(len(f) for f in tables.values() if f is not subject.sample)}
    for number, unit in _COUNT.findall(line):
        claimed = int(re.sub(r"\D", "", number))
        right = columns if unit.lower() == "columns" else rows
        plausible = claimed >= 2  # "one row for each id", "1 row"
        if plausible and claimed not in right:
            yield f"{number} {unit} (in {', '.join(here) or 'the tables'}: {sorted(right)})"


CHECKS = (needed, claims)
