# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of a session: two streams of bytes, and the moment at which nobody is there any more.

Doors make channels of what they speak. A session knows no more of the transport than this.
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
        """What the client sends, as it comes. One iterator for all who listen: it goes on where another has stopped."""

    async def send(self, piece: bytes) -> None:
        """Send something; waits while the client has enough to read."""

    async def finish(self, last: bytes = b"") -> None:
        """Send the last of the answer. If it is also the first, the client may finish what it says before."""

    async def gone(self) -> None:
        """Wait until the client goes away; to be asked once everything that it sends was read."""


async def unless_gone(channel: Channel, work: Coroutine[Any, Any, T], heard: asyncio.Future[None] | None = None) -> T:
    """What `work` returns; raises `Interrupted` when the client goes away before.

    `heard` is done when everything that the client sends was read. An error that it holds goes before one of `work`:
    what went wrong with the request may have ended the work.
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
    except OSError as error:  # that nobody reads or writes any more, or not in time
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
