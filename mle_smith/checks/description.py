"""Does the description say what a participant needs, and nothing that is not so?"""

from __future__ import annotations

import filecmp
import re
from collections.abc import Iterator

from mle_smith.checks.check import Measured, Outcome, check
from mle_smith.checks.described_metric import (
    metric_findings,
    metric_section,
    plain_words,
    section,
)
from mle_smith.checks.structure import machine_paths, words_of_data
from mle_smith.checks.subject import FileDefectError, Subject
from mle_smith.checks.submissions import declared_positive
from mle_smith.metrics import METRICS
from mle_smith.package.layout import ANSWERS, DESCRIPTION, PREPARE
from mle_smith.values import Blame, Finding, Severity

_COUNT = re.compile(
    r"(?<![\w.,-])(\d{1,3}(?:[, \u202f]\d{3})+|\d+)\s+(?:[a-z]+\s+)?(rows|columns|examples|samples|"
    r"records|observations|instances)\b",
    re.I,
)
COLUMN_HEADS = frozenset({"column", "columns", "name", "field", "feature", "variable"})
_GOAL = re.compile(r"[Pp]redict(?:ing|ed)?(?: the)?(?: value of| column)? `([^`\n]+)`")
_KEY = re.compile(r"\b(?:for|per|of) (?:each|every|one|a) `([^`\n]+)`", re.I)
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_CLASSES = re.compile(
    rf"\b(\d+|{'|'.join(_WORDS)}) (?:\w+ )?(?:classes|labels|categories)\b(?! or (?:more|fewer))",
    re.I,
)
_SHARE = re.compile(
    r"(\d+(?:\.\d+)?) ?(?:%|percent) of (?:the |all )?(?:rows|cases|examples|samples) "
    r"(?:are|have|belong to)(?: of)?(?: the)?(?: class)? `([^`\n]+)`",
    re.I,
)
_SHARE_OFF = 1.5
"""Percent; shares are rounded, and those of train and test differ a little."""
_OTHER_FORM = re.compile(
    r"\b(?:semicolon-separated|separated by (?:semicolons|tabs|blanks|spaces)|tab-separated|"
    r"(?:a|an|one|as) (?:tsv|json|jsonl|excel|parquet|xlsx|xml|yaml|pickle)\b|"
    r"(?:without|no|lacks) (?:a |any )?header)",
    re.I,
)
_DENIAL = re.compile(r"\b(?:not|no|instead of|rather than)\b", re.I)
_PROBABILITY = re.compile(r"\b(?:probabilit|likelihood|confidence|chance|score between)", re.I)
_COLUMNS = re.compile(r"\bcolumns?\b:?\s+((?:`[^`\n]+`(?:,|\s|and\b)*)+)", re.I)
"""Names in a row, after the word for them."""
_SUBMISSION = re.compile(r"^#{1,3} [^\n]*(?:submission|submit)[^\n]*$", re.I | re.M)
_DATA = (".csv", ".tsv", ".parquet")
_HAND_IN = re.compile(
    r"(?<![\w/])(?:submissions?|submit(?:ted|s)?|hand(?:ed)? in|predictions? file|upload\w*)"
    r"\b(?!\.csv)",
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


def _denies(text: str) -> bool:
    return _DENIAL.search(plain_words(text)) is not None


def mentions(text: str, name: str) -> bool:
    """Whether the text has the name as a word of its own."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


@check(
    {
        "D01": "the description is empty, or public/ has another one",
        "D02": "a public file, target or submission column is not named, or not the form of the "
        "file that is handed in",
        "D03": "the metric or its direction is not stated, or stated wrongly",
        "D08": "probabilities are asked for where classes are scored, the other way round, or of "
        "another class",
    },
    title="What a participant needs",
    asks="description.md and its copy in public/ are the same and name every public table, each "
    "target, the id, the columns of a submission, classes or probabilities, the metric, and "
    "whether more or less is better.",
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
    absent = {name for name in names if not mentions(text, name)}
    form = section(text, _SUBMISSION)
    if form.strip() and len(columns) <= 12:
        absent |= {name for name in columns if not mentions(form, name)}
    if not form.strip() and not any(_HAND_IN.search(line) for line in _prose(text)):
        yield _finding("D02", "description.md does not say what a submission looks like; say it.")
    yield from _form_of_file(form)
    if absent:
        listed = sorted(absent)
        yield _finding(
            "D02", f"description.md does not name {listed[:8]}; say what each is.", names=listed
        )
    yield from metric_findings(subject, text)
    yield from _kind_of_prediction(subject, form)


@check(
    {
        "D04": "a number of rows or columns in the description is wrong (defect M13)",
        "D05": "the description names a file that participants do not get",
        "D06": "the description names a path of a machine, or private files",
        "D07": "the description names columns or a target that the data do not have",
    },
    title="What is claimed",
    asks="Every `N rows` and `N columns` of the description is a count of the data (of the file "
    "that the line names), and so is what a table of files says of rows and columns, and each "
    "share of a class; columns of a data dictionary, an example and the goal are there; every "
    "file it names is public; nothing private and no path is named.",
)
def claims(subject: Subject) -> Iterator[Outcome]:
    """Truth of the description's numbers and names."""
    text = description_of(subject)
    wrong = [w for line in text.splitlines() for w in _wrong_counts(subject, line)]
    wrong += _wrong_cells(subject, text)
    wrong += _wrong_classes(subject, text.replace(metric_section(text), ""))
    wrong += _wrong_shares(subject, text)
    yield Measured("D04", {"counts_claimed": len(_COUNT.findall(text)), "wrong": len(wrong)})
    if wrong:
        yield _finding("D04", f"not true: {'; '.join(wrong[:4])}. Correct it.", claims=wrong)
    public = {p.name for p in subject.paths.public.rglob("*") if p.is_file()}
    named = {match.split("/")[-1] for match in _FILE.findall(text)}
    allowed = public | {"submission.csv", "metric.py", "requirements.txt", "solution.py"}
    unknown = sorted(named - allowed - {ANSWERS, PREPARE})
    if unknown:
        given = {cell for table in markdown_tables(text) for row in table for cell in row[:1]}
        promised = any(n.endswith(_DATA) or any(n in cell for cell in given) for n in unknown)
        severity = Severity.ERROR if promised else Severity.WARNING
        yield _finding(
            "D05",
            f"{unknown} are named but not public; give them or do not name them.",
            files=unknown,
        ).model_copy(update={"severity": severity})
    yield from _unknown_columns(subject, text)
    words = words_of_data(subject)
    private = [
        name
        for name in (ANSWERS, f"private/{ANSWERS}", PREPARE)
        if mentions(text, name) and not any(name in word for word in words)
    ]
    paths = machine_paths(subject, text)
    if private or paths:
        yield _finding(
            "D06",
            f"description.md names {(private + paths)[:4]}; leave it out.",
            names=sorted({*private, *paths}),
        )


def _prose(text: str) -> list[str]:
    """The lines that are neither of tables nor of lists of files."""
    return [line for line in text.splitlines() if not re.match(r"\s*(?:\||[-*+] `)", line)]


def _form_of_file(form: str) -> Iterator[Finding]:
    """Submissions are read as CSV files with commas and a header."""
    for sentence in sentences(form):
        other = _OTHER_FORM.search(sentence)
        denied = other and _denies(sentence[: other.start()])
        if other and not denied:
            yield _finding(
                "D02",
                f"description.md asks for a file {other[0].lower()!r}; a submission is a CSV file "
                "with commas and a header.",
            )
            return


def _kind_of_prediction(subject: Subject, form: str) -> Iterator[Finding]:
    """Labels or probabilities, as the metric takes them."""
    metric = METRICS.get(subject.plan.metric) if subject.plan is not None else None
    if metric is None or not form.strip() or not subject.paths.answers.is_file():
        return
    classes = next(
        (
            sorted(subject.answers[t].dropna().unique())
            for t in subject.targets
            if subject.has_classes(t)
        ),
        None,
    )
    if classes is None:
        return  # a quantity may be a probability
    labels = metric.prediction_for(classes) == "label"
    sentences = [s for s in re.split(r"(?<=[.;])\s+|\n\n", form) if not _denies(s)]
    said = any(_PROBABILITY.search(sentence) for sentence in sentences)
    if labels == said:
        takes = "classes, no probabilities" if labels else "probabilities"
        yield _finding("D08", f"{metric.title} takes {takes}; say so below the submission.")
    named = [c for c in classes if f"`{c}`" in form]
    positive = None if labels else declared_positive(subject, classes)
    if positive is not None and len(named) == 1 and named != [positive]:
        yield _finding(
            "D08",
            f"metric.py takes the probability of {positive!r}, but description.md speaks of "
            f"{named[0]!r}; make them agree.",
        )


def _known_columns(subject: Subject) -> set[str]:
    frames = [subject.train, subject.test, subject.sample]
    names = {str(c) for frame in frames for c in frame.columns} | {*subject.targets}
    for path in subject.paths.public.glob("*.csv"):
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            names |= {cell.strip().strip('"') for cell in file.readline().split(",")}
    return names


def _unknown_columns(subject: Subject, text: str) -> Iterator[Finding]:
    """Columns of the data dictionary, of an example submission and of the goal."""
    known = _known_columns(subject)
    named = [
        cell.replace("\\|", "|")
        for table in markdown_tables(text)
        if table[0] and table[0][0].strip("*` ").lower() in COLUMN_HEADS
        for row in table[1:]
        for cell in row[:1]
    ]
    bare = {_bare(name) for name in known}
    unknown = [name for name in map(_bare, named) if name and name not in bare]
    wanted = {*subject.targets, *map(str, subject.sample.columns)}
    goals = [n for n in _GOAL.findall(text) if n not in (wanted if subject.targets else known)]
    unknown += [f"{n} (as the target)" for n in goals]
    keys = [n for n in _KEY.findall(section(text, _SUBMISSION)) if n not in known]
    unknown += [f"{n} (as the id)" for n in keys]
    head = ",".join(map(str, subject.sample.columns))
    examples = [line.strip() for line in section(text, _SUBMISSION).splitlines()]
    examples = [e for e in examples if e.startswith(f"{subject.id_column},") and "`" not in e]
    examples = examples or [lines[0] for lines in _csv_blocks(section(text, _SUBMISSION))]
    examples = [e for e in examples if e.split(",")[0].strip('"') not in _ids(subject)]
    unknown += [f"{e[:80]} (as a header)" for e in examples[:1] if e.replace('"', "") != head]
    unknown += [f"{n} (in a submission)" for n in _asked_for(subject, text)]
    if unknown:
        yield _finding(
            "D07",
            f"description.md names columns that are nowhere: {unknown[:5]}; name those there are.",
            names=unknown[:20],
        )


def _asked_for(subject: Subject, text: str) -> list[str]:
    """Columns that a sentence gives a submission, beside the id, and the sample has not."""
    has = set(map(str, subject.sample.columns))
    for listed in _COLUMNS.findall(section(text, _SUBMISSION)):
        names = re.findall(r"`([^`\n]+)`", listed)
        if subject.id_column in names:
            return [name for name in names if name not in has]
    return []


def _bare(name: str) -> str:
    """A name without the marks of code around it."""
    return name.strip("` ")


def _ids(subject: Subject) -> set[str]:
    return {*subject.sample[subject.id_column]}


def _csv_blocks(text: str) -> Iterator[list[str]]:
    """Lines of code that have as many commas each: examples of a file."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.M | re.S)
    blocks += re.findall(r"((?:^(?: {4}|\t)[^\n]+\n)+)", text + "\n", re.M)
    for block in blocks:
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        if len(lines) > 1 and len({line.count(",") for line in lines}) == 1 and "," in lines[0]:
            yield lines


def markdown_tables(text: str) -> Iterator[list[list[str]]]:
    """Tables of the text: rows of cells, the header first."""
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.lstrip().startswith("|"):
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            if not all(re.fullmatch(r"\s*:?-+:?\s*", cell) for cell in cells):
                rows.append([cell.strip() for cell in cells])
        elif rows:
            yield rows
            rows = []


def sentences(text: str) -> list[str]:
    """Sentences, and lines of tables and lists."""
    return re.split(r"\n+|(?<=[.!?])\s+", text)


def _wrong_cells(subject: Subject, text: str) -> Iterator[str]:
    """Cells `rows` and `columns` of tables whose rows are about files."""
    tables = {
        "train.csv": subject.train,
        "test.csv": subject.test,
        "sample_submission.csv": subject.sample,
    }
    for head, *rows in markdown_tables(text):
        names = [cell.strip("*` ").lower() for cell in head]
        for row in rows:
            file = next((n for n in tables if row and n in row[0]), None)
            for name, cell in zip(names, row, strict=False):
                digits = re.sub(r"[,_ \u202f]", "", cell)
                if file is None or not digits.isdigit():
                    continue
                frame = tables[file]
                count = subject.train_count if frame is subject.train else len(frame)
                right = {"rows": count, "columns": len(frame.columns)}.get(name)
                if right is not None and int(digits) != right:
                    yield f"{cell} {name} (in {file}: {right})"


def _wrong_classes(subject: Subject, text: str) -> Iterator[str]:
    """Numbers of classes in sentences about the target, or about nothing that has a name."""
    if not subject.paths.answers.is_file():
        return
    classes = {str(g.feature.name): g.feature.distinct for g in subject.goals if g.classes}
    if not classes:
        return
    for sentence in sentences(text):
        others = [c for c in subject.input_columns if mentions(sentence, c)]
        for number in [] if others else _CLASSES.findall(sentence):
            word = number.lower()
            count = _WORDS.index(word) + 2 if word in _WORDS else int(word)
            if count not in classes.values():
                yield f"{number} classes (there are {sorted(classes.values())})"


def _wrong_shares(subject: Subject, text: str) -> Iterator[str]:
    """Shares of a class that neither table has."""
    if not subject.paths.answers.is_file():
        return
    for share, name in _SHARE.findall(text):
        sides = []
        for goal in subject.goals:
            of = goal.feature.plain_text == name
            sides += [goal.feature.of_train(of), goal.feature.of_test(of), of] if of.any() else []
        shares = [100 * float(side.mean()) for side in sides]
        if shares and min(abs(float(share) - there) for there in shares) > _SHARE_OFF:
            yield f"{share} % of {name!r} ({shares[0]:.1f} % in train)"


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
    counts = {name: len(frame) for name, frame in tables.items()}
    counts["train.csv"] = subject.train_count
    rows = {counts[name] for name in here or tables}
    columns = {len(frame.columns) - less for frame in chosen for less in (0, 1, 2)}
    columns |= {len(subject.input_columns)}
    rows |= {counts["train.csv"] + counts["test.csv"]}
    for number, unit in _COUNT.findall(line):
        claimed = int(re.sub(r"\D", "", number))
        right = columns if unit.lower() == "columns" else rows
        plausible = claimed >= 2  # "one row for each id", "1 row"
        if plausible and claimed not in right:
            yield f"{number} {unit} (in {', '.join(here) or 'the tables'}: {sorted(right)})"


CHECKS = (needed, claims)
