"""Does the description say how solutions are scored, and nothing else?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mle_smith.checks.check import NotRun, Outcome
from mle_smith.checks.source_code import declared_direction
from mle_smith.checks.subject import Subject
from mle_smith.metrics.registry import METRICS
from mle_smith.metrics.spec import MetricSpec
from mle_smith.values import Blame, Finding, Severity

_HIGH, _LOW = "higher|highest|larger|largest|greater|greatest|bigger", "lower|lowest|smaller|less"
_GOOD = "better|best|wins?|first|top"
_HIGHER, _LOWER = (
    re.compile(
        rf"\b(?:{words}|{most})\b[^.\n]{{0,40}}\b(?:{_GOOD})\b|{verb}"
        rf"|\b(?:{_GOOD})\b[^.\n]{{0,25}}\b(?:{words})\b|\b{more},? the better",
        re.I,
    )
    for words, most, verb, more in (
        (_HIGH, "maximum", r"maximi[sz]", "more"),
        (_LOW, "least|smallest|minimum", r"minimi[sz]", "less"),
    )
)
_SCORING = re.compile(
    r"\b(?:evaluat|scor(?:e|ing)|rank(?:ed|ing)|grad(?:ed|er|ing)|judg(?:ed|ing)|metric|leader"
    r"board|measured by|submissions?\b)",
    re.I,
)
_DENIED = re.compile(r"\b(?:not|no|never|unlike|instead|rather|than|versus|vs)\b|n't\b", re.I)
_SECTION = re.compile(r"^#{1,3} [^\n]*(?:metric|evaluation|scoring)[^\n]*$", re.I | re.M)
_OTHERWISE = {
    "accuracy": ("classification accuracy", "accuracy score"),
    "macro_f1": ("macro-averaged F1", "macro averaged F1", "F1 macro", "macro F1-score"),
    "f1": ("F1", "F1 score", "F1-score"),
    "mcc": ("Matthews correlation", "phi coefficient"),
    "quadratic_kappa": ("Cohen's kappa", "weighted kappa", "QWK"),
    "log_loss": ("cross entropy", "cross-entropy", "logloss", "logarithmic loss"),
    "roc_auc": ("AUC", "AUROC", "ROC-AUC", "area under the ROC curve"),
    "pr_auc": ("average precision", "PR AUC", "PR-AUC", "AUPRC"),
    "brier": ("Brier",),
    "rmse": ("root mean square error", "root-mean-square error"),
    "mae": ("mean absolute deviation", "mean absolute difference", "average absolute error"),
    "mape_safe": ("MAPE", "mean absolute percentage error"),
    "rmsle": ("root mean squared log error",),
    "r2": ("R2", "R²", "R-squared", "R^2"),
}
"""Other names of metrics. Their own, and their titles, are taken from the registry."""


def section(text: str, title: re.Pattern[str]) -> str:
    """The part below the heading that the pattern finds, up to the next one; empty without."""
    found = title.search(text)
    if found is None:
        return ""
    rest = text[found.end() :]
    end = re.search(r"^#{1,3} ", rest, re.M)
    return rest[: end.start()] if end else rest


def plain_words(text: str) -> str:
    """The text without what stands in code marks: a class may be called `no`."""
    return re.sub(r"`[^`\n]*`", "``", text)


def metric_section(text: str) -> str:
    """The part of a description that is about the metric."""
    return section(text, _SECTION)


def metric_findings(subject: Subject, text: str) -> Iterator[Outcome]:
    """What is wrong with the description of the metric: its name, its formula, its direction."""
    about = metric_section(text)
    spec = METRICS.get(subject.plan.metric) if subject.plan is not None else None
    scoring = [sentence for sentence in _sentences(text) if _SCORING.search(sentence)]
    if spec is not None:
        yield from _name(spec, about or text, scoring)
        yield from _formula(spec, about)
    higher = declared_direction(subject)
    if higher is None:
        yield NotRun("D03", "metric.py does not state its direction")
        return
    right, wrong = (_HIGHER, _LOWER) if higher else (_LOWER, _HIGHER)
    word = "higher" if higher else "lower"
    if not right.search(text):
        yield _finding(f"description.md does not say that {word} is better; say it.")
    statements = [*scoring, *_sentences(about)]
    contrary = [s for s in statements if wrong.search(s) and not right.search(s)]
    if contrary:
        yield _finding(
            f"{word} is better, but description.md says {contrary[0][:160]!r}; correct it.",
            sentences=contrary[:5],
        )


def _finding(message: str, **evidence: object) -> Finding:
    return Finding(
        code="D03",
        severity=Severity.ERROR,
        blame=Blame.DESIGN,
        message=message,
        evidence=evidence,
    )


def _sentences(text: str) -> list[str]:
    """Sentences that assert something; cells of tables are about columns."""
    prose = re.sub(r"^\|.*$", "", text, flags=re.M)
    parts = re.split(r"\n+|(?<=[.;!?])\s+", prose)
    return [part for part in parts if part.strip() and not _DENIED.search(plain_words(part))]


def _names(spec: MetricSpec) -> set[str]:
    plain = {spec.name, spec.name.replace("_", " "), spec.name.replace("_", "-"), spec.title}
    return plain | set(_OTHERWISE.get(spec.name, ()))


def _named(text: str) -> set[str]:
    """The metrics that a text names, the longer of two names where one is part of the other."""
    owner = {name.lower(): spec.name for spec in METRICS.values() for name in _names(spec)}
    listed = "|".join(map(re.escape, sorted(owner, key=len, reverse=True)))
    found = re.findall(rf"(?<![\w-])(?:{listed})(?![\w-])", text.lower())
    return {owner[name] for name in found}


def _parts_of(spec: MetricSpec) -> set[str]:
    """Metrics that its formula speaks of: macro F1 is a mean of F1."""
    return {
        other.name
        for other in METRICS.values()
        for name in _names(other)
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", spec.formula, re.I)
    }


def _name(spec: MetricSpec, about: str, scoring: list[str]) -> Iterator[Finding]:
    if spec.name not in _named(about):
        yield _finding(f"description.md does not name the metric, {spec.title}.")
    for sentence in scoring:
        others = _named(sentence) - _parts_of(spec)
        if others and spec.name not in _named(sentence):
            yield _finding(
                f"solutions are scored by {spec.title}, but description.md says "
                f"{sentence.strip()[:160]!r}; name one metric.",
                sentence=sentence.strip()[:500],
            )
            return


def _formula(spec: MetricSpec, about: str) -> Iterator[Finding]:
    """A formula of the registry, whole, is the one that is used."""
    text = " ".join(about.split())
    own, *_ = spec.formula.partition("; with ")
    for other in METRICS.values():
        formula, *_ = other.formula.partition("; with ")
        if other.name != spec.name and formula in text and own not in text:
            yield _finding(
                f"description.md gives the formula of {other.title}; solutions are scored by "
                f"{spec.title}: {own}.",
                formula=formula,
            )
            return
