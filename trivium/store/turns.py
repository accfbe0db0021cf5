# SPDX-License-Identifier: GPL-3.0-or-later
"""Writers of one SQLite database take turns by a kernel lock instead of by asking again and again.

SQLite lets a writer who finds another one at work sleep, for longer each time, and whoever happens to ask next goes
first: of sixteen who create repositories each spends nine tenths of its wait asleep, often with nobody at work. Here
they wait in a row. One thread of each process waits for the others; of those one stands at a gate and is the next, so
that who has just finished cannot overtake them.

This only says who asks SQLite next; whether somebody else writes is still decided there, so that a program that does
not wait here, or a lock file that somebody removed, costs time and nothing else. The locks belong to open files:
whoever is killed has let go of them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trivium.errors import Busy

_PAUSE: Final = 0.0005
"""Seconds between two looks; a turn takes ten times as long, for what is acknowledged has reached the disk."""


class Turns:
    """The turns of the writers of one database, in all threads and processes."""

    def __init__(self, path: Path) -> None:
        self._files = (f"{path}.gate", str(path))
        self._threads = threading.Lock()

    @contextlib.contextmanager
    def turn(self, timeout: float) -> Iterator[None]:
        """Be the only writer; raises `Busy` when that takes longer than so many seconds."""
        deadline = time.monotonic() + timeout
        if not self._threads.acquire(timeout=timeout):
            raise Busy("the database is locked")
        try:
            with contextlib.ExitStack() as held:
                self._wait(held, deadline)
                yield
        finally:
            self._threads.release()

    def _wait(self, held: contextlib.ExitStack, deadline: float) -> None:
        """Take the lock; nothing is taken where there can be no lock file."""
        try:
            gate, body = (_opened(path, held) for path in self._files)
        except OSError:
            return
        for one in (gate, body):
            while not _try(one):
                if time.monotonic() > deadline:
                    raise Busy("the database is locked")
                time.sleep(_PAUSE)
        with contextlib.suppress(OSError):
            fcntl.flock(gate, fcntl.LOCK_UN)


def _opened(path: str, held: contextlib.ExitStack) -> int:
    """A lock file, until `held` closes it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    held.callback(os.close, descriptor)
    return descriptor


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: SQLite decides alone
    return True
