# SPDX-License-Identifier: GPL-3.0-or-later
"""What the processes do that the parent of the workers forks: serve requests, do jobs, or put the data in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import os
import signal
import socket
import threading
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Final

import structlog
import uvicorn

from trivium.cli.beats import Heart
from trivium.cli.order import ParentOrder
from trivium.cli.workers import NAME, NAME_OF_JOBS
from trivium.http.connections import take_descriptors
from trivium.http.protocol import limited_protocol
from trivium.procs.priority import answer_soon, go_first, let_others_go_first
from trivium.procs.tallies import Tallies

READY: Final = b"1"
_LOADED_LATE: Final = ("uvicorn.lifespan.on", "uvicorn.loops.uvloop")
"""What uvicorn would load in each worker by itself."""
_TICK: Final = 1.0
"""Seconds: the date of an answer has no smaller parts."""


class _Server(uvicorn.Server):
    """Tells the supervisor when it accepts requests, and ends at once when the supervisor is gone."""

    def __init__(self, config: uvicorn.Config, order: ParentOrder, slot: int) -> None:
        super().__init__(config)
        self._order = order
        self._slot = slot
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told_to_end = asyncio.Event()

    async def main_loop(self) -> None:
        """Renew the date of answers now and then, and return when told to end: that wakes, so nobody asks meanwhile."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._told_to_end.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told_to_end.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._order.life, os._exit, 1)
        Heart(self._order.beats, self._slot).beat(loop)
        os.write(self._order.ready, READY)


def load(database: str) -> None:
    """Load what workers of this database have in common, in the process that forks them."""
    from trivium import app

    app.load(database)
    for name in _LOADED_LATE:
        importlib.import_module(name)


def serve(order: ParentOrder, slot: int, listening: int) -> None:
    """Serve requests on the socket with the descriptor `listening`; `slot` is this worker's place among the beats."""
    from trivium.app import Application

    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(NAME)
    settings = order.settings()
    sock = socket.socket(fileno=listening)
    host, port = sock.getsockname()[:2]
    config = uvicorn.Config(
        Application(
            settings,
            listening=(host, port),
            supervisor=order.supervisor,
            tallies=Tallies(order.tallies, slot),
        ),
        loop="uvloop",
        http=limited_protocol(settings, take_descriptors()),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, settings.graceful_timeout - 2),
    )
    # What was made by now stays, as what the parent has loaded: the garbage collector need not look through it. To do
    # it once, for little that can go, would copy half a megabyte of what is shared.
    gc.freeze()
    gc.enable()
    if settings.server_first:
        go_first()
    if settings.short_calls_first:
        answer_soon()
    _Server(config, order, slot).run(sockets=[sock])


def do_jobs(order: ParentOrder) -> None:
    """Do the jobs that wait (`jobs.crowds`), beside the workers that serve."""
    from trivium.assembly import open_site
    from trivium.jobs.crowds import work_off

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(NAME_OF_JOBS)
    let_others_go_first()
    gc.enable()
    # As few connections to a database with a server as there can be: the workers have their shares already.
    settings = replace(order.settings(), database_connections=1)
    with contextlib.closing(open_site(settings)) as site:
        work_off(site, ended)


def put_in_order(order: ParentOrder, *, again: bool) -> None:
    """Bring the database up to date and finish what a crash left, before anything is served or, `again`, beside it."""
    from trivium import installation  # the parent has no use for it
    from trivium.cli import former_options

    gc.enable()
    if again:
        installation.put_in_order_again(order.settings())
    else:
        log = structlog.get_logger(__name__)
        for sentence in former_options.sentences(Path(order.data), Path(order.config) if order.config else None):
            log.warning(sentence)
        settings = order.settings()
        for entry in _unknown_views(settings.key_views):  # here, because each worker would say it
            log.warning("api_access_controllers_whitelist lists a view that does not exist", entry=entry)
        installation.put_in_order(settings)


def _unknown_views(listed: str) -> list[str]:
    """What `api_access_controllers_whitelist` lists and no view is called; no page is loaded where it lists nothing."""
    if not listed:
        return []
    from trivium.web.registering import every_view
    from trivium.web.views import load
    from trivium.web.whitelist import Whitelist

    load()
    return Whitelist(listed, (view.word for view in every_view())).unknown
