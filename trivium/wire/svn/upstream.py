# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to the private Apache: a small HTTP client that streams both ways.

A general client library would cost each worker 20 MB and each request more than Apache takes for it. This one does what
is needed here: one server, bodies as they come, connections kept for the next request, and nothing interpreted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from trivium.http.asgi import Disconnected
from trivium.vcs.svn.apache import SECRET_HEADER, SvnApache
from trivium.wire.svn.connection import Connection, Unreachable
from trivium.wire.svn.options import KnownOptions

_IDLE: Final = 20.0
"""Seconds for which a connection is kept; Apache keeps it for 60."""
_KEPT: Final = 8
"""Connections that wait for the next request; each occupies a process of Apache."""
_START: Final = 10.0
"""Seconds that Apache may take to start."""
_PAUSE: Final = 0.02
_GIVES_UP: Final = 10.0
"""Seconds that Apache may take to give up a request whose body broke off; it takes a moment where it gets to run."""
_LONG: Final = 5.0
"""Seconds after which work for a client that has gone is worth ending; shorter work ends by itself."""


class Answer:
    """An answer of Apache, whose body may still be on its way."""

    def __init__(self, connection: Connection, idle: float) -> None:
        self._connection = connection
        self._idle = idle
        self.status = connection.status
        self.headers = connection.headers

    def whole(self) -> bytes | None:
        """The body, if Apache has sent all of it; None when more is to come, as with every long body."""
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
        """Answers that need not be asked for again."""
        self._apache = apache
        self._idle = idle
        self._supervisor = supervisor
        self._kept: list[Connection] = []
        self._looks_later = False
        """Whether a look for idle connections is planned."""

    def link(self, repository_id: int, name: str) -> str:
        """What Apache calls a repository, as the first segment of its URL."""
        return self._apache.link(repository_id, name)

    def is_at_hand(self, repository_id: int, name: str, path: Path) -> bool:
        """Whether Apache can get there already (`SvnApache.is_at_hand`)."""
        return self._apache.is_at_hand(repository_id, name, path)

    def let_reach(self, repository_id: int, name: str, path: Path) -> None:
        """It can from now on. To be called in a thread."""
        self._apache.let_reach(repository_id, name, path)

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

        A `body` that is not at hand is sent in chunks, or as it is when `headers` tell its length. The future `fed` is
        done when the body has been sent, or holds its error. Raises `Unreachable`, `TimeoutError`, and whatever reading
        `body` raises.

        A request is sent again only if the kernel says that Apache closed the connection before it read the request,
        and only once: a request that ends a process of Apache would end the next one, too. A long request that only
        `reads` is ended in Apache as well when it is given up. When a `body` breaks off, Apache gets a moment to give
        the request up: whoever brought it may go on with the same transaction, or remove it, as soon as they hear.
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
            elif feeding is not None and not connection.complete and (feeding.cancelled() or feeding.exception()):
                await connection.let_go(_GIVES_UP)
            else:
                connection.abort()

    def _end_work(self, connection: Connection) -> None:
        """End the process that works at the other end of a connection, which is kept until then."""
        _, port = connection.address
        ending = asyncio.get_running_loop().run_in_executor(None, self._apache.end_process, connection.endpoint, port)
        ending.add_done_callback(lambda _: connection.abort())

    async def _ask_at_once(
        self,
        connection: Connection,
        head: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        no_body: bool,
    ) -> None:
        await self._begin(connection, head, headers, body, no_body=no_body)
        await self._head_of(connection)

    async def _head_of(self, connection: Connection) -> None:
        async with asyncio.timeout(self._idle):
            await connection.head

    async def _begin(
        self,
        connection: Connection,
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
        self, connection: Connection, body: AsyncIterator[bytes], fed: asyncio.Future[None], *, chunked: bool
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
                fed.exception()  # `fed` tells the error to its reader
            raise
        if not fed.done():
            fed.set_result(None)

    async def _connected(self, *, new: bool = False) -> Connection:
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
                        partial(Connection, endpoint), "127.0.0.1", endpoint.port
                    )
                    # Checked before anything is sent, above all the secret.
                    if self._apache.listens_at(endpoint):
                        return connection
                    connection.abort()
            if loop.time() > deadline:
                raise Unreachable
            if not asked:
                asked = True
                self._apache.want(self._supervisor)
            await asyncio.sleep(_PAUSE)

    def _keep(self, connection: Connection) -> None:
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

    def _forget(self, connection: Connection) -> None:
        with contextlib.suppress(ValueError):
            self._kept.remove(connection)
