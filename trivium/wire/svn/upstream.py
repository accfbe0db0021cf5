# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to the private Apache: a small HTTP client that streams both ways.

A general client library would cost each worker 20 MB and each request more than Apache takes for it. This one does what
is needed here: one server, bodies as they come, connections kept for the next request, and nothing interpreted.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
from collections import deque
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import httptools

from trivium.http.asgi import Disconnected
from trivium.vcs.svn.apache import SECRET_HEADER, Endpoint, SvnApache
from trivium.wire.svn.options import KnownOptions

_HIGH: Final = 512 << 10
"""Bytes of an answer that wait for a slow client before Apache is held back."""
_LOW: Final = 128 << 10
_IDLE: Final = 20.0
"""Seconds for which a connection is kept; Apache keeps it for 60."""
_KEPT: Final = 8
"""Connections that wait for the next request; each occupies a process of Apache."""
_START: Final = 10.0
"""Seconds that Apache may take to start."""
_PAUSE: Final = 0.02
_LONG: Final = 5.0
"""Seconds after which work for somebody who has gone is worth ending; what is shorter ends by itself."""


class Unreachable(Exception):
    """Apache does not run, or broke off."""


class _Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.used = False
        self.lost = False
        self.rests_since = 0.0
        self.on_lost: Any = None
        self._transport: Any = None
        self._parser: Any = None
        self._writable = asyncio.Event()
        self._writable.set()

    def begin(self, *, no_body: bool) -> None:
        """Get ready for an answer; `no_body`: it ends with its head, whatever that says."""
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

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            self.abort()  # nobody has asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        # A process that ends with all of a request read closes in good order; the kernel says so when it was not.
        self.unread = isinstance(exc, ConnectionResetError | BrokenPipeError) and not self.status
        self._writable.set()
        if self.on_lost is not None:
            self.on_lost(self)
        if self._parser is not None and not self.complete:
            if not self.head.done():
                self.head.set_exception(Unreachable())
                self.head.exception()  # somebody may not wait for it any more
            self._news.set()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self.headers.clear()
            return
        if not self.head.done():
            self.head.set_result(None)
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
        asked = select.poll()
        asked.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN | select.POLLRDHUP)
        return not asked.poll(0)

    @property
    def address(self) -> tuple[str, int]:
        """Where it is at this end."""
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
        """The next piece of the answer's body; empty at its end."""
        while not self._chunks:
            if self.complete:
                return b""
            if self.lost:
                raise Unreachable
            self._news.clear()
            await self._news.wait()
        chunk = self._chunks.popleft()
        self._waiting -= len(chunk)
        if self._paused and self._waiting < _LOW:
            self._paused = False
            self._transport.resume_reading()
        return chunk

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

    def abort(self) -> None:
        self._transport.abort()


