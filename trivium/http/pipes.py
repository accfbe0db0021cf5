# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program writes goes to a client from kernel to kernel, and not through the memory of this process.

A pack has dozens of megabytes that nobody looks at. To read, frame and write them took more of the processor than all
that Apache does for a clone (`python -m bench git`).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import Any, Final

TYPE: Final = "trivium.response.pipe"
"""An ASGI message of our own: the next `count` bytes of the answer are in the pipe with the descriptor `pipe`.

They must be there already. More of the answer follows. `patience`: seconds in which the client must read something.
"""
_PIECE: Final = 256 << 10
_CANNOT: Final = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
"""How a system says that it does not move bytes from pipes to connections."""


def pieces(pipe: int, count: int) -> list[bytes]:
    """The next bytes of a pipe, which has them already."""
    read = []
    while count:
        read.append(os.read(pipe, min(count, _PIECE)))
        count -= len(read[-1])
    return read


async def send_chunk(transport: Any, pipe: int, count: int, patience: float) -> None:
    """Send the next bytes of a pipe, which has them already, as a chunk of HTTP; waits while the client reads slowly.

    What the transport was told to write must have been written. If this fails, a part of the chunk may have been sent;
    with `TimeoutError` when the client reads nothing for `patience` seconds.
    """
    # The event loop lets nobody wait for its own descriptor.
    theirs = transport.get_extra_info("socket")
    with socket.socket(theirs.family, theirs.type, theirs.proto, os.dup(theirs.fileno())) as wire:
        wire.setblocking(False)
        await _send(wire, b"%x\r\n" % count, patience)
        while count:
            try:
                count -= os.splice(pipe, wire.fileno(), count, flags=os.SPLICE_F_NONBLOCK)
            except BlockingIOError:
                await _writable(wire, patience)
            except OSError as error:
                if error.errno not in _CANNOT:
                    raise
                piece = os.read(pipe, min(count, _PIECE))
                count -= len(piece)
                await _send(wire, piece, patience)
        await _send(wire, b"\r\n", patience)


async def _send(wire: socket.socket, some: bytes, patience: float) -> None:
    """Send bytes, the last of which may wait a moment for those that follow."""
    while some:
        try:
            some = some[wire.send(some, socket.MSG_MORE) :]
        except BlockingIOError:
            await _writable(wire, patience)


async def _writable(wire: socket.socket, patience: float) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(wire.fileno(), tell)
    try:
        async with asyncio.timeout(patience):
            await ready
    finally:
        loop.remove_writer(wire.fileno())
