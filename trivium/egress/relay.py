# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way out: programs that fetch reach another server through a relay, and nothing else (security.md 8).

The address was judged before. For each transfer the worker listens on the loopback, and connects to nothing but the
addresses that were judged. git, Mercurial and Subversion look up no name, even when another server redirects them. The
relay does not look at what they say. With https the program itself encrypts, and checks the certificate against the
name in the address.

A program asks in the way that it knows:

- SOCKS5 with the name (git), or `CONNECT` (Mercurial, and Subversion for https): the server gets the same bytes as
  without a relay;
- an HTTP request whose target is a whole address (Subversion for http): the relay passes it on as it is, and all that
  follows on the connection too. Every server takes such a target (RFC 9112, 3.2.2).

Other programs of this machine could use a relay too. They would reach what the transfer reaches: one port of a server
that may be fetched from.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from trivium.egress.remote import Received, Remote, TransferLimits

PORTS: Final = {"http": 80, "https": 443}
"""Where a server listens whose address names no port."""
_MOST: Final = 16
"""Connections at a time; further ones wait. Git has five at most, Subversion eight."""
_PAUSE: Final = 0.1
_GRACE: Final = 5
"""Seconds that the relay waits longer than the program does: the program should say why it ends."""
_CHUNK: Final = 256 << 10
_HEAD: Final = 64 << 10
_CLOSED: Final = b"Content-Length: 0\r\nConnection: close\r\n\r\n"
_GIVEN_UP: Final = (OSError, EOFError, ValueError, asyncio.LimitOverrunError)
"""How a connection ends that is not merely closed."""


