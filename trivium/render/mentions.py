# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a text mentions as `@name`: found in what a renderer made of it, so that code and links mention nobody.

Who is told of a comment and who becomes a link in it are found here alike (system.md 6.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trivium.render.cleaning import ELEMENT
from trivium.render.text import Markup, escaped

MOST: Final = 50
"""People whom one text mentions; further names are text."""
# A name is followed by what cannot be in one; mail addresses are none.
_MENTION = re.compile(r"(?<![\w@.+-])@(\w[\w.-]{0,254})")
_NO_TEXT: Final = frozenset({"a", "code", "kbd", "samp", "tt", "var"})


@dataclass(frozen=True, slots=True)
class Mentioning:
    """A text as HTML, taken apart where it mentions somebody."""

    pieces: tuple[str, ...]
    """What stands around the names: one more than there are names."""
    spots: tuple[str, ...]
    """The names as they are written, without `@`, in their order."""

    @property
    def names(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys(self.spots))

    def linked(self, address_of: Callable[[str], str]) -> Markup:
        """The whole, with links from the names to their addresses; without an address a name stays text."""
        first, *rest = self.pieces
        written = [first]
        for name, piece in zip(self.spots, rest, strict=True):
            address = address_of(name)
            written.append(f'<a class="mention" href="{escaped(address)}">@{name}</a>' if address else f"@{name}")
            written.append(piece)
        return Markup("".join(written))


def mentioning(html: str) -> Mentioning:
    """What `markup.render` answered, taken apart."""
    pieces: list[str] = []
    spots: list[str] = []
    known: set[str] = set()
    done = inside = 0

    def look(start: int, end: int) -> None:
        """Find the names in a piece of text between two elements."""
        nonlocal done
        if inside or html.find("@", start, end) < 0:
            return
        for found in _MENTION.finditer(html[start:end]):
            name = found[1].rstrip(".-")
            if len(known) >= MOST and name not in known:
                continue
            known.add(name)
            spots.append(name)
            pieces.append(html[done : start + found.start()])
            done = start + found.start() + len("@") + len(name)

    before = 0
    if "@" in html:
        for element in ELEMENT.finditer(html):
            look(before, element.start())
            before = element.end()
            if element[1].removeprefix("/") in _NO_TEXT:
                inside += -1 if element[1].startswith("/") else 1
        look(before, len(html))
    return Mentioning((*pieces, html[done:]), tuple(spots))
