# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of rows (`render.words`) in the languages of pages."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache

from trivium.language import Language, language
from trivium.render.words import ENGLISH, Words


def words_of(spoken: Language) -> Words:
    """The words in a language."""
    return _words(spoken.code)


@lru_cache(maxsize=8)
def _words(code: str) -> Words:
    spoken = language(code)
    plain = {one.name: getattr(ENGLISH, one.name) for one in fields(Words)}
    texts = {name: spoken.text(text) for name, text in plain.items() if isinstance(text, str)}
    return Words(
        **texts,
        lines=lambda count: spoken.plural("%(num)s line", "%(num)s lines", count),
        show_lines_above=lambda count: spoken.plural("Show %(num)s line above", "Show %(num)s lines above", count),
        many_lines=lambda count: spoken.plural("%(num)s changed line", "%(num)s changed lines", count),
    )
