# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of answers that are expensive to make and change only with what somebody may see.

Each is kept, as JSON, together with the state of rights that it was made under (`access.stamps`), and is used for that
state only: a revocation counts for the next request on every worker (security.md S-15).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Final

import msgspec
from cachetools import LRUCache

from trivium.errors import WouldWait

_MAX_BYTES: Final = 32 << 20
_SMALL: Final = 64 << 10


class Remembered:
    """The memory of one worker; the least recently used parts go first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: LRUCache[Hashable, tuple[Hashable, bytes]] = LRUCache(
            _MAX_BYTES, getsizeof=lambda part: len(part[1])
        )

    def part(self, state: Hashable, key: Hashable, make: Callable[[], object]) -> msgspec.Raw:
        """What `make` returns, as JSON; made anew when the state is another one than when it was made before.

        `state` must have been read before anything that `make` reads.
        """
        found = self._found(state, key)
        if found is not None:
            return msgspec.Raw(found)
        made = msgspec.json.encode(make())
        if len(made) <= _MAX_BYTES // 8:
            with self._lock:
                self._parts[key] = (state, made)
        return msgspec.Raw(made)

    def ready_part(self, state: Hashable, key: Hashable) -> msgspec.Raw:
        """The same part, for a caller who must not wait: raises `WouldWait` unless it is here, and small."""
        found = self._found(state, key)
        if found is None or len(found) > _SMALL:
            raise WouldWait
        return msgspec.Raw(found)

    def _found(self, state: Hashable, key: Hashable) -> bytes | None:
        with self._lock:
            found = self._parts.get(key)
        return found[1] if found is not None and found[0] == state else None
