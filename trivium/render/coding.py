# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks of code within texts: few languages, and one measure of time for all of them."""

from __future__ import annotations

import time
from typing import Final

from trivium.render import highlight
from trivium.render.text import preformatted

_MOST_LANGUAGES: Final = 12
"""In one text: reading in what is known of a language takes up to a tenth of a second."""


class TooSlow(Exception):
    """Rendering took too long, or became too large; the text is shown as it is."""


class Blocks:
    """Colours the blocks of one text."""

    def __init__(self, end: float) -> None:
        self._end = end
        self._languages: set[str] = set()

    def block(self, text: str, language: str) -> str:
        """A block as HTML, in colours if it says its language and there is time."""
        left = self._end - time.thread_time()
        if left < 0:
            raise TooSlow
        lexer = ""
        if language in self._languages or len(self._languages) < _MOST_LANGUAGES:
            self._languages.add(language)
            lexer = highlight.named(language)
        shown = highlight.highlight(text, lexer, patience=left / 2)
        return f"{preformatted(shown.lines, code=True)}\n"
