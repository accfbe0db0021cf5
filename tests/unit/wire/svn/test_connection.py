# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of the private Apache as they come: in pieces, which are told of together when they come together."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from trivium.vcs.svn.apache import Endpoint
from trivium.wire.svn.connection import _ENOUGH, _HIGH, Connection, Unreachable

OPEN, _OTHER = socket.socketpair()
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


class Transport:
    """A connection whose other end is the test."""

    def __init__(self) -> None:
        self.reading = True

    def get_extra_info(self, _: str) -> socket.socket:
        return OPEN

    def set_write_buffer_limits(self, **_: int) -> None:
        pass

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def told(play: Callable[[Connection, Transport], Awaitable[None]], *, no_body: bool = False) -> None:
    """Play with a connection whose request was sent."""

    async def run() -> None:
        connection, transport = Connection(Endpoint(1, "secret")), Transport()
        connection.connection_made(transport)
        connection.begin(no_body=no_body)
        await play(connection, transport)

    asyncio.run(run())


def test_pieces_that_come_together_are_one() -> None:
    async def play(connection: Connection, _: Transport) -> None:
        connection.data_received(HEAD + chunk(b"one"))
        assert not connection.head.done()
        connection.data_received(chunk(b"two"))
        assert not connection.head.done()
        connection.data_received(chunk(b"three") + END)
        assert connection.head.done() and connection.status == 200
        assert connection.read_all() == b"onetwothree"

    told(play)


def test_an_answer_begins_before_its_end() -> None:
    async def play(connection: Connection, _: Transport) -> None:
        connection.data_received(HEAD + chunk(b"one"))
        await connection.head  # though nothing more comes
        assert connection.read_all() is None and await connection.read() == b"one"
        connection.data_received(chunk(b"two") + chunk(b"three"))
        assert await connection.read() == b"twothree"
        connection.data_received(END)
        assert await connection.read() == b""

    told(play)


def test_what_is_large_does_not_wait_and_is_held_back_while_nobody_takes_it() -> None:
    async def play(connection: Connection, transport: Transport) -> None:
        piece = b"x" * (_ENOUGH // 4)
        connection.data_received(HEAD + chunk(piece) * 4)
        assert connection.head.done() and transport.reading
        for _ in range(_HIGH // len(piece)):
            connection.data_received(chunk(piece))
        assert not transport.reading
        connection.data_received(END)
        taken = 0
        while some := await connection.read():
            assert len(some) <= _ENOUGH
            taken += len(some)
        assert taken == len(piece) * 4 + _HIGH and transport.reading

    told(play)


def test_an_answer_that_is_a_head_waits_for_nothing() -> None:
    async def play(connection: Connection, _: Transport) -> None:
        connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
        assert connection.head.done() and connection.complete

    told(play, no_body=True)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_who_says_nothing_is_not_reached(said: bytes) -> None:
    async def play(connection: Connection, _: Transport) -> None:
        connection.data_received(said)
        connection.connection_lost(None)
        with pytest.raises(Unreachable):
            await connection.head

    told(play)


def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    async def play(connection: Connection, _: Transport) -> None:
        connection.data_received(HEAD + chunk(b"one"))
        connection.connection_lost(None)
        await connection.head
        found: list[Any] = [connection.read_all(), await connection.read()]
        assert found == [None, b"one"]
        with pytest.raises(Unreachable):
            await connection.read()

    told(play)