class Answer:
    """An answer of Apache, whose body may still be on its way."""

    def __init__(self, connection: _Connection, idle: float) -> None:
        self._connection = connection
        self._idle = idle
        self.status = connection.status
        self.headers = connection.headers

    def whole(self) -> bytes | None:
        """The body, if Apache has sent all of it; None when more is to come, as of everything that is long."""
        return self._connection.read_all()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes; raises `Unreachable` when it breaks off, `TimeoutError` when nothing comes."""
        while True:
            async with asyncio.timeout(self._idle):
                chunk = await self._connection.read()
            if not chunk:
                return
            yield chunk


class Upstream:
    """One worker's connections to the private Apache."""

    def __init__(self, apache: SvnApache, *, idle: float, supervisor: int | None) -> None:
        self.options = KnownOptions()
        """What need not be asked again."""
        self._apache = apache
        self._idle = idle
        self._supervisor = supervisor
        self._kept: list[_Connection] = []
        self._looks_later = False
        """Whether it will be looked which of them are idle."""

    def link_at_hand(self, repository_id: int, name: str, path: Path) -> str | None:
        """What Apache calls a repository, as the first segment of its URL (`SvnApache.link_at_hand`)."""
        return self._apache.link_at_hand(repository_id, name, path)

    def link(self, repository_id: int, name: str, path: Path) -> str:
        """The same; it can get there from now on. To be called in a thread."""
        return self._apache.link(repository_id, name, path)

    @contextlib.asynccontextmanager
    async def ask(
        self,
        head: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes | AsyncIterator[bytes],
        fed: Any,
        *,
        reads: bool = False,
    ) -> AsyncIterator[Answer]:
        """Send a request and wait for the head of its answer.

        A `body` that is not at hand is sent in chunks, or as it is when `headers` tell its length. `fed` is a future
        that is told when it has been sent, or what went wrong with it. Raises `Unreachable`, `TimeoutError`, and what
        reading `body` raises.

        A request is sent again only if the kernel says that Apache closed a connection without having read it, and
        once: what ended a process of Apache would end the next. What only `reads` and is given up after it has taken
        long is ended in Apache as well.
        """
        began = asyncio.get_running_loop().time()
        no_body = head.startswith(b"HEAD ")
        connection = await self._connected()
        feeding: asyncio.Future[None] | None = None
        keep = False
        try:
            if isinstance(body, bytes):
                try:
                    await self._ask_at_once(connection, head, headers, body, no_body=no_body)
                except Unreachable:
                    if body or not (connection.used and connection.unread):
                        raise
                    connection = await self._connected(new=True)
                    await self._ask_at_once(connection, head, headers, body, no_body=no_body)
                body = b""  # it is not held while the answer is on its way
                fed.set_result(None)
            else:
                chunked = not any(name == b"content-length" for name, _ in headers)
                await self._begin(connection, head, headers, no_body=no_body, chunked=chunked)
                feeding = asyncio.ensure_future(self._feed(connection, body, fed, chunked=chunked))
                await asyncio.wait({feeding, connection.head}, return_when=asyncio.FIRST_COMPLETED)
                if not connection.head.done():
                    feeding.result()
                    await self._head_of(connection)
            connection.head.result()
            yield Answer(connection, self._idle)
            keep = connection.complete and connection.reusable and (feeding is None or feeding.done())
        finally:
            if feeding is not None:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
            if keep:
                self._keep(connection)
            elif reads and not connection.complete and asyncio.get_running_loop().time() - began > _LONG:
                self._end_work(connection)
            else:
                connection.abort()

    def _end_work(self, connection: _Connection) -> None:
        """End the process that works at the other end of a connection, which is kept until then."""
        _, port = connection.address
        ending = asyncio.get_running_loop().run_in_executor(None, self._apache.end_process, connection.endpoint, port)
        ending.add_done_callback(lambda _: connection.abort())

    async def _ask_at_once(
        self,
        connection: _Connection,
        head: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        no_body: bool,
    ) -> None:
        await self._begin(connection, head, headers, body, no_body=no_body)
        await self._head_of(connection)

    async def _head_of(self, connection: _Connection) -> None:
        async with asyncio.timeout(self._idle):
            await connection.head

    async def _begin(
        self,
        connection: _Connection,
        head: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes = b"",
        *,
        no_body: bool,
        chunked: bool = False,
    ) -> None:
        connection.begin(no_body=no_body)
        lines = [head]
        lines += [b"%s: %s\r\n" % pair for pair in headers]
        lines.append(f"{SECRET_HEADER}: {connection.endpoint.secret}\r\n".encode())
        if chunked:
            lines.append(b"Transfer-Encoding: chunked\r\n")
        lines += [b"\r\n", body]
        await connection.write(b"".join(lines))

    async def _feed(
        self, connection: _Connection, body: AsyncIterator[bytes], fed: asyncio.Future[None], *, chunked: bool
    ) -> None:
        """Send the body; when Apache has heard enough of it, take the rest from the client all the same."""
        try:
            async for chunk in body:
                if not (connection.lost or connection.complete):
                    async with asyncio.timeout(self._idle):
                        await connection.write(b"%x\r\n%s\r\n" % (len(chunk), chunk) if chunked else chunk)
            if chunked and not connection.lost:
                await connection.write(b"0\r\n\r\n")
        except BaseException as error:
            if not fed.done():
                fed.set_exception(Disconnected() if isinstance(error, asyncio.CancelledError) else error)
                fed.exception()  # whoever waits for it will hear
            raise
        if not fed.done():
            fed.set_result(None)

    async def _connected(self, *, new: bool = False) -> _Connection:
        """A connection without a request: one that was kept, or a new one to an Apache that may first have to start."""
        while self._kept and not new:
            connection = self._kept.pop()
            if connection.is_open():
                connection.used = True
                return connection
            connection.abort()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START
        asked = False
        while True:
            endpoint = self._apache.endpoint()
            if endpoint is not None:
                with contextlib.suppress(OSError):
                    _, connection = await loop.create_connection(
                        partial(_Connection, endpoint), "127.0.0.1", endpoint.port
                    )
                    # Before anything is said, the secret above all.
                    if self._apache.listens_at(endpoint):
                        return connection
                    connection.abort()
            if loop.time() > deadline:
                raise Unreachable
            if not asked:
                asked = True
                self._apache.want(self._supervisor)
            await asyncio.sleep(_PAUSE)

    def _keep(self, connection: _Connection) -> None:
        if connection.lost or len(self._kept) >= _KEPT:
            return
        loop = asyncio.get_running_loop()
        connection.rest()
        connection.on_lost = self._forget
        connection.rests_since = loop.time()
        self._kept.append(connection)
        if not self._looks_later:
            self._looks_later = True
            loop.call_later(_IDLE, self._end_idle, loop)

    def _end_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        """End connections that nobody has needed for long: one look at all of them, and no timer for each request."""
        for connection in [one for one in self._kept if one.rests_since <= loop.time() - _IDLE]:
            self._forget(connection)
            connection.abort()
        self._looks_later = bool(self._kept)
        if self._kept:
            loop.call_later(min(one.rests_since for one in self._kept) + _IDLE - loop.time(), self._end_idle, loop)

    def _forget(self, connection: _Connection) -> None:
        with contextlib.suppress(ValueError):
            self._kept.remove(connection)
