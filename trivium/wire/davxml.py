# SPDX-License-Identifier: GPL-3.0-or-later
"""XML of Subversion's clients is looked at before Apache sees it (security.md S-8).

Apache's own limits depend on its version, and on that of its parser.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, NoReturn
from xml.parsers import expat

from trivium.wire.admission import Refused

_DEEPEST: Final = 100
_ENCODINGS: Final = frozenset({"", "utf-8", "us-ascii"})
"""Others could say something else to Apache than to those who read along here (`davpaths`)."""


async def checked(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same body as it comes; raises `Refused` before anything that no Subversion client says is passed on."""
    depth = 0

    def begin(_name: str, _attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise Refused(400, f"The elements of a request may stand at most {_DEEPEST} deep in each other.")

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def declared(_version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding or "").lower() not in _ENCODINGS:
            raise _not_utf_8()

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.XmlDeclHandler = declared
    parser.StartDoctypeDeclHandler = _no_doctype
    try:
        async for chunk in body:
            if b"\0" in chunk:  # UTF-16, which a parser finds out by itself
                raise _not_utf_8()
            parser.Parse(chunk)
            yield chunk
    except expat.ExpatError as error:
        raise Refused(400, "The body of a request must be XML.") from error


def _not_utf_8() -> Refused:
    return Refused(400, "The XML of a request must be in UTF-8.")


def _no_doctype(*_: object) -> NoReturn:
    raise Refused(400, "The XML of a request has no document type.")
