# SPDX-License-Identifier: GPL-3.0-or-later
"""One request over HTTP as the channel of a session: the client sends its body and reads its answer."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from trivium.http import pipes
from trivium.http.asgi import Headers, Receive, Scope, Send, TooLarge, body_chunks, header, respond
from trivium.settings import Settings
from trivium.wire.door import limited


class HttpChannel:
    """A body, and an answer that begins with its first bytes; `headers` are those of the answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, settings: Settings) -> None:
        self.started = False
        self.headers: Headers = ()
        self._scope = scope
        self._receive = receive
        self._send = send
        self._most = settings.max_push_bytes
        self._body = body_chunks(receive, settings.body_idle_timeout)
        """The body, or the rest of it, as it comes over the wire."""
        self._incoming: AsyncIterator[bytes] | None = None

    @property
    def length(self) -> int | None:
        length = header(self._scope, b"content-length")
        if header(self._scope, b"content-encoding") or not length.isdigit():
            return None
        return int(length[:20])

    def incoming(self) -> AsyncIterator[bytes]:
        if self._incoming is None:
            self._incoming = limited(self.decoded(self._body), self._most)
        return self._incoming

    def decoded(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The body without its content encoding; raises `Refused` for an unknown encoding."""
        return body

    async def send(self, piece: bytes) -> None:
        if not self.started:
            self.started = True
            await self._send({"type": "http.response.start", "status": 200, "headers": list(self.headers)})
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def pass_on(self, pipe: int, count: int, patience: float) -> None:
        await self._send({"type": pipes.TYPE, "pipe": pipe, "count": count, "patience": patience})

    async def finish(self, last: bytes = b"") -> None:
        if self.started:
            await self._send({"type": "http.response.body", "body": last})
            return
        await self.hear_out()
        self.started = True
        await respond(self._send, 200, last, self.headers)

    async def hear_out(self) -> None:
        """Let the client send the rest of its body: until then it reads no answer."""
        with contextlib.suppress(TooLarge):
            async for _ in limited(self._body, self._most):
                pass

    async def gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
