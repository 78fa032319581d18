"""Do ids stand beside their answers in a text, or the answers in their order?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count, islice

import pandas as pd
from scipy.stats import binom  # type: ignore[import-untyped]  # has no stubs

from mle_smith.checks.features import plain
from mle_smith.checks.sequences import labels_in, share_in_sequence
from mle_smith.checks.subject import Subject
from mle_smith.checks.telling import FEWEST

_TOKEN = re.compile(r"[^\s,;:|\"'{}\[\]()<>=]+")
_PIECE = re.compile(r"[^\s,;:|\"'{}\[\]()<>=/]+")
"""The same within an address or a path."""
_MOST_PLACES = 8
"""Words of a line of which each may be the id."""
_MOST_WORDS = 200
_LUCK = 1e-4
"""Chance of as many right answers, below which they are told."""
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
        lines = [_PIECE.findall(line) for line in (beside or text)[:_MAX_TEXT].splitlines()]
        lines = [words for words in lines if 1 < len(words) <= _MOST_WORDS]
        in_order = [one_word.get(a, a) for a in plain(subject.aligned[target]).fillna("")]
        # Rows are counted from none or one, or as a sheet does, whose first row is the head.
        counted = [dict(zip(map(str, count(k)), in_order, strict=False)) for k in range(3)]
        best = max(best, *(_on_lines(lines, keyed) for keyed in (wanted, *counted)))
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


def _on_lines(lines: Sequence[Sequence[str]], wanted: dict[str, str]) -> float:
    """The same of lines that have an id at one place, and end with a class or a remark on it."""
    labels = set(wanted.values())
    told: list[dict[str, bool]] = [{} for _ in range(_MOST_PLACES)]
    for words in lines:
        last = next((k for k in range(len(words) - 1, 0, -1) if words[k] in labels), 0)
        for place, found in enumerate(told[:last]):
            key = words[place] if words[place] in wanted else words[place].lstrip("+-#*0")
            if key in wanted:
                found[key] = found.get(key, False) or words[last] == wanted[key]
    return max(_share(found, wanted) for found in told)


def _share(told: dict[str, bool], wanted: dict[str, str]) -> float:
    """Part of all ids whose answer is right, if those that are told are far more than by chance."""
    right = sum(told.values())
    share = pd.Series(list(wanted.values())).value_counts(normalize=True).max()
    if len(told) < FEWEST or right / len(told) < share + 0.8 * (1 - share):
        return 0.0
    if binom.sf(right - 1, len(told), share) > _LUCK:
        return 0.0
    return min(1.0, right / len(wanted))


def _at(tokens: Sequence[str], place: int) -> str | None:
    return tokens[place] if place < len(tokens) else None
