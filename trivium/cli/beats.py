# SPDX-License-Identifier: GPL-3.0-or-later
"""How the supervisor knows that a worker's event loop still runs: each worker counts in a small memory that both see.

A count that stands still for too long belongs to a worker that answers nobody. What made it stand still does not
matter: an expression that never ends, a library that keeps the interpreter, a system call that does not return.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # the supervisor has no event loop, and should not pay for one
    from asyncio import AbstractEventLoop

_COUNT: Final = struct.Struct("=Q")
EVERY: Final = 1.0
"""Seconds between two beats."""


def make(slots: int) -> int:
    """The memory for so many workers, as a descriptor."""
    memory = os.memfd_create("beats")
    os.ftruncate(memory, slots * _COUNT.size)
    return memory


class Heart:
    """The worker's side."""

    def __init__(self, memory: int, slot: int) -> None:
        self._map = mmap.mmap(memory, 0)
        self._at = slot * _COUNT.size

    def beat(self, loop: AbstractEventLoop) -> None:
        """Count now, and again every `EVERY` seconds; on the event loop."""
        (count,) = _COUNT.unpack_from(self._map, self._at)
        _COUNT.pack_into(self._map, self._at, count + 1)
        loop.call_later(EVERY, self.beat, loop)


@dataclass(slots=True)
class _Heard:
    count: int = 0
    """As it was last; 0: the worker has not begun."""
    silent: float = 0.0
    """Seconds for which it has stood still."""


class Pulse:
    """The supervisor's side."""

    def __init__(self, slots: int, patience: float) -> None:
        self.memory = make(slots)
        self._map = mmap.mmap(self.memory, 0)
        self._patience = patience
        self._heard = [_Heard() for _ in range(slots)]

    @property
    def interval(self) -> float | None:
        """Seconds after which to look again; None: never."""
        return max(self._patience / 4, EVERY) if self._patience else None

    def begin(self, slot: int) -> None:
        """A new worker has the slot from now on."""
        _COUNT.pack_into(self._map, slot * _COUNT.size, 0)
        self._heard[slot] = _Heard()

    def silent(self, elapsed: float) -> list[int]:
        """The slots whose counts stand still for too long; `elapsed` seconds have passed since this was asked last.

        At most one `interval` counts at once: after a sleep of the whole machine every worker gets another chance.
        """
        if self.interval is None:
            return []
        found = []
        for slot, heard in enumerate(self._heard):
            (count,) = _COUNT.unpack_from(self._map, slot * _COUNT.size)
            if count == 0 or count != heard.count:
                heard.count, heard.silent = count, 0.0
                continue
            heard.silent += min(elapsed, self.interval)
            if heard.silent >= self._patience:
                found.append(slot)
        return found
