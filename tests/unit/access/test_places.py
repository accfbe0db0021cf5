# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody who is slow holds the places of everybody."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from trivium.access.caller import Caller, anonymous
from trivium.access.places import NoPlace, Places

EACH, SHARED = 4, 6


def user(number: int) -> Caller:
    return Caller(number + 10, f"user-{number}", False, True, "192.0.2.1")


async def hold(held: AsyncExitStack, turns: Places, caller: Caller, times: int = 1, *, brief: bool = False) -> int:
    """Take so many places; returns how many there were."""
    for number in range(times):
        try:
            await held.enter_async_context(turns.place(caller, brief=brief))
        except NoPlace:
            return number
    return times


@pytest.fixture
def turns() -> Places:
    return Places(each=EACH, shared=SHARED, firsts=8 * SHARED, patience=0.01)


def test_an_account_has_its_own_places_only(turns: Places) -> None:
    async def crowd() -> None:
        async with AsyncExitStack() as held:
            assert await hold(held, turns, user(1), 10) == EACH
            assert await hold(held, turns, user(1), 20, brief=True) == 2 * EACH

    asyncio.run(crowd())


def test_the_first_transfer_of_somebody_waits_for_nobody(turns: Places) -> None:
    async def crowd() -> None:
        async with AsyncExitStack() as held:
            taken = [await hold(held, turns, user(number), EACH) for number in range(20)]
            assert sum(taken) == 20 + SHARED, "one for each, and what is shared"
            assert min(taken) == 1
            assert await hold(held, turns, user(99)) == 1

    asyncio.run(crowd())


def test_visitors_of_one_network_do_not_hold_the_places_of_others(turns: Places) -> None:
    async def crowd() -> None:
        async with AsyncExitStack() as held:
            for number in range(3):
                await hold(held, turns, anonymous(f"2001:db8:1:2::{number}"), EACH)
            assert await hold(held, turns, anonymous("2001:db8:1:2::77")) == 0
            assert await hold(held, turns, anonymous("2001:db8:1:3::77")) == 1
            assert await hold(held, turns, anonymous("192.0.2.7")) == 1

    asyncio.run(crowd())


def test_visitors_leave_room_for_accounts(turns: Places) -> None:
    async def crowd() -> None:
        async with AsyncExitStack() as held:
            taken = [await hold(held, turns, anonymous(f"192.0.2.{number}")) for number in range(100)]
            assert 0 < sum(taken) < 100
            assert await hold(held, turns, user(1)) == 1

    asyncio.run(crowd())


def test_places_are_given_back_and_forgotten(turns: Places) -> None:
    async def crowd() -> None:
        for _ in range(50):
            async with AsyncExitStack() as held:
                assert await hold(held, turns, user(1), EACH) == EACH
                waiting = asyncio.create_task(hold(held, turns, user(1)))
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
        assert not turns._known
        assert turns._shared._value == SHARED

    asyncio.run(crowd())
