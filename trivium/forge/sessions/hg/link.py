# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to a Mercurial process, on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any, Final

from trivium.vcs.hg.client import raise_failure
from trivium.vcs.hg.frames import DATA, END, ERROR, HEAD, HEAD_BYTES, Frame, Gone, Head, frame, head_of

_BUFFER: Final = 256 << 10


class HgLink:
    """One call that was made, and its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle: float) -> None:
        self._reader = reader
        self._writer = writer
        self._idle = idle

    @classmethod
    async def over(cls, connection: socket.socket, idle: float) -> HgLink:
        """Go on with a connection over which a call was sent; silence may last `idle` seconds."""
        connection.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=_BUFFER)
        return cls(reader, writer, idle)

    async def send(self, kind: bytes, content: bytes = b"") -> None:
        """Send a frame; waits while Mercurial has enough to do."""
        if self._writer.is_closing():  # the event loop has noticed already that the process has ended
            raise BrokenPipeError
        self._writer.write(frame(kind, content))
        await self._writer.drain()

    def close_sending(self) -> None:
        """Tell Mercurial that nothing more comes."""
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.write_eof()

    async def head(self) -> Head:
        """The head of an answer over HTTP."""
        async with asyncio.timeout(self._idle):
            found: Head = await self.expect(HEAD, Head)
        return found

    async def body(self) -> AsyncIterator[bytes]:
        """The answer's body; raises `Gone` when it breaks off."""
        while True:
            async with asyncio.timeout(self._idle):
                received = await self._receive()
            if received.kind == END:
                return
            if received.kind != DATA:
                raise Gone("a body was expected")
            if received.content:
                yield received.content

    async def expect(self, kind: bytes, shape: type[Any]) -> Any:
        """The next frame, which must be of this kind; raises `VcsError` when Mercurial failed."""
        received = await self._receive()
        if received.kind != kind:
            raise Gone("another answer was expected")
        return received.decoded(shape)

    async def _receive(self) -> Frame:
        try:
            kind, length = head_of(await self._reader.readexactly(HEAD_BYTES))
            content = await self._reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            raise Gone("the Mercurial process has ended") from error
        received = Frame(kind, content)
        if kind == ERROR:
            raise_failure(received)
        return received

    async def aclose(self) -> None:
        """End the connection, and with it the work on it."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
