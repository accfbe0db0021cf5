# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose work goes on and whose waits: places of one worker for what may take long (security.md 6).

Transfers have such places (`max_concurrent_vcs`), and calls of the API that read much or wait long. Each account has
its places, and each network from which visitors come. All share a number of places besides, but for the first work of
each: however much one account has under way, and however slow that is, somebody else's first does not wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass, field

from trivium.access.caller import Caller
from trivium.http.addresses import neighbourhood


def key_of(caller: Caller) -> Hashable:
    """Whom a caller shares places and room with: nobody else, and a visitor whoever comes from the same network."""
    return neighbourhood(caller.address) if caller.anonymous else caller.user_id


class NoPlace(Exception):
    """Nobody made room in time."""


@dataclass(slots=True)
class _Whose:
    """The transfers of one account or network."""

    places: asyncio.Semaphore
    brief: asyncio.Semaphore
    users: int = 0
    """Transfers that have or want a place: without any, this can be forgotten."""
    has_first: bool = field(default=False)


class Places:
    """The places of one worker."""

    def __init__(self, *, each: int, shared: int, firsts: int, patience: float) -> None:
        """`firsts`: how many places there are for the first work of somebody, half of them for visitors."""
        self._each = each
        self._patience = patience
        self._shared = asyncio.Semaphore(shared)
        self._firsts = asyncio.Semaphore(firsts)
        self._visitors = asyncio.Semaphore(firsts // 2)
        self._known: dict[Hashable, _Whose] = {}

    @contextlib.asynccontextmanager
    async def place(self, caller: Caller, *, brief: bool) -> AsyncIterator[None]:
        """Wait for a place and hold it for the length of the block; raises `NoPlace`.

        `brief`: for requests that a client makes beside a transfer, and that do not wait for one. They have places of
        their own, so that nobody who is slow can hold all that there are for everybody.
        """
        key = key_of(caller)
        whose = self._known.get(key)
        if whose is None:
            whose = self._known[key] = _Whose(asyncio.Semaphore(self._each), asyncio.Semaphore(2 * self._each))
        whose.users += 1
        try:
            with contextlib.ExitStack() as held:
                if brief:
                    await self._take(whose.brief, held)
                else:
                    await self._take(whose.places, held)
                    await self._take_shared(whose, caller, held)
                yield
        finally:
            whose.users -= 1
            if not whose.users:
                self._known.pop(key, None)

    async def _take_shared(self, whose: _Whose, caller: Caller, held: contextlib.ExitStack) -> None:
        if whose.has_first:
            await self._take(self._shared, held)
            return
        whose.has_first = True
        held.callback(setattr, whose, "has_first", False)
        if caller.anonymous:
            await self._take(self._visitors, held)
        await self._take(self._firsts, held)

    async def _take(self, places: asyncio.Semaphore, held: contextlib.ExitStack) -> None:
        if places.locked():
            try:
                async with asyncio.timeout(self._patience):
                    await places.acquire()
            except TimeoutError:
                raise NoPlace from None
        else:
            await places.acquire()  # at once
        held.callback(places.release)
