# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that may take long gets its turn, whichever door asks for it (security.md 6).

Each account has a few places, and the first work of each waits for nobody. The work for a client ends when the client
goes away. Work that finds another making the very same answer gives everything back and asks again later.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from enum import IntEnum
from typing import Final, TypeVar

from trivium.access.caller import Caller
from trivium.access.places import Places
from trivium.forge.caches.makers import BeingMade
from trivium.http.asgi import Receive
from trivium.http.patience import comes_true
from trivium.settings import Settings
from trivium.store.engine import Store
from trivium.vcs.budget import waited_for

T = TypeVar("T")

_READING_AT_ONCE: Final = 2
"""How many long calls of one account compute in one worker at a time, and how many of all accounts beyond the first of
each. More threads of one process would only hold up each other and the event loop."""
_WAITING_AT_ONCE: Final = 16
_NOTICED: Final = 0.1
"""Seconds between two looks whether a client is still there, and before the first: most work is over by then, and a
task of its own would be a tenth of what that costs."""


class Pace(IntEnum):
    """How long a method or view takes, and so where it runs."""

    AT_ONCE = 0
    """A few look-ups by index in what is at hand. Runs on the event loop: handing it to a thread and back would take
    longer. A call that needs more is repeated in a thread (`Store.take_time`)."""
    SHORT = 1
    """Runs in a thread where short calls wait for each other."""
    LONG = 2
    """Perhaps seconds or more of reading and computing. Runs where no short call waits for it, and where accounts take
    turns."""
    WAITING = 3
    """Perhaps minutes, mostly of waiting: for bytes of another server, or until a repository is not in use."""


def connection_at(store: Store, pace: Pace) -> AbstractContextManager[object]:
    """One connection for all that work looks up, where it is in nobody's way; none while bytes move."""
    match pace:
        case Pace.AT_ONCE:
            return store.glance()
        case Pace.SHORT:
            return store.read()
        case Pace.LONG:
            return store.read_long()
        case Pace.WAITING:
            return nullcontext()


class LongWork:
    """The places and threads of one worker for work at the paces `LONG` and `WAITING`."""

    def __init__(self, settings: Settings, threads: Executor) -> None:
        self._settings = settings
        self._threads = threads
        self.places = {
            Pace.LONG: Places(
                each=_READING_AT_ONCE,
                shared=_READING_AT_ONCE,
                firsts=4 * _READING_AT_ONCE,
                patience=settings.request_timeout,
            ),
            Pace.WAITING: Places(
                each=_WAITING_AT_ONCE,
                shared=_WAITING_AT_ONCE,
                firsts=_WAITING_AT_ONCE,
                patience=settings.import_timeout,
            ),
        }
        self.count = 0
        """How many pieces of work there were so far."""

    async def run(self, pace: Pace, caller: Caller, receive: Receive, serve: Callable[[], T]) -> T:
        """The result of `serve`, which runs in a thread as long as the client waits for it.

        `receive` must have given the whole request. After `serve` raised `BeingMade` it is called again, so it must
        check everything anew, the right to it too. Raises `NoPlace`; and `BeingMade` when the other work is not over in
        time, or the client is gone.
        """
        self.count += 1
        gone = threading.Event()

        def serve_while_wanted() -> T:
            with waited_for(lambda: not gone.is_set()):
                return serve()

        loop = asyncio.get_running_loop()
        watching: list[asyncio.Task[None]] = []
        beginning = loop.call_later(_NOTICED, lambda: watching.append(loop.create_task(_watch(receive, gone))))
        try:
            return await self._in_turn(pace, caller, serve_while_wanted, gone)
        finally:
            gone.set()
            beginning.cancel()
            for one in watching:
                one.cancel()

    async def _in_turn(self, pace: Pace, caller: Caller, serve: Callable[[], T], gone: threading.Event) -> T:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.request_timeout
        while True:
            try:
                async with self.places[pace].place(caller, brief=False):
                    return await loop.run_in_executor(self._threads, serve)
            except BeingMade as error:
                answer = error
            if not await _comes_to_an_end(answer, gone, deadline):
                raise answer


async def _comes_to_an_end(answer: BeingMade, gone: threading.Event, deadline: float) -> bool:
    """Wait until an answer has been made or given up; returns whether to ask again: in time, with the client there."""
    return await comes_true(lambda: gone.is_set() or answer.is_over(), until=deadline) and not gone.is_set()


async def _watch(receive: Receive, gone: threading.Event) -> None:
    """Notice when a client goes away after its request has been read."""
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(_NOTICED)
    gone.set()
