# SPDX-License-Identifier: GPL-3.0-or-later
"""How the body of a call is read: little before the key is known, and never more at once than a worker has room for.

The beginning of a body is free: the HTTP server holds that much of every connection anyway. A longer body needs a valid
key, in a header or near its beginning; without one a call may have `UNKNOWN` bytes. Bodies of unknown callers share one
small room of the worker, those of known callers a larger one. In both rooms each neighbourhood of addresses has only
its part.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from trivium.http.asgi import Disconnected, Receive, TooLarge, body_chunks
from trivium.http.rooms import Room

FREE: Final = 64 << 10
"""Bytes that every call may have."""
UNKNOWN: Final = 1 << 20
"""Bytes that a call may have whose key is not known to be valid."""
_ROOM_FOR_UNKNOWN: Final = 16 << 20
_SHARE_OF_UNKNOWN: Final = 4 << 20
_ROOM_FOR_KNOWN: Final = 4
_SHARE_OF_KNOWN: Final = 2
"""In bodies of the largest size."""

_KEY = re.compile(rb'"(?:api_key|auth_token)"[ \t\r\n]*:[ \t\r\n]*"([0-9a-f]{40})"')


class Bodies:
    """The bodies of calls that one worker holds."""

    def __init__(self, *, limit: int, idle: float, deadline: float) -> None:
        self._limit = limit
        self._idle = idle
        self._deadline = deadline
        self._unknown = Room(_ROOM_FOR_UNKNOWN, _SHARE_OF_UNKNOWN)
        self._known = Room(_ROOM_FOR_KNOWN * limit, _SHARE_OF_KNOWN * limit)

    async def beginning(self, receive: Receive) -> tuple[bytes, bool]:
        """The first piece of a body, and whether it is the whole, as it usually is; raises as `rest`."""
        try:
            async with asyncio.timeout(self._idle):
                message = await receive()
        except TimeoutError as error:
            raise Disconnected from error
        if message["type"] == "http.disconnect":
            raise Disconnected
        body: bytes = message.get("body", b"")
        if len(body) > self._limit:
            raise TooLarge("max_api_body")
        return body, not message.get("more_body")

    @contextlib.asynccontextmanager
    async def rest(
        self,
        receive: Receive,
        beginning: bytes,
        *,
        whose: str,
        header_key: str,
        is_known: Callable[[str], Awaitable[bool]],
    ) -> AsyncIterator[bytes]:
        """The whole body that starts with `beginning`, held for the length of the block.

        `whose` is the caller's neighbourhood, `header_key` the key in a header, `is_known` says whether a key lets
        somebody in. Raises `TooLarge`, `Crowded`, and `Disconnected` when the body does not arrive in time.
        """
        with contextlib.ExitStack() as charged:
            try:
                async with asyncio.timeout(self._deadline):
                    body = await self._gathered(receive, beginning, charged, whose, header_key, is_known)
            except TimeoutError as error:
                raise Disconnected from error
            yield body

    async def _gathered(
        self,
        receive: Receive,
        beginning: bytes,
        charged: contextlib.ExitStack,
        whose: str,
        header_key: str,
        is_known: Callable[[str], Awaitable[bool]],
    ) -> bytes:
        chunks = [beginning]
        size = len(beginning)
        room, limit = self._unknown, min(self._limit, UNKNOWN)
        room.charge(charged, size - FREE, whose)
        look_at = FREE
        async for chunk in body_chunks(receive, self._idle):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._limit:
                raise TooLarge("max_api_body")
            if room is self._unknown and size > look_at:
                # Look again only when there is four times as much, so that the time stays linear in the size.
                look_at = 4 * size
                key = header_key or _key_in(b"".join(chunks))
                if key and await is_known(key):
                    charged.close()
                    room, limit = self._known, self._limit
                    room.charge(charged, size - len(chunk) - FREE, whose)
            if size > limit:
                raise TooLarge(f"{limit} bytes, and names no valid key in a header or in its beginning")
            room.charge(charged, min(len(chunk), size - FREE), whose)
        return b"".join(chunks)


def _key_in(beginning: bytes) -> str:
    """What looks like the key of a call. The parser says later whether it is."""
    found = _KEY.search(beginning)
    return found[1].decode("ascii") if found else ""
