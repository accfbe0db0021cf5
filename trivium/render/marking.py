# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of code with marks around some of their words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from trivium.render.pairs import Span
from trivium.render.text import code

_PIECES = re.compile(r"<[^<>]*>|&[^&;<]{1,10};|[^<&]+")
"""Elements, references and texts of a line that `highlight` or `text.code` wrote: both escape what is in quotes."""


def marked_text(text: str, spans: Iterable[Span], element: str) -> str:
    """A plain line as HTML with marks around its words."""
    found, at = [], 0
    for start, end in spans:
        found.append(f"{code(text[at:start])}<{element}>{code(text[start:end])}</{element}>")
        at = end
    found.append(code(text[at:]))
    return "".join(found)


def marked(html: str, spans: Sequence[Span], element: str) -> str:
    """A coloured line with marks around its words: what is open where a mark begins or ends is closed and reopened."""
    found: list[str] = []
    open_now: list[str] = []
    edges = [edge for span in spans for edge in span]
    done = at = 0

    def turn() -> None:
        nonlocal done
        close = "".join(f"</{one[1:-1].split(' ', 1)[0]}>" for one in reversed(open_now))
        found.append(f"{close}<{'/' if done % 2 else ''}{element}>{''.join(open_now)}")
        done += 1

    for piece in _PIECES.findall(html):
        if piece.startswith("</"):
            found.append(piece)
            open_now.pop()
            continue
        while done < len(edges) and edges[done] <= at:
            turn()
        if piece[0] == "<":
            found.append(piece)
            open_now.append(piece)
            continue
        length = 1 if piece[0] == "&" else len(piece)
        taken = 0
        while done < len(edges) and edges[done] < at + length:
            found.append(piece[taken : edges[done] - at])
            taken = edges[done] - at
            turn()
        found.append(piece[taken:])
        at += length
    while done < len(edges):
        turn()
    return "".join(found)
