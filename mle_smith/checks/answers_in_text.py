"""Do ids stand beside their answers in a text, or the answers in their order?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

import pandas as pd

from mle_smith.checks.features import plain
from mle_smith.checks.sequences import labels_in, share_in_sequence
from mle_smith.checks.subject import Subject
from mle_smith.checks.telling import FEWEST

_TOKEN = re.compile(r"[^\s,;:|\"'{}\[\]()<>=]+")
_MAX_TOKENS = 2_000_000
_MAX_TEXT = 16_000_000
_MARKUP = re.compile(r"<[^<>]{1,500}>")
_ESCAPED = re.compile(r"\\[tnr]")


def share_in_text(subject: Subject, text: str) -> float:
    """Share of answers that stand right after their id, or all of them if in sequence."""
    bare = _MARKUP.sub(" ", text) if text.lstrip()[:1] == "<" else text
    text = _ESCAPED.sub(" ", bare)
    words = pd.Series([m.group() for m in islice(_TOKEN.finditer(text), _MAX_TOKENS)], dtype=str)
    tokens = plain(words).tolist()
    stream = f" {' '.join(tokens)} "
    ids = plain(subject.answers[subject.id_column]).fillna("")
    best = 0.0
    for target in subject.targets:
        answers = plain(subject.answers[target]).fillna("")
        for order in (subject.answers[target], subject.aligned[target]):
            sequence = " ".join(_TOKEN.findall(" ".join(plain(order).fillna(""))))
            if answers.nunique() > 1 and f" {sequence} " in stream:
                return 1.0
            truth = plain(order).fillna("").tolist()
            words_or_labels = labels_in(text[:_MAX_TEXT], truth) if _few(truth) else tokens
            for one_way in (truth, truth[::-1]):
                best = max(best, share_in_sequence(one_way, words_or_labels))
        if not answers.str.contains(" ").any():
            best = max(best, _beside(tokens, dict(zip(ids, answers, strict=True))))
    return best


def _few(values: Sequence[str]) -> bool:
    return len(set(values)) <= min(60, len(values) // 2)


def _beside(tokens: Sequence[str], wanted: dict[str, str]) -> float:
    """Share of the ids that have a class (or number) of the answers beside them: the right one."""
    labels = set(wanted.values())
    seen: set[str] = set()
    right: set[str] = set()
    for place, token in enumerate(tokens):
        if token not in wanted:
            continue
        after = next((t for t in tokens[place + 1 : place + 4] if t in labels), None)
        if after is not None:
            seen.add(token)
            if after == wanted[token]:
                right.add(token)
    share = pd.Series(list(wanted.values())).value_counts(normalize=True).max()
    if len(seen) < FEWEST or len(right) / len(seen) < share + 0.8 * (1 - share):
        return 0.0
    return min(1.0, len(right) / len(wanted))
