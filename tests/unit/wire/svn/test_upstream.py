# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to the private Apache: none is repeated that could have been read, whatever became of the first."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvloop

from trivium.vcs.svn.apache import Endpoint
from trivium.wire.svn.connection import Unreachable
from trivium.wire.svn.upstream import Upstream

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
RESETTING = struct.pack("ii", 1, 0)


class Apache:
    """What `Upstream` asks about the private Apache."""

    def __init__(self, port: int) -> None:
        self.port = port

    def endpoint(self) -> Endpoint:
        return Endpoint(self.port, "secret")

    def listens_at(self, _: Endpoint) -> bool:
        return True

    def want(self, _: int | None) -> None:
        raise AssertionError


async def ask(upstream: Upstream, method: bytes = b"PROPFIND", body: bytes = b"") -> int:
    fed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with upstream.ask(method + b" / HTTP/1.1\r\n", [(b"host", b"x")], body, fed) as answer:
        async for _ in answer.chunks():
            pass
        return answer.status


def played(play: Callable[[Upstream, list[bytes]], Awaitable[Any]], ends: Callable[[socket.socket], None]) -> Any:
    """The first request of each connection is answered; with its second `ends` does what it likes."""
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with connection:
            seen.append(connection.recv(1 << 16))
            connection.sendall(ANSWER)
            ends(connection)

    async def run() -> Any:
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def accept() -> None:
                while True:
                    try:
                        connection, _ = listening.accept()
                    except OSError:
                        return
                    threads.append(loop.run_in_executor(None, serve, connection))

            loop, threads = asyncio.get_running_loop(), list[asyncio.Future[None]]()
            accepting = loop.run_in_executor(None, accept)
            upstream: Any = Upstream(Apache(listening.getsockname()[1]), idle=10, supervisor=None)  # type: ignore[arg-type]
            try:
                return await play(upstream, seen)
            finally:
                listening.shutdown(socket.SHUT_RDWR)
                await accepting
                await asyncio.gather(*threads, return_exceptions=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def reads_and_ends(connection: socket.socket) -> None:
    """As a process does that a request ends."""
    connection.recv(1 << 16)


def test_a_request_that_was_read_is_not_repeated() -> None:
    async def play(upstream: Upstream, seen: list[bytes]) -> None:
        assert await ask(upstream) == 200
        with pytest.raises(Unreachable):
            await ask(upstream)
        assert len(seen) == 1  # the second came by the same connection, and never again

    played(play, reads_and_ends)


def closes_unread(connection: socket.socket) -> None:
    """As a process does that ends while it waits, just when a request comes."""
    while len(connection.recv(1, socket.MSG_PEEK)) == 0:
        pass
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETTING)


def test_a_request_that_nobody_read_is_sent_once_more_unless_it_brings_something() -> None:
    async def play(upstream: Upstream, seen: list[bytes]) -> None:
        assert await ask(upstream) == 200
        assert await ask(upstream) == 200
        assert len(seen) == 2
        with pytest.raises(Unreachable):
            await ask(upstream, b"MERGE", b"<x/>")

    played(play, closes_unread)


def test_a_connection_that_is_closed_is_not_used() -> None:
    closed = threading.Event()

    def closes(connection: socket.socket) -> None:
        connection.close()
        closed.set()

    async def play(upstream: Upstream, seen: list[bytes]) -> None:
        for expected in (1, 2, 3):
            assert await ask(upstream, b"MERGE", b"<x/>") == 200
            assert len(seen) == expected
            assert closed.wait(30)  # the event loop does not see it
            closed.clear()

    played(play, closes)


class Breaks(Exception):
    pass


@pytest.mark.parametrize("ends", [True, False])
def test_a_body_that_breaks_off_is_over_for_apache_when_it_is_over_here(
    monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    """Apache has the transaction open until it knows that nothing more comes; one that hangs is not waited for."""
    monkeypatch.setattr("trivium.wire.svn.upstream._GIVES_UP", 60 if ends else 0.01)
    told, may_end = threading.Event(), threading.Event()
    over: list[bool] = []

    def gives_up(connection: socket.socket) -> None:
        while connection.recv(1 << 16):
            pass
        told.set()
        may_end.wait(60)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        over.append(True)

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        raise Breaks

    async def play(upstream: Upstream, _: list[bytes]) -> None:
        assert await ask(upstream) == 200
        loop = asyncio.get_running_loop()
        asking = asyncio.ensure_future(put(upstream, body()))
        await loop.run_in_executor(None, told.wait, 60)
        if ends:
            assert not asking.done()
            may_end.set()
        with pytest.raises(Breaks):
            await asking
        assert over == [True] * ends
        may_end.set()

    async def put(upstream: Upstream, body: AsyncIterator[bytes]) -> None:
        fed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with upstream.ask(b"PUT / HTTP/1.1\r\n", [(b"host", b"x")], body, fed):
            raise AssertionError

    played(play, gives_up)
