# SPDX-License-Identifier: GPL-3.0-or-later
"""Large answers wait for their readers in files without names, as many as there is room for.

A reader may take minutes, or only say that they read. If the answers were in memory, a few dozen readers of a long list
would fill it. An answer that the disk refuses stays in memory.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from pathlib import Path
from typing import Final

from trivium.forge.caches.answers import Kept, kept_of
from trivium.http.rooms import Crowded, Room

LARGE: Final = 1 << 20
"""Bytes from which an answer waits in a file."""
_ROOM: Final = 32
_SHARE: Final = 8
"""Room for all answers that wait, and for those to one neighbourhood of addresses, in answers of the largest size."""


class Outgoing:
    """The large answers of one worker that nobody else keeps."""

    def __init__(self, place: Path, largest: int) -> None:
        self._place = place
        self._lock = threading.RLock()  # the garbage collector may close a file at any moment, in any thread
        self._room = Room(_ROOM * largest, _SHARE * largest)

    def put(self, content: bytes, whose: str) -> Kept | None:
        """A file with an answer to a neighbourhood of addresses; None where the disk has no room.

        Raises `Crowded` while too much waits already.
        """
        with contextlib.suppress(OSError):
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._place, buffering=0) as file:
                kept = kept_of(os.dup(file.fileno()), content)
                self.count(kept, whose)
                return kept
        return None

    def count(self, kept: Kept, whose: str) -> None:
        """Count a file without a name until it is closed. Raises `Crowded`, with the file closed."""
        size = kept.size
        try:
            with self._lock:
                self._room.take(size, whose)
        except Crowded:
            kept.close()
            raise
        kept.when_closed = lambda: self._gone(size, whose)

    def _gone(self, size: int, whose: str) -> None:
        with self._lock:
            self._room.give(size, whose)
