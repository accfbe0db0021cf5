# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits on the memory and time of a Mercurial process, and its end when nobody waits for its answer."""

from __future__ import annotations

import os
import resource
import select
import signal
import threading
from typing import Any, Final, NoReturn

from trivium.vcs.errors import TooExpensive
from trivium.vcs.hg.server.request import OutOfPatience, Request

_AGAIN: Final = 1.0


def limit_memory(most: int) -> None:
    """From now on this process, and those that it forks, fail before they take more than `most` bytes.

    Mercurial reads some things whole, however long they are: answers of another server, and pieces of a push. Mapped
    files do not count: a large repository may be larger.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def limit_time(seconds: int) -> None:
    """From now on this process has so many seconds; then `TooExpensive` is raised, and soon after it is ended."""

    def end(*_: Any) -> NoReturn:
        raise TooExpensive("It took longer than the server allows (request_timeout).")

    signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    limit_processor(seconds + 1)


def limit_processor(seconds: int) -> None:
    """From now on this process ends when it has used a processor for `seconds` more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 1))


def end_with_client(request: Request) -> None:
    """From now on this process ends at once when the client, which has sent all, goes away before the answer."""

    def watch() -> None:
        poll = select.poll()
        poll.register(request.connection, select.POLLRDHUP | select.POLLHUP)
        poll.poll()
        if not request.answered:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


class Patience:
    """How long an answer may keep all other requests waiting: another process begins a longer one anew."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running = False
        signal.signal(signal.SIGALRM, self._ring)

    def __enter__(self) -> None:
        self._running = True
        # Again and again: in some places Python only prints an exception.
        signal.setitimer(signal.ITIMER_REAL, self._seconds, _AGAIN)

    def __exit__(self, *_: object) -> None:
        self._running = False
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, *_: Any) -> None:
        if self._running:
            raise OutOfPatience
