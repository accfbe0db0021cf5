# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a file of a Subversion repository locked. The library that we read with does not tell.

FSFS keeps a file for each lock, named by the MD5 of the path, in which names and values stand by their lengths.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

_LARGEST: Final = 1 << 20
"""Bytes of such a file that are read: a comment may be long, but the owner comes behind it."""
_NAME: Final = b"K"
_VALUE: Final = b"V"


def holder_of(path: Path, file: str) -> str | None:
    """The user that holds `file`, a path inside the repository at `path`, locked; None when nobody does."""
    digest = hashlib.md5(b"/" + file.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
    try:
        with (path / "db" / "locks" / digest[:3] / digest).open("rb") as kept:
            said = kept.read(_LARGEST)
    except OSError:
        return None
    owner = _values(said).get(b"owner")
    return None if owner is None else owner.decode("utf-8", "replace")


def _values(said: bytes) -> dict[bytes, bytes]:
    """Names and values, as far as they can be understood."""
    found: dict[bytes, bytes] = {}
    at, name = 0, b""
    while (end := said.find(b"\n", at)) >= 0:
        kind, _, length = said[at:end].partition(b" ")
        if kind not in (_NAME, _VALUE) or not length.isdigit() or len(length) > len(str(_LARGEST)):
            break
        at = end + 1 + int(length)
        word = said[end + 1 : at]
        if kind == _NAME:
            name = word
        else:
            found[name] = word
        at += 1
    return found
