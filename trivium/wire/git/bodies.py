# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of Git over HTTP: a request may be compressed, and an answer with refs begins with the service's name."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Final

from trivium.forge.sessions.git.pktline import FLUSH, Malformed, pkt
from trivium.http.asgi import Receive, Scope, Send, TooLarge, header
from trivium.settings import Settings
from trivium.wire.admission import Refused
from trivium.wire.channel import HttpChannel
from trivium.wire.door import NO_CACHE
from trivium.wire.git.requests import GitRequest

_INFLATE_FREE: Final = 16 << 20
_PIECE: Final = 256 << 10


class GitChannel(HttpChannel):
    """One request as the channel of a session of Git."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, settings: Settings) -> None:
        super().__init__(scope, receive, send, settings)
        self._beginning = b""
        self._max_ratio = settings.max_inflate_ratio

    def answers(self, request: GitRequest, *, versioned: bool) -> None:
        """Answer this request. The service's name stands before refs, unless the protocol is `versioned`."""
        self.headers = (request.answer_type, *NO_CACHE)
        if request.advertises and not versioned:
            self._beginning = pkt(f"# service=git-{request.service}\n".encode()) + FLUSH

    def decoded(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        encoding = header(self._scope, b"content-encoding").lower()
        if encoding in (b"gzip", b"x-gzip"):
            return _inflated(body, self._max_ratio)
        if encoding not in (b"", b"identity"):
            raise Refused(415, "A request may be compressed with gzip only.")
        return body

    async def send(self, piece: bytes) -> None:
        await super().send(piece if self.started else self._beginning + piece)

    async def finish(self, last: bytes = b"") -> None:
        await super().finish(last if self.started else self._beginning + last)


async def _inflated(body: AsyncIterator[bytes], max_ratio: int) -> AsyncIterator[bytes]:
    """A gzip body, unpacked piece by piece; a bomb ends early (security.md S-29)."""
    unpacking = zlib.decompressobj(31)
    taken = given = 0
    async for chunk in body:
        taken += len(chunk)
        if unpacking.eof:
            raise Malformed("something follows the gzip data")
        while chunk:
            try:
                piece = unpacking.decompress(chunk, _PIECE)
            except zlib.error as error:
                raise Malformed("the gzip data is damaged") from error
            given += len(piece)
            if given > _INFLATE_FREE and given > taken * max_ratio:
                raise TooLarge("max_inflate_ratio")
            if piece:
                yield piece
            chunk = unpacking.unconsumed_tail
    if tail := unpacking.flush():
        yield tail
    if not unpacking.eof:
        raise Malformed("the gzip data is cut off")
