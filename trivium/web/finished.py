# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that were made before, in the memory of a worker: for whoever would be given the same again (web.md 5).

A page is kept under all that it depends on: its state, which the view tells (`Page.tag`), and who looks at it, how, and
under which address (`Visit.page_key`). What differs from one sending to the next, ages and tokens of forms, stays open
in it.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import threading
import time
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Final

from cachetools import LRUCache

from trivium import __version__
from trivium.language import Language
from trivium.web.static_files import static_files
from trivium.web.times import END, SLOT, TOKEN_SLOT, Telling, shown

_MOST: Final = 16 << 20
"""Bytes of pages that a worker keeps."""
_LARGEST: Final = 1 << 20
_OPEN: Final = re.compile(f"{re.escape(SLOT)}([^?]*){re.escape(END)}|{re.escape(TOKEN_SLOT)}")
_AGES_STAND: Final = 5
"""Seconds."""
_OWN_BYTES: Final = 2_000
"""What a page takes beside its text, about."""


class Finished:
    """A page as bytes, with places for what is told when it is sent."""

    __slots__ = ("_ages", "_moments", "_packed", "_pieces", "digest", "has_tokens", "size")

    def __init__(self, html: str, digest: str) -> None:
        pieces, at = [], 0
        known: dict[str, datetime] = {}
        self._moments: list[datetime | None] = []
        """What stands between the pieces; None is a token."""
        for found in _OPEN.finditer(html):
            pieces.append(html[at : found.start()].encode("utf-8", "surrogateescape"))
            self._moments.append(_moment(found[1], known) if found[1] else None)
            at = found.end()
        pieces.append(html[at:].encode("utf-8", "surrogateescape"))
        self._pieces = pieces
        self._packed: tuple[list[str], bytes] | None = None
        """What was sent last, compressed, with the ages in it."""
        self._ages: tuple[Hashable, list[str]] | None = None
        """When and how ages were told last, and which."""
        self.digest = digest
        self.has_tokens = None in self._moments
        self.size = sum(map(len, pieces))

    def content(self, language: Language, token: str, telling: Telling) -> tuple[bytes, list[str]]:
        """The page as it is sent now, and what was put into it."""
        if not self._moments:
            return self._pieces[0], []
        told = self._told(language, token, telling)
        filled = [b""] * (2 * len(told) + 1)
        filled[::2] = self._pieces
        filled[1::2] = [one.encode() for one in told]
        return b"".join(filled), told

    def _told(self, language: Language, token: str, telling: Telling) -> list[str]:
        """What stands between the pieces now; ages are those of some seconds ago."""
        key = (int(time.monotonic() / _AGES_STAND), language.code, telling)
        kept = self._ages
        if kept is None or kept[0] != key:
            now = datetime.now(UTC)
            # Lines of a file have the moments of few changesets.
            told = {moment: shown(moment, language, now, telling) for moment in {*self._moments} if moment is not None}
            ages = ["" if moment is None else told[moment] for moment in self._moments]
            kept = self._ages = (key, ages)
        return [one or token for one in kept[1]] if self.has_tokens else kept[1]

    def packed(self, content: bytes, told: list[str]) -> bytes:
        """The same compressed: ages seldom change, so that this seldom has to be done anew."""
        last = self._packed
        if last is not None and last[0] == told:
            return last[1]
        packed = gzip.compress(content, 1, mtime=0)
        if not self.has_tokens:  # each has another one
            self._packed = (told, packed)
        return packed


def _moment(text: str, known: dict[str, datetime]) -> datetime:
    """A moment, taken apart once however often a page tells it."""
    found = known.get(text)
    if found is None:
        found = known[text] = datetime.fromisoformat(text)
    return found


class FinishedPages:
    """The pages that one worker keeps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[Hashable, Finished] = LRUCache(_MOST, lambda page: 2 * page.size + _OWN_BYTES)

    def find(self, key: Hashable) -> Finished | None:
        """A page that was made before."""
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: Hashable, page: Finished) -> None:
        """Remember a page."""
        if page.size <= _LARGEST:
            with self._lock:
                self._kept[key] = page


def digest_of(key: Hashable) -> str:
    """What a page is known by, to browsers too: the same in each worker."""
    told = repr((__version__, static_files().version, key))
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:24]
