# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of a session: two streams of bytes, and the moment at which it is gone.

Each door makes channels of its transport. A session knows no more of the transport than this.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any, Protocol, TypeVar

from trivium.forge.sessions.endings import Interrupted

T = TypeVar("T")


class Channel(Protocol):
    """The other end of a session."""

    @property
    def started(self) -> bool:
        """Whether the client was sent anything."""

    @property
    def length(self) -> int | None:
        """How many bytes the client sends, if that is known before they have come."""

    def incoming(self) -> AsyncIterator[bytes]:
        """What the client sends, as it comes. All readers share one iterator: each goes on where another stopped."""

    async def send(self, piece: bytes) -> None:
        """Send something; waits while the client has enough to read."""

    async def pass_on(self, pipe: int, count: int, patience: float) -> None:
        """Send the next bytes of a pipe, which has them already, behind what was sent; waits like `send`.

        It may raise `TimeoutError` when the client reads nothing for `patience` seconds.
        """

    async def finish(self, last: bytes = b"") -> None:
        """Send the end of the answer. If nothing was sent yet, the client may finish its request before."""

    async def gone(self) -> None:
        """Wait until the client goes away; to be called once everything that it sends was read."""


async def unless_gone(channel: Channel, work: Coroutine[Any, Any, T], heard: asyncio.Future[None] | None = None) -> T:
    """Do `work` and return its result; raises `Interrupted` when the client goes away before.

    `heard` is done when everything that the client sends was read. Its error goes before an error of `work`, because a
    broken request may have ended the work.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_absence(channel, heard))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if heard is not None and (heard.done() or watching.done()):
            heard.result()
        if not working.done():
            watching.result()
            raise Interrupted
        return await working
    except OSError as error:  # the client reads or writes no more, or not in time
        raise Interrupted from error
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _absence(channel: Channel, heard: asyncio.Future[None] | None) -> None:
    if heard is not None:
        await heard
    await channel.gone()


async def chained(head: Iterable[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A stream whose beginning was read already."""
    for chunk in head:
        yield chunk
    async for chunk in rest:
        yield chunk
