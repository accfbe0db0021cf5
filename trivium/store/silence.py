# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of PostgreSQL that keeps its connections and says nothing any more is away.

So it is when it was stopped, when its machine hangs or its disk does not answer. Its kernel still takes what is sent,
so that neither TCP nor a limit which the server itself would have to keep tells of it, and whoever asked would wait
for as long as that lasts. A slow statement looks the same from outside. So somebody watches: when a statement takes
long, a further connection is tried. Where the server cannot even open that in time, what waits is ended, and is told
what it would be told of a server that was ended.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
import weakref
from typing import Any, Final

import psycopg
import structlog

_log = structlog.get_logger(__name__)

_NAME: Final = "trivium watch"
"""How such a connection is called at the server: who copies a database takes it for no user."""


class Watched(psycopg.Connection[Any]):
    """A connection of which it is known since when the server owes it an answer."""

    asked_at = 0.0
    """When it was asked, by the monotonic clock; 0 while it rests."""

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        self.asked_at = time.monotonic()
        try:
            return super().wait(gen, *args, **kwargs)
        finally:
            self.asked_at = 0.0


class Watch:
    """Looks after the connections of one process, in a thread of its own while there are some."""

    def __init__(self, patience: float) -> None:
        """After `patience` seconds a statement takes long; as long may a connection take to be opened."""
        self._patience = patience
        self._lock = threading.Lock()
        self._ends: weakref.WeakKeyDictionary[Watched, int] = weakref.WeakKeyDictionary()
        """Connections → descriptors of their sockets that are ours: the number stays theirs whoever closes them."""
        self._parameters: dict[str, Any] = {}
        self._thread: threading.Thread | None = None
        self._silent = False
        """Whether the server did not answer when it was tried last: until it does, nobody else waits for it."""

    def connect(self, **parameters: Any) -> Watched:
        """A connection that is watched. Raises what psycopg raises."""
        self._parameters = parameters
        if self._silent:
            self._begin()
            raise psycopg.errors.ConnectionTimeout("the server said nothing when it was tried last")
        try:
            connection = Watched.connect(**parameters)
        except psycopg.errors.ConnectionTimeout:
            self._silent = True
            self._begin()
            raise
        end = os.dup(connection.pgconn.socket)
        weakref.finalize(connection, os.close, end)
        with self._lock:
            self._ends[connection] = end
        self._begin()
        return connection

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():  # a child of this process has none
                self._thread = threading.Thread(target=self._look, name="database", daemon=True)
                self._thread.start()

    def _look(self) -> None:
        pause = threading.Event()
        answered_at = 0.0
        while not pause.wait(self._patience / 5):
            with self._lock:
                if not self._ends and not self._silent:
                    self._thread = None
                    return
            now = time.monotonic()
            wanted = self._waiting(now - self._patience) and now - answered_at >= self._patience
            if not wanted and not self._silent:
                continue
            self._silent = not self._answers()
            if not self._silent:
                answered_at = time.monotonic()
                continue
            # Those that were asked before the server had its chance.
            for connection, end in self._waiting(now):
                _log.error("the database says nothing", seconds=round(time.monotonic() - connection.asked_at))
                _hang_up(end)

    def _waiting(self, since: float) -> list[tuple[Watched, int]]:
        """The connections that have waited since then at least."""
        with self._lock:
            return [(one, end) for one, end in self._ends.items() if 0.0 < one.asked_at <= since]

    def _answers(self) -> bool:
        """Whether the server says anything in time to who comes anew, be it that there is no place."""
        timeout = max(2, round(self._patience))  # the least that psycopg keeps
        try:
            new = psycopg.connect(**self._parameters | {"application_name": _NAME, "connect_timeout": str(timeout)})
        except psycopg.errors.ConnectionTimeout:
            return False
        except psycopg.Error:
            return True
        try:
            new.pgconn.send_query(b"SELECT 1")  # a pooler between both would greet for it
            poll = select.poll()
            poll.register(new.pgconn.socket, select.POLLIN)
            return bool(poll.poll(timeout * 1000))
        except psycopg.Error:
            return True
        finally:
            new.close()


def _hang_up(end: int) -> None:
    """End a connection from outside: who waits at it hears that it has ended."""
    with socket.socket(fileno=os.dup(end)) as line:
        try:
            line.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            _log.debug("a connection had ended already", why=error.strerror)
