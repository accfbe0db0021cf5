# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of a request: parsed here and nowhere else, byte by byte, whatever their encoding.

Mercurial's own parser fails for every name outside ASCII (branches, tags, bookmarks). Its commands get exactly the
arguments that were checked here.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from trivium.vcs.hg.frames import NotUnderstood

_MOST: Final = 1_000


def parse(*sources: bytes) -> dict[bytes, bytes]:
    """Arguments by their names, from one or more texts in the form of a query; raises `NotUnderstood`.

    No argument may stand twice, because readers could differ on which one counts. `cmd` is left out.
    """
    found: dict[bytes, bytes] = {}
    for source in sources:
        pieces = source.split(b"&", _MOST)
        if len(pieces) > _MOST:
            raise NotUnderstood(f"more than {_MOST} arguments")
        for piece in pieces:
            if not piece:
                continue
            name, _, value = piece.partition(b"=")
            name = _plain(name)
            if name in found:
                raise NotUnderstood("an argument stands there twice")
            found[name] = _plain(value)
    found.pop(b"cmd", None)
    return found


def _plain(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))
