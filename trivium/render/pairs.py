# SPDX-License-Identifier: GPL-3.0-or-later
"""Which removed line became which added one, and which words of it changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_WORDS = re.compile(r"\w+|[^\w\s]")
_LIKE_ENOUGH: Final = 0.45
"""Likeness from which on two lines are a pair."""
_SAME_ENOUGH: Final = 0.55
"""Likeness from which on the words that differ are marked; with less, the line was written anew."""
_MOST_IN_A_BLOCK: Final = 20
MOST_OF_A_LINE: Final = 500
"""Characters of lines whose words are compared."""

Span = tuple[int, int]
"""Beginning and end in the text of a line."""


class Effort:
    """Steps that may be made for one file, so that the worst of diffs takes time by its length."""

    def __init__(self, steps: int = 300_000) -> None:
        self.left = steps

    def allows(self, steps: int) -> bool:
        """Whether so many steps are left; they are taken then."""
        self.left -= steps
        return self.left >= 0


class Words:
    """A line, taken apart."""

    __slots__ = ("bag", "spans", "weight", "words")

    def __init__(self, text: str) -> None:
        self.words: list[str] = []
        self.spans: list[Span] = []
        self.bag: dict[str, int] = {}
        if len(text) <= MOST_OF_A_LINE:
            for found in _WORDS.finditer(text):
                word = found[0]
                self.words.append(word)
                self.spans.append(found.span())
                self.bag[word] = self.bag.get(word, 0) + len(word)
        self.weight = sum(self.bag.values())


def likeness(old: Words, new: Words) -> float:
    """From 0 to 1: the share of letters in words that both lines have, in whatever order."""
    both = old.weight + new.weight
    if not both or 2 * min(old.weight, new.weight) < _LIKE_ENOUGH * both:
        return 0.0
    few, many = (old.bag, new.bag) if len(old.bag) <= len(new.bag) else (new.bag, old.bag)
    return 2 * sum(min(weight, many.get(word, 0)) for word, weight in few.items()) / both


def pairs(removed: Sequence[Words], added: Sequence[Words], effort: Effort) -> list[tuple[int, int]]:
    """Indices of the lines that belong together, in order: those with the greatest sum of likeness.

    Blocks of more than 20 lines on a side, and those for which there is no effort left, are paired by position.
    """
    height, width = len(removed), len(added)
    steps = 8 * height * width
    if height > _MOST_IN_A_BLOCK or width > _MOST_IN_A_BLOCK or not effort.allows(steps):
        return [(at, at) for at in range(min(height, width))]
    like = [[likeness(old, new) for new in added] for old in removed]
    # best[i][j]: the greatest sum for what comes from i and j on.
    best = [[0.0] * (width + 1) for _ in range(height + 1)]
    for i in range(height - 1, -1, -1):
        row, below = best[i], best[i + 1]
        for j in range(width - 1, -1, -1):
            value = max(below[j], row[j + 1])
            if like[i][j] >= _LIKE_ENOUGH and like[i][j] + below[j + 1] > value:
                value = like[i][j] + below[j + 1]
            row[j] = value
    found, i, j = [], 0, 0
    while i < height and j < width:
        if like[i][j] >= _LIKE_ENOUGH and best[i][j] == like[i][j] + best[i + 1][j + 1]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def marks(old: Words, new: Words, effort: Effort) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """What differs in two lines: spans of whole words, with the blanks between them but none at their ends."""
    first, second = old.words, new.words
    head = 0
    shorter = min(len(first), len(second))
    while head < shorter and first[head] == second[head]:
        head += 1
    tail = 0
    while tail < shorter - head and first[-1 - tail] == second[-1 - tail]:
        tail += 1
    same = _common(first[head : len(first) - tail], second[head : len(second) - tail], effort)
    kept_old = {*range(head), *range(len(first) - tail, len(first)), *(head + i for i, _ in same)}
    kept_new = {*range(head), *range(len(second) - tail, len(second)), *(head + j for _, j in same)}
    weight = old.weight + new.weight
    if not weight or 2 * sum(len(first[i]) for i in kept_old) < _SAME_ENOUGH * weight:
        return (), ()
    return _spans(old, kept_old), _spans(new, kept_new)


def _common(first: Sequence[str], second: Sequence[str], effort: Effort) -> list[tuple[int, int]]:
    """Indices of the words of the longest common sequence, by letters; none where that takes too much effort."""
    height, width = len(first), len(second)
    if not height or not width or not effort.allows(height * width):
        return []
    best = [[0] * (width + 1) for _ in range(height + 1)]
    for i in range(height - 1, -1, -1):
        word, row, below = first[i], best[i], best[i + 1]
        for j in range(width - 1, -1, -1):
            row[j] = below[j + 1] + len(word) if word == second[j] else max(below[j], row[j + 1])
    found, i, j = [], 0, 0
    while i < height and j < width:
        if first[i] == second[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def _spans(line: Words, kept: set[int]) -> tuple[Span, ...]:
    found: list[Span] = []
    before = False
    for at, (start, end) in enumerate(line.spans):
        if at in kept:
            before = False
        elif before:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
            before = True
    return tuple(found)
