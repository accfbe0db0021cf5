# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose work goes on and whose waits: places of one worker for what may take long (security.md 6).

Transfers have such places (`max_concurrent_vcs`), and calls of the API that read much or wait long. Each account has
its places, and each network from which visitors come. All share a number of places besides, but for the first work of
each: however much one account has under way, and however slow that is, somebody else's first does not wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from contextlib import AbstractAsyncContextManager
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

    def give_first_back(self) -> None:
        """Their next work is the first again."""
        self.has_first = False


_Held = list[Callable[[], None]]
"""How to give back what was taken."""


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

    def place(self, caller: Caller, *, brief: bool) -> AbstractAsyncContextManager[None]:
        """Wait for a place and hold it for the length of the block; raises `NoPlace`.

        `brief`: for requests that a client makes beside a transfer, and that do not wait for one. They have places of
        their own, so that nobody who is slow can hold all that there are for everybody.
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
            try:
                async with asyncio.timeout(self._patience):
                    await places.acquire()
            except TimeoutError:
                raise NoPlace from None
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
