# SPDX-License-Identifier: GPL-3.0-or-later
"""What the workers of a server count, in a memory that all of them see: any one can tell the sum.

Each worker has a row of numbers that it alone writes. The memory belongs to the supervisor, so that a worker which dies
takes no count away: whoever gets its slot goes on counting there. It begins anew with the server.
"""

from __future__ import annotations

import mmap
import os
from typing import Final

DOORS: Final = ("api", "web", "git", "hg", "svn")
STATUSES: Final = ("none", "2xx", "3xx", "4xx", "5xx")
"""Classes of statuses; `none`: the client went away before there was one."""
COUNTERS: Final = (*(f"{door} {status}" for door in DOORS for status in STATUSES), "queue lost")
"""What only grows. Requests by the door that answered and by their status."""
GAUGES: Final = ("queue away", "waiting to read", "waiting for others", "reading", "writing")
"""What is so in a worker now. `queue away` is 0 or 1, the others are how many: pieces of long work that wait for their
turn, by what they will do, and connections to the database in use."""
_NAMES: Final = COUNTERS + GAUGES
_AT: Final = {name: number for number, name in enumerate(_NAMES)}
_WIDTH: Final = 8


def make(slots: int) -> int:
    """The memory for so many workers, as a descriptor."""
    memory = os.memfd_create("tallies")
    os.ftruncate(memory, slots * len(_NAMES) * _WIDTH)
    return memory


class Tallies:
    """The numbers of one process, and with them those of all."""

    def __init__(self, memory: int | None = None, slot: int = 0) -> None:
        """Without a `memory` of a server nobody else sees them."""
        shared = mmap.mmap(-1, len(_NAMES) * _WIDTH) if memory is None else mmap.mmap(memory, 0)
        self._all = memoryview(shared).cast("Q")
        self._first = slot * len(_NAMES)
        for name in GAUGES:
            self.put(name, 0)  # what was so in the one that had the slot before

    def count(self, name: str) -> None:
        """One more of a counter. Threads must not count the same at once."""
        self._all[self._first + _AT[name]] += 1

    def put(self, name: str, value: int) -> None:
        """What a gauge of this process says now."""
        self._all[self._first + _AT[name]] = value

    def sums(self) -> dict[str, int]:
        """All numbers, of all processes together."""
        return {name: sum(self._all[at :: len(_NAMES)]) for name, at in _AT.items()}
