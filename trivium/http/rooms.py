# SPDX-License-Identifier: GPL-3.0-or-later
"""How many bytes a worker holds at once for its clients (security.md 6): for all together, and for each."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Hashable


class Crowded(Exception):
    """There is no room for another large body at the moment."""


class Room:
    """Bytes that may be held at once: by everybody, and by one account or neighbourhood of addresses."""

    def __init__(self, size: int, share: int) -> None:
        self._size = size
        self._share = share
        self._held = 0
        self._by_whom: Counter[Hashable] = Counter()

    def take(self, size: int, whose: Hashable) -> None:
        """Take so many bytes; raises `Crowded`, with nothing taken."""
        if self._held + size > self._size or self._by_whom[whose] + size > self._share:
            if not self._by_whom[whose]:
                del self._by_whom[whose]
            raise Crowded
        self._held += size
        self._by_whom[whose] += size

    def give(self, size: int, whose: Hashable) -> None:
        self._held -= size
        self._by_whom[whose] -= size
        if not self._by_whom[whose]:
            del self._by_whom[whose]

    def charge(self, charged: contextlib.ExitStack, size: int, whose: Hashable) -> None:
        """Take so much until the end of `charged`; raises `Crowded`."""
        if size > 0:
            self.take(size, whose)
            charged.callback(self.give, size, whose)
