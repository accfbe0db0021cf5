# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of answers that are expensive to make and change only with what somebody may see.

They are kept as JSON, together with the state of rights that they were made under (`access.stamps`), and are used for
that state only: a revocation counts for the next request on every worker (security.md S-15).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from cachetools import LRUCache

from trivium.errors import WouldWait

Parts = Mapping[str, msgspec.Raw]
"""Parts of an answer by their names, each as JSON."""

_MAX_BYTES: Final = 32 << 20
_SMALL: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was made under one state of rights."""

    state: Hashable
    parts: Parts
    size: int
    """Bytes of all parts together."""


class Remembered:
    """The memory of one worker; what was least recently used goes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[Hashable, _Kept] = LRUCache(_MAX_BYTES, getsizeof=lambda kept: kept.size)

    def parts(self, state: Hashable, key: Hashable, make: Callable[[], Mapping[str, object]]) -> Parts:
        """What `make` returns, as JSON; made anew when `state` has changed since the last time.

        `state` must have been read before anything that `make` reads.
        """
        found = self._found(state, key)
        if found is None:
            made = {name: msgspec.json.encode(part) for name, part in make().items()}
            parts = {name: msgspec.Raw(part) for name, part in made.items()}
            found = _Kept(state, parts, sum(map(len, made.values())))
            if found.size <= _MAX_BYTES // 8:
                with self._lock:
                    self._kept[key] = found
        return found.parts

    def ready_parts(self, state: Hashable, key: Hashable) -> Parts:
        """The same parts, for a caller who must not wait: raises `WouldWait` unless they are here, and small."""
        found = self._found(state, key)
        if found is None or found.size > _SMALL:
            raise WouldWait
        return found.parts

    def _found(self, state: Hashable, key: Hashable) -> _Kept | None:
        with self._lock:
            found = self._kept.get(key)
        return found if found is not None and found.state == state else None
