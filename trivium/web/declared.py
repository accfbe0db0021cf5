# SPDX-License-Identifier: GPL-3.0-or-later
"""How a content that is no page of ours is declared, so that no browser takes it for one (security.md 7, S-12)."""

from __future__ import annotations

import mimetypes
from typing import Final

BINARY: Final = "application/octet-stream"
LOOKED_AT: Final = 8 << 10
"""Bytes that show what a file is."""
_PICTURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_ICON: Final = b"\0\0\1\0"
_ACTIVE: Final = ("html", "xml", "svg", "script", "css", "pdf", "flash")
"""Words in the names of types that a browser may run, or style a page with."""


def picture_of(beginning: bytes) -> str:
    """The type of a picture that every browser shows, by its first bytes; empty for anything else."""
    for signature, kind in _PICTURES:
        if beginning.startswith(signature):
            return kind
    return "image/webp" if beginning.startswith(b"RIFF") and beginning[8:12] == b"WEBP" else ""


def shown_type(beginning: bytes) -> str:
    """The same, and small pictures of sites: what `raw` shows (system.md 2.4)."""
    return "image/x-icon" if beginning.startswith(_ICON) else picture_of(beginning)


def type_by_name(name: str) -> str:
    """The type that a file's name suggests, for a file that is saved.

    Not one that a page of ours could run: a program saved here must not count as one of ours (`script-src 'self'`).
    """
    guessed, encoding = mimetypes.guess_type(f"/{name}", strict=False)
    if guessed is None or encoding is not None or any(word in guessed for word in _ACTIVE):
        return BINARY
    return f"{guessed}; charset=utf-8" if guessed == "text/plain" else guessed
