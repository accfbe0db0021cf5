# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends answers: a long one in pieces, which the client must read in a limited time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from typing import Final

from trivium.api.envelope import Answer
from trivium.http.asgi import Disconnected, Send

_HEADERS: Final = ((b"content-type", b"application/json; charset=utf-8"), (b"cache-control", b"no-store"))
_SLOWEST: Final = 16 << 10
"""Bytes a second: beside the time of a request, a client has the time to read at this rate."""
_PIECE: Final = 256 << 10


async def send_answer(send: Send, answer: Answer, *, slow: Executor, patience: float) -> None:
    """Send an answer. A long one has `patience` seconds, and more by its length; reads that may wait run in `slow`.

    Raises `Disconnected` when the client does not read it in time.
    """
    length = (b"content-length", str(answer.size).encode())
    start = {"type": "http.response.start", "status": answer.status, "headers": [*_HEADERS, *answer.headers, length]}
    if answer.kept is None and len(answer.body) <= _PIECE:
        await send(start)
        await send({"type": "http.response.body", "body": answer.body})
        return
    try:
        async with asyncio.timeout(patience + answer.size / _SLOWEST):
            await send(start)
            async for piece in _pieces(answer, slow):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": answer.end})
    except TimeoutError as error:
        raise Disconnected from error
    finally:
        if answer.kept is not None:
            answer.kept.close()


async def _pieces(answer: Answer, slow: Executor) -> AsyncIterator[bytes]:
    """A long answer without its end. Reads that may wait run in a thread."""
    for at in range(0, len(answer.body), _PIECE):
        yield answer.body[at : at + _PIECE]
    kept = answer.kept
    at = 0
    while kept is not None and at < kept.size:
        piece = kept.piece_at_hand(at, _PIECE)
        if piece is None:
            piece = await asyncio.get_running_loop().run_in_executor(slow, kept.piece, at, _PIECE)
        yield piece
        at += len(piece)
