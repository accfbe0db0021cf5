# SPDX-License-Identifier: GPL-3.0-or-later
"""The beginnings of requests to git, which decide all else: read before a client has a place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from trivium.forge.sessions.endings import Declined, Why
from trivium.forge.sessions.git.pktline import FetchCommand, Malformed
from trivium.forge.sessions.git.push import PushCommands

EARLY: Final = 1 << 20
"""Bytes of a push's commands that are read before it has a place among the transfers."""
_LARGEST_QUESTION: Final = 128 << 20
"""Bytes of a request to fetch; two million ids."""


async def fetch_head(body: AsyncIterator[bytes], *, versioned: bool) -> tuple[list[bytes], FetchCommand]:
    """Read a request to `git upload-pack` until it is clear what it wants: the chunks read, and what they say."""
    command = FetchCommand(versioned=versioned)
    read = []
    while not command.complete and (chunk := await anext(body, b"")):
        read.append(chunk)
        command.feed(chunk)
    return read, command


async def short(head: list[bytes], body: AsyncIterator[bytes], longest: int) -> bytes | None:
    """A whole request whose `head` was read before; None when it is longer than that. What is read joins the head."""
    size = sum(map(len, head))
    while size <= longest:
        chunk = await anext(body, b"")
        if not chunk:
            return b"".join(head)
        head.append(chunk)
        size += len(chunk)
    return None


async def push_head(commands: PushCommands, body: AsyncIterator[bytes], enough: int = 0) -> None:
    """Read a push up to the end of its commands, or (if given) until there are `enough` bytes of them."""
    size = 0
    while not commands.complete and (not enough or size < enough):
        chunk = await anext(body, b"")
        if not chunk:
            raise Malformed("its list of commands is cut off")
        commands.feed(chunk)
        size += len(chunk)


async def bounded(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The ids that a client wants and has; git looks at each of them. Raises `Declined` when they are too many."""
    size = 0
    async for chunk in body:
        size += len(chunk)
        if size > _LARGEST_QUESTION:
            raise Declined(Why.TOO_LARGE, "The request asks for too much at once.")
        yield chunk
