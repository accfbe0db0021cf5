# SPDX-License-Identifier: GPL-3.0-or-later
"""One process of `trivium serve`: it serves requests, or puts the data in order before the others start.

Started by the supervisor only, with an order in JSON on the command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec
import structlog
import uvicorn

from trivium.cli.beats import Heart
from trivium.cli.logs import set_up_logging
from trivium.cli.order import Order
from trivium.errors import StartRefused, TriviumError
from trivium.http.connections import take_descriptors
from trivium.http.protocol import limited_protocol
from trivium.procs.memory import keep_together
from trivium.procs.priority import answer_soon, go_first

READY: Final = b"1"
_TICK: Final = 1.0
"""Seconds: the date of an answer has no smaller parts."""


class _Server(uvicorn.Server):
    """Tells the supervisor when it accepts requests, and ends at once when the supervisor is gone."""

    def __init__(self, config: uvicorn.Config, order: Order) -> None:
        super().__init__(config)
        self._order = order
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
        asyncio.get_running_loop().add_reader(self._order.life, os._exit, 1)
        if self._order.beats >= 0:
            Heart(self._order.beats, self._order.slot).beat()
        os.write(self._order.ready, READY)


def serve(order: Order) -> None:
    """Serve requests until told to stop."""
    keep_together()
    from trivium.app import Application

    settings = order.settings()
    assert order.listening is not None
    # Ours alone: a git that outlives us must not go on listening on the port.
    for descriptor in (order.listening, order.ready, order.life, order.go, order.beats):
        os.set_inheritable(descriptor, False)
    os.read(order.go, 1)
    listening = socket.socket(fileno=order.listening)
    host, port = listening.getsockname()[:2]
    config = uvicorn.Config(
        Application(settings, listening=(host, port), supervisor=os.getppid()),
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
    # What is loaded by now stays: the garbage collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    gc.enable()
    if settings.server_first:
        go_first()
    if settings.short_calls_first:
        answer_soon()
    _Server(config, order).run(sockets=[listening])


def put_in_order(order: Order) -> None:
    """Bring the database up to date and finish what a crash left, before anything is served or beside it."""
    from trivium import installation
    from trivium.cli import former_options

    gc.enable()
    if order.again:
        installation.put_in_order_again(order.settings())
    else:
        for sentence in former_options.sentences(Path(order.data), Path(order.config) if order.config else None):
            structlog.get_logger(__name__).warning(sentence)
        installation.put_in_order(order.settings())


def main() -> None:
    gc.disable()  # what is imported stays: to look through it meanwhile is a fifth of the time that a start takes
    order = msgspec.json.decode(sys.argv[1].encode(), type=Order)
    try:
        set_up_logging(order.settings().log_level)
        if order.listening is None:
            put_in_order(order)
        else:
            serve(order)
    except (StartRefused, TriviumError) as error:
        print(f"trivium: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
