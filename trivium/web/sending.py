# SPDX-License-Identifier: GPL-3.0-or-later
"""How answers of pages leave: at once or piece by piece, compressed for whoever wants that."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final

import structlog

from trivium.access.places import NoPlace, Places
from trivium.errors import TriviumError
from trivium.http.asgi import Disconnected, Receive, Scope, Send
from trivium.http.coding import takes_gzip
from trivium.http.crew import Crew
from trivium.web.answers import Refused
from trivium.web.pieces import Pieces, close, watch
from trivium.web.registering import Shape
from trivium.web.rendering import Ready, refusal
from trivium.web.texts import refused
from trivium.web.visit import Visit

_log = structlog.get_logger(__name__)

BUSY: Final = (("Retry-After", "5"),)
"""The header of an answer for which there was no place."""
_COMPRESSED_FROM: Final = 1 << 10
"""Bytes of a page; smaller ones go as they are."""
_COMPRESSED_AT_ONCE: Final = 128 << 10
"""Bytes that the event loop compresses itself: in two milliseconds or so."""
_COMPRESSIBLE: Final = (b"text/html", b"application/json", b"application/atom", b"application/rss")
_DOWNLOADS: Final = 8
"""Contents of one account that are sent at once in one worker; more wait."""


class Sender:
    """Sends what a worker's pages answer."""

    def __init__(self, crew: Crew, downloads: Executor, patience: float) -> None:
        """`downloads` read what is sent piece by piece; each waits for a place, `patience` seconds at most."""
        self._crew = crew
        self._downloads = downloads
        self._places = Places(each=_DOWNLOADS, shared=4 * _DOWNLOADS, firsts=2 * _DOWNLOADS, patience=patience)

    async def send(self, answer: Ready, visit: Visit, scope: Scope, receive: Receive, send: Send) -> None:
        """Send an answer, or what is told instead when its content cannot be read."""
        head_only = scope["method"] == "HEAD"
        if not isinstance(answer.content, bytes):
            wanted = takes_gzip(scope)
            sent = _compressed(answer, wanted=wanted) if _is_compressible(answer) and answer.length is None else answer
            error = await self._stream(sent, visit, receive, send, head_only=head_only)
            if error is None:
                return
            shape = Shape.PAGE if _is_page(answer) else Shape.BODY
            answer = await self._crew.run(refusal, error, visit, shape)
        content = answer.content
        assert isinstance(content, bytes)
        headers = list(answer.headers)
        if len(content) >= _COMPRESSED_FROM and _is_compressible(answer):
            headers.append(("Vary", "Accept-Encoding"))
            if takes_gzip(scope):
                content = await self._squeezed(
                    answer.packed or partial(gzip.compress, content, 1, mtime=0), len(content)
                )
                headers.append(("Content-Encoding", "gzip"))
        await respond(send, answer.status, headers, content, head_only=head_only)

    async def _squeezed(self, pack: Callable[[], bytes], size: int) -> bytes:
        """A page, compressed: one that is large by a thread, for the event loop has no time for it."""
        return pack() if size <= _COMPRESSED_AT_ONCE else await self._crew.run(pack)

    async def _stream(
        self, answer: Ready, visit: Visit, receive: Receive, send: Send, *, head_only: bool
    ) -> Refused | None:
        """Send a content piece by piece, as its reader takes them, from a thread that reads it.

        What is told instead is returned, where nothing was sent yet. Nothing more is read once the client is gone.
        """
        assert not isinstance(answer.content, bytes)
        headers = encoded(answer.headers)
        if answer.length is not None:
            headers.append((b"content-length", str(answer.length).encode()))
        start = {"type": "http.response.start", "status": answer.status, "headers": headers}
        if head_only:
            close(answer.content)
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return None
        started = False
        try:
            async with self._places.place(visit.caller, brief=False):
                content = iter(answer.content)
                if _is_page(answer) and (head := next(content, None)) is not None:
                    # It is at hand. A thread that makes what follows would keep the interpreter from sending it.
                    await send(start)
                    started = True
                    await send({"type": "http.response.body", "body": head, "more_body": True})
                pieces = Pieces(content)
                reading = asyncio.get_running_loop().run_in_executor(self._downloads, pieces.read)
                watching = asyncio.create_task(watch(receive, pieces))
                try:
                    while (piece := await pieces.next()) is not None:
                        if not started:
                            await send(start)
                            started = True
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                    if not started:
                        await send(start)
                    await send({"type": "http.response.body", "body": b""})
                finally:
                    watching.cancel()
                    pieces.stop()
                    await reading
        except NoPlace:
            close(answer.content)
            return Refused(503, "The server is busy with other requests of yours. Please try again.", headers=BUSY)
        except TriviumError as error:
            if not started:
                return refused(error)
            # The connection ends, so that nobody takes the beginning for the whole.
            _log.warning("an answer broke off", request=visit.asked.id, path=visit.asked.raw_path, why=str(error))
            raise Disconnected from error
        return None


def _is_page(answer: Ready) -> bool:
    return any(name == "Content-Type" and value.startswith("text/html") for name, value in answer.headers)


def _is_compressible(answer: Ready) -> bool:
    kind = next((value for name, value in answer.headers if name == "Content-Type"), "")
    return kind.encode().startswith(_COMPRESSIBLE)


def _compressed(answer: Ready, *, wanted: bool) -> Ready:
    """A content that is sent piece by piece, compressed by the thread that reads it; each piece can be shown."""
    assert not isinstance(answer.content, bytes)
    headers = (*answer.headers, ("Vary", "Accept-Encoding"))
    if not wanted:
        return replace(answer, headers=headers)
    return replace(answer, headers=(*headers, ("Content-Encoding", "gzip")), content=_gzip(answer.content))


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    iterator = iter(pieces)
    try:
        for piece in iterator:
            yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
        yield packer.flush()
    finally:
        close(iterator)


def encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI has them; most pages have the same few. Cookies are secrets, and nobody remembers them."""
    return [_encoded_one(one) if one[0] != "Set-Cookie" else _encoded_now(one) for one in headers]


def _encoded_now(one: tuple[str, str]) -> tuple[bytes, bytes]:
    name, value = one
    if not value.isprintable():  # a line end would begin a header of somebody else's
        value = "".join(character if character.isprintable() else "?" for character in value)
    return name.lower().encode("latin-1"), value.encode("latin-1", "replace")


_encoded_one = lru_cache(maxsize=1024)(_encoded_now)


async def respond(
    send: Send, status: int, headers: Iterable[tuple[str, str]], content: bytes, *, head_only: bool = False
) -> None:
    found = encoded(headers)
    if not any(name == b"content-type" for name, _ in found) and status != 304:
        found.append((b"content-type", b"text/plain; charset=utf-8"))
    if status != 304:
        found.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": found})
    await send({"type": "http.response.body", "body": b"" if head_only else content})