@contextlib.contextmanager
def relay(remote: Remote, limits: TransferLimits) -> Iterator[int]:
    """Let programs reach `remote`, and nothing else, by the port of the loopback that this yields.

    The relay and its connections end with the block, at the latest soon after `limits.total` seconds. A connection on
    which neither side says anything ends soon after `limits.idle` seconds. Time in which the program takes nothing does
    not count.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=_MOST) as listening:
        listening.setblocking(False)
        loop = asyncio.SelectorEventLoop()
        serving = loop.create_task(_Relay(remote, limits).serve(listening))

        def run() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(serving)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            loop.call_soon_threadsafe(serving.cancel)
            thread.join()
            loop.close()


@dataclass(frozen=True, slots=True)
class _Request:
    """What a program asks for, and what it is told."""

    host: str
    port: int
    granted: bytes
    refused: bytes
    unreachable: bytes
    passed_on: bytes = b""
    """The part of the request that the server gets."""


@dataclass(slots=True)
class _Pair:
    """A program and the server that it talks to."""

    idle: int
    received: Received
    asked: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    """When the server last took something."""

    async def ask(self, program: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        """Pass on what the program says, until it has nothing more to say."""
        while chunk := await program.read(_CHUNK):
            server.write(chunk)
            await server.drain()
            self.asked = asyncio.get_running_loop().time()
        server.write_eof()

    async def answer(self, server: asyncio.StreamReader, program: asyncio.StreamWriter) -> None:
        """Pass on what the server says; raises `TimeoutError` when nobody says anything."""
        while chunk := await self._heard(server):
            self.received.size += len(chunk)
            program.write(chunk)
            await program.drain()
        program.write_eof()

    async def _heard(self, server: asyncio.StreamReader) -> bytes:
        since = asyncio.get_running_loop().time()
        while True:
            try:
                async with asyncio.timeout_at(since + self.idle):
                    return await server.read(_CHUNK)
            except TimeoutError:
                if self.asked <= since:
                    raise
                since = self.asked  # the program has not finished its question


class _Relay:
    """What is reached through one port."""

    def __init__(self, remote: Remote, limits: TransferLimits) -> None:
        parts = urlsplit(remote.url)
        self._addresses = list(remote.addresses)
        """The one that answered last comes first."""
        # For an address that is written unusually, such as a number, programs ask in the usual form.
        self._names = {_plain(parts.hostname or ""), *map(_plain, remote.addresses)}
        self._port = parts.port or PORTS[parts.scheme]
        self._limits = limits

    async def serve(self, listening: socket.socket) -> None:
        """Take connections until the time is up."""
        loop, places = asyncio.get_running_loop(), asyncio.Semaphore(_MOST)
        with contextlib.suppress(TimeoutError), listening:
            async with asyncio.timeout(self._limits.total + _GRACE), asyncio.TaskGroup() as connections:
                while True:
                    await places.acquire()
                    try:
                        program, _ = await loop.sock_accept(listening)
                    except OSError:  # gone already, or this process has too many files open
                        places.release()
                        await asyncio.sleep(_PAUSE)
                        continue
                    connections.create_task(self._attend(program)).add_done_callback(lambda _: places.release())

    async def _attend(self, connection: socket.socket) -> None:
        """Serve one connection to its end."""
        with connection, contextlib.suppress(*_GIVEN_UP):
            async with _streams(connection) as (reader, writer):
                async with asyncio.timeout(self._limits.idle + _GRACE):
                    request = await _read_request(reader, writer)
                if _plain(request.host) not in self._names or request.port != self._port:
                    writer.write(request.refused)
                    return
                server = await self._connect()
                if server is None:
                    writer.write(request.unreachable)
                    return
                with server:
                    async with _streams(server) as (answers, asked):
                        writer.write(request.granted)
                        asked.write(request.passed_on)
                        pair = _Pair(self._limits.idle + _GRACE, self._limits.received)
                        await _both(pair.ask(reader, asked), pair.answer(answers, writer))

    async def _connect(self) -> socket.socket | None:
        """A connection to the first address that answers; None if none does. All addresses share the time for one."""
        loop = asyncio.get_running_loop()
        for address in tuple(self._addresses):
            server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            server.setblocking(False)
            try:
                async with asyncio.timeout(self._limits.idle / len(self._addresses)):
                    await loop.sock_connect(server, (address, self._port))
            except OSError:
                server.close()
            except BaseException:
                server.close()
                raise
            else:
                self._addresses.remove(address)
                self._addresses.insert(0, address)
                return server
        return None


async def _both(*ways: Coroutine[None, None, None]) -> None:
    """Run both. When one fails, end the other and raise that failure."""
    try:
        async with asyncio.TaskGroup() as group:
            for way in ways:
                group.create_task(way)
    except* _GIVEN_UP as failures:
        raise ConnectionError from failures


@contextlib.asynccontextmanager
async def _streams(connection: socket.socket) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to read from and to write to. Nothing is buffered here: a write waits until it is taken."""
    reader, writer = await asyncio.open_connection(sock=connection, limit=_HEAD)
    writer.transport.set_write_buffer_limits(0)
    try:
        yield reader, writer
        await writer.drain()
    finally:
        writer.transport.abort()


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Request:
    """What a program asks for; raises one of `_GIVEN_UP` when that cannot be understood."""
    first = await reader.readexactly(1)
    if first == b"\x05":
        return await _read_socks(reader, writer)
    head = first + await reader.readuntil(b"\r\n\r\n")
    method, _, rest = head.partition(b" ")
    target = rest.partition(b" ")[0].decode("latin-1")
    connects = method == b"CONNECT"
    parts = urlsplit(f"//{target}" if connects else target)
    return _Request(
        parts.hostname or "",
        parts.port or PORTS.get(parts.scheme, 0),
        granted=b"HTTP/1.1 200 OK\r\n\r\n" if connects else b"",
        refused=b"HTTP/1.1 403 Forbidden\r\n" + _CLOSED,
        unreachable=b"HTTP/1.1 502 Server Unreachable\r\n" + _CLOSED,
        passed_on=b"" if connects else head,
    )


async def _read_socks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Request:
    """The same in SOCKS5 (RFC 1928), without a password."""
    (methods,) = await reader.readexactly(1)
    if 0 not in await reader.readexactly(methods):
        raise ValueError("a password is offered")
    writer.write(b"\x05\x00")
    version, command, _, kind = await reader.readexactly(4)
    if (version, command) != (5, 1):
        raise ValueError("only connections are made")
    if kind == 3:
        (length,) = await reader.readexactly(1)
        host = (await reader.readexactly(length)).decode("ascii")
    else:
        host = str(ip_address(await reader.readexactly({1: 4, 4: 16}.get(kind, 0))))
    port = int.from_bytes(await reader.readexactly(2))
    granted, refused, unreachable = (bytes((5, code, 0, 1, 0, 0, 0, 0, 0, 0)) for code in (0, 2, 4))
    return _Request(host, port, granted, refused, unreachable)


def _plain(host: str) -> str:
    """One spelling of a name or address."""
    host = host.lower().rstrip(".")
    with contextlib.suppress(ValueError):
        return str(ip_address(host))
    return host
