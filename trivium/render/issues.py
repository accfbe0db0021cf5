# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of users in which some words are links: the issues that a message names (web.md 2.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trivium.render.text import Markup, escaped, named

Link = tuple[int, int, str]
"""Where a word begins and ends, and where it leads."""


def linked(
    text: str,
    links: Sequence[Link],
    write: Callable[[str], str] = named,
    *,
    around: str = "",
    look: str = "plain strong",
) -> Markup:
    """A text as HTML with links, which follow each other and do not overlap; the rest of it as `write` has it.

    With `around`, an address, the rest leads there, as links of the class `look`: a link cannot stand in another one.
    """
    pieces, done = [], 0
    for start, end, href in links:
        pieces += [(text[done:start], around), (text[start:end], href)]
        done = end
    pieces.append((text[done:], around))
    return Markup("".join(_piece(write(piece), href, around, look) for piece, href in pieces if piece))


def leading(text: str, address: str, look: str) -> Markup:
    """A text without issues as a link of the class `look`."""
    return Markup(f'<a class="{escaped(look)}" href="{escaped(address)}" dir="auto">{named(text)}</a>')


def _piece(shown: str, href: str, around: str, look: str) -> str:
    if not href:
        return shown
    if href is around:
        return f'<a class="{look}" href="{escaped(href)}">{shown}</a>'
    return f'<a class="issue" href="{escaped(href)}" rel="noopener noreferrer nofollow">{shown}</a>'
