# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads for short calls, woken as seldom as possible.

A thread pool wakes a thread for each call and the event loop for each result. For calls of a fifth of a millisecond
that costs as much as the calls: the threads fight the event loop for the interpreter. Here one thread works through
everything that waits and hands the results back together; another one is woken only when a call is slow and others wait
behind it. Under load this halves the CPU time of a request (`make bench`).

A call that computes gets more time than a call that waits for a lock or a disk. Two threads that compute are no faster
than one. SQLite gives the interpreter away at each row, so they would hand it to each other a thousand times and use
twice as much CPU time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

T = TypeVar("T")

_PATIENCE: Final = 0.003
"""Seconds after which results are handed back, and after which a call that waits counts as slow."""
_MORE_PATIENCE: Final = 0.03
"""Seconds after which a call that computes counts as slow."""

_Job = tuple[Callable[..., Any], tuple[Any, ...], "asyncio.Future[Any]"]
_Result = tuple["asyncio.Future[Any]", Any, BaseException | None]


class Crew:
    """At most `size` threads, shared by one event loop, which must not end before `close`."""

    def __init__(self, size: int, name: str, *, prepare: Callable[[], None] | None = None) -> None:
        """`prepare` is called in each thread before its first call."""
        self._size = size
        self._threads = ThreadPoolExecutor(size, thread_name_prefix=name, initializer=prepare)
        self._waiting: deque[_Job] = deque()
        self._working = 0
        self._finished: deque[_Result] = deque()
        """Results that wait to be handed back together."""
        self._relief: asyncio.TimerHandle | None = None
        self._at_work: dict[int, tuple[float, float]] = {}
        """Processor clock of each thread → the time, and what that clock showed, when its present call began."""

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """The result of a call that runs in one of the threads."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((function, arguments, future))
        if not self._working:
            self._call_one(loop)
        elif self._relief is None:
            self._relief = loop.call_later(_PATIENCE, self._relieve, loop)
        return await future

    def close(self) -> None:
        """Let the threads finish what they have begun."""
        self._threads.shutdown()

    def _call_one(self, loop: asyncio.AbstractEventLoop) -> None:
        self._working += 1
        self._threads.submit(self._work, loop)

    def _relieve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand back what is finished, because the next call may be slow. Wake another thread if calls wait."""
        self._relief = None
        self._settle()
        if self._waiting and self._working < self._size and self._are_slow():
            self._call_one(loop)
        if self._waiting or (self._working and self._finished):
            self._relief = loop.call_later(_PATIENCE, self._relieve, loop)

    def _are_slow(self) -> bool:
        """Whether every thread at work is held up by its present call."""
        moment = time.monotonic()
        at_work = tuple(self._at_work.items())
        if len(at_work) < self._working:
            return False  # a thread is still starting
        for clock, (began, computed) in at_work:
            took = moment - began
            computing = time.clock_gettime(clock) - computed > took / 5  # not all: others want a processor too
            if took < (_MORE_PATIENCE if computing else _PATIENCE):
                return False
        return True

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do everything that waits; runs in a thread."""
        clock = time.pthread_getcpuclockid(threading.get_ident())
        handed_back = time.monotonic()
        while True:
            try:
                function, arguments, future = self._waiting.popleft()
            except IndexError:
                self._at_work.pop(clock, None)
                break
            self._at_work[clock] = (time.monotonic(), time.thread_time())
            try:
                self._finished.append((future, function(*arguments), None))
            except BaseException as error:
                self._finished.append((future, None, error))
            if time.monotonic() - handed_back > _PATIENCE:
                loop.call_soon_threadsafe(self._settle)
                handed_back = time.monotonic()
        loop.call_soon_threadsafe(self._done, loop)

    def _done(self, loop: asyncio.AbstractEventLoop) -> None:
        self._working -= 1
        if self._waiting and not self._working:
            self._call_one(loop)
        self._settle()

    def _settle(self) -> None:
        while self._finished:
            future, result, error = self._finished.popleft()
            if future.cancelled():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
