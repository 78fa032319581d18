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
    tokens = _tokens(text)
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
        words = {answer: " ".join(_TOKEN.findall(answer)) for answer in answers.unique()}
        several = sorted((a for a, word in words.items() if word != a or " " in a), key=len)
        if several and not _few(answers.tolist()):
            continue
        one_word = {label: f"\ue000{n}" for n, label in enumerate(several)}
        beside = text[:_MAX_TEXT] if several else ""
        for label in several[::-1]:
            beside = beside.replace(label, f" {one_word[label]} ")
        wanted = dict(zip(ids, (one_word.get(a, a) for a in answers), strict=True))
        best = max(best, _beside(_tokens(beside) if several else tokens, wanted))
        best = max(best, _at_both_ends(beside or text[:_MAX_TEXT], wanted))
    return best


def _tokens(text: str) -> list[str]:
    words = pd.Series([m.group() for m in islice(_TOKEN.finditer(text), _MAX_TOKENS)], dtype=str)
    return plain(words).tolist()


def _few(values: Sequence[str]) -> bool:
    return len(set(values)) <= min(60, len(values) // 2)


def _beside(tokens: Sequence[str], wanted: dict[str, str]) -> float:
    """Share of the ids that have a class (or number) of the answers beside them: the right one."""
    labels = set(wanted.values())
    told: dict[str, bool] = {}
    beyond = 0
    for place, token in enumerate(tokens):
        if token not in wanted or place < beyond:
            continue  # a number that was an answer is no id of the next
        after = next((p for p in range(place + 1, place + 4) if _at(tokens, p) in labels), None)
        if after is not None:
            right = tokens[after] == wanted[token]
            told[token] = told.get(token, False) or right
            if right:
                beyond = after + 1
    return _share(told, wanted)


def _at_both_ends(text: str, wanted: dict[str, str]) -> float:
    """The same of lines that begin with an id (after a mark, perhaps) and end with a class."""
    labels = set(wanted.values())
    told: dict[str, bool] = {}
    for line in text.splitlines():
        words = _TOKEN.findall(line)
        if len(words) > 1 and words[-1] in labels:
            first = words[0].lstrip("+->#*")
            if first in wanted:
                told[first] = told.get(first, False) or words[-1] == wanted[first]
    return _share(told, wanted)


def _share(told: dict[str, bool], wanted: dict[str, str]) -> float:
    """Part of all ids whose answer is right, if those that are told are far more than by chance."""
    right = sum(told.values())
    share = pd.Series(list(wanted.values())).value_counts(normalize=True).max()
    if len(told) < FEWEST or right / len(told) < share + 0.8 * (1 - share):
        return 0.0
    return min(1.0, right / len(wanted))


def _at(tokens: Sequence[str], place: int) -> str | None:
    return tokens[place] if place < len(tokens) else None
