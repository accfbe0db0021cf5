# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to the private Apache: a request goes out, and its answer comes in as fast as it is read."""

from __future__ import annotations

import asyncio
import contextlib
import select
from collections import deque
from typing import Any, Final

import httptools

from trivium.vcs.svn.apache import Endpoint

_HIGH: Final = 512 << 10
"""Bytes of an answer that wait for a slow client before Apache is held back."""
_LOW: Final = 128 << 10
_GATHERED: Final = 0.004
"""Seconds for which the beginning of an answer waits for the rest of it, which most often is here then."""
_ENOUGH: Final = 64 << 10
"""Bytes that do not wait for more."""


class Unreachable(Exception):
    """Apache does not run, or broke off."""


class Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.used = False
        self.lost = False
        self.rests_since = 0.0
        self.on_lost: Any = None
        self._transport: Any = None
        self._parser: Any = None
        self._gathering: asyncio.TimerHandle | None = None
        self._poll = select.poll()
        self._writable = asyncio.Event()
        self._writable.set()

    def begin(self, *, no_body: bool) -> None:
        """Get ready for an answer; `no_body`: it ends with its head, whatever length that tells."""
        self._no_body = no_body
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.head: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.unread = False
        self.complete = False
        self.reusable = False
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._paused = False
        self._news = asyncio.Event()
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=_HIGH)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN | select.POLLRDHUP)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            self.abort()  # no request is under way
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()
        else:
            if self.status >= 200 and not self.head.done():
                self._gather()

    def _gather(self) -> None:
        """Tell that there is an answer: when it is complete, much of it is here, or it has taken a moment.

        Apache writes a list in pieces of a few entries. Each of them would cost as much as a short answer.
        """
        if self.complete or self._waiting >= _ENOUGH:
            self._tell()
        elif self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(_GATHERED, self._tell)

    def _tell(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        if not self.head.done():
            self.head.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        # A process that has read all of a request closes in good order; otherwise the kernel reports a reset.
        self.unread = isinstance(exc, ConnectionResetError | BrokenPipeError) and not self.status
        self._writable.set()
        if self.on_lost is not None:
            self.on_lost(self)
        if self._parser is None:
            return
        if not self.complete:
            if self.status >= 200:
                self._tell()
            elif not self.head.done():
                self.head.set_exception(Unreachable())
                self.head.exception()  # perhaps nobody waits for it any more
        self._news.set()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self.headers.clear()
            return
        if self._no_body:
            self._finish()

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._waiting += len(body)
        if self._waiting > _HIGH and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._news.set()

    def on_message_complete(self) -> None:
        if self.status >= 200:
            self._finish()

    def _finish(self) -> None:
        if not self.complete:
            self.complete = True
            # The parser does not know that the answer to HEAD is over, and so not whether another may follow.
            self.reusable = not self._closes() if self._no_body else bool(self._parser.should_keep_alive())
            self._news.set()

    def is_open(self) -> bool:
        """Whether the other end has not closed it, even if the event loop does not know that yet."""
        if self.lost:
            return False
        return not self._poll.poll(0)

    @property
    def address(self) -> tuple[str, int]:
        """The address of this end."""
        address: tuple[str, int] = self._transport.get_extra_info("sockname")
        return address

    def _closes(self) -> bool:
        return any(name == b"connection" and b"close" in value.lower() for name, value in self.headers)

    async def write(self, data: bytes) -> None:
        """Send; waits while Apache does not take more."""
        if self.lost or self._transport.is_closing():
            raise Unreachable
        self._transport.write(data)
        await self._writable.wait()

    async def read(self) -> bytes:
        """What is here of the answer's body, at least a piece and not much more than `_ENOUGH`; empty at its end."""
        while not self._chunks:
            if self.complete:
                return b""
            if self.lost:
                raise Unreachable
            self._news.clear()
            await self._news.wait()
        pieces = [self._chunks.popleft()]
        size = len(pieces[0])
        while self._chunks and size < _ENOUGH:
            pieces.append(self._chunks.popleft())
            size += len(pieces[-1])
        self._waiting -= size
        if self._paused and self._waiting < _LOW:
            self._paused = False
            self._transport.resume_reading()
        return b"".join(pieces)

    def read_all(self) -> bytes | None:
        """What is left of the body, if all of it is here; None when more is to come."""
        if not self.complete:
            return None
        left = b"".join(self._chunks)
        self._chunks.clear()
        return left

    def rest(self) -> None:
        """The answer is over."""
        self._parser = None

    async def let_go(self, patience: float) -> None:
        """Say that nothing more of the request comes, and wait until Apache has given it up; closes the connection.

        Until then it has the transaction of a commit open, which nobody else can remove meanwhile.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not (self.lost or self._transport.is_closing()):
                    self._transport.write_eof()
                    self._news.clear()
                    await self._news.wait()
        self.abort()

    def abort(self) -> None:
        self._transport.abort()
