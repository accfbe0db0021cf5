# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes from a pipe to a client unseen arrives whole, in its place, and no faster than it is read."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from trivium.http import pipes
from trivium.http.asgi import Receive, Scope, Send
from trivium.http.protocol import limited_protocol
from trivium.settings import Settings

BLOCK = random.Random(7).randbytes(700 << 10)
"""What one pipe holds at a time; a few of them are more than the systems of both ends take in by themselves."""
BLOCKS = 24
HEAD, TAIL = b"head of it", b"tail of it"
REQUEST = b"GET / HTTP/%b\r\nHost: x\r\nConnection: close\r\n\r\n"

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Passing:
    """An application that answers with blocks from a pipe, between a head and a tail of its own."""

    def __init__(self, *headers: tuple[bytes, bytes], patience: float = 600) -> None:
        self.passed = 0
        self._patience = patience
        self.error: BaseException | None = None
        self._headers = headers
        self._reading, self._writing = os.pipe()
        fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, 1 << 20)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(self._headers)})
            await send({"type": "http.response.body", "body": HEAD, "more_body": True})
            for _ in range(BLOCKS):
                os.write(self._writing, BLOCK)
                await send({"type": pipes.TYPE, "pipe": self._reading, "count": len(BLOCK), "patience": self._patience})
                self.passed += 1
            await send({"type": "http.response.body", "body": TAIL})
        except BaseException as error:
            self.error = error
            raise
        finally:
            os.close(self._reading)
            os.close(self._writing)


@contextlib.asynccontextmanager
async def connected(application: Passing, data: Path) -> AsyncIterator[Client]:
    """A client of a server on loopback."""
    config = uvicorn.Config(application, interface="asgi3", ws="none", log_config=None)
    config.load()
    made = limited_protocol(Settings(data=data), 4096)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: made(config, ServerState(), {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1 << 20)
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()


async def unchunked(reader: asyncio.StreamReader) -> bytes:
    """A body in chunks, which must end as such a body ends."""
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        assert await reader.readexactly(2) == b"\r\n"
    assert await reader.read() == b"\r\n"
    return body


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run])
def test_a_client_that_reads_slowly_gets_everything_in_its_place(
    tmp_path: Path, run: Callable[[Coroutine[Any, Any, bytes]], bytes]
) -> None:
    application = Passing()

    async def read() -> bytes:
        async with connected(application, tmp_path) as (reader, writer):
            writer.write(REQUEST % b"1.1")
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"chunked" in head
            for _ in range(1000):  # as often as it likes: it cannot go on before somebody reads
                await asyncio.sleep(0)
            assert application.passed < BLOCKS
            return await unchunked(reader)

    assert run(read()) == HEAD + BLOCK * BLOCKS + TAIL


def test_a_system_that_moves_nothing_sends_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def splice(_from: int, _to: int, count: int, **_: object) -> int:
        tried.append(count)
        raise OSError(errno.EINVAL, "no")

    async def read() -> bytes:
        async with connected(Passing(), tmp_path) as (reader, writer):
            writer.write(REQUEST % b"1.1")
            await reader.readuntil(b"\r\n\r\n")
            return await unchunked(reader)

    monkeypatch.setattr(os, "splice", splice)
    assert uvloop.run(read()) == HEAD + BLOCK * BLOCKS + TAIL
    assert tried[0] == len(BLOCK)


@pytest.mark.parametrize(
    ("version", "headers"),
    [
        (b"1.0", ()),
        (b"1.1", ((b"content-length", str(len(HEAD + TAIL) + BLOCKS * len(BLOCK)).encode()),)),
    ],
)
def test_an_answer_without_chunks_is_the_same(
    tmp_path: Path, version: bytes, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    async def read() -> bytes:
        async with connected(Passing(*headers), tmp_path) as (reader, writer):
            writer.write(REQUEST % version)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"chunked" not in head
            return await reader.read()

    assert uvloop.run(read()) == HEAD + BLOCK * BLOCKS + TAIL


def test_nobody_passes_anything_on_to_a_client_that_is_gone(tmp_path: Path) -> None:
    application = Passing()

    async def leave() -> None:
        async with connected(application, tmp_path) as (reader, writer):
            writer.write(REQUEST % b"1.1")
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()
            async with asyncio.timeout(30):
                while application.error is None:
                    await asyncio.sleep(0.01)

    uvloop.run(leave())
    assert isinstance(application.error, OSError)
    assert application.passed < BLOCKS


def test_who_reads_nothing_is_given_up(tmp_path: Path) -> None:
    application = Passing(patience=0.05)

    async def wait() -> None:
        async with connected(application, tmp_path) as (reader, writer):
            writer.write(REQUEST % b"1.1")
            await reader.readuntil(b"\r\n\r\n")
            async with asyncio.timeout(30):
                while application.error is None:
                    await asyncio.sleep(0.01)

    uvloop.run(wait())
    assert isinstance(application.error, TimeoutError)
    assert application.passed < BLOCKS
