# SPDX-License-Identifier: GPL-3.0-or-later
"""Contents that a thread reads while the event loop sends them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Final

from trivium.http.asgi import Receive
from trivium.vcs.budget import waited_for

_AHEAD: Final = 4
"""Pieces of a content that are read before somebody has taken the first."""
_NOTICED: Final = 0.1
"""Seconds between two looks whether a client is still there."""


class Pieces:
    """A content that a thread reads while the event loop sends it, never far ahead."""

    def __init__(self, content: Iterable[bytes]) -> None:
        self._content = content
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self._stopped = threading.Event()
        self._gone = False

    def read(self) -> None:
        """Read all of it; runs in a thread, which waits while nobody takes what was read."""
        end: BaseException | None = None
        iterator = iter(self._content)
        try:
            with waited_for(lambda: not self._stopped.is_set()):
                for piece in iterator:
                    self._room.acquire()
                    if self._stopped.is_set():
                        return
                    if piece:
                        self._loop.call_soon_threadsafe(self._ready.put_nowait, piece)
                    else:
                        self._room.release()
        except BaseException as error:  # it is raised again where it is waited for
            end = error
        finally:
            close(iterator)
            self._loop.call_soon_threadsafe(self._ready.put_nowait, end)

    async def next(self) -> bytes | None:
        """The next piece; None at the end. Raises what went wrong."""
        found = await self._ready.get()
        if self._gone:
            return None
        if isinstance(found, BaseException):
            raise found
        self._room.release()
        return found

    def stop(self) -> None:
        """Nobody takes any more."""
        self._stopped.set()
        self._room.release()

    def leave(self) -> None:
        """The client is gone: there is no next piece, whatever has been read already."""
        self._gone = True
        self.stop()
        self._ready.put_nowait(None)


async def watch(receive: Receive, pieces: Pieces) -> None:
    """Stop reading once the client goes away: what is sent to nobody costs as much as anything else."""
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(_NOTICED)
    pieces.leave()


def close(content: object) -> None:
    """Close what is read, where it can be closed: nobody reads the rest."""
    end = getattr(content, "close", None)
    if end is not None:
        end()
