# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished parts of pages: kept in the repository's cache, which all workers share, the hottest also in memory.

A part has nothing about any visitor in it, and stands under a key that says all it depends on; so it is never wrong,
and whoever may read the repository may be given it (web.md 5).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Final

from cachetools import LRUCache

from trivium.forge.caches.answers import Kept
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.history.prepared import kept_under
from trivium.forge.history.reading import budget_of
from trivium.forge.site import Site
from trivium.vcs.budget import spending
from trivium.web.finished import FinishedPages

_HOT: Final = 16 << 20
"""Bytes of parts that a worker remembers."""
_LARGEST_HOT: Final = 1 << 20
_CONTENTS: Final = 8 << 20
"""Bytes of files that a worker remembers."""
_VALUE: Final = 4
"""How much more a value takes than the text it was made of, about."""


class Fragments:
    """The parts that one worker knows of, and the way to the others."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._hot: LRUCache[Hashable, str] = LRUCache(_HOT, len)
        self._values: LRUCache[Hashable, tuple[Any, int]] = LRUCache(_HOT, lambda kept: kept[1])
        self._contents: LRUCache[Hashable, bytes] = LRUCache(_CONTENTS, len)
        self.pages = FinishedPages()

    def find(self, repository_id: int, key: Hashable) -> str | None:
        """A part that was made before."""
        with self._lock:
            found = self._hot.get((repository_id, key))
        if found is not None:
            return found
        kept = RepositoryCache(self._site, repository_id).find(kept_under(key))
        return None if kept is None else self._remembered(repository_id, key, _whole(kept))

    def value(self, repository_id: int, key: Hashable) -> tuple[Any] | None:
        """What a part was converted to before (`remember`), as the only item of a tuple; nobody changes it."""
        with self._lock:
            found = self._values.get((repository_id, key))
        return None if found is None else found[:1]

    def remember(self, repository_id: int, key: Hashable, value: Any, length: int) -> None:
        """Keep what a part of so many characters was converted to."""
        size = _VALUE * length
        if size <= _LARGEST_HOT:
            with self._lock:
                self._values[repository_id, key] = (value, size)

    def content(self, repository_id: int, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """The bytes of a small file as they are: remembered, or read now."""
        with self._lock:
            found = self._contents.get((repository_id, key))
        if found is None:
            found = make()
            self.remember_content(repository_id, key, found)
        return found

    def remember_content(self, repository_id: int, key: Hashable, content: bytes) -> None:
        """Keep the bytes of a small file that were read with something else."""
        with self._lock:
            self._contents[repository_id, key] = content

    def made(self, repository_id: int, key: Hashable, make: Callable[[], str]) -> str:
        """A part that has to be made, and is kept unless something was left out; raises `BeingMade`."""
        cache = RepositoryCache(self._site, repository_id)
        with cache.only_maker(kept_under(key)):
            kept = cache.find(kept_under(key))  # perhaps somebody made it between the two looks
            if kept is None:
                with spending(lambda: budget_of(self._site.settings)) as budget, cache.draft(kept_under(key)) as draft:
                    made = make()
                    draft.write(made.encode("utf-8", "surrogateescape"))
                    kept = cache.finish(draft, keep=not budget.cut)
                    if budget.cut:
                        return made
        return self._remembered(repository_id, key, _whole(kept))

    def _remembered(self, repository_id: int, key: Hashable, part: str) -> str:
        if len(part) <= _LARGEST_HOT:
            with self._lock:
                self._hot[repository_id, key] = part
        return part


def _whole(kept: Kept | bytes) -> str:
    if isinstance(kept, Kept):
        try:
            kept_bytes = kept.whole()
        finally:
            kept.close()
    else:
        kept_bytes = kept
    return kept_bytes.decode("utf-8", "surrogateescape")
