# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of Mercurial over HTTP: arguments may stand at the beginning of a request, before what is pushed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from trivium.access.caller import Caller
from trivium.forge.sessions.channel import chained
from trivium.forge.sessions.endings import Interrupted
from trivium.forge.sessions.hg.session import HgCall
from trivium.http.asgi import Receive, Scope, Send, header
from trivium.settings import Settings
from trivium.vcs.hg.frames import Head
from trivium.wire.admission import Refused
from trivium.wire.channel import HttpChannel
from trivium.wire.door import NO_CACHE
from trivium.wire.hg.arguments import MOST, Held, Room, in_headers
from trivium.wire.hg.requests import HgRequest

_room: Final = Room()
_MOST_ABILITIES: Final = 16 << 10
_MOST_AFTER: Final = 64 << 10
"""Bytes that may stand in the body of a request which needs none."""
_KEPT_HEADERS: Final = ("content-type", "content-length", "content-encoding")


class HgChannel(HttpChannel):
    """One request as the channel of a session of Mercurial."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, settings: Settings) -> None:
        super().__init__(scope, receive, send, settings)
        self._patience = settings.request_timeout

    async def begin(self, head: Head) -> None:
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in head.headers
            if name.lower() in _KEPT_HEADERS
        ]
        self.started = True
        await self._send({"type": "http.response.start", "status": head.status, "headers": [*headers, *NO_CACHE]})

    def decoded(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        if header(self._scope, b"content-encoding") not in (b"", b"identity"):
            raise Refused(415, "A push must not be compressed as a whole.")
        return body

    @contextlib.asynccontextmanager
    async def call(self, request: HgRequest, caller: Caller) -> AsyncIterator[HgCall]:
        """The command of a request with its arguments, which are held as long as they are needed.

        They must be there within `request_timeout`. The body of a request that reads is then read to its end.
        """
        with _room.of(caller) as held:
            try:
                async with asyncio.timeout(self._patience):
                    arguments = await self._arguments(held)
                    if not request.writes:
                        await self._no_more()
            except TimeoutError as error:
                raise Interrupted from error
            yield HgCall(request.command, arguments, self._abilities(), self._scope["method"])

    async def _arguments(self, held: Held) -> tuple[bytes, bytes]:
        """The texts that hold arguments: the query, and the text in the headers or the body."""
        told = header(self._scope, b"x-hgargs-post")
        posted = []
        async for piece in self._first(_size(told) if told else 0):
            held.more(len(piece))
            posted.append(piece)
        return self._scope["query_string"], b"".join(posted) if told else self._in_headers(b"x-hgarg-")

    def _abilities(self) -> bytes:
        abilities = self._in_headers(b"x-hgproto-")
        if len(abilities) > _MOST_ABILITIES:
            raise Refused(413, "The client tells too much about itself (X-HgProto).")
        return abilities

    def _in_headers(self, prefix: bytes) -> bytes:
        return in_headers(self._scope["headers"], prefix)

    async def _first(self, size: int) -> AsyncIterator[bytes]:
        """The first bytes of the body; raises `Refused` when there are fewer."""
        while size:
            piece = await anext(self._body, b"")
            if not piece:
                raise Refused(400, "The body ends before its arguments do.")
            if len(piece) > size:
                self._body = chained([piece[size:]], self._body)
            yield piece[:size]
            size -= min(size, len(piece))

    async def _no_more(self) -> None:
        """Read to the end of a body in which there should be nothing more."""
        size = 0
        async for piece in self._body:
            size += len(piece)
            if size > _MOST_AFTER:
                raise Refused(400, "This command takes no body.")


def _size(told: bytes) -> int:
    """How many bytes of the body are arguments."""
    if len(told) > len(str(MOST)) or not told.isdigit() or int(told) > MOST:
        raise Refused(413, f"More than {MOST >> 20} MiB of arguments.")
    return int(told)
