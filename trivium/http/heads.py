# SPDX-License-Identifier: GPL-3.0-or-later
"""How large the head of a request may be, and how many bytes of large heads one worker holds (security.md 6).

Old Mercurial clients name thousands of heads in header lines, and Subversion's clients thousands of lock tokens in one
line. Their doors take large heads; every other keeps to `max_header_bytes`. A worker holds large heads of clients that
have not signed in yet, so there is a budget for each address and one for all.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from trivium.settings import Settings

_ROOM: Final = 16
_SHARE: Final = 4
"""Room for the heads of all addresses, and of one, in heads of the largest size."""
_BYTES_PER_LINE: Final = 256
"""A large head may have as many lines as if each had so many bytes."""
_PIECES: Final = 256
_BYTES_PER_PIECE: Final = 256
"""A large head in smaller pieces than this, on average, would make the parser copy it again and again."""
_DAV: Final = frozenset({
    b"PROPFIND", b"PROPPATCH", b"REPORT", b"MKCOL", b"MKACTIVITY", b"CHECKOUT", b"MERGE", b"COPY", b"MOVE", b"LOCK",
    b"UNLOCK", b"DELETE", b"PUT",
})  # fmt: skip


class HeadLimits:
    """The limits of one worker."""

    def __init__(self, settings: Settings) -> None:
        self._bytes = settings.max_header_bytes
        self._lines = settings.max_headers
        self._large = max(settings.max_vcs_header_bytes, self._bytes)
        self._held = 0
        self._by_address: Counter[str] = Counter()

    def is_too_large(self, size: int, lines: int, pieces: int, *, method: bytes, url: bytes) -> bool:
        """Whether a head, as far as it has arrived in so many `pieces`, is more than its door takes."""
        if size <= self._bytes and lines <= self._lines:
            return False
        if not (method in _DAV or b"/!svn/" in url or b"cmd=" in url):
            return True
        return (
            size > self._large or lines > self._large // _BYTES_PER_LINE or pieces > _PIECES + size // _BYTES_PER_PIECE
        )

    def hold(self, size: int, before: int, address: str) -> int:
        """Hold a head of `size` bytes, of which `before` are held already; returns how many are held then.

        -1: there is no room for it. Small heads need none.
        """
        more = size - self._bytes - before
        if size <= self._bytes or more <= 0:
            return before
        if self._held + more > _ROOM * self._large or self._by_address[address] + more > _SHARE * self._large:
            return -1
        self._held += more
        self._by_address[address] += more
        return before + more

    def release(self, size: int, address: str) -> None:
        """Give back what was held of a head that is gone."""
        if size:
            self._held -= size
            self._by_address[address] -= size
            if not self._by_address[address]:
                del self._by_address[address]
