# SPDX-License-Identifier: GPL-3.0-or-later
"""How often somebody did something in the present minute or hour, counted by all workers of a machine together.

The counts stand in a small file that every worker maps, so that asking costs microseconds. A lost count does little
harm: it lets somebody do a few things more.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
import time
from pathlib import Path
from typing import Final

_MINUTE: Final = 60
_SLOT: Final = struct.Struct("=8sII")
"""Whose, which stretch of time, how often."""
_SLOTS: Final = 1 << 14
_LOOKED_AT: Final = 8
"""Slots in which a count may stand. When other counts fill them all in one stretch, one of those is lost."""


class Rates:
    """The counts of one installation, each for a stretch of time."""

    def __init__(self, path: Path, seconds: int = _MINUTE) -> None:
        """`seconds`: how long a stretch is; a file has one length."""
        self._seconds = seconds
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = _SLOTS * _SLOT.size
        if os.fstat(self._file).st_size < size:
            os.ftruncate(self._file, size)
        self._map = mmap.mmap(self._file, size)
        # The kernel's locks keep processes apart, not threads.
        self._lock = threading.Lock()

    def count(self, whose: bytes) -> int:
        """Add one to the count of these eight bytes; returns the count for the present stretch."""
        present = int(time.time()) // self._seconds
        first = int.from_bytes(whose[:8], "big") % (_SLOTS - _LOOKED_AT)
        where, length = first * _SLOT.size, _LOOKED_AT * _SLOT.size
        with self._lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX, length, where)
            try:
                return self._counted(first, whose[:8], present)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, length, where)

    def _counted(self, first: int, whose: bytes, present: int) -> int:
        free = first
        for slot in range(first + _LOOKED_AT - 1, first - 1, -1):
            holder, when, often = _SLOT.unpack_from(self._map, slot * _SLOT.size)
            if when != present:
                free = slot
            elif holder == whose:
                _SLOT.pack_into(self._map, slot * _SLOT.size, whose, present, often + 1)
                return int(often) + 1
        _SLOT.pack_into(self._map, free * _SLOT.size, whose, present, 1)
        return 1

    def seconds_left(self) -> int:
        """Until the next stretch begins."""
        return self._seconds - int(time.time()) % self._seconds

    def close(self) -> None:
        self._map.close()
        os.close(self._file)
