# SPDX-License-Identifier: GPL-3.0-or-later
"""Places of one worker for work that may take long: they decide whose work goes on and whose waits (security.md 6).

Transfers need such a place (`max_concurrent_vcs`), and so do calls of the API that read much or wait long. Each account
has its own places, and so has each network of visitors. Beyond the first work of each, all also share a number of
places. So however much one account has under way, and however slow that is, the first work of another does not wait
for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass, field

from trivium.access.caller import Caller
from trivium.http.addresses import neighbourhood


def key_of(caller: Caller) -> Hashable:
    """The key for places and room: a user shares them with nobody, a visitor with all visitors of their network."""
    return neighbourhood(caller.address) if caller.anonymous else caller.user_id


class NoPlace(Exception):
    """No place became free in time."""


@dataclass(slots=True)
class _Whose:
    """The work of one account or network."""

    places: asyncio.Semaphore
    brief: asyncio.Semaphore
    users: int = 0
    """How many pieces of work have or want a place; at 0 this is forgotten."""
    has_first: bool = field(default=False)


class Places:
    """The places of one worker."""

    def __init__(self, *, each: int, shared: int, firsts: int, patience: float) -> None:
        """`firsts`: how many places there are for first work; visitors may hold half of them."""
        self._each = each
        self._patience = patience
        self._shared = asyncio.Semaphore(shared)
        self._firsts = asyncio.Semaphore(firsts)
        self._visitors = asyncio.Semaphore(firsts // 2)
        self._known: dict[Hashable, _Whose] = {}

    @contextlib.asynccontextmanager
    async def place(self, caller: Caller, *, brief: bool) -> AsyncIterator[None]:
        """Wait for a place and hold it for the length of the block; raises `NoPlace`.

        `brief`: for requests that a client makes beside a transfer, and that do not wait for one. Each account has
        places for them, so that a slow client cannot hold everybody's.
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
