# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue in which workers of Celery are told of jobs: Redis or Valkey, or another broker that kombu speaks to.

It holds ids and nothing else, and all of it may be lost: what is to be done stands in the database.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from trivium.errors import StartRefused
from trivium.settings import Settings

_log = structlog.get_logger(__name__)

QUEUE: Final = "trivium"
TASK: Final = "trivium.job"
_PATIENCE: Final = 1.0
"""Seconds for each answer; there are four until a connection is used, which is opened before it is needed (`check`)."""
_REMEMBERED: Final = 10.0
"""Seconds for which a broker that could not be reached is not tried again by who has no time."""


class Broker:
    """The connection of one process, opened when it is needed first. Threads use it one after the other."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: Any = None
        self._producer: Any = None
        self._process = 0
        self._failed_at: float | None = None
        self.wake: Callable[[], None] = lambda: None
        self.seen: Callable[[bool], None] = lambda _: None
        self._origin = f"trivium@{socket.gethostname()}"

    @property
    def elsewhere(self) -> bool:
        failed_at = self._failed_at
        return failed_at is None or time.monotonic() - failed_at > _REMEMBERED

    def tell(self, job: str) -> bool:
        """Send the id of a job to the workers; False, and a line in the log, when they cannot be reached."""
        return self._try(lambda: self._publish(job)) is not None

    def waiting(self) -> int | None:
        """How many messages nobody has taken yet; None when that cannot be found out."""
        return self._try(self._count)

    def check(self) -> bool:
        """Whether the broker answers. It is asked, so that its loss is told before somebody needs it."""
        return self._try(self._count, known_down=True) is not None

    @property
    def shown(self) -> str:
        """The address without credentials."""
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.hostname or ''}:{parts.port or ''}{parts.path}"

    def close(self) -> None:
        with self._lock:
            self._forget()

    def _try(self, act: Any, *, known_down: bool = False) -> int | None:
        with self._lock:
            if not known_down and not self.elsewhere:
                return None  # whoever waited before us has just found out
            again = self._process == os.getpid() and self._connection is not None
            while True:
                try:
                    self._open()
                    result: int = act()
                    self._answered()
                    return result
                except Exception as error:  # every transport has its own
                    self._forget()
                    # A connection that was idle may have been closed by the other end; a new one tells.
                    if again and "Timeout" not in type(error).__name__:
                        again = False
                        continue
                    self._failed(type(error).__name__)
                    return None

    def _answered(self) -> None:
        if self._failed_at is not None:
            self._failed_at = None
            _log.warning("the broker can be reached again", broker=self.shown)
            self.seen(True)

    def _failed(self, why: str) -> None:
        if self._failed_at is None:
            _log.error("the broker cannot be reached", broker=self.shown, why=why)
            self.seen(False)
        self._failed_at = time.monotonic()

    def _open(self) -> None:
        if self._connection is not None and self._process == os.getpid():
            return
        from kombu import Connection, Producer, Queue

        self._process = os.getpid()
        self._connection = Connection(
            self._url,
            connect_timeout=_PATIENCE,
            transport_options={
                "socket_timeout": _PATIENCE,
                "socket_connect_timeout": _PATIENCE,
                "read_timeout": _PATIENCE,
                "write_timeout": _PATIENCE,
                "retry_on_timeout": False,
                "max_retries": 1,
                "health_check_interval": 0,
            },
        )
        channel = self._connection.channel()
        Queue(QUEUE, channel=channel).queue_declare()
        # Without an exchange: with one, each message would first ask where that leads.
        self._producer = Producer(channel, routing_key=QUEUE, auto_declare=False)

    def _forget(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None and self._process == os.getpid():
            try:
                connection.collect(socket_timeout=0.1)
            except Exception as error:
                _log.debug("a connection to the broker was not closed in good order", why=type(error).__name__)

    def _publish(self, job: str) -> int:
        # What Celery's own `send_task` would send (its protocol 2), without what that spends on signals and routes.
        self._producer.publish(
            [[job], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}],
            headers={
                "lang": "py",
                "task": TASK,
                "id": job,
                "root_id": job,
                "parent_id": None,
                "group": None,
                "origin": self._origin,
                "ignore_result": True,
                "argsrepr": "",
                "kwargsrepr": "",
            },
            serializer="json",
            correlation_id=job,
            delivery_mode=2,
            retry=False,
        )
        return 1

    def _count(self) -> int:
        channel = self._connection.default_channel
        try:
            return int(channel.queue_declare(QUEUE, passive=True).message_count)
        except self._connection.channel_errors:
            return 0  # a broker that was begun anew has not heard of it


def broker_of(settings: Settings) -> Broker | None:
    """The broker that the settings name, if jobs are to be sent to one; raises `StartRefused`."""
    if not settings.use_celery:
        return None
    if not settings.broker:
        raise StartRefused("option use_celery: no queue is named; set broker_url")
    check_installed()
    return Broker(settings.broker)


def check_installed() -> None:
    """Raise `StartRefused` where Celery is missing."""
    if importlib.util.find_spec("celery") is None:
        raise StartRefused("option use_celery: Celery is not installed; run: make install EXTRAS=scale")
