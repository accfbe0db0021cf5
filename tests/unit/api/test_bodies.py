# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of calls: little before a key is known, and no more of all together than there is room for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from trivium.api.bodies import FREE, UNKNOWN, Bodies
from trivium.http.asgi import Disconnected, TooLarge
from trivium.http.rooms import Crowded

KEY = "0123456789abcdef" * 2 + "01234567"
MIB = 1 << 20
LIMIT = 16 * MIB


class Client:
    """Sends a body in pieces of a size."""

    def __init__(self, body: bytes, *, piece: int = 64 << 10, ends: bool = True) -> None:
        self._pieces = [body[at : at + piece] for at in range(0, len(body), piece)] or [b""]
        self._ends = ends
        self.sent = 0

    async def receive(self) -> dict[str, Any]:
        if not self._pieces:
            await asyncio.sleep(3600)
        piece = self._pieces.pop(0)
        self.sent += len(piece)
        return {"type": "http.request", "body": piece, "more_body": bool(self._pieces) or not self._ends}


@contextlib.asynccontextmanager
async def read(
    bodies: Bodies, client: Client, *, whose: str = "a", header_key: str = "", known: str = KEY
) -> AsyncIterator[bytes]:
    async def is_known(key: str) -> bool:
        return key == known

    beginning, whole = await bodies.beginning(client.receive)
    if whole:
        yield beginning
        return
    async with bodies.rest(client.receive, beginning, whose=whose, header_key=header_key, is_known=is_known) as body:
        yield body


def new(**given: Any) -> Bodies:
    return Bodies(**({"limit": LIMIT, "idle": 5.0, "deadline": 5.0} | given))


async def whole(bodies: Bodies, body: bytes, **given: Any) -> bytes:
    async with read(bodies, Client(body), **given) as found:
        return found


def test_who_is_known_may_send_much() -> None:
    rest = b"x" * (8 * MIB)
    early = b'{"api_key": "%b", "x": "' % KEY.encode() + rest
    assert asyncio.run(whole(new(), early)) == early
    assert asyncio.run(whole(new(), rest, header_key=KEY)) == rest


@pytest.mark.parametrize(
    "beginning",
    [b"", b'{"api_key": "%b", ' % (b"f" * 40), b'{"api_key": "%b", ' % KEY.upper().encode(), b'{"api_key": 1, '],
    ids=["none", "a wrong one", "none that is written so", "a number"],
)
def test_who_is_not_known_may_send_little(beginning: bytes) -> None:
    client = Client(beginning + b" " * LIMIT)

    async def send() -> None:
        async with read(new(), client):
            pass

    with pytest.raises(TooLarge, match="names no valid key"):
        asyncio.run(send())
    assert client.sent <= UNKNOWN + (64 << 10)
    assert asyncio.run(whole(new(), beginning + b" " * (UNKNOWN // 2)))


def test_a_key_that_comes_too_late_does_not_help() -> None:
    with pytest.raises(TooLarge):
        asyncio.run(whole(new(), b" " * (2 * MIB) + b'"api_key": "%b"' % KEY.encode()))


def test_nobody_may_send_more_than_the_limit() -> None:
    with pytest.raises(TooLarge, match="max_api_body"):
        asyncio.run(whole(new(), b"x" * (LIMIT + 1), header_key=KEY))


def held(bodies: Bodies, sizes: list[int], *, header_key: str, neighbours: bool) -> int:
    """How many of these bodies, of callers of one address or of different ones, find room at once."""

    async def all_at_once() -> int:
        async with contextlib.AsyncExitStack() as stack:
            count = 0
            for number, size in enumerate(sizes):
                whose = "a" if neighbours else f"a{number}"
                with contextlib.suppress(Crowded):
                    await stack.enter_async_context(
                        read(bodies, Client(b" " * size), whose=whose, header_key=header_key)
                    )
                    count += 1
            return count

    return asyncio.run(all_at_once())


def test_bodies_before_a_key_share_one_small_room() -> None:
    assert held(new(), [UNKNOWN] * 40, header_key="", neighbours=False) <= 18
    assert held(new(), [UNKNOWN] * 40, header_key="", neighbours=True) <= 5
    assert held(new(), [FREE - 1] * 400, header_key="", neighbours=True) == 400


def test_large_bodies_have_room_of_their_own_and_one_neighbourhood_a_part_of_it() -> None:
    assert held(new(), [LIMIT] * 8, header_key=KEY, neighbours=False) == 4
    assert held(new(), [LIMIT] * 8, header_key=KEY, neighbours=True) == 2


def test_room_is_given_back_whatever_happens() -> None:
    bodies = new()

    async def try_all() -> None:
        for _ in range(30):
            with pytest.raises(TooLarge):
                await whole(bodies, b" " * (2 * MIB))
            with pytest.raises(TooLarge):
                await whole(bodies, b" " * (LIMIT + 1), header_key=KEY)
            assert len(await whole(bodies, b" " * LIMIT, header_key=KEY)) == LIMIT

    asyncio.run(try_all())


def test_a_body_that_drips_is_given_up_at_its_deadline() -> None:
    """Each piece comes in time, the whole does not."""

    class Dripping(Client):
        async def receive(self) -> dict[str, Any]:
            await asyncio.sleep(0.01)
            self.sent += 1
            assert self.sent < 2_000, "nobody gives up"
            return {"type": "http.request", "body": b" ", "more_body": True}

    client = Dripping(b"")

    async def wait() -> None:
        async with read(new(deadline=0.3), client):
            pass

    with pytest.raises(Disconnected):
        asyncio.run(wait())
    assert client.sent > 1
