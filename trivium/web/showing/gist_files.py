# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of gists as pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from trivium.forge.gists.gists import Gist
from trivium.render import highlight, rows
from trivium.render.text import is_binary, lines
from trivium.web.showing.sizes import size
from trivium.web.visit import Visit
from trivium.web.words import words_of

_MOST_SHOWN: Final = 1 << 20
"""Characters of all files of one gist that a page shows."""
_MOST_LINES: Final = 20_000
_REMEMBERED: Final = 1 << 16
"""Characters of a file whose colours are remembered."""


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file of a gist."""

    name: str
    size: str
    """In words."""
    language: str
    binary: bool
    lines: int
    """How many are shown."""
    cut: bool
    """Whether there is more than is shown."""
    table: Markup


def shown_files(visit: Visit, files: Mapping[str, str]) -> list[ShownFile]:
    """The files, up to the limits of a page."""
    found, left = [], _MOST_SHOWN
    for number, (name, text) in enumerate(files.items(), 1):
        binary = is_binary(text[:8192].encode("utf-8", "replace"))
        shown = "" if binary else text[: max(0, left)]
        cut = not binary and len(shown) < len(text)
        if len(all_lines := lines(shown)) > _MOST_LINES:
            shown, cut = "\n".join(all_lines[:_MOST_LINES]) + "\n", True
        left -= len(shown)
        lexer = highlight.lexer_of(name, shown)
        coloured = _remembered(shown, lexer) if len(shown) <= _REMEMBERED else _coloured(shown, lexer, cut=cut)
        table = (
            rows.text_table(rows.lines(coloured, anchor=f"f{number}-L"), name, words=words_of(visit.language))
            if coloured
            else Markup()
        )
        weight = size(len(text.encode("utf-8", "surrogateescape")), visit.language)
        found.append(ShownFile(name, weight, highlight.language(lexer), binary, len(coloured), cut, table))
    return found


def shown_lines(visit: Visit, file: ShownFile) -> str:
    """How many lines a file has, in words."""
    return visit.language.plural("%(num)s line", "%(num)s lines", file.lines)


def lasts(visit: Visit, gist: Gist) -> str:
    """Until when a gist lasts, in words."""
    if gist.expires < 0:
        return visit.text("for ever")
    moment = datetime.fromtimestamp(gist.expires, UTC)
    return visit.text("until %(moment)s", moment=f"{moment:%Y-%m-%d %H:%M} UTC")


def _coloured(text: str, lexer: str, *, cut: bool) -> list[str]:
    return highlight.plain(text) if cut else highlight.highlight(text, lexer).lines


@lru_cache(maxsize=32)
def _remembered(text: str, lexer: str) -> list[str]:
    return highlight.highlight(text, lexer).lines
