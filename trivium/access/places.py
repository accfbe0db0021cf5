# SPDX-License-Identifier: GPL-3.0-or-later
"""Places of one worker for work that may take long: they decide whose work goes on and whose waits (security.md 6).

Transfers need such a place (`max_concurrent_vcs`), and so do calls of the API that read much or wait long. Each account
has its own places, and so has each network of visitors. Beyond the first work of each, all also share a number of
places. So however much one account has under way, and however slow that is, the first work of another does not wait
for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from contextlib import AbstractAsyncContextManager
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

    def give_first_back(self) -> None:
        """Their next work is the first again."""
        self.has_first = False


_Held = list[Callable[[], None]]
"""How to give back what was taken."""


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
        self.waiting = 0
        """How much work waits for a place now."""

    def place(self, caller: Caller, *, brief: bool) -> AbstractAsyncContextManager[None]:
        """Wait for a place and hold it for the length of the block; raises `NoPlace`.

        `brief`: for requests that a client makes beside a transfer, and that do not wait for one. Each account has
        places for them, so that a slow client cannot hold everybody's.
        """
        return _Place(self, caller, brief=brief)

    def come(self, key: Hashable) -> _Whose:
        """Whose place it will be that somebody waits for."""
        whose = self._known.get(key)
        if whose is None:
            whose = self._known[key] = _Whose(asyncio.Semaphore(self._each), asyncio.Semaphore(2 * self._each))
        whose.users += 1
        return whose

    def leave(self, key: Hashable, whose: _Whose) -> None:
        """They have no place any more, and wait for none."""
        whose.users -= 1
        if not whose.users:
            self._known.pop(key, None)

    async def take_shared(self, whose: _Whose, caller: Caller, held: _Held) -> None:
        """Take one of the places that are not of one account."""
        if whose.has_first:
            await self.take(self._shared, held)
            return
        whose.has_first = True
        held.append(whose.give_first_back)
        if caller.anonymous:
            await self.take(self._visitors, held)
        await self.take(self._firsts, held)

    async def take(self, places: asyncio.Semaphore, held: _Held) -> None:
        """Take one of `places`; raises `NoPlace`."""
        if places.locked():
            self.waiting += 1
            try:
                async with asyncio.timeout(self._patience):
                    await places.acquire()
            except TimeoutError:
                raise NoPlace from None
            finally:
                self.waiting -= 1
        else:
            await places.acquire()  # at once
        held.append(places.release)


class _Place(AbstractAsyncContextManager[None]):
    """A place of one piece of work. Each request takes one: a generator for it would cost as much as a look-up."""

    __slots__ = ("_brief", "_caller", "_held", "_key", "_places", "_whose")

    def __init__(self, places: Places, caller: Caller, *, brief: bool) -> None:
        self._places = places
        self._caller = caller
        self._brief = brief

    async def __aenter__(self) -> None:
        self._key = key_of(self._caller)
        self._whose = whose = self._places.come(self._key)
        self._held: _Held = []
        try:
            if self._brief:
                await self._places.take(whose.brief, self._held)
            else:
                await self._places.take(whose.places, self._held)
                await self._places.take_shared(whose, self._caller, self._held)
        except BaseException:
            self._give_back()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._give_back()

    def _give_back(self) -> None:
        while self._held:
            self._held.pop()()
        self._places.leave(self._key, self._whose)
